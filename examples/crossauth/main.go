// Command crossauth guards an API with the settings that a crossauth resource server takes from its environment:
//
//	CROSSAUTH_AUTH_SERVER_BASE_URL                the issuer; required
//	CROSSAUTH_OAUTH_AUDIENCE                      the name of this API; required
//	CROSSAUTH_JWT_KEY_TYPE                        the one algorithm accepted, such as RS256; required with a secret
//	CROSSAUTH_JWT_PUBLIC_KEY(_FILE)               a public key in PEM; without any key, discovery finds them
//	CROSSAUTH_JWT_SECRET_KEY(_FILE)               a shared secret; excludes a public key
//	CROSSAUTH_OAUTH_CLOCK_TOLERANCE               in seconds; 10 if it is not set
//	CROSSAUTH_OAUTH_RESSERVER_ACCESS_DENIED_BODY  JSON, the body of refusals; a problem document if it is not set
//
// No package of the kit reads the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

func run(ctx context.Context, _ []string, stdout io.Writer) error {
	api, err := newAPI(func(name string) string { return os.Getenv(prefix + name) })
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "GET http://%s/me wants a token, /orders the scope orders:read too. Stop with Ctrl-C.\n", listener.Addr())
	return demo.Serve(ctx, listener, api)
}

func newAPI(env environment) (http.Handler, error) {
	cfg, cfgFault := env.config()
	deny, denyFault := env.denyHandler()
	if err := errors.Join(cfgFault, denyFault); err != nil {
		return nil, err
	}
	verifier, err := consumer.New(cfg)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, DenyHandler: deny})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", guard.Handler(http.HandlerFunc(greet)))
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(greet)))
	return mux, nil
}

func greet(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintln(w, "hello", token.Subject())
}
