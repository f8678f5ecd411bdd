// Command multitenant guards one API for many tenants, each with an authorization server of its own. Tenants come and go
// while it runs. Two of them run beside it on loopback, and a third issuer that is nobody's tenant.
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
The API is {api}. Try, in another terminal:

# users of two tenants
curl -i {api}/me -H "Authorization: Bearer $(curl -s {red}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $(curl -s {blue}/token/good)"

# an issuer that is not a tenant's: 401, and the API has not even asked it for its keys
curl -i {api}/me -H "Authorization: Bearer $(curl -s {stranger}/token/good)"

Stop with Ctrl-C.
`

func newAPI(tenants *directory) (http.Handler, error) {
	group, err := consumer.NewGroup(consumer.GroupConfig{Resolve: tenants.resolve, MaxResolved: 1000})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: group})
	if err != nil {
		return nil, err
	}
	// A Consumer that Resolve made is kept, so that a tenant who has left must be refused on each request.
	stillTenant := middleware.Check("tenant", tenants.check)

	mux := http.NewServeMux()
	mux.Handle("GET /me", guard.With(stillTenant)(tenants.greet()))
	return mux, nil
}

// greet tells tenants apart by the issuer, which is proven, and by nothing that the client could choose. Subjects are
// unique within their issuer only: the alice of one tenant is not the alice of another.
func (d *directory) greet() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		name, _ := d.name(token.Issuer())
		fmt.Fprintf(w, "hello %s of %s\n", token.Subject(), name)
	})
}
