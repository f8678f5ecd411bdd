package consumer

import (
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// Health is the state of a [Consumer] or a [Group], for readiness probes and metrics.
type Health struct {
	// Issuer is the configured issuer. Empty: a Group.
	Issuer string

	// Ready says that tokens can be verified: a usable set of keys is held, fresh or stale. A Group is ready when all its
	// Members are.
	Ready bool

	// Keys is the state of the key set. Zero for a Group, for keys that are not fetched, and while metadata has not told
	// where they are. It is for operators: LastError must not be sent to clients.
	Keys jwks.Stats

	// Metadata is the state of the issuer's metadata. Zero for a Group, and where discovery is not used.
	Metadata MetadataHealth

	// Remembered is the state of the cache of verified tokens. Zero: there is none.
	Remembered CacheHealth

	// Members are the Consumers of a Group that were known beforehand, in the order of their issuers. Nil for a Consumer.
	Members []Health
}

// MetadataHealth is the state of what discovery has found.
type MetadataHealth struct {
	// LastSuccess is when the metadata was last fetched, and Age the time since then. Both are zero before the first time.
	// After a start from KeyCache.Snapshot it is the time that the snapshot tells, until the metadata is fetched.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures counts the failed fetches since the last successful one. LastError is the last of them, for logs
	// and not for clients; nil after a success.
	ConsecutiveFailures int
	LastError           error
}

// CacheHealth is the state of a cache of verified tokens. How often it was of use is told by Config.OnVerify.
type CacheHealth struct {
	// Size is how many tokens it has room for, Entries how many it holds: also ended ones, until their place is needed.
	Size, Entries int

	// Evictions counts the tokens that were dropped for others. Many, in a short time, say that CacheSize is too small.
	Evictions uint64
}

// Health returns the state of now. It waits for nothing and causes no fetch.
func (c *Consumer) Health() Health {
	h := Health{Issuer: c.cfg.Issuer, Ready: true, Remembered: c.cache.health()}
	switch source := c.keys.Source.(type) {
	case *issuer.Remote:
		h.Metadata, h.Keys = remoteHealth(source)
		h.Ready = h.Keys.Keys > 0
	case interface{ Stats() jwks.Stats }:
		h.Keys = source.Stats()
		h.Ready = h.Keys.Keys > 0
	case interface{ Err() error }: // a file, whose last good keys stay in use
		h.Keys.LastError = source.Err()
	}
	return h
}

// Health returns the state of now. It waits for nothing and causes no fetch. Consumers that GroupConfig.Resolve made do
// not count: nobody could wait for all of them.
func (g *Group) Health() Health {
	h := Health{Ready: true, Remembered: g.cache.health(), Members: make([]Health, 0, len(g.consumers))}
	for _, c := range g.consumers {
		member := c.Health()
		h.Members = append(h.Members, member)
		h.Ready = h.Ready && member.Ready
	}
	slices.SortFunc(h.Members, func(a, b Health) int { return strings.Compare(a.Issuer, b.Issuer) })
	return h
}

func (c *tokenCache) health() CacheHealth {
	if c == nil {
		return CacheHealth{}
	}
	s := c.tokens.Stats()
	return CacheHealth{Size: s.Size, Entries: s.Entries, Evictions: s.Evicted}
}

func remoteHealth(remote *issuer.Remote) (MetadataHealth, jwks.Stats) {
	s := remote.Stats()
	return MetadataHealth{
		LastSuccess: s.LastSuccess, Age: s.Age, ConsecutiveFailures: s.ConsecutiveFailures, LastError: s.LastError,
	}, s.Keys
}
