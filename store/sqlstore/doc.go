// Package sqlstore stores in a SQL database what the processes of one API or client must share: denied tokens, the tokens that an
// issuer has stored (store.PersistedTokens), used DPoP proofs, registered clients, authorizations, and the sealed tokens of an
// OAuth client. It supports SQLite 3.42, PostgreSQL 12, MariaDB 10.6, and later versions of them.
//
//	db, err := sqlite.Open("/var/lib/api/bearerkit.db")                // or sql.Open with a driver for another database
//	sqlStore, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
//	err = sqlStore.Migrate(ctx)                                        // create or update the tables
//
//	consumer.Config{Status: store.DenyList{Storage: sqlStore}, …}      // denied tokens
//	middleware.DPoPConfig{Replays: sqlStore, …}                        // used proofs
//	registry.Config{Store: sqlStore.Clients()}                         // registered clients
//	client.TokenSourceConfig{Store: sqlStore.Tokens(sealer), …}        // sealed refresh tokens, with locks
//	go sqlStore.Watch(ctx, verifier)                                   // drop cached tokens when any process denies one
//	go sqlStore.Run(ctx)                                               // remove expired rows
//
// If the database is down, slow or starting, every method returns an error, and the API responds with 503. If it is full or
// read-only, the methods that write return an error. The API never accepts a proof or a token because of such an error, unless
// InsecureStatusFailOpen of package consumer is set. Errors match [ErrUnavailable], [ErrFull], [ErrReadOnly], [ErrSchema] or
// [ErrClock] if the cause is one of these, and are a [*ValueError] if a value cannot be stored. Their texts contain no values, and
// no part of the data source name.
//
// The names of all tables start with "bearerkit_". Two APIs that must not share entries need two databases, or two schemas
// in PostgreSQL. Keys of tokens and proofs are stored as hashes.
package sqlstore
