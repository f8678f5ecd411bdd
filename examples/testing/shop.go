package testing

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns the API of the shop. Programs pass a Consumer, and tests may pass another Verifier.
func newAPI(verifier consumer.Verifier) (http.Handler, error) {
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
	return mux, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only without a Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(w, "orders of %s", token.Subject())
}

// newSite returns the website of the shop, which signs users in with c.
func newSite(c *client.Client) (http.Handler, error) {
	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/account", app.RequireLogin(http.HandlerFunc(showAccount)))
	return mux, nil
}

func showAccount(w http.ResponseWriter, r *http.Request) {
	user, ok := weblogin.UserFromContext(r.Context())
	if !ok { // only without RequireLogin
		http.Error(w, "not signed in", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(w, "account of %s", user.Claims()["name"])
}

// connectDevice signs in the user of a device without a browser.
func connectDevice(ctx context.Context, c *client.Client, screen io.Writer) (*client.Token, error) {
	return loopback.Device(ctx, c, loopback.DeviceOptions{Out: screen})
}
