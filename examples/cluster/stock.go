package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// The API calls another service, the stock. As this client, it obtains a token for that service from the
// authorization server.
const (
	clientID     = "orders-api"
	clientSecret = "demo-secret"
)

// openPostgres opens the database. The caller closes it.
func openPostgres(dsn string) (*sql.DB, *sqlstore.Store, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("-postgres: %w", err)
	}
	s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.PostgreSQL})
	return db, s, err
}

// newStockTokens returns the tokens for the stock. All processes share one token, which is sealed in the database. If it has
// expired, one of them obtains a new one, and the others wait for it.
func newStockTokens(issuer string, database *sqlstore.Store, ring *seal.Keyring) (*client.TokenSource, error) {
	c, err := client.New(client.Config{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret})
	if err != nil {
		return nil, err
	}
	return c.TokenSource(client.TokenSourceConfig{Store: database.Tokens(ring), Key: "stock", Grant: c.ClientCredentials})
}

// stock handles GET /stock. A real API would send the token to the other service. This one returns a part of its hash, which
// shows whether two processes have the same token.
func stock(tokens *client.TokenSource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, err := tokens.TokenContext(r.Context())
		if err != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the stock is unavailable", http.StatusServiceUnavailable)
			return
		}
		sum := sha256.Sum256([]byte(token.AccessToken))
		_, _ = fmt.Fprintln(w, "token", hex.EncodeToString(sum[:4]))
	}
}
