// Package registry registers the clients of an authorization server. It hashes, verifies and rotates their secrets.
//
//	clients, err := registry.New(registry.Config{Store: store.NewClients()})
//
// [Registry.Create] generates the id of a client (22 letters and digits) and, for a confidential client, a secret (43
// letters and digits). It returns the secret once. The Store contains only a hash of it:
//
//	reg, err := clients.Create(ctx, registry.NewClient{
//		Name:         "Orders",
//		RedirectURIs: []string{"https://app.example.com/callback"},
//		Flows:        []registry.Flow{registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken},
//	})
//	show(reg.Client.ID, reg.Secret.Reveal())
//
// The authorization endpoint checks the redirect URI of a request:
//
//	c, err := clients.Get(ctx, id)
//	allowed := registry.MatchRedirect(c, redirectURI)
//
// The token endpoint authenticates the client:
//
//	c, err := clients.Authenticate(ctx, id, secret)
//	switch {
//	case errors.Is(err, registry.ErrInvalidClient): // 401 invalid_client
//	case err != nil: // 503
//	}
//
// [Registry.RotateSecret] adds a new secret and keeps the old ones valid for an overlap. [SecretInfo].LastUsed shows
// whether a client still uses an old one. [Registry.Update] changes the other fields of a client, and can make it public
// or confidential:
//
//	reg, err := clients.RotateSecret(ctx, id, 24*time.Hour)
//	updated, err := clients.Update(ctx, id, registry.Patch{Name: new("Orders on TV")})
//	page, err := clients.List(ctx, registry.Page{Owner: new("alice")})
//
// A [Store] needs one table. Package store has an implementation in memory, and package store/sqlstore one in SQL databases.
// Package store/storetest has tests for other implementations.
//
// [Registry.Import] registers clients of crossauth and of Ory Hydra with the hashes of their secrets. Package
// store/sqlstore/crossauth calls it for all clients of a crossauth database. When such a client next authenticates, the
// registry replaces a hash that is weaker than [Config].Hash.
//
// [Flow] lists the OAuth flows that a client can be allowed to use.
//
// Compare errors with [errors.Is]. For invalid arguments, the error contains [*FieldError] values.
package registry
