package consumer

import (
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// shareKeys makes c use the keys of other, so that the key set of an issuer is fetched once for all its policies. It does
// so only if both find the key set by discovery, and fetch it in the same way. Methods of c such as Refresh, Warm and
// Health then also act on the shared keys. A Consumer that shares its keys keeps them: a later call has no effect.
func (c *Consumer) shareKeys(other *Consumer) {
	if !c.cfg.fetchesLike(other.cfg) || !isDiscovered(c) || !isDiscovered(other) || c.sharing.Swap(true) {
		return
	}
	other.sharing.Store(true)
	c.keys.Store(other.keys.Load())
}

// isDiscovered reports whether the key set of c is found by discovery, or named by Config.Metadata.
func isDiscovered(c *Consumer) bool {
	_, ok := c.keys.Load().Source.(*issuer.Remote)
	return ok
}

// fetchesLike reports whether cfg and other fetch the same metadata and key set in the same way. KeyCache.OnRefresh and
// Logger do not change what is fetched. If they differ, those of the Consumer that fetches are used.
func (cfg Config) fetchesLike(other Config) bool {
	a, b := cfg.KeyCache, other.KeyCache
	snapshot := a.Snapshot == nil && b.Snapshot == nil || isSame(a.Snapshot, b.Snapshot)
	a.OnRefresh, b.OnRefresh = nil, nil // functions cannot be compared
	a.Snapshot, b.Snapshot = nil, nil
	return snapshot && reflect.DeepEqual(a, b) &&
		cfg.Issuer == other.Issuer && cfg.Metadata == other.Metadata && cfg.MetadataURL == other.MetadataURL &&
		cfg.DiscoveryTimeout == other.DiscoveryTimeout && cfg.HTTPClient == other.HTTPClient &&
		cfg.PublicAddressesOnly == other.PublicAddressesOnly && cfg.InsecureAllowHTTP == other.InsecureAllowHTTP
}

// sameKeys reports whether a and b certainly have the same keys at all times. Static keys are compared one by one, other
// sources by identity.
func sameKeys(a, b jwks.Source) bool {
	if a, ok := a.(jwks.Static); ok {
		b, ok := b.(jwks.Static)
		return ok && slices.EqualFunc(a, b, jwks.Key.Equal)
	}
	return isSame(a, b)
}

// isSame reports whether a and b contain equal values of a type that can be compared.
func isSame(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return x.IsValid() && y.IsValid() && x.Type() == y.Type() && x.Comparable() && x.Equal(y)
}
