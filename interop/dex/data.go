package main

import (
	"encoding/json"
	"os"

	"github.com/dexidp/dex/server/connectors"
	"github.com/dexidp/dex/storage"
	"golang.org/x/crypto/bcrypt"
)

// passwordDB is the connector of Dex's own password database.
const passwordDB = connectors.LocalConnector

// alice signs in with her email address.
func alice() storage.Password {
	hash, err := bcrypt.GenerateFromPassword([]byte("any"), bcrypt.DefaultCost)
	if err != nil {
		panic(err) // the password is shorter than 72 bytes
	}
	return storage.Password{Email: "alice@example.com", Username: "alice", UserID: "alice", Hash: hash}
}

// clients returns the clients of the tests. The secret of a client is its id and "-secret", as for the other servers.
func clients() []storage.Client {
	// Dex requires the second one of a client that uses the device flow and has redirect URIs.
	callbacks := []string{"http://127.0.0.1:9/cb", "/dex/device/callback"}
	local := []string{passwordDB}
	return []storage.Client{
		{
			ID: "web", Name: "web", Secret: "web-secret", RedirectURIs: callbacks, AllowedConnectors: local,
			PostLogoutRedirectURIs: []string{"http://127.0.0.1:9/bye"}, BackchannelLogoutURI: os.Getenv("INTEROP_LOGOUT"),
		},
		{ID: "pub", Name: "pub", Public: true, RedirectURIs: callbacks, AllowedConnectors: local},
		{ID: "native", Name: "native", Public: true, AllowedConnectors: local},        // any port of the loopback interface
		{ID: "api", Name: "api", Secret: "api-secret", TrustedPeers: []string{"web"}}, // web may request tokens for it
		{ID: "cc", Name: "cc", Secret: "cc-secret"},
		{ID: "exchange", Name: "exchange", Secret: "exchange-secret"},
	}
}

// newConnectors returns the password database, and the OpenID provider that INTEROP_UPSTREAM names. The ID tokens of that
// provider can be exchanged for tokens of Dex (RFC 8693).
func newConnectors() ([]storage.Connector, error) {
	all := []storage.Connector{{ID: passwordDB, Type: passwordDB, Name: "password"}}
	issuer := os.Getenv("INTEROP_UPSTREAM")
	if issuer == "" {
		return all, nil
	}
	config, err := json.Marshal(map[string]any{
		"issuer": issuer, "clientID": "web", "clientSecret": "web-secret", "redirectURI": "http://127.0.0.1:9/cb",
		"scopes": []string{"profile"}, "userNameKey": "sub",
	})
	return append(all, storage.Connector{ID: "upstream", Type: "oidc", Name: "upstream", Config: config}), err
}
