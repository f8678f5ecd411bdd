// Package store contains state that outlives a request: the tokens that an issuer has stored, the tokens that were revoked,
// and registered clients.
//
//	revoked := store.DenyList{Storage: store.NewMemory(100_000)}
//
//	consumer.Config{Status: revoked, …}
//
//	err := revoked.DenySession(ctx, token.Issuer(), sid, until) // at logout
//
// [PersistedTokens] and [DenyList] are token statuses. Both use the small interface [Storage]. [Memory] implements it for one
// process. Processes that must see the same entries need an implementation with a shared database.
//
// [Clients] stores the clients of package registry in memory.
//
// The types satisfy interfaces of the kit, but the package imports none of it.
package store
