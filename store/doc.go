// Package store stores what must outlive a request: which tokens an issuer has issued, which tokens were revoked, and the
// registered clients of an authorization server.
//
//	revoked := store.DenyList{Storage: store.NewMemory(100_000)}
//
//	consumer.Config{Status: revoked, …}
//
//	err := revoked.DenySession(ctx, token.Issuer(), sid, until) // at logout
//
// [PersistedTokens] and [DenyList] report whether a token is active: use either as consumer.Config.Status. Both read
// their entries from a [Storage]. [Memory] is a Storage for one process. If several processes must see the same entries,
// use package store/redisstore or store/sqlstore, or implement Storage with another shared database.
//
// [Clients] stores the clients of package registry in memory.
//
// The types implement interfaces of other packages of the kit, but this package does not import them.
package store
