package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// provider is an authorization server for this example. Its only user is alice, who is always signed in and consents to every
// request. Do not use it for anything else.
type provider struct {
	*bearertest.Issuer

	stop     func()
	resource string // of the MCP server

	mu      sync.Mutex            // guards all other fields
	clients map[string][]string   // the redirect URIs of registered clients, by client id
	codes   map[string]url.Values // the authorization requests, by code
}

// limit is the largest number of clients, and of codes that are not used yet.
const limit = 1000

// startProvider starts the provider on a free port. It runs until ctx ends or stop is called. resource is the URL of the MCP
// server: the provider issues tokens for no other.
func startProvider(ctx context.Context, resource string) (*provider, error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	issuer := "http://" + listener.Addr().String()
	p := &provider{
		resource: resource, clients: make(map[string][]string), codes: make(map[string]url.Values),
		Issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuer, Audience: resource, Algorithms: []string{"ES256"}, Metadata: map[string]any{
				"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
				"registration_endpoint":                          issuer + "/register",
				"scopes_supported":                               []string{readScope, adminScope},
				"response_types_supported":                       []string{"code"},
				"grant_types_supported":                          []string{"authorization_code"},
				"code_challenge_methods_supported":               []string{"S256"},
				"token_endpoint_auth_methods_supported":          []string{"none"},
				"authorization_response_iss_parameter_supported": true, // RFC 9207
				"client_id_metadata_document_supported":          true,
			},
		}),
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.Issuer) // the metadata and the keys
	mux.HandleFunc("POST /register", p.register)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.stop = demo.Start(ctx, listener, mux)
	return p, nil
}

// register is the registration endpoint (RFC 7591). All clients are public: they have no secret.
func (p *provider) register(w http.ResponseWriter, r *http.Request) {
	metadata := make(map[string]any)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	uris, ok := redirectURIs(body)
	if err != nil || !ok || json.Unmarshal(body, &metadata) != nil {
		respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_redirect_uri"})
		return
	}
	id := rand.Text()
	p.mu.Lock()
	full := len(p.clients) >= limit
	if !full {
		p.clients[id] = uris
	}
	p.mu.Unlock()
	if full {
		respond(w, http.StatusTooManyRequests, map[string]any{"error": "temporarily_unavailable"})
		return
	}
	metadata["client_id"], metadata["token_endpoint_auth_method"] = id, "none"
	respond(w, http.StatusCreated, metadata)
}

// redirectURIs returns the redirect URIs of client metadata. ok is false if there is none, or if one is neither an https URL
// nor on loopback.
func redirectURIs(metadata []byte) (uris []string, ok bool) {
	var document struct {
		RedirectURIs []string `json:"redirect_uris"`
	}
	if json.Unmarshal(metadata, &document) != nil {
		return nil, false
	}
	for _, uri := range document.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Fragment != "" || !isSafe(u) {
			return nil, false
		}
	}
	return document.RedirectURIs, len(document.RedirectURIs) > 0
}

// isSafe reports whether u is an https URL, or an http URL on loopback.
func isSafe(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" ||
		u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()))
}

// redirectsOf returns the redirect URIs of a client. A client id that is a URL is the address of the client's metadata (Client
// ID Metadata Documents).
func (p *provider) redirectsOf(ctx context.Context, id string) []string {
	p.mu.Lock()
	uris := p.clients[id]
	p.mu.Unlock()
	u, err := url.Parse(id)
	if uris != nil || err != nil || !isSafe(u) {
		return uris
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil) //nolint:gosec // the address is the client id; isSafe has checked it
	if err != nil {
		return nil
	}
	response, err := new(http.Transport).RoundTrip(r) // does not follow redirects
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	var document struct {
		ClientID string `json:"client_id"`
	}
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(body, &document) != nil || document.ClientID != id {
		return nil
	}
	uris, _ = redirectURIs(body)
	return uris
}

// authorize is the authorization endpoint.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	uri := request.Get("redirect_uri")
	if !slices.Contains(p.redirectsOf(r.Context(), request.Get("client_id")), uri) {
		http.Error(w, "unknown client or redirect URI", http.StatusBadRequest) // never redirect to it
		return
	}
	back := url.Values{"state": {request.Get("state")}, "iss": {p.URL()}}
	if fault := p.fault(request); fault != "" {
		back.Set("error", fault)
	} else {
		back.Set("code", p.code(request))
	}
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	http.Redirect(w, r, uri+separator+back.Encode(), http.StatusFound) //nolint:gosec // the client has registered uri
}

// fault returns the error code of an authorization request, or "".
func (p *provider) fault(request url.Values) string {
	switch {
	case request.Get("response_type") != "code":
		return "unsupported_response_type"
	case request.Get("code_challenge_method") != "S256" || request.Get("code_challenge") == "":
		return "invalid_request" // PKCE is required
	case !slices.Equal(request["resource"], []string{p.resource}):
		return "invalid_target" // RFC 8707 section 2
	case granted(request) == "":
		return "invalid_scope"
	}
	return ""
}

// granted returns the requested scopes that exist.
func granted(request url.Values) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(request.Get("scope")), func(scope string) bool {
		return scope != readScope && scope != adminScope
	}), " ")
}

// code stores an authorization request and returns its code.
func (p *provider) code(request url.Values) string {
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.codes) >= limit {
		clear(p.codes)
	}
	p.codes[code] = request
	return code
}

// token is the token endpoint.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	p.mu.Lock()
	request, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code")) // a code works once
	p.mu.Unlock()
	form := r.PostForm
	switch {
	case form.Get("grant_type") != "authorization_code":
		respond(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
	case !ok, client.S256(form.Get("code_verifier")) != request.Get("code_challenge"),
		form.Get("client_id") != request.Get("client_id"), form.Get("redirect_uri") != request.Get("redirect_uri"):
		respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	case !slices.Equal(form["resource"], request["resource"]):
		respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_target"})
	default:
		scopes := granted(request)
		token := p.AccessToken().Set("client_id", request.Get("client_id")).Set("scope", scopes)
		respond(w, http.StatusOK, map[string]any{
			"access_token": token.Sign(), "token_type": "Bearer", "expires_in": 300, "scope": scopes,
		})
	}
}

// respond writes a JSON object.
func respond(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members) // an error means that the client is gone
}
