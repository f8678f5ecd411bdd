package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// Audience is the audience of the tokens of an [Issuer].
const Audience = "https://api.example.com"

// Issuer is an authorization server on loopback that issues a token to every caller:
//
//	GET  /token/{kind}   returns a token: good, short, wrong-audience, expired, no-scope or admin
//	POST /rotate         signs with a new key from now on, and still publishes the one before it, but no older ones
type Issuer struct {
	*bearertest.Issuer

	stop func()
}

// StartIssuer starts an issuer on a free port, with registered clients or without. It runs until ctx ends or Close is called.
func StartIssuer(ctx context.Context, clients ...bearertest.Client) (*Issuer, error) {
	listener, err := listen(ctx, freeAddr)
	if err != nil {
		return nil, err
	}
	issuer := &Issuer{Issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
		URL:        "http://" + listener.Addr().String(),
		Audience:   Audience,
		Algorithms: []string{"ES256"}, // for short tokens
		Clients:    clients,
	})}
	mux := http.NewServeMux()
	mux.Handle("/", issuer.Issuer)
	mux.HandleFunc("GET /token/{kind}", issuer.giveToken)
	mux.HandleFunc("POST /rotate", issuer.rotate)
	issuer.stop = Start(ctx, listener, mux)
	return issuer, nil
}

// Close stops the issuer. After it returns, connections to its URL fail.
func (i *Issuer) Close() { i.stop() }

// Good returns a token that is valid for one hour and has the scope orders:read.
func (i *Issuer) Good() *bearertest.Token {
	return i.AccessToken().Set("scope", "orders:read").Set("exp", time.Now().Add(time.Hour).Unix())
}

// Short returns a token that expires in 15 seconds.
func (i *Issuer) Short() *bearertest.Token {
	return i.Good().Set("exp", time.Now().Add(15*time.Second).Unix())
}

// WrongAudience returns a token for another API.
func (i *Issuer) WrongAudience() *bearertest.Token {
	return i.Good().Set("aud", "https://other.example.com")
}

// Expired returns a token that expired one minute ago.
func (i *Issuer) Expired() *bearertest.Token {
	return i.Good().Set("exp", time.Now().Add(-time.Minute).Unix())
}

// NoScope returns a token without a scope.
func (i *Issuer) NoScope() *bearertest.Token { return i.Good().Set("scope", bearertest.Absent) }

// Admin returns a token with the role admin.
func (i *Issuer) Admin() *bearertest.Token { return i.Good().Set("roles", []string{"admin"}) }

// giveToken writes a signed token of the kind in the path.
func (i *Issuer) giveToken(w http.ResponseWriter, r *http.Request) {
	kinds := map[string]func() *bearertest.Token{
		"good": i.Good, "short": i.Short, "wrong-audience": i.WrongAudience, "expired": i.Expired, "no-scope": i.NoScope,
		"admin": i.Admin,
	}
	token, ok := kinds[r.PathValue("kind")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, token().Sign())
}

// rotate replaces the signing key, and writes which keys are published now.
func (i *Issuer) rotate(w http.ResponseWriter, _ *http.Request) {
	before, _ := i.Key("ES256")
	i.Retire()
	i.Rotate()
	now, _ := i.Key("ES256")
	fmt.Fprintf(w, "signing key: %s; also published: %s; older keys: withdrawn\n", now, before)
}
