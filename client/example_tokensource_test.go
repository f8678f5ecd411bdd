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
		fmt.Println(err) // ErrNoToken: the user must sign in again; ErrUnavailable: try again later
		return
	}
	stored, err := store.Load(context.Background(), "alice")
	fmt.Println(token.AccessToken, stored.RefreshToken, err)
	fmt.Println(token, source) // prints no secret
	// Output:
	// second next <nil>
	// client.Token{Bearer} client.TokenSource{}
}

// A service gets tokens on its own behalf. It has no refresh token, so Grant gets each token. To call APIs with such tokens,
// HTTPClient is shorter.
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

// One sign-in of the user is enough for several APIs. Each source gets access tokens for its own API, and all of them use
// the same refresh token.
func ExampleTokenSource_ForResource() {
	server := &server{answer: func(_ *http.Request, form url.Values) *httptest.ResponseRecorder {
		return written(200, fmt.Sprintf(
			`{"access_token":"a token for %s","token_type":"Bearer","expires_in":3600,"refresh_token":"after %s"}`,
			form.Get("resource"), form.Get("refresh_token"),
		), nil)
	}}
	c, err := client.New(client.Config{
		Issuer:     "https://login.test",
		ClientID:   "app",
		Metadata:   &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient: &http.Client{Transport: server},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := client.NewMemoryTokens() // use a store with locks, such as NewFileTokens, for several processes
	source, err := c.TokenSource(client.TokenSourceConfig{
		Token: &client.Token{RefreshToken: "first"}, // from a sign-in
		Store: store,
		Key:   "alice",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, api := range []string{"https://mail.test", "https://files.test"} {
		forAPI, err := source.ForResource(client.ResourceConfig{Resource: []string{api}})
		if err != nil {
			fmt.Println(err)
			return
		}
		token, err := forAPI.TokenContext(context.Background()) // or pass forAPI to NewTransport, with this API as its origin
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(token.AccessToken)
	}
	stored, err := store.Load(context.Background(), "alice")
	fmt.Println(stored.RefreshToken, err)
	// Output:
	// a token for https://mail.test
	// a token for https://files.test
	// after after first <nil>
}

// A service calls an API on its own behalf.
func ExampleClient_HTTPClient() {
	network := roundTrip(func(r *http.Request) (*http.Response, error) { // in a program: http.DefaultTransport
		if r.URL.Host == "login.test" {
			return written(200, `{"access_token":"secret","token_type":"Bearer","expires_in":3600}`, nil).Result(), nil
		}
		return written(200, "two orders for "+r.Header.Get("Authorization"), nil).Result(), nil
	})
	c, err := client.New(client.Config{
		Issuer:       "https://login.test",
		ClientID:     "shop",
		ClientSecret: "client secret",
		Scopes:       []string{"orders:read"},
		Metadata:     &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient:   &http.Client{Transport: network},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := c.HTTPClient("https://orders.test")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://orders.test/list", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := api.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	fmt.Println(string(body), err)
	// Output: two orders for Bearer secret <nil>
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
