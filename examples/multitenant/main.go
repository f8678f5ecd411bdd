// Command multitenant runs one API for many tenants. Each tenant has its own authorization server. Tenants can be added and
// removed at run time. The program runs the issuers of two tenants and a third, unknown issuer. All listen on loopback.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run starts three issuers, two of which belong to tenants, and the API. It prints commands to try, and serves until ctx
// ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	var issuers [3]string
	for i := range issuers {
		issuer, err := demo.StartIssuer(ctx)
		if err != nil {
			return err
		}
		defer issuer.Close()
		issuers[i] = issuer.URL()
	}
	tenants := newDirectory()
	tenants.onLoopback = true
	tenants.add(issuers[0], "red")
	tenants.add(issuers[1], "blue")
	api, err := newAPI(tenants)
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, "")
	if err != nil {
		return err
	}
	names := strings.NewReplacer("{api}", "http://"+listener.Addr().String(),
		"{red}", issuers[0], "{blue}", issuers[1], "{stranger}", issuers[2])
	if _, err := names.WriteString(stdout, try); err != nil {
		return err
	}
	return demo.Serve(ctx, listener, api)
}

const try = `
The API is {api}. Try these commands in another terminal:

# tokens of two tenants: 200
curl -i {api}/me -H "Authorization: Bearer $(curl -s {red}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $(curl -s {blue}/token/good)"

# a token of an unknown issuer: 401. The API sends no request to that issuer
curl -i {api}/me -H "Authorization: Bearer $(curl -s {stranger}/token/good)"

Press Ctrl-C to stop.
`

// newAPI returns the API. A Group verifies each token with the keys and the rules of the issuer that the token names.
func newAPI(tenants *directory) (http.Handler, error) {
	group, err := consumer.NewGroup(consumer.GroupConfig{Resolve: tenants.resolve, MaxResolved: 1000})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: group})
	if err != nil {
		return nil, err
	}
	// The group caches the Consumers that Resolve returns. Therefore this rule checks on each request that the issuer still
	// belongs to a tenant.
	stillTenant := middleware.Check("tenant", tenants.check)

	mux := http.NewServeMux()
	mux.Handle("GET /me", guard.With(stillTenant)(tenants.greet()))
	return mux, nil
}

// greet returns the handler of GET /me. It identifies the tenant by the verified issuer of the token. Do not use anything
// that a client can choose. A subject is unique only within its issuer: alice of one tenant is not alice of another.
func (d *directory) greet() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok { // only if the route has no Guard
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		name, ok := d.name(token.Issuer())
		if !ok { // the tenant was removed after the rule was checked
			http.Error(w, "unknown tenant", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "hello %s of %s\n", token.Subject(), name)
	})
}
