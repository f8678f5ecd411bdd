package loopback_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
)

// newIssuer returns an authorization server that knows the program and the user Alice, and the program's client.
func newIssuer() (*bearertest.Issuer, *client.Client, error) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		Clients:        []bearertest.Client{{ID: "cli", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		DeviceInterval: time.Second,
	})
	c, err := client.New(client.Config{
		Issuer: issuer.URL(), ClientID: "cli", Scopes: []string{"openid"},
		HTTPClient: issuer.Client(), // replaces the network
	})
	return issuer, c, err
}

// A test replaces the browser of the user by a function. The authorization server is that of package bearertest.
func ExampleSignIn() {
	issuer, c, err := newIssuer()
	if err != nil {
		fmt.Println(err)
		return
	}
	open := func(ctx context.Context, address string) error {
		redirected, err := issuer.Visit(ctx, address) // to the port on which SignIn listens
		if err != nil {
			return err
		}
		go visit(ctx, redirected)
		return nil
	}
	token, err := loopback.SignIn(context.Background(), c, loopback.Options{Open: open, Out: io.Discard})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.IDClaims.Subject())
	// Output:
	// signed in: alice
}

// visit requests a page, as the browser does.
func visit(ctx context.Context, address string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return
	}
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
}

// approver is a screen whose user approves each device at once.
type approver struct{ issuer *bearertest.Issuer }

// Write implements [io.Writer].
func (a approver) Write(text []byte) (int, error) {
	for _, code := range a.issuer.WaitingDevices() {
		if strings.Contains(string(text), code) {
			a.issuer.ApproveDevice(code)
		}
	}
	return len(text), nil
}

// The device shows a code. Its user reads it, and approves it with a browser on another device.
func ExampleDevice() {
	issuer, c, err := newIssuer()
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := loopback.Device(context.Background(), c, loopback.DeviceOptions{Out: approver{issuer}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.IDClaims.Subject())
	// Output:
	// signed in: alice
}
