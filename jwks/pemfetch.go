package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// fetch fetches all kept keys again, and the wanted ones, which tokens have named since the last fetch. It drops a key that
// the endpoint no longer knows. A kept key whose document cannot be fetched or used remains in use until it is too old. A
// fetch without any response fails, and so does one whose documents are all unusable. Then the previous set stays in use.
func (e *PEMEndpoint) fetch(ctx context.Context, held *pemSet) (got refresh.Fetched[*pemSet], err error) {
	wanted := e.takeWanted()
	next := &pemSet{byID: make(map[string]*pemKey)}
	got.Value = next // with an error, it only reports the unusable documents
	ids := wanted
	if held != nil {
		ids = slices.Concat(slices.Sorted(maps.Keys(held.byID)), wanted)
		slices.Sort(ids)
		ids = slices.Compact(ids) // another request may have added a wanted key
	}
	var failed error
	reached := len(ids) == 0
	results := e.fetchAll(ctx, ids)
	for _, kid := range ids {
		result := results[kid]
		kept, fault := held.keptKey(kid), cmp.Or(result.err, result.unusable)
		failed, reached = cmp.Or(failed, fault), reached || fault == nil
		next.reject(kid, result.unusable)
		switch {
		case fault != nil && kept != nil && e.cfg.StaleFor >= 0 && kept.fetched.Age() < e.maxAge():
			next.byID[kid], got.FreshFor = kept, min(cmp.Or(e.cfg.FreshFor, retryKept), retryKept)
		case result.key != nil:
			next.byID[kid] = result.key.succeed(kept)
		case result.err == nil: // the endpoint has no usable key for the kid
			next.absent = append(next.absent, kid)
		}
	}
	if failed != nil && !reached {
		return got, failed
	}
	next.evict(held)
	e.started.Store(true)
	return got, nil
}

// retryKept is how long a set is fresh, at most, if the document of one of its keys could not be fetched or used.
const retryKept = time.Minute

// maxAge returns the age from which a key is not used, although the set may be younger: a key that could not be fetched
// again is older than the set.
func (e *PEMEndpoint) maxAge() time.Duration {
	if e.cfg.StaleFor < 0 { // the set is not used once it is no longer fresh, and keeps no key that is older than the set
		return math.MaxInt64
	}
	return cmp.Or(e.cfg.StaleFor, 24*time.Hour)
}

// pemResult is the result of one request. If err and key are nil, the endpoint does not know the kid, or unusable says why
// its document is not a usable key.
type pemResult struct {
	key           *pemKey
	err, unusable error
}

// fetchAll requests the keys at the same time. There are at most maxPEMKeys and maxWanted of them.
func (e *PEMEndpoint) fetchAll(ctx context.Context, ids []string) map[string]pemResult {
	var (
		mu      sync.Mutex // guards results
		results = make(map[string]pemResult, len(ids))
		group   sync.WaitGroup
	)
	for _, kid := range ids {
		group.Go(func() {
			result := e.fetchKey(ctx, kid)
			mu.Lock()
			defer mu.Unlock()
			results[kid] = result
		})
	}
	group.Wait()
	return results
}

// fetchKey requests one key. The status codes 400, 403, 404 and 410 mean that the endpoint does not know it: storage
// services respond with 403 for an object that does not exist.
func (e *PEMEndpoint) fetchKey(ctx context.Context, kid string) pemResult {
	resp, err := fetch.Get(ctx, e.cfg.URL+"/"+kid, fetch.Options{
		Client: e.cfg.HTTPClient, MaxBytes: maxPEMBytes, Timeout: e.cfg.Timeout, AllowHTTP: e.cfg.InsecureAllowHTTP,
	})
	var status *fetch.StatusError
	if errors.As(err, &status) && slices.Contains(
		[]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone}, status.Status) {
		return pemResult{}
	}
	if err != nil {
		return pemResult{err: withPEMField(err)}
	}
	keys, err := ParsePEM(resp.Body, e.cfg.Algorithm)
	switch {
	case err != nil:
		return pemResult{unusable: err}
	case len(keys) != 1:
		return pemResult{unusable: fmt.Errorf("jwks: the document has %d keys, expected 1", len(keys))}
	}
	keys[0].ID = kid
	key := &pemKey{keys: keys, fetched: clock.Now(), pemUse: new(pemUse)}
	key.used.Store(clock.Now().Time().Unix())
	return pemResult{key: key}
}

// withPEMField adds to err which field of PEMEndpointConfig to change.
func withPEMField(err error) error {
	if _, redirected := errors.AsType[*fetch.RedirectError](err); redirected {
		return fmt.Errorf("%w; if that location has the key, set jwks.PEMEndpointConfig.URL to it, without the key id", err)
	}
	if _, expired := errors.AsType[*fetch.TimeoutError](err); expired {
		return fmt.Errorf("%w; if the endpoint is slow, increase jwks.PEMEndpointConfig.Timeout", err)
	}
	return err
}
