package consumer

// Drop removes cached tokens, and cached results of Config.Status, for which match returns true. The next request with such
// a token verifies it again and calls Config.Status and Config.Check. A nil match removes everything. Drop returns the
// number of removed tokens and results together.
//
// Call Drop when a cached token may have become invalid, for example because another process has revoked it. A request that
// has begun before Drop may still use the old result, but its result is not cached. Drop is safe for concurrent use.
//
// Drop calls match for each cached token and each cached result. If many tokens are revoked at once, collect them and call Drop
// once, with a match that recognizes all of them. match must not keep the token.
func (c *Consumer) Drop(match func(StatusToken) bool) int {
	match = orAll(match)
	return c.cache.drop(match) + c.statuses.drop(match)
}

// Drop calls [Consumer.Drop] for the cached tokens of all issuers, including those of GroupConfig.Resolve. If
// GroupConfig.Opaque has a method Drop with the same signature, Drop calls it too. The Drop of package introspection may
// also call match after it has returned, in other goroutines.
func (g *Group) Drop(match func(StatusToken) bool) int {
	match = orAll(match)
	removed := g.cache.drop(match)
	for _, c := range g.consumers {
		removed += c.Drop(match)
	}
	for _, c := range g.resolver.consumers() {
		removed += c.Drop(match)
	}
	if opaque, ok := g.opaque.(interface {
		Drop(match func(StatusToken) bool) int
	}); ok {
		removed += opaque.Drop(match)
	}
	return removed
}

// orAll returns match, or a function that returns true for every token if match is nil.
func orAll(match func(StatusToken) bool) func(StatusToken) bool {
	if match == nil {
		return func(StatusToken) bool { return true }
	}
	return match
}

// consumers returns all Consumers that r keeps. A nil resolver keeps none.
func (r *resolver) consumers() (all []*Consumer) {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, held := range append(r.established.Values(), r.pending.Values()...) {
		all = append(all, held.consumer)
	}
	return all
}
