package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// world is an API at https://api.test/mcp and its authorization servers, https://as1.test and https://as2.test. What a server
// issues begins with its name, so that a test can see if it arrives elsewhere. It is safe for concurrent use.
type world struct {
	t *testing.T

	mu        sync.Mutex // guards the fields below
	servers   []string   // that the metadata of the API lists
	scopes    []string   // scopes_supported of the metadata of the API
	challenge string     // the scopes in a challenge with status 401; empty: none
	metadata  map[string]any
	tokens    map[string]token // that the API accepts
	deaf      bool             // the API rejects every token
	silent    bool             // the API sends no challenges
	lifetime  int              // of a token, in seconds
	noRefresh bool             // no refresh tokens are issued
	narrow    []string         // the scopes that are granted; nil: all that are requested
	fail      map[string]int   // the status of the next responses, by host and path
	unknown   bool             // the servers do not know their clients any more, until one registers
	signInErr error
	iss       string // the iss of the next callback; empty: the right one

	registered []map[string]any // what clients registered

	log     []string // what was requested: "api none", "api as1-t1", "as1 register", …
	signIns []url.Values
	count   int
}

type token struct{ scopes []string }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, servers: []string{"https://as1.test"}, scopes: []string{"read"}, tokens: make(map[string]token), lifetime: 3600,
		metadata: make(map[string]any), fail: make(map[string]int),
	}
}

// RoundTrip implements http.RoundTripper.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	response := httptest.NewRecorder()
	name := strings.TrimSuffix(r.URL.Host, ".test")
	switch status := w.fail[r.URL.Host+r.URL.Path]; {
	case status != 0:
		response.WriteHeader(status)
	case name == "api":
		w.api(response, r)
	default:
		w.isolated(name, r, string(body))
		w.server(response, name, r, string(body))
	}
	resp := response.Result()
	resp.Request = r
	return resp, nil
}

// isolated checks that a server receives nothing that another server has issued.
func (w *world) isolated(name string, r *http.Request, body string) {
	sent := fmt.Sprint(r.URL, r.Header, body)
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic "); ok {
		sent += decodeBasic(secret)
	}
	for _, other := range []string{"as1", "as2"} {
		if other != name && strings.Contains(sent, other+"-") {
			w.t.Errorf("%s received a credential of %s: %s", name, other, sent)
		}
	}
}

func decodeBasic(secret string) string {
	r := http.Request{Header: http.Header{"Authorization": {"Basic " + secret}}}
	user, password, _ := r.BasicAuth()
	return user + " " + password
}

// api is the API, and its metadata.
func (w *world) api(response http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/oauth-protected-resource/mcp":
		w.write(response, 200, map[string]any{
			"resource": "https://api.test/mcp", "authorization_servers": w.servers, "scopes_supported": w.scopes,
		})
		return
	case "/moved":
		http.Redirect(response, r, "https://as2.test/files", http.StatusFound)
		return
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.log = append(w.log, "api "+given)
	known, ok := w.tokens[given]
	if !ok || w.deaf {
		challenge := `Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource/mcp"`
		if w.challenge != "" {
			challenge += `, scope="` + w.challenge + `"`
		}
		if given != "" {
			challenge += `, error="invalid_token"`
		}
		if !w.silent {
			response.Header().Set("WWW-Authenticate", challenge)
		}
		response.WriteHeader(http.StatusUnauthorized)
		return
	}
	if needed := r.URL.Query().Get("needs"); needed != "" && !slices.Contains(known.scopes, needed) {
		response.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+needed+`"`)
		response.WriteHeader(http.StatusForbidden)
	}
}

// server is an authorization server.
func (w *world) server(response http.ResponseWriter, name string, r *http.Request, body string) {
	form, _ := url.ParseQuery(body)
	issuer := "https://" + name + ".test"
	w.count++
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		m := map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"registration_endpoint": issuer + "/register", "code_challenge_methods_supported": []string{"S256"},
			"response_types_supported": []string{"code"}, "authorization_response_iss_parameter_supported": true,
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		}
		for key, value := range w.metadata {
			m[key] = value
			if value == nil {
				delete(m, key)
			}
		}
		w.write(response, 200, m)
	case "/register":
		w.log, w.unknown = append(w.log, name+" register"), false
		var m map[string]any
		_ = json.Unmarshal([]byte(body), &m)
		w.registered = append(w.registered, maps.Clone(m))
		m["client_id"], m["client_secret"] = fmt.Sprintf("%s-client%d", name, w.count), name+"-secret"
		w.write(response, 201, m)
	case "/token":
		w.log = append(w.log, name+" "+form.Get("grant_type"))
		switch {
		case w.unknown:
			w.write(response, 401, map[string]any{"error": "invalid_client"})
		case form.Get("grant_type") == "refresh_token" && w.noRefresh:
			w.write(response, 400, map[string]any{"error": "invalid_grant"})
		default:
			w.write(response, 200, w.issue(name, form))
		}
	default:
		response.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="everything"`)
		response.WriteHeader(http.StatusForbidden)
	}
}

// issue returns a token response.
func (w *world) issue(name string, form url.Values) map[string]any {
	scopes := strings.Fields(form.Get("scope"))
	if code := form.Get("code"); code != "" {
		scopes = strings.Split(strings.TrimPrefix(code, name+"-code:"), ",")
	}
	if old, ok := strings.CutPrefix(form.Get("refresh_token"), name+"-r:"); ok {
		scopes = strings.Split(old, ",")
	}
	if w.narrow != nil {
		scopes = w.narrow
	}
	if form.Get("resource") != "https://api.test/mcp" {
		w.t.Errorf("resource is %q", form["resource"])
	}
	issued := fmt.Sprintf("%s-t%d", name, w.count)
	w.tokens[issued] = token{scopes}
	answer := map[string]any{"access_token": issued, "token_type": "Bearer", "expires_in": w.lifetime, "scope": strings.Join(scopes, " ")}
	if !w.noRefresh {
		answer["refresh_token"] = name + "-r:" + strings.Join(scopes, ",")
	}
	return answer
}

func (w *world) write(response http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Error(err)
	}
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	_, _ = response.Write(text)
}

// browse is the browser of a user who agrees to everything after a second.
func (w *world) browse(_ context.Context, address string) (string, error) {
	time.Sleep(time.Second)
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	name := strings.TrimSuffix(u.Host, ".test")
	w.mu.Lock()
	defer w.mu.Unlock()
	query := u.Query()
	w.signIns = append(w.signIns, query)
	w.log = append(w.log, name+" sign-in")
	if w.signInErr != nil {
		return "", w.signInErr
	}
	iss := "https://" + u.Host
	if w.iss != "" {
		iss = w.iss
	}
	scopes := strings.ReplaceAll(query.Get("scope"), " ", ",")
	return query.Get("redirect_uri") + "?" + url.Values{
		"code": {name + "-code:" + scopes}, "state": {query.Get("state")}, "iss": {iss},
	}.Encode(), nil
}

const callbackURI = "http://127.0.0.1/callback"

// config returns settings for a program that registers itself.
func (w *world) config() client.ResourceTransportConfig {
	through := &http.Client{Transport: w}
	return client.ResourceTransportConfig{
		Resource: "https://api.test/mcp", Base: w, SignIn: client.BrowserSignIn(w.browse),
		Discovery: client.ResourceDiscovery{HTTPClient: through},
		Registration: &client.DynamicRegistration{
			Metadata: client.ClientMetadata{ClientName: "test", RedirectURIs: []string{callbackURI}},
			Config:   client.Config{HTTPClient: through},
		},
	}
}

func (w *world) transport(change func(*client.ResourceTransportConfig)) *client.ResourceTransport {
	w.t.Helper()
	cfg := w.config()
	if change != nil {
		change(&cfg)
	}
	transport, err := client.NewResourceTransport(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return transport
}

// get sends a request to the API and returns the status.
func (w *world) get(transport http.RoundTripper, query string) (int, error) {
	return w.do(transport, "https://api.test/mcp"+query, strings.NewReader("body"))
}

func (w *world) do(transport http.RoundTripper, address string, body io.Reader) (int, error) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, address, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return statusFrom(transport, r)
}

// took returns what was requested since the last call, without the number of each token and client.
func (w *world) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	for i, entry := range log {
		if before, _, ok := strings.Cut(entry, "-t"); ok {
			log[i] = before
		}
	}
	return log
}
