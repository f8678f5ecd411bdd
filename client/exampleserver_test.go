package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const exampleIssuer = "https://login.example.com"

// exampleServer is the server that the Examples call: the authorization server https://login.example.com, and the API
// https://api.example.com. Its only user is alice, who consents to everything. It runs in the process of the test.
type exampleServer struct {
	issuer *bearertest.Issuer

	mu      sync.Mutex // guards the fields below
	request url.Values // the last authorization request
	asked   int        // token requests for a device or CIBA; the first one is too early
}

func newExampleServer() *exampleServer {
	metadata := map[string]any{
		"authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true,
		"client_id_metadata_document_supported": true, "code_challenge_methods_supported": []string{"S256"},
	}
	for name, path := range map[string]string{
		"authorization_endpoint": "/authorize", "token_endpoint": "/token", "pushed_authorization_request_endpoint": "/par",
		"device_authorization_endpoint": "/device", "backchannel_authentication_endpoint": "/ciba",
		"registration_endpoint": "/register", "end_session_endpoint": "/logout",
	} {
		metadata[name] = exampleIssuer + path
	}
	return &exampleServer{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: exampleIssuer, Metadata: metadata})}
}

// client returns an HTTP client that reaches the server.
func (s *exampleServer) client() *http.Client { return &http.Client{Transport: s} }

// RoundTrip implements http.RoundTripper.
func (s *exampleServer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.serve(w, r)
	response := w.Result()
	response.Request = r
	return response, nil
}

func (s *exampleServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Host + r.URL.Path {
	case "login.example.com/token":
		s.token(w, r)
	case "login.example.com/par":
		_ = r.ParseForm()
		s.request = r.PostForm
		writeJSON(w, http.StatusCreated, `{"request_uri":"urn:ietf:params:oauth:request_uri:1","expires_in":60}`)
	case "login.example.com/device":
		writeJSON(w, http.StatusOK, `{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://login.example.com/go","expires_in":600,"interval":0.01}`)
	case "login.example.com/ciba":
		writeJSON(w, http.StatusOK, `{"auth_req_id":"1c266114","expires_in":600,"interval":0.01}`)
	case "login.example.com/register":
		s.register(w, r)
	case "api.example.com/orders":
		s.orders(w, r)
	case "api.example.com/mcp":
		s.files(w, r)
	case "api.example.com/.well-known/oauth-protected-resource/mcp":
		writeJSON(w, http.StatusOK, `{"resource":"https://api.example.com/mcp","authorization_servers":["https://login.example.com"]}`)
	case "idp.example.com/token":
		s.assertion(w, r)
	default: // the metadata and the keys
		s.issuer.ServeHTTP(w, r)
	}
}

// signIn plays the user and the browser: it opens the address, signs alice in, and returns the parameters with which the
// browser comes back to the redirect URI.
func (s *exampleServer) signIn(address string) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	if !u.Query().Has("request_uri") { // otherwise the request was pushed
		s.request = u.Query()
	}
	if s.request.Get("response_mode") != "jwt" {
		return url.Values{"code": {"c"}, "state": s.request["state"], "iss": {exampleIssuer}}
	}
	signed := s.issuer.Token("", map[string]any{
		"iss": exampleIssuer, "aud": s.request.Get("client_id"), "exp": time.Now().Add(time.Minute).Unix(),
		"code": "c", "state": s.request.Get("state"),
	})
	return url.Values{"response": {signed.Sign()}}
}

// token is the token endpoint. It verifies the PKCE verifier of a code.
func (s *exampleServer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	answer := map[string]any{"access_token": "a token", "token_type": "Bearer", "expires_in": 3600}
	if r.Header.Get("DPoP") != "" {
		answer["token_type"] = "DPoP"
	}
	switch grant := r.PostForm.Get("grant_type"); {
	case grant == "authorization_code":
		if client.S256(r.PostForm.Get("code_verifier")) != s.request.Get("code_challenge") {
			writeJSON(w, http.StatusBadRequest, `{"error":"invalid_grant"}`)
			return
		}
		id := s.issuer.IDToken().Set("aud", s.request.Get("client_id")).Set("azp", bearertest.Absent).Set("nonce", bearertest.Absent)
		if nonce := s.request.Get("nonce"); nonce != "" {
			id = id.Set("nonce", nonce)
		}
		if acr := s.request.Get("acr_values"); acr != "" {
			id = id.Set("acr", acr)
		}
		answer["id_token"] = id.Sign()
	case strings.HasSuffix(grant, ":token-exchange"):
		answer["issued_token_type"] = client.TokenTypeAccessToken
	case strings.HasSuffix(grant, ":device_code"), strings.HasSuffix(grant, ":ciba"):
		if s.asked++; s.asked == 1 {
			writeJSON(w, http.StatusBadRequest, `{"error":"authorization_pending"}`)
			return
		}
		if strings.HasSuffix(grant, ":ciba") {
			answer["id_token"] = s.issuer.IDToken().Set("aud", "app").Set("azp", bearertest.Absent).Set("nonce", bearertest.Absent).Sign()
		}
	}
	writeJSON(w, http.StatusOK, encode(answer))
}

// assertion is the token endpoint of an identity provider that issues identity assertions. They have no valid signature.
func (s *exampleServer) assertion(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	jag := unsigned(`{"alg":"ES256","typ":"oauth-id-jag+jwt"}`, encode(map[string]any{"aud": r.PostForm.Get("audience")}))
	writeJSON(w, http.StatusOK, encode(map[string]any{
		"access_token": jag, "issued_token_type": client.TokenTypeIDJAG, "token_type": "N_A", "expires_in": 300,
	}))
}

// register is the registration endpoint.
func (s *exampleServer) register(w http.ResponseWriter, r *http.Request) {
	registered := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&registered)
	registered["client_id"], registered["client_secret"], registered["client_secret_expires_at"] = "s6BhdRkqt3", "a secret", 0
	writeJSON(w, http.StatusCreated, encode(registered))
}

// orders is the API. It responds with what it reads from the proof of a DPoP request.
func (s *exampleServer) orders(w http.ResponseWriter, r *http.Request) {
	var proof struct {
		Method string `json:"htm"`
		URL    string `json:"htu"`
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme != "DPoP" || client.InsecureDecode(r.Header.Get("DPoP"), &proof) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(w, "two orders, for a proof of %s %s", proof.Method, proof.URL)
}

// files is an API that needs a token with the scope files:read, and for DELETE also files:delete.
func (s *exampleServer) files(w http.ResponseWriter, r *http.Request) {
	granted := s.request.Get("scope") // of the last sign-in
	switch {
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate",
			`Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp", scope="files:read"`)
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodDelete && !strings.Contains(granted, "files:delete"):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="files:read files:delete"`)
		w.WriteHeader(http.StatusForbidden)
	}
}

// logOut sends a logout token for alice's session to the handler of an application.
func (s *exampleServer) logOut(application http.Handler) (status int) {
	form := url.Values{"logout_token": {s.issuer.LogoutToken().Set("aud", "app").Set("sid", "session-7").Sign()}}
	body := strings.NewReader(form.Encode())
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "https://app.example.com/backchannel-logout", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	application.ServeHTTP(w, r)
	return w.Code
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
