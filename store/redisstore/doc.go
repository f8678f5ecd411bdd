// Package redisstore stores in Redis what the processes of one API must share: used DPoP proofs, denied tokens, and the tokens
// that an issuer has stored (store.PersistedTokens). It needs Redis 7 or later, or a compatible server.
//
//	redisStore, err := redisstore.New(redisstore.Config{Client: client})
//
//	middleware.DPoPConfig{Replays: redisStore, …}                      // used proofs
//	consumer.Config{Status: store.DenyList{Storage: redisStore}, …}    // denied tokens
//	go redisStore.Watch(ctx, verifier)                                 // drop cached tokens when any process denies one
//
// If Redis is down, slow or loading, every method returns an error, and the API responds with 503. If Redis is full or a
// replica, the methods that write return an error. The API never accepts a proof or a token because of such an error, unless
// InsecureStatusFailOpen of package consumer is set.
//
// Redis must not evict keys: set maxmemory-policy to noeviction. Otherwise used proofs could be used again, and denied tokens
// would become valid. The store checks the setting before it is used for the first time, and while Watch runs.
//
// All keys start with a brace and Config.Prefix. They contain hashes, and no token, jti, subject, client or issuer.
package redisstore
