package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// exampleClient returns a client of a server that always responds with body.
func exampleClient(body string) *client.Client {
	c, err := client.New(client.Config{
		Issuer:     "https://login.test",
		ClientID:   "app",
		Metadata:   &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient: &http.Client{Transport: says(200, body)},
	})
	if err != nil {
		panic(err)
	}
	return c
}

// An expired token is refreshed, and stored before the caller gets it.
func ExampleTokenSource() {
	c := exampleClient(`{"access_token":"second","token_type":"Bearer","expires_in":3600,"refresh_token":"next"}`)
	store := client.NewMemoryTokens() // use NewFileTokens to keep the sign-in after the program ends
	source, err := c.TokenSource(client.TokenSourceConfig{
		Store: store,
		Key:   "alice",
		Token: &client.Token{ // from a sign-in
			AccessToken: "first", TokenType: "Bearer", RefreshToken: "once", Expiry: time.Now().Add(-time.Minute),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := source.TokenContext(context.Background())
	if err != nil {
		fmt.Println(err) // ErrInvalidGrant or ErrNoToken: sign in again; ErrUnavailable: later
		return
	}
	stored, err := store.Load(context.Background(), "alice")
	fmt.Println(token.AccessToken, stored.RefreshToken, err)
	fmt.Println(token, source) // prints no secret
	// Output:
	// second next <nil>
	// client.Token{Bearer} client.TokenSource{}
}

// A service gets tokens for itself. It has no refresh token, so Grant gets each token.
func ExampleTokenSource_service() {
	c := exampleClient(`{"access_token":"a token","token_type":"Bearer","expires_in":3600}`)
	source, err := c.TokenSource(client.TokenSourceConfig{
		Grant: c.ClientCredentials, Scopes: []string{"orders:read"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := source.TokenContext(context.Background())
	fmt.Println(token.AccessToken, token.Scopes, err)
	// Output: a token [orders:read] <nil>
}

// The API rejects the token. The Transport refreshes it and sends the request again. No token is sent to another host.
func ExampleTransport() {
	c := exampleClient(`{"access_token":"second","token_type":"Bearer","expires_in":3600}`)
	source, err := c.TokenSource(client.TokenSourceConfig{
		Token: &client.Token{AccessToken: "first", TokenType: "Bearer", RefreshToken: "once"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.Header.Get("Authorization") != "Bearer second" {
			return written(401, "", map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`})
		}
		return written(200, "two orders", nil)
	}}
	transport, err := client.NewTransport(client.TransportConfig{
		Source: source, Origins: []string{"https://orders.test"}, Base: orders,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := http.Client{Transport: transport}
	for _, place := range []string{"https://orders.test/list", "https://elsewhere.test/"} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, place, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp, err := api.Do(r)
		if err != nil {
			fmt.Println(errors.Is(err, client.ErrOrigin))
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode, string(body))
	}
	// Output:
	// 200 two orders
	// true
}
