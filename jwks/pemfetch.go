package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// fetch fetches all kept keys again, and the wanted ones, which tokens have named since the last fetch. A key that the
// endpoint no longer knows is dropped. If a kept key cannot be fetched, the fetch fails and the previous set stays in
// use. If a wanted key cannot be fetched, the fetch fails only if nothing else was fetched. Otherwise tokens with
// invented kids could make every fetch fail.
func (e *PEMEndpoint) fetch(ctx context.Context, held *pemSet) (got refresh.Fetched[*pemSet], err error) {
	wanted := e.takeWanted()
	next := &pemSet{byID: make(map[string]*pemKey)}
	ids := wanted
	if held != nil {
		ids = slices.Concat(slices.Sorted(maps.Keys(held.byID)), wanted)
		slices.Sort(ids)
		ids = slices.Compact(ids) // another request may have added a wanted key
	}
	var failed error
	for kid, result := range e.fetchAll(ctx, ids) {
		isKept := held != nil && held.byID[kid] != nil
		switch {
		case result.err != nil && isKept:
			return got, result.err
		case result.err != nil:
			failed = result.err
		case result.key == nil:
			next.absent = append(next.absent, kid)
		case isKept && held.byID[kid].keys[0].Equal(result.key.keys[0]):
			next.byID[kid] = held.byID[kid] // keeps the time of its last use
		default:
			next.byID[kid] = result.key
		}
	}
	if failed != nil && len(next.byID) == 0 && len(next.absent) == 0 {
		return got, failed
	}
	next.evict(held)
	e.started.Store(true)
	got.Value = next
	return got, nil
}

// pemResult is the result of one request. Without an error, key is nil if the endpoint does not know the kid.
type pemResult struct {
	key *pemKey
	err error
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
		return pemResult{err: err}
	}
	keys, err := ParsePEM(resp.Body, e.cfg.Algorithm)
	switch {
	case err != nil:
		return pemResult{err: err}
	case len(keys) != 1:
		return pemResult{err: fmt.Errorf("jwks: %s/%s has %d keys, expected 1", e.cfg.URL, kid, len(keys))}
	}
	keys[0].ID = kid
	key := &pemKey{keys: keys}
	key.used.Store(clock.Now().Time().Unix())
	return pemResult{key: key}
}

// evict drops keys until at most maxPEMKeys are left: first those that were not used for long, beginning with the one that
// was not used for the longest time, and then those that are not in held.
func (s *pemSet) evict(held *pemSet) {
	now, ids := clock.Now().Time().Unix(), slices.Collect(maps.Keys(s.byID))
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(s.byID[a].used.Load(), s.byID[b].used.Load()) })
	for _, kid := range ids {
		if isIdle := now-s.byID[kid].used.Load() >= idleUntilOut; isIdle && len(s.byID) > maxPEMKeys {
			delete(s.byID, kid)
		}
	}
	for _, kid := range ids {
		if isNew := held == nil || held.byID[kid] == nil; isNew && len(s.byID) > maxPEMKeys {
			delete(s.byID, kid)
		}
	}
}
