// Package registry registers the clients of an authorization server, and hashes, checks and rotates their secrets.
//
//	clients, err := registry.New(registry.Config{Store: store.NewClients()})
//
// A confidential client gets an id of 22 letters and digits and a secret of 43. The secret is in what Create returns, and
// from then on only its hash is anywhere:
//
//	reg, err := clients.Create(ctx, registry.NewClient{
//		Name:         "Orders",
//		RedirectURIs: []string{"https://app.example.com/callback"},
//		Flows:        []registry.Flow{registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken},
//	})
//	show(reg.Client.ID, reg.Secret.Reveal())
//
// The authorization endpoint asks whether the client may be sent where it wants to be, and the token endpoint whether it
// is who it says:
//
//	c, err := clients.Get(ctx, id)
//	allowed := registry.MatchRedirect(c, redirectURI)
//
//	c, err := clients.Authenticate(ctx, id, secret)
//	switch {
//	case errors.Is(err, registry.ErrInvalidClient): // 401 invalid_client
//	case err != nil: // 503
//	}
//
// A secret is exchanged without an hour in which neither works: the new one counts at once, the old one for a while yet.
// LastUsed tells who still comes with the old one. Update changes the rest, each field by itself, and makes a client public
// or confidential:
//
//	reg, err := clients.RotateSecret(ctx, id, 24*time.Hour)
//	updated, err := clients.Update(ctx, id, registry.Patch{Name: new("Orders on TV")})
//	page, err := clients.List(ctx, registry.Page{Owner: new("alice")})
//
// A [Store] is one table: package store has one in memory, and package store/storetest the tests for any other.
//
// Clients of the seed system and of Ory Hydra are taken over with Import, hashes and all; a secret is hashed in the
// current form when it is next used. What clients do with their secrets is in package client.
//
// Errors are told apart by [errors.Is]; what is wrong with a value that was given is a [*FieldError].
package registry
