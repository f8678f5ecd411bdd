// Command webapp is a web application whose users sign in at an OpenID provider. Its pages call an API through the
// application, so the access token never reaches the browser. It starts a provider for the demonstration, or uses another:
//
//	go run ./webapp
//	go run ./webapp -issuer https://login.example.com -client-id web -client-secret … -resource https://api.example.com
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

func main() { demo.Main(run) }

// options are the flags of the program.
type options struct {
	addr, issuer, clientID, clientSecret, resource, scopes, apiScope string
}

// parse reads the flags.
func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("webapp", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen on")
	flags.StringVar(&o.issuer, "issuer", "", "OpenID provider where the redirect URIs /auth/callback and /signed-out are registered; empty: the demonstration provider")
	flags.StringVar(&o.clientID, "client-id", signin.WebClient, "client id")
	flags.StringVar(&o.clientSecret, "client-secret", signin.WebSecret, "client secret")
	flags.StringVar(&o.resource, "resource", "", "audience of the API, sent as the parameter resource; empty: the client id")
	flags.StringVar(&o.scopes, "scopes", "openid profile email "+signin.Scope, "scopes to request")
	flags.StringVar(&o.apiScope, "api-scope", signin.Scope, "scope that the API requires for reading orders")
	return flags.Parse(args)
}

// welcome is printed when the application listens.
const welcome = `
The shop is at

  %s/

Open it in a browser, sign in%s, load the orders, look at the profile, and sign out.
Stop with Ctrl-C.
`

// run is the whole program. Tests call it with arguments and an output of their own. It ends when ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, o.addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	site, user := "http://"+listener.Addr().String(), ""
	if o.issuer == "" {
		if o.issuer, err = signin.Start(ctx, site); err != nil {
			return err
		}
		user = fmt.Sprintf(" as %s with the password %s", signin.User, signin.Password)
	}
	handler, err := o.newSite(ctx, site)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, welcome, site, user)
	return demo.Serve(ctx, listener, handler)
}

// newSite builds the application, and starts the API that its pages call at another address.
func (o options) newSite(ctx context.Context, site string) (http.Handler, error) {
	c, err := o.newClient(site)
	if err != nil {
		return nil, err
	}
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: scs.New(), PostLogoutRedirectURI: site + "/signed-out", ErrorHandler: signInFailed,
		InsecureHTTP: true, // the program listens on loopback, without TLS
	})
	if err != nil {
		return nil, err
	}
	api, err := o.startAPI(ctx)
	if err != nil {
		return nil, err
	}
	proxy, err := app.Proxy("/api/", api+"/")
	if err != nil {
		return nil, err
	}

	// The first two handlers come from weblogin. Pages behind RequireLogin need a user, all others do not.
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/api/", proxy)
	mux.Handle("GET /profile", app.RequireLogin(http.HandlerFunc(profile)))
	mux.Handle("/", http.HandlerFunc(public))
	return withPolicy(mux), nil
}

// newClient creates the OAuth client. It reads more claims from the userinfo endpoint, unless the access token is only for the
// API: then that endpoint does not accept it.
func (o options) newClient(site string) (*client.Client, error) {
	cfg := client.Config{
		Issuer: o.issuer, ClientID: o.clientID, ClientSecret: o.clientSecret, RedirectURI: site + "/auth/callback",
		Scopes: strings.Fields(o.scopes), UseUserInfo: o.resource == "",
	}
	if o.resource != "" {
		cfg.Resource = []string{o.resource}
	}
	return client.New(cfg)
}
