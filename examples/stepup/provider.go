package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// The registration of the client at the provider.
const (
	clientID    = "banking"
	redirectURI = "http://127.0.0.1/callback"
)

// provider is an authorization server for this example. Its only user is alice, who signs in at once, with the factor that
// the request requires. Do not use it for anything else.
type provider struct {
	*bearertest.Issuer

	stop func()

	mu     sync.Mutex          // guards all other fields
	codes  map[string]signedIn // by code
	latest signedIn            // the session of the user
}

// signedIn is a sign-in of the user.
type signedIn struct {
	acr     string
	at      time.Time
	request url.Values // the authorization request
}

// startProvider starts the provider on a free port. It runs until ctx ends or stop is called.
func startProvider(ctx context.Context) (*provider, error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	issuer := "http://" + listener.Addr().String()
	p := &provider{codes: make(map[string]signedIn), Issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: issuer, Audience: demo.Audience, Algorithms: []string{"ES256"},
		Metadata: map[string]any{
			"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"acr_values_supported":                           []string{password, secondFactor}, // RFC 9470 section 7
			"authorization_response_iss_parameter_supported": true,
		},
	})}
	mux := http.NewServeMux()
	mux.Handle("/", p.Issuer) // the metadata and the keys
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.stop = demo.Start(ctx, listener, mux)
	return p, nil
}

// authorize is the authorization endpoint. The session of the user suffices unless the request requires more.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	if request.Get("client_id") != clientID || request.Get("redirect_uri") != redirectURI {
		http.Error(w, "unknown client or redirect URI", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	acr := p.latest.acr
	if values := strings.Fields(request.Get("acr_values")); len(values) > 0 {
		acr = values[0] // the preferred one
	}
	age, err := time.ParseDuration(request.Get("max_age") + "s")
	tooOld := err == nil && time.Since(p.latest.at) > age
	if acr != p.latest.acr || tooOld || acr == "" {
		p.latest = signedIn{acr: acr, at: time.Now()}
		if acr == "" {
			p.latest.acr = password
		}
	}
	code := rand.Text()
	p.codes[code] = signedIn{p.latest.acr, p.latest.at, request}
	back := url.Values{"code": {code}, "state": {request.Get("state")}, "iss": {p.URL()}}
	http.Redirect(w, r, redirectURI+"?"+back.Encode(), http.StatusFound)
}

// token is the token endpoint. Both tokens say how and when the user signed in.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "invalid form", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	user, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code")) // a code works once
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ok || client.S256(r.PostForm.Get("code_verifier")) != user.request.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	about := func(t *bearertest.Token) *bearertest.Token {
		return t.Set("acr", user.acr).Set("auth_time", user.at.Unix())
	}
	access := about(p.AccessToken()).Set("client_id", clientID).Set("scope", "account")
	id := about(p.IDToken()).Set("aud", clientID).Set("azp", bearertest.Absent).Set("nonce", user.request.Get("nonce"))
	_ = json.NewEncoder(w).Encode(map[string]any{ // an error means that the client is gone
		"access_token": access.Sign(), "id_token": id.Sign(), "token_type": "Bearer", "expires_in": 300,
	})
}
