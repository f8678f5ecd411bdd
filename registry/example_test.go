package registry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// Register a client, authenticate it, and check redirect URIs.
func Example() {
	ctx := context.Background()
	clients, err := registry.New(registry.Config{Store: store.NewClients()})
	if err != nil {
		fmt.Println(err)
		return
	}
	reg, err := clients.Create(ctx, registry.NewClient{
		Name:         "Orders",
		RedirectURIs: []string{"https://app.example.com/callback", "http://127.0.0.1/callback"},
		Flows:        []registry.Flow{registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(reg.Client.ID), len(reg.Secret.Reveal()), reg.Secret)

	c, err := clients.Authenticate(ctx, reg.Client.ID, reg.Secret.Reveal())
	fmt.Println(c.Name, err)
	_, err = clients.Authenticate(ctx, reg.Client.ID, "a guess")
	fmt.Println(errors.Is(err, registry.ErrInvalidClient))

	for _, uri := range []string{
		"https://app.example.com/callback", "https://app.example.com/callback/", "http://127.0.0.1:51004/callback",
	} {
		fmt.Println(uri, registry.MatchRedirect(c, uri))
	}
	// Output:
	// 22 43 [redacted]
	// Orders <nil>
	// true
	// https://app.example.com/callback true
	// https://app.example.com/callback/ false
	// http://127.0.0.1:51004/callback true
}

// quick makes the examples fast. Do not set Config.Hash in an application.
func quick() registry.HashParams { return registry.HashParams{Iterations: 1000} }

// After a rotation, the old and the new secret are both valid for the overlap.
func ExampleRegistry_RotateSecret() {
	ctx := context.Background()
	clients, err := registry.New(registry.Config{Store: store.NewClients(), Hash: quick()})
	if err != nil {
		fmt.Println(err)
		return
	}
	old, err := clients.Create(ctx, registry.NewClient{Name: "Orders"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fresh, err := clients.RotateSecret(ctx, old.Client.ID, 24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, secret := range []registry.Secret{old.Secret, fresh.Secret} {
		_, err := clients.Authenticate(ctx, old.Client.ID, secret.Reveal())
		fmt.Println(err)
	}
	_, err = clients.RevokeSecret(ctx, old.Client.ID, old.Client.Secrets[0].ID)
	fmt.Println(err)
	_, err = clients.Authenticate(ctx, old.Client.ID, old.Secret.Reveal())
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// registry: client authentication failed
}

// A Patch changes only the fields that are set. This one makes a client public.
func ExampleRegistry_Update() {
	ctx := context.Background()
	clients, err := registry.New(registry.Config{Store: store.NewClients(), Hash: quick()})
	if err != nil {
		fmt.Println(err)
		return
	}
	reg, err := clients.Create(ctx, registry.NewClient{Name: "Orders", Flows: []registry.Flow{registry.FlowDeviceCode}})
	if err != nil {
		fmt.Println(err)
		return
	}
	updated, err := clients.Update(ctx, reg.Client.ID, registry.Patch{Name: new("Orders on TV"), Confidential: new(false)})
	fmt.Println(updated.Client.Name, updated.Client.Confidential, len(updated.Client.Secrets), updated.Client.Flows, err)
	// Output: Orders on TV false 0 [device_code] <nil>
}

// An imported client of crossauth keeps its id and its secret.
func ExampleRegistry_Import() {
	ctx := context.Background()
	clients, err := registry.New(registry.Config{Store: store.NewClients(), Hash: quick()})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = clients.Import(ctx, registry.Imported{
		ID:         "orders",
		NewClient:  registry.NewClient{Name: "Orders"},
		SecretHash: registry.NewSecret("pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88="),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := clients.Authenticate(ctx, "orders", "an old client's secret")
	fmt.Println(c.ID, err)
	// Output: orders <nil>
}

// Wrong use: with a wildcard, or a scheme that any app can claim, an authorization code could reach an attacker. The error
// lists all faults.
func ExampleRegistry_Create_wrongUse() {
	clients, err := registry.New(registry.Config{Store: store.NewClients(), Hash: quick()})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = clients.Create(context.Background(), registry.NewClient{
		RedirectURIs: []string{"https://*.example.com/callback", "myapp:/callback", "http://localhost/callback"},
		Flows:        []registry.Flow{registry.FlowAll},
	})
	fmt.Println(err)
	// Output:
	// registry: Name must have 1 to 255 bytes of printable UTF-8
	// registry: RedirectURIs[0] must not have a wildcard
	// registry: RedirectURIs[1] must have the scheme https, or a private-use scheme with a dot
	// registry: RedirectURIs[2] must be https unless its host is a loopback IP address (127.0.0.0/8, ::1) or Config.InsecureAllowLocalhost is set
	// registry: Flows must contain only flows that AllFlows returns
}
