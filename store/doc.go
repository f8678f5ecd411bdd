// Package store is what outlives a request: which tokens an issuer has stored, and which were revoked.
//
//	revoked := store.DenyList{Storage: store.NewMemory(100_000)}
//
//	consumer.Config{Status: revoked, …}
//
//	err := revoked.DenySession(ctx, token.Issuer(), sid, until) // at logout
//
// Both kinds of status, [PersistedTokens] and [DenyList], rest on one small interface, [Storage]. [Memory] implements it for
// one process; processes that share their answers share a database behind it.
//
// The package fits the interfaces of the kit and imports none of it.
package store
