// Command mtls runs an API with mutual TLS. Its tokens are bound to the certificate of the client (RFC 8705), so a stolen
// token is of no use without the private key. The program creates the certificates, and runs an issuer for the tokens. Both
// servers listen on loopback.
//
//	go run ./examples/mtls
//
// The program prints commands to try, and runs until it is interrupted.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run starts the issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "bearerkit-mtls-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer s.close()
	names := strings.NewReplacer("{dir}", dir, "{api}", s.api, "{token}", s.token)
	if _, err := names.WriteString(stdout, try); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

const try = `
The API is {api}, and the certificates are in {dir}. Try these commands in another terminal:

cd {dir}

# alice gets a token. The issuer binds it to the certificate of the connection
TOKEN=$(curl -s --cacert ca.pem --cert alice.pem --key alice.key {token})

# the token with the certificate of alice: 200
curl -i --cacert ca.pem --cert alice.pem --key alice.key {api}/me -H "Authorization: Bearer $TOKEN"

# the same token, stolen by mallory, who has another certificate: 401
curl -i --cacert ca.pem --cert mallory.pem --key mallory.key {api}/me -H "Authorization: Bearer $TOKEN"

# the same token without a certificate: 401
curl -i --cacert ca.pem {api}/me -H "Authorization: Bearer $TOKEN"

# a header with the certificate of alice changes nothing, because no proxy is configured: 401
curl -i --cacert ca.pem {api}/me -H "Authorization: Bearer $TOKEN" \
  -H "Client-Cert: :$(openssl x509 -in alice.pem -outform der | base64 | tr -d '\n'):"

Press Ctrl-C to stop.
`

// newAPI returns the API. It accepts only tokens that are bound to the certificate of the connection.
func newAPI(issuer string) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{demo.Audience}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		// The zero value compares a bound token with the certificate of the TLS connection. Behind a proxy that ends TLS, set
		// Proxies: see docs/mutual-tls.md.
		MTLS: &middleware.MTLSConfig{},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// Without this rule, the API would also accept tokens that are not bound.
	mux.Handle("GET /me", guard.With(middleware.SenderConstrained())(http.HandlerFunc(greet)))
	return mux, nil
}

func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}

// servers are the API and the token endpoint of the issuer.
type servers struct {
	issuer     *demo.Issuer
	api, token string // URLs
	close      func()
}

// start creates the certificates in dir, and starts the servers. They run until close is called.
func start(ctx context.Context, dir string) (*servers, error) {
	ca, err := newAuthority(dir)
	if err != nil {
		return nil, err
	}
	server, err := ca.issue(dir, "server")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"alice", "mallory"} {
		if _, err := ca.issue(dir, name); err != nil {
			return nil, err
		}
	}
	issuer, err := demo.StartIssuer(ctx)
	if err != nil {
		return nil, err
	}
	api, err := newAPI(issuer.URL())
	if err != nil {
		issuer.Close()
		return nil, err
	}
	// VerifyClientCertIfGiven lets requests without a certificate reach the Guard, which responds with a challenge. With
	// RequireAndVerifyClientCert they would fail in the handshake. To accept self-signed certificates, use RequestClientCert.
	cfg := &tls.Config{
		Certificates: []tls.Certificate{server},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    ca.pool(),
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
	apiURL, stopAPI, err := serveTLS(ctx, cfg, api)
	if err != nil {
		issuer.Close()
		return nil, err
	}
	tokenURL, stopToken, err := serveTLS(ctx, cfg, giveBoundToken(issuer))
	if err != nil {
		stopAPI()
		issuer.Close()
		return nil, err
	}
	return &servers{issuer, apiURL, tokenURL + "/token", func() {
		stopToken()
		stopAPI()
		issuer.Close()
	}}, nil
}

// serveTLS serves handler on a free port of 127.0.0.1.
func serveTLS(ctx context.Context, cfg *tls.Config, handler http.Handler) (url string, stop func(), err error) {
	var listener net.Listener
	if listener, err = demo.Listen(ctx, "127.0.0.1:0"); err != nil {
		return "", nil, err
	}
	return "https://" + listener.Addr().String(), demo.Start(ctx, tls.NewListener(listener, cfg), handler), nil
}

// giveBoundToken is the token endpoint. It binds each token to the certificate of the connection (RFC 8705 section 3).
func giveBoundToken(issuer *demo.Issuer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "no client certificate", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		token := issuer.Good().BoundToCertificate(r.TLS.PeerCertificates[0].Raw).Sign()
		_, _ = io.WriteString(w, token+"\n") //nolint:gosec // a signed token, sent as text
	})
}
