package consumer

import (
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

// Health describes the state of a [Consumer] or a [Group], for readiness probes and metrics.
type Health struct {
	// Issuer is Config.Issuer. It is empty for a Group.
	Issuer string

	// Ready is true if tokens can be verified, which means that usable keys are cached, fresh or stale. It is always
	// true for keys that are not fetched, and for a [jwks.PEMEndpoint], which fetches keys when tokens name them. A
	// Group is ready if all its Members are, and so is GroupConfig.Opaque, if that has a method Health() Health.
	Ready bool

	// Keys describes the key set. It is zero for a Group, and until discovery has found the URL of the key set. For
	// keys that are not fetched, and for a [jwks.PEMEndpoint], at most LastError is set. It is for operators: do not
	// send its LastError to clients.
	Keys jwks.Stats

	// SharesKeys is true in Members if an earlier Member of the same issuer has the same key set. Both then report the
	// same Keys and Metadata, so do not add their counters.
	SharesKeys bool

	// Metadata describes the issuer's metadata. It is zero for a Group, and if discovery is not used.
	Metadata MetadataHealth

	// Cache describes the cache of verified tokens. It is zero if there is no cache.
	Cache CacheHealth

	// Quirks lists the harmless deviations in tokens, keys and metadata that were accepted since the Consumer was made,
	// sorted and without duplicates. If Config.Keys is set, the deviations of the keys are only in [jwks.Refresh]. It
	// is nil if there are none, and for a Group, whose Members list them.
	Quirks []quirk.Quirk

	// Members describes GroupConfig.Consumers, sorted by issuer. Those of one issuer keep their order. It is nil for a
	// Consumer.
	Members []Health
}

// MetadataHealth describes the state of the metadata that discovery fetches.
type MetadataHealth struct {
	// LastSuccess is when the metadata was last fetched, and Age the time since then. Both are zero before the first
	// fetch. After a start from KeyCache.Snapshot they are those of the snapshot, until the metadata is fetched.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures counts the failed fetches since the last successful one. LastError is the error of the last
	// failed fetch, and nil after a success. It is for logs: do not send it to clients.
	ConsecutiveFailures int
	LastError           error
}

// CacheHealth describes a cache of verified tokens. Config.OnVerify reports hits and misses.
type CacheHealth struct {
	// Size is the capacity of the cache in tokens. Entries is how many tokens it holds. Expired tokens are included
	// until they are evicted.
	Size, Entries int

	// Evictions counts the tokens that were dropped to make room for others. If it grows fast, CacheSize is too small.
	Evictions uint64
}

// Health returns the current state. It does not wait and causes no fetch.
func (c *Consumer) Health() Health {
	h := Health{Issuer: c.cfg.Issuer, Ready: true, Cache: c.cache.health(), Quirks: c.quirks.all()}
	switch source := c.keys.Load().Source.(type) {
	case *issuer.Remote:
		h.Metadata, h.Keys = remoteHealth(source)
		h.Ready = h.Keys.Keys > 0
	case interface{ Stats() jwks.Stats }:
		h.Keys = source.Stats()
		h.Ready = h.Keys.Keys > 0
	case interface{ Err() error }: // a file; its last usable keys stay in use
		h.Keys.LastError = source.Err()
	}
	return h
}

// Health returns the current state. It does not wait and causes no fetch. It does not include Consumers that
// GroupConfig.Resolve returned, because their number is not known in advance.
func (g *Group) Health() Health {
	h := Health{Ready: true, Cache: g.cache.health(), Members: make([]Health, 0, len(g.consumers))}
	for i, c := range g.consumers {
		member := c.Health()
		member.SharesKeys = g.shared[i]
		h.Members = append(h.Members, member)
		h.Ready = h.Ready && member.Ready
	}
	if opaque, ok := g.opaque.(interface{ Health() Health }); ok {
		h.Ready = h.Ready && opaque.Health().Ready
	}
	slices.SortStableFunc(h.Members, func(a, b Health) int { return strings.Compare(a.Issuer, b.Issuer) })
	return h
}

// health returns zeros if there is no cache.
func (c *tokenCache) health() CacheHealth {
	if c == nil {
		return CacheHealth{}
	}
	s := c.tokens.Stats()
	return CacheHealth{Size: s.Size, Entries: s.Entries, Evictions: s.Evicted}
}

// remoteHealth describes the metadata and the key set of an issuer that is contacted.
func remoteHealth(remote *issuer.Remote) (MetadataHealth, jwks.Stats) {
	s := remote.Stats()
	return MetadataHealth{
		LastSuccess: s.LastSuccess, Age: s.Age, ConsecutiveFailures: s.ConsecutiveFailures, LastError: s.LastError,
	}, s.Keys
}
