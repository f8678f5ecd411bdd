package weblogin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// An application signs its users in, shows them a page, calls an API on their behalf, and signs them out. The authorization server
// and the browser are those of package bearertest, so this is also how to test such an application.
func Example() {
	issuer := newIssuer()
	c, err := client.New(client.Config{
		Issuer: issuer.URL(), ClientID: "shop", ClientSecret: "of the shop",
		RedirectURI: "https://shop.example.com/auth/callback", Scopes: []string{"openid", "orders:read"},
		HTTPClient: issuer.Client(), // replaces the network
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New(), Transport: handled{ordersAPI()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders, err := app.Proxy("/api/orders/", "https://orders.example.com/v1/")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/api/orders/", orders)
	mux.Handle("/", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := weblogin.UserFromContext(r.Context())
		if !ok { // only if the handler is not behind RequireLogin
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, "Hello %s", user.Claims()["name"])
	})))

	browser := issuer.Browser("https://shop.example.com", mux)
	fmt.Println("the page:", open(browser, "GET", "/account")) // redirects to the authorization server, and back
	fmt.Println("the API:", open(browser, "GET", "/api/orders/7"))
	fmt.Println("the logout:", open(browser, "POST", "/auth/logout")) // redirects to the authorization server
	fmt.Println("the API:", open(browser, "GET", "/api/orders/7"))
	// Output:
	// the page: Hello Alice
	// the API: /v1/7 with a bearer token
	// the logout: Signed out.
	// the API: {"error":"login_required"}
}

// ordersAPI is an API that does not use sessions.
func ordersAPI() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, "%s with a bearer token", r.URL.Path)
	})
}

// newIssuer returns an authorization server that knows the application and the user Alice.
func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{
		Clients: []bearertest.Client{{
			ID: "shop", Secret: "of the shop", RedirectURIs: []string{"https://shop.example.com/auth/callback"},
		}},
		Users: []bearertest.User{{Subject: "alice", Claims: map[string]any{"name": "Alice"}}},
	})
}

// open opens a page of the application, and returns the text of the page at which the browser arrives.
func open(browser *http.Client, method, path string) string {
	r, err := http.NewRequestWithContext(context.Background(), method, "https://shop.example.com"+path, http.NoBody)
	if err != nil {
		return err.Error()
	}
	resp, err := browser.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Before a payment, an application requires that the same user has signed in within the last minute.
func ExampleApp_Login() {
	issuer := newIssuer()
	c, err := client.New(client.Config{
		Issuer: issuer.URL(), ClientID: "shop", ClientSecret: "of the shop",
		RedirectURI: "https://shop.example.com/auth/callback", Scopes: []string{"openid"},
		HTTPClient: issuer.Client(), // replaces the network
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: scs.New(),
		OnSignIn: func(_ context.Context, s *weblogin.SignIn) error {
			fmt.Println("signs in:", s.Token.IDClaims.Subject())
			return nil // an error would reject the sign-in and revoke the token
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/pay", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := weblogin.UserFromContext(r.Context())
		if !ok { // only if the handler is not behind RequireLogin
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		app.Login(w, r, client.AuthorizationOptions{MaxAge: time.Minute, Subject: user.Subject(), ReturnTo: "/paid"})
	})))
	mux.HandleFunc("/paid", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "paid") })

	browser := issuer.Browser("https://shop.example.com", mux)
	fmt.Println("Alice pays:", open(browser, "GET", "/pay")) // signs in, and again for the payment

	issuer.SetUser(bearertest.User{Subject: "bob"})
	fmt.Println("Bob is rejected:", open(browser, "GET", "/pay") != "paid")
	// Output:
	// signs in: alice
	// signs in: alice
	// Alice pays: paid
	// Bob is rejected: true
}
