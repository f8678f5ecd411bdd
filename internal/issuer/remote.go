// Package issuer reads an issuer's metadata and key set, caches both, and keeps them fresh. Packages consumer and client
// share it.
//
// A [Remote] finds the metadata by discovery and the key set at its jwks_uri. It reads the metadata again from time to
// time. If jwks_uri has changed by then, the new key set is read before it replaces the old one, so that there are
// usable keys while an issuer moves them.
//
// The caching itself is in package internal/refresh (metadata) and package jwks (keys).
package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// Config describes one issuer. Only Issuer is required.
type Config struct {
	// Issuer is the issuer identifier. The caller has validated it (see [oidcdiscovery.Client.Validate]).
	Issuer string

	// IssuerTemplate is the issuer that the metadata must name if it is not Issuer, see
	// [oidcdiscovery.Client.IssuerTemplate]. Empty: Issuer.
	IssuerTemplate string

	// Metadata is used instead of discovery. The caller has validated it. Nil: discovery.
	Metadata *oidcdiscovery.Metadata

	// MetadataURL is fetched instead of the well-known locations of the issuer. The caller has validated it. Empty: the
	// well-known locations.
	MetadataURL string

	// DiscoveryTimeout limits each request for metadata. The caller has checked that it is at most [MaxDiscoveryTimeout].
	// It also limits requests for keys if Keys.Timeout is zero. Zero: 3 seconds.
	DiscoveryTimeout time.Duration

	// DiscoveryLimit limits all requests of one discovery together. Zero: [DiscoverTimeout] of DiscoveryTimeout.
	DiscoveryLimit time.Duration

	// Members lists the members of the metadata that the caller always needs, see [oidcdiscovery.Client.Members].
	// [Remote.MetadataWith] adds others. jwks_uri is added if KeysRequired is set.
	Members []string

	// Keys says how the key set is cached. URL is not used. HTTPClient and InsecureAllowHTTP apply to the metadata, too.
	// A Snapshot is bound to Issuer: the snapshot of another issuer is not loaded. OnRefresh is called for a key set only
	// once it is in use, or will not be used.
	Keys jwks.Config

	// KeysRequired makes metadata without jwks_uri an error. False: with such metadata, [Remote.Metadata] succeeds and
	// [Remote.Keys] returns an error.
	KeysRequired bool

	// FreshFor is how long metadata is fresh. Zero: 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age from which the metadata is not used any more, and with it the key set. The key set also has an
	// age of its own, in Keys. Zero: 24 hours.
	StaleFor time.Duration

	// MaxWait is how long a caller waits for metadata if there is none. Zero: 3 seconds. A caller of Keys waits for the keys
	// until 3 seconds after its call, so it may have no time left for them.
	MaxWait time.Duration

	// StaleWait is how long a caller waits for new metadata if stale metadata can be used. Zero: MaxWait. Negative: it
	// does not wait.
	StaleWait time.Duration

	// OnFailure, if not nil, is called after each failed fetch of metadata.
	OnFailure func(ctx context.Context, err error)

	// OnQuirks, if not nil, is called after a fetch of metadata whose quirks differ from those of the metadata in use before
	// (see [oidcdiscovery.Metadata.Quirks]). It is not called without quirks.
	OnQuirks func(ctx context.Context, quirks []quirk.Quirk)
}

// MaxDiscoveryTimeout is the maximum of the setting DiscoveryTimeout of the packages consumer and client.
const MaxDiscoveryTimeout = time.Minute

var (
	// ErrUnavailable is the error of Metadata if there is no usable metadata.
	ErrUnavailable = refresh.ErrUnavailable

	// ErrNoKeySet means that the metadata has no jwks_uri.
	ErrNoKeySet = errors.New("the metadata has no jwks_uri")
)

// Remote reads the metadata and keys of one issuer over HTTP. It is a [jwks.Source] and safe for concurrent use.
type Remote struct {
	cfg       Config
	discovery oidcdiscovery.Client
	given     *document                 // from Config.Metadata; nil: discovery is used
	documents *refresh.Value[*document] // from discovery; nil if given is used
	members   atomic.Pointer[[]string]  // those that the next discovery needs; the list is never changed

	fetches atomic.Uint64 // ended fetches of metadata and keys, successful or not
	last    atomic.Pointer[lastUsed]
}

var _ jwks.Source = (*Remote)(nil)

// document is a metadata document with the key set at its jwks_uri. It does not change.
type document struct {
	metadata *oidcdiscovery.Metadata // nil: the URL of the keys comes from a snapshot, and no metadata was fetched yet
	members  []string                // what discovery looked for
	keys     *keySet                 // nil: the metadata has no jwks_uri
}

// lastUsed is the key set that Keys used last. It can be used again without a look at the metadata until another fetch
// has ended.
type lastUsed struct {
	keys    *keySet
	fetches uint64
}

// New returns a Remote. It does no I/O and starts no goroutine. The error is that of [jwks.New] for Config.Keys, or
// [ErrNoKeySet].
func New(cfg Config) (*Remote, error) {
	if cfg.Keys.Snapshot != nil {
		cfg.Keys.Snapshot = ownSnapshot{cfg.Keys.Snapshot, cfg.Issuer}
	}
	cfg.Keys.Timeout = cmp.Or(cfg.Keys.Timeout, cfg.DiscoveryTimeout)
	cfg.DiscoveryLimit = cmp.Or(cfg.DiscoveryLimit, DiscoverTimeout(cfg.DiscoveryTimeout))
	cfg.Members = slices.Clone(cfg.Members)
	if cfg.KeysRequired {
		cfg.Members = append(cfg.Members, "jwks_uri")
	}
	r := &Remote{
		cfg: cfg,
		discovery: oidcdiscovery.Client{
			HTTPClient: cfg.Keys.HTTPClient, Timeout: cfg.DiscoveryTimeout, MetadataURL: cfg.MetadataURL,
			IssuerTemplate:    cfg.IssuerTemplate,
			InsecureAllowHTTP: cfg.Keys.InsecureAllowHTTP,
		},
	}
	r.members.Store(&cfg.Members)
	if cfg.Metadata != nil {
		return r, r.useGiven()
	}
	check := cfg.Keys
	check.URL = "https://keys.invalid" // a placeholder: discovery finds the URL, all other fields are checked now
	if _, err := jwks.New(check); err != nil {
		return nil, err
	}
	r.discover()
	return r, nil
}

// Metadata returns the issuer's metadata. It fetches the metadata if it has none, or none that is fresh. The caller must
// not change the result. The error matches [ErrUnavailable] or ctx.Err().
func (r *Remote) Metadata(ctx context.Context) (*oidcdiscovery.Metadata, error) {
	d, err := r.described(ctx)
	if err != nil {
		return nil, err
	}
	return d.metadata, nil
}

// described is document for a caller that needs the metadata: its absence is an error.
func (r *Remote) described(ctx context.Context) (*document, error) {
	d, err := r.document(ctx)
	if err == nil && d.metadata == nil {
		err = fmt.Errorf("%w: the keys were loaded from a snapshot, and no metadata was fetched yet", ErrUnavailable)
	}
	return d, err
}

// MetadataWith is Metadata for a caller that needs these members. If the metadata lacks one of them, and no discovery has
// looked for it, MetadataWith fetches the metadata again, and then also reads a second document. The members may still be
// absent afterwards. A second document that cannot be read causes no error, see [oidcdiscovery.Metadata.Incomplete].
func (r *Remote) MetadataWith(ctx context.Context, members ...string) (*oidcdiscovery.Metadata, error) {
	d, err := r.described(ctx)
	if err != nil {
		return nil, err
	}
	enough := func(d *document) bool { return d.covers(members) }
	if r.documents == nil || enough(d) {
		return d.metadata, nil
	}
	r.need(members)
	fresh, _, err := r.documents.Force(ctx, clock.Now(), enough)
	if err != nil || fresh.metadata == nil {
		return d.metadata, nil //nolint:nilerr // the metadata that there is can be used
	}
	return fresh.metadata, nil
}

// covers reports whether d has these members, or discovery has looked for them.
func (d *document) covers(members []string) bool {
	return d.metadata != nil && !slices.ContainsFunc(members, func(name string) bool {
		return !slices.Contains(d.members, name) && !d.metadata.Has(name)
	})
}

// need makes the next discovery look for members.
func (r *Remote) need(members []string) {
	for {
		old := r.members.Load()
		all := slices.Clone(*old)
		for _, name := range members {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		if r.members.CompareAndSwap(old, &all) {
			return
		}
	}
}

// Keys implements [jwks.Source] with the key set that the metadata names.
func (r *Remote) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	return r.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is Keys for a caller that has just read the clocks for the same request. Most calls check the age of the keys
// only: the age of the metadata is checked after a fetch has ended and every lookAgain, not on each call.
func (r *Remote) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error) {
	keys, err := r.keySet(ctx)
	if err != nil {
		return nil, err
	}
	return keys.KeysAt(ctx, now, kid, alg)
}

// KeysAfter is [jwks.Remote.KeysAfter] for the key set that the metadata names.
func (r *Remote) KeysAfter(
	ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key,
) ([]jwks.Key, error) {
	keys, err := r.keySet(ctx)
	if err != nil {
		return nil, err
	}
	return keys.KeysAfter(ctx, now, kid, alg, tried)
}

// keySet returns the key set that the metadata names.
func (r *Remote) keySet(ctx context.Context) (*keySet, error) {
	fetches := r.fetches.Load() // before the document is read, so that no later fetch is missed
	last := r.last.Load()
	if last != nil && last.fetches == fetches {
		return last.keys, nil
	}
	d, err := r.document(ctx)
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, fmt.Errorf("%w: %w", jwks.ErrUnavailable, err)
	case err != nil:
		return nil, fmt.Errorf("waiting for metadata: %w", err)
	case d.keys == nil:
		return nil, fmt.Errorf("%w: %w", jwks.ErrUnavailable, ErrNoKeySet)
	}
	r.keepLast(last, &lastUsed{d.keys, fetches})
	return d.keys, nil
}

// lookAgain is how long Keys uses the same key set without a look at the age of the metadata.
const lookAgain = 10 * time.Second

// keepLast replaces last by next for lookAgain. Keys may be fresh for much longer than the metadata, so next must not
// stay until the next fetch of keys.
func (r *Remote) keepLast(last, next *lastUsed) {
	if r.last.CompareAndSwap(last, next) { // if another caller was faster, its timer is enough
		time.AfterFunc(lookAgain, func() { r.last.CompareAndSwap(next, nil) })
	}
}

// document returns the document of Config.Metadata, or the one that discovery has found. In the second case it fetches
// like Value.Get of package refresh.
func (r *Remote) document(ctx context.Context) (*document, error) {
	if r.given != nil {
		return r.given, nil
	}
	return r.documents.Get(ctx)
}
