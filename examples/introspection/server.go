package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	tokenPrefix = "opaque_"
	tokenLife   = 10 * time.Minute
	maxTokens   = 10_000
)

// server is an authorization server that issues opaque tokens. It is for this example only: it gives a token to everyone.
type server struct {
	*http.ServeMux

	issuer, apiSecret string

	mu             sync.Mutex         // guards the fields below
	tokens         map[string]granted // that are not revoked
	introspections int
}

// granted is what the holder of a token may do.
type granted struct {
	scope  string
	expiry time.Time
}

// newServer returns a server with a new secret for the API.
func newServer(issuer string) *server {
	s := &server{ServeMux: http.NewServeMux(), issuer: issuer, apiSecret: rand.Text(), tokens: make(map[string]granted)}
	s.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	s.HandleFunc("POST /token", s.token)
	s.HandleFunc("POST /revoke", s.revoke)
	s.HandleFunc("POST /introspect", s.introspect)
	return s
}

// metadata is the document of RFC 8414.
func (s *server) metadata(w http.ResponseWriter, _ *http.Request) {
	respond(w, map[string]any{
		"issuer": s.issuer, "token_endpoint": s.issuer + "/token", "introspection_endpoint": s.issuer + "/introspect",
		"introspection_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		"response_types_supported":                      []string{"code"},
	})
}

// token responds with a new token as plain text, which is convenient for curl.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) >= maxTokens {
		http.Error(w, "there are too many tokens", http.StatusServiceUnavailable)
		return
	}
	raw := tokenPrefix + rand.Text()
	s.tokens[raw] = granted{r.PostFormValue("scope"), time.Now().Add(tokenLife)}
	fmt.Fprint(w, raw)
}

// revoke ends a token.
func (s *server) revoke(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, r.PostFormValue("token"))
}

// introspect describes a token to the API (RFC 7662 section 2.2).
func (s *server) introspect(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != apiID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.apiSecret)) != 1 {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.introspections++
	token, ok := s.tokens[r.PostFormValue("token")]
	if !ok || time.Now().After(token.expiry) {
		respond(w, map[string]any{"active": false})
		return
	}
	respond(w, map[string]any{
		"active": true, "iss": s.issuer, "aud": audience, "sub": "alice", "client_id": "curl", "token_type": "Bearer",
		"scope": token.scope, "exp": token.expiry.Unix(),
	})
}

// respond writes a JSON document.
func respond(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // the client may have left
}
