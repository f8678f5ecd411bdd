// Command webapp is a web application whose users sign in at an OpenID provider, and whose pages call an API through it:
// the tokens never reach the browser. It runs beside a provider of its own, or with any other:
//
//	go run ./webapp
//	go run ./webapp -issuer https://login.example.com -client-id web -client-secret … -resource https://api.example.com
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/signin"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// options are the program's flags.
type options struct {
	addr, issuer, clientID, clientSecret, resource string
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	flags := flag.NewFlagSet("webapp", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen at")
	flags.StringVar(&o.issuer, "issuer", "", "OpenID provider; empty: one of its own")
	flags.StringVar(&o.clientID, "client-id", signin.WebClient, "client id")
	flags.StringVar(&o.clientSecret, "client-secret", signin.WebSecret, "client secret")
	flags.StringVar(&o.resource, "resource", "", "audience of the API, asked for as `resource`; empty: the client id")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, o.addr)
	if err != nil {
		return err
	}
	site := "http://" + listener.Addr().String()
	if o.issuer == "" {
		if o.issuer, err = signin.Start(ctx, site+"/auth/callback"); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "Sign in as %s with the password %s.\n", signin.User, signin.Password)
	}
	handler, err := o.newSite(ctx, site)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "Open %s/\n", site)
	return demo.Serve(ctx, listener, handler)
}

// newSite is the application, with the API that its pages call at an address of its own.
func (o options) newSite(ctx context.Context, site string) (http.Handler, error) {
	cfg := client.Config{
		Issuer: o.issuer, ClientID: o.clientID, ClientSecret: o.clientSecret, RedirectURI: site + "/auth/callback",
		Scopes: []string{"openid", "profile", "email"}, UseUserInfo: true,
	}
	if o.resource != "" {
		cfg.Scopes, cfg.Resource, cfg.UseUserInfo = []string{"openid", "api:read"}, []string{o.resource}, false
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New(), InsecureHTTP: true}) // it listens on loopback
	if err != nil {
		return nil, err
	}
	api, err := o.startAPI(ctx)
	if err != nil {
		return nil, err
	}
	orders, err := app.Proxy("/api/", api+"/")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/api/", orders)
	mux.Handle("/profile", app.RequireLogin(http.HandlerFunc(profile)))
	mux.Handle("/", pages())
	return mux, nil
}

// startAPI runs an API that knows nothing of sessions: it wants a token of the issuer, and says whose it is.
func (o options) startAPI(ctx context.Context) (string, error) {
	audience := o.resource
	if audience == "" {
		audience = o.clientID
	}
	verifier, err := consumer.New(consumer.Config{Issuer: o.issuer, Audience: []string{audience}})
	if err != nil {
		return "", err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return "", err
	}
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	handler := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"path": r.URL.Path, "subject": token.Subject(), "orders": []int{7, 11}})
	}))
	go func(l net.Listener) { _ = demo.Serve(ctx, l, handler) }(listener) // it ends with the program
	return "http://" + listener.Addr().String(), nil
}
