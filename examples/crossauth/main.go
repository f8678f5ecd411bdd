// Command crossauth runs an API that is configured by the environment variables of a crossauth resource server:
//
//	CROSSAUTH_AUTH_SERVER_BASE_URL                the issuer; required
//	CROSSAUTH_OAUTH_AUDIENCE                      the audience of this API; required
//	CROSSAUTH_JWT_KEY_TYPE                        the only accepted algorithm, such as RS256; required with a secret
//	CROSSAUTH_JWT_PUBLIC_KEY(_FILE)               a public key in PEM; without a key, the keys are discovered
//	CROSSAUTH_JWT_SECRET_KEY(_FILE)               a shared secret; not together with a public key
//	CROSSAUTH_OAUTH_CLOCK_TOLERANCE               in seconds; if not set: 10
//	CROSSAUTH_OAUTH_RESSERVER_ACCESS_DENIED_BODY  JSON, the body of rejections; if not set: a problem document
//
// consumer.FromEnv reads all of them, and those of the kit, except for the last one, which this program reads.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run reads the environment, prints the routes, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	api, err := newAPI()
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "GET http://%s/me requires a token. /orders also requires the scope orders:read. Press Ctrl-C to stop.\n", listener.Addr())
	return demo.Serve(ctx, listener, api)
}

// newAPI returns the API that the environment describes. Its error lists all variables that are missing or not valid.
func newAPI() (http.Handler, error) {
	cfg, cfgFault := consumer.FromEnv()
	deny, denyFault := denyHandler()
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

// greet handles both routes. The Guard has verified the token before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
