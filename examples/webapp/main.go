// Command webapp is a web application whose users sign in at an OpenID provider. Its pages call an API through the
// application, so the access token never reaches the browser. Run it in the folder examples. Without the flag -issuer, it
// starts a demonstration provider in the same process:
//
//	go run ./webapp
//
// With -issuer, it uses your provider. Register the redirect URI http://127.0.0.1:8090/auth/callback there, and
// http://127.0.0.1:8090/signed-out for the logout:
//
//	go run ./webapp -issuer https://login.example.com -client-id web -client-secret … -resource https://api.example.com
//
// The sessions are sealed with the keys in the environment variable WEBAPP_SEAL_KEYS, or with a new key if it is not set.
// docs/encryption.md describes the keys.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

func main() { demo.Main(run) }

// options are the flags of the program.
type options struct {
	addr string // where the application listens

	// The registration of the application at the provider.
	issuer, clientID, clientSecret string

	// What the application requests (scopes, separated by spaces), and what the API requires (resource and apiScope).
	scopes, resource, apiScope string
}

// parse reads the flags.
func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("webapp", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen on")
	flags.StringVar(&o.issuer, "issuer", "", "OpenID provider where the redirect URIs /auth/callback and /signed-out are registered; empty: the demonstration provider")
	// The next two defaults are the credentials that the demonstration provider knows.
	flags.StringVar(&o.clientID, "client-id", signin.WebClient, "client id")
	flags.StringVar(&o.clientSecret, "client-secret", signin.WebSecret, "client secret")
	flags.StringVar(&o.resource, "resource", "", "audience of the API, sent as the parameter resource; empty: the client id")
	flags.StringVar(&o.scopes, "scopes", "openid profile email "+signin.Scope, "scopes to request")
	flags.StringVar(&o.apiScope, "api-scope", signin.Scope, "scope that the API requires for reading orders")
	return flags.Parse(args)
}

// welcome is printed as soon as the application listens. Its arguments are the address, and a text with the name and
// password of the user of the demonstration provider.
const welcome = `
The shop is at

  %s/

Open it in a browser, sign in%s, load the orders, look at the profile, and sign out.
Stop with Ctrl-C.
`

// run is the whole program. It returns when ctx ends. Tests call it with other arguments, and read what it prints from
// stdout.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	// Open the port first: the redirect URI contains it, and the provider must know the redirect URI.
	listener, err := demo.Listen(ctx, o.addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	site, user := "http://"+listener.Addr().String(), ""
	// No -issuer: start the demonstration provider, which has one user.
	if o.issuer == "" {
		if o.issuer, err = signin.Start(ctx, site); err != nil {
			return err
		}
		user = fmt.Sprintf(" as %s with the password %s", signin.User, signin.Password)
	}
	// The provider is running now, so its metadata can be fetched as soon as a user signs in.
	handler, err := o.newSite(ctx, site)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, welcome, site, user)
	return demo.Serve(ctx, listener, handler)
}

// newSite returns the handler of the application. It also starts the API that the pages call, on a port of its own.
func (o options) newSite(ctx context.Context, site string) (http.Handler, error) {
	// The App needs a client, and a store for the sessions. The store contains the tokens of the users, so it is sealed.
	c, err := o.newClient(site)
	if err != nil {
		return nil, err
	}
	sessions, err := newSessions()
	if err != nil {
		return nil, err
	}
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: sessions, PostLogoutRedirectURI: site + "/signed-out", ErrorHandler: signInFailed,
		LoginParams:  []string{"prompt"}, // the link "Sign in as another user" has it
		OnSignIn:     accept,
		InsecureHTTP: true, // the program listens on loopback, without TLS
	})
	if err != nil {
		return nil, err
	}
	api, err := o.startAPI(ctx)
	if err != nil {
		return nil, err
	}
	// A request to /api/orders is forwarded to /orders of the API, with the access token of the user.
	proxy, err := app.Proxy("/api/", api+"/")
	if err != nil {
		return nil, err
	}

	// The first two handlers come from weblogin. The pages behind RequireLogin are for signed-in users only; all others are
	// public.
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/api/", proxy)
	mux.Handle("GET /profile", app.RequireLogin(http.HandlerFunc(profile)))
	mux.Handle("/", http.HandlerFunc(public))
	return withPolicy(mux), nil
}

// newClient returns the OAuth client. The client also reads claims from the userinfo endpoint, unless -resource is set:
// the access token is then for the API only, and the userinfo endpoint does not accept it.
func (o options) newClient(site string) (*client.Client, error) {
	cfg := client.Config{
		Issuer: o.issuer, ClientID: o.clientID, ClientSecret: o.clientSecret, RedirectURI: site + "/auth/callback",
		Scopes: strings.Fields(o.scopes), UseUserInfo: o.resource == "",
	}
	if o.resource != "" {
		// RFC 8707: the provider issues a token for this API only.
		cfg.Resource = []string{o.resource}
	}
	return client.New(cfg)
}
