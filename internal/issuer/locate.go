package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// useGiven makes the document of Config.Metadata. The document never changes, so metadata is never fetched and the key
// set is never replaced.
func (r *Remote) useGiven() error {
	r.given = &document{metadata: r.cfg.Metadata}
	if r.cfg.Metadata.JWKSURI == "" {
		if r.cfg.KeysRequired {
			return ErrNoKeySet
		}
		return nil
	}
	cache := r.cfg.Keys
	cache.URL = r.cfg.Metadata.JWKSURI
	keys, err := newKeySet(cache, jwks.New)
	if err != nil {
		return err
	}
	// The key set is in use from the beginning.
	keys.reports.release()
	r.given.keys = keys
	r.last.Store(&lastUsed{keys, 0}) // for good, because fetches stays 0
	return nil
}

// discover prepares discovery. It starts no fetch. OnRefresh is wrapped so that each fetch of keys makes the next call
// of KeysAt look at the metadata again.
func (r *Remote) discover() {
	tell := r.cfg.Keys.OnRefresh
	r.cfg.Keys.OnRefresh = func(ctx context.Context, event jwks.Refresh) {
		r.fetches.Add(1)
		if tell != nil {
			tell(ctx, event)
		}
	}
	cfg := refresh.Config[*document]{
		Fetch:      r.locate,
		FreshFor:   r.cfg.FreshFor,
		StaleFor:   r.cfg.StaleFor,
		Timeout:    r.locateTimeout(),
		MaxWait:    r.cfg.MaxWait,
		StaleWait:  r.cfg.StaleWait,
		RetryAfter: fetch.RetryAfter,
		OnFetch:    r.onLocated,
	}
	if r.cfg.Keys.Snapshot != nil {
		cfg.Restore = restoring(r.cfg.Keys)
		r.cfg.Keys.Snapshot = saveOnly{r.cfg.Keys.Snapshot} // key sets that discovery finds later are only saved
	}
	r.documents = refresh.New(cfg)
}

// locate fetches the metadata and makes the key set that it names, or keeps the one in use if jwks_uri is the same.
func (r *Remote) locate(ctx context.Context, held *document) (refresh.Fetched[*document], error) {
	var got refresh.Fetched[*document]
	discovery := r.discovery
	discovery.Members = *r.members.Load()
	m, err := r.fetchMetadata(ctx, discovery)
	if err != nil {
		return got, r.advised(err)
	}
	if incomplete := m.Incomplete(); incomplete != nil && held.hasMore(m, discovery.Members) {
		return got, incomplete
	}
	next := &document{metadata: m, members: discovery.Members}
	if errors.Is(m.Incomplete(), oidcdiscovery.ErrUnavailable) {
		got.FreshFor = min(retryIncomplete, cmp.Or(r.cfg.FreshFor, retryIncomplete))
	}
	// It is returned with an error too, so that onLocated can pass on the reports of its key set.
	got.Value = next
	switch {
	case m.JWKSURI == "":
		if r.cfg.KeysRequired {
			return got, errors.Join(ErrNoKeySet, m.Incomplete())
		}
		return got, nil
	// A new key set would have no keys, and its limits of fetches would begin anew.
	case held != nil && held.keys != nil && held.keys.URL() == m.JWKSURI:
		next.keys = held.keys
		return got, nil
	}
	cache := r.cfg.Keys
	cache.URL = m.JWKSURI
	if next.keys, err = newKeySet(cache, jwks.New); err != nil {
		next.keys = nil
		return got, err
	}
	if held.hasKeys() { // they stay in use until the new set has been read
		err = next.keys.Refresh(ctx)
	}
	return got, err
}

// hasMore reports whether d has one of these members and m does not. Then d stays in use, so that the members of its second
// document are not lost while that document cannot be read.
func (d *document) hasMore(m *oidcdiscovery.Metadata, members []string) bool {
	return d != nil && d.metadata != nil && slices.ContainsFunc(members, func(name string) bool {
		return d.metadata.Has(name) && !m.Has(name)
	})
}

// retryIncomplete is how long metadata is fresh if a second document may exist but could not be read.
const retryIncomplete = time.Minute

// fetchMetadata fetches the metadata once, within Config.DiscoveryLimit.
func (r *Remote) fetchMetadata(ctx context.Context, discovery oidcdiscovery.Client) (*oidcdiscovery.Metadata, error) {
	limit := r.cfg.DiscoveryLimit
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &oidcdiscovery.TimeoutError{Limit: limit})
	defer cancel()
	return discovery.Discover(ctx, r.cfg.Issuer)
}

// hasKeys reports whether d has usable keys that the next document must not lose.
func (d *document) hasKeys() bool { return d != nil && d.keys != nil && d.keys.Stats().Keys > 0 }

// advised adds to the error of a timeout which setting changes the time limit.
func (r *Remote) advised(err error) error {
	var expired *oidcdiscovery.TimeoutError
	limit := cmp.Or(r.cfg.DiscoveryTimeout, fetch.DefaultTimeout)
	switch {
	case !errors.As(err, &expired):
		return err
	case expired.Limit < limit:
		return fmt.Errorf("%w; the Timeout of HTTPClient is shorter than DiscoveryTimeout, which is %v", err, limit)
	}
	return fmt.Errorf("%w; if the issuer is slow, set DiscoveryTimeout", err)
}

// DiscoverTimeout returns the time that discovery takes at most if each of its requests is limited by each. Zero means the
// default limit.
func DiscoverTimeout(each time.Duration) time.Duration {
	return oidcdiscovery.MaxLocations * cmp.Or(each, fetch.DefaultTimeout)
}

// locateTimeout allows for all requests for metadata and, if the key set has moved, for reading and saving it.
func (r *Remote) locateTimeout() time.Duration {
	return r.cfg.DiscoveryLimit + 2*cmp.Or(r.cfg.Keys.Timeout, fetch.DefaultTimeout) + time.Second
}

// onLocated is called when the outcome of locate or of a restoration is in use.
func (r *Remote) onLocated(ctx context.Context, a refresh.Attempt[*document]) {
	r.fetches.Add(1)
	// Even if the document was not accepted: then its key set will not be used, and its reports say why.
	if a.Value != nil && a.Value.keys != nil {
		a.Value.keys.reports.release()
	}
	switch {
	case a.Err == nil:
		r.reportQuirks(ctx, a.Value, a.Held)
	case a.Cause == refresh.CauseRestored: // no key set exists that could report it
		r.cfg.Keys.OnRefresh(ctx, jwks.Refresh{Cause: string(a.Cause), Duration: a.Duration, Err: a.Err})
	case r.cfg.OnFailure != nil:
		r.cfg.OnFailure(ctx, a.Err)
	}
}

// reportQuirks calls Config.OnQuirks if d has quirks, and not the same as the document before.
func (r *Remote) reportQuirks(ctx context.Context, d, before *document) {
	quirks := d.quirks()
	if r.cfg.OnQuirks != nil && len(quirks) > 0 && !slices.Equal(quirks, before.quirks()) {
		r.cfg.OnQuirks(ctx, quirks)
	}
}

// quirks returns the quirks of the metadata of d, which may be nil.
func (d *document) quirks() []quirk.Quirk {
	if d == nil || d.metadata == nil {
		return nil
	}
	return d.metadata.Quirks()
}

// keySet is a key set at one URL. It delays its calls of OnRefresh until it is in use, for two reasons:
// [jwks.Refresh.Err] says whether the set is in use, and a slow OnRefresh must not delay the replacement of the old
// set.
type keySet struct {
	*jwks.Remote
	reports reports
}

// newKeySet returns a keySet whose Remote build returns. build is jwks.New or calls jwks.Restore.
func newKeySet(cache jwks.Config, build func(jwks.Config) (*jwks.Remote, error)) (*keySet, error) {
	s, tell := new(keySet), cache.OnRefresh
	if tell != nil {
		cache.OnRefresh = func(ctx context.Context, r jwks.Refresh) {
			s.reports.pass(func() { tell(ctx, r) })
		}
	}
	remote, err := build(cache)
	if err != nil {
		return nil, err
	}
	s.Remote = remote
	return s, nil
}

// reports queues calls of OnRefresh until release is called. After that, it makes them at once.
type reports struct {
	mu       sync.Mutex // guards what follows; not held while a report runs
	released bool
	kept     []func() // at most those of one or two fetches
}

// pass calls report now if r is released, and otherwise keeps it until then.
func (r *reports) pass(report func()) {
	if !r.keep(report) {
		report()
	}
}

// keep adds report to those that are kept, unless r is released. It reports whether it did.
func (r *reports) keep(report func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.released {
		r.kept = append(r.kept, report)
	}
	return !r.released
}

// release calls the kept reports in their order. It runs them without the lock, because they are functions of the user.
func (r *reports) release() {
	r.mu.Lock()
	kept := r.kept
	r.released, r.kept = true, nil
	r.mu.Unlock()
	for _, report := range kept {
		report()
	}
}
