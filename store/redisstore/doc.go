// Package redisstore stores in Redis what the processes of one API must share: which DPoP proofs were used, which tokens are
// denied, and which tokens an issuer has stored. It needs Redis 7 or later, or a compatible server.
//
//	redisStore, err := redisstore.New(redisstore.Config{Client: client})
//
//	middleware.DPoPConfig{Replays: redisStore, …}                      // used proofs
//	consumer.Config{Status: store.DenyList{Storage: redisStore}, …}    // denied tokens
//	go redisStore.Watch(ctx, verifier)                                 // drop cached tokens when any process denies one
//
// Every method returns an error if Redis is down, slow, full, loading, or a replica. The API then responds with 503. It never
// accepts a proof or a token because the store has failed.
//
// Redis must not evict keys: set maxmemory-policy to noeviction. Otherwise used proofs could be used again, and denied tokens
// would become valid. The store checks the setting before its first write.
//
// All keys start with the prefix of the configuration. They contain hashes, and no token, jti, subject or issuer.
package redisstore
