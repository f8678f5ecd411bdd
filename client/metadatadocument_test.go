package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

const documentURL = "https://app.test/oauth/client.json"

func documented() client.ClientMetadata {
	return client.ClientMetadata{ClientName: "App", RedirectURIs: []string{"http://127.0.0.1/callback"}}
}

func TestNewClientMetadataHandler(t *testing.T) {
	t.Parallel()
	m := documented()
	m.GrantTypes, m.Extra = []string{"authorization_code", "refresh_token"}, map[string]any{"client_name#de": "Anwendung"}
	handler, err := client.NewClientMetadataHandler(documentURL, m)
	if err != nil {
		t.Fatal(err)
	}
	m.RedirectURIs[0], m.Extra["client_name#de"] = "https://evil.test", "x" // the document does not change

	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.test/elsewhere", nil)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"client_id": documentURL, "client_name": "App", "client_name#de": "Anwendung", "redirect_uris": []any{"http://127.0.0.1/callback"},
		"grant_types": []any{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
	etag, body := w.Header().Get("ETag"), w.Body.String()
	for name, test := range map[string]struct {
		method, match string
		status        int
		body          string
	}{
		"HEAD":             {http.MethodHead, "", http.StatusOK, ""},
		"cached":           {http.MethodGet, etag, http.StatusNotModified, ""},
		"cached, weak":     {http.MethodGet, "W/" + etag, http.StatusNotModified, ""},
		"another document": {http.MethodGet, `"x"`, http.StatusOK, body},
		"POST":             {http.MethodPost, "", http.StatusMethodNotAllowed, "Method Not Allowed\n"},
		"OPTIONS":          {http.MethodOptions, "", http.StatusMethodNotAllowed, "Method Not Allowed\n"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, documentURL, nil)
		r.Header.Set("If-None-Match", test.match)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("%s: status %d, body %q", name, w.Code, w.Body)
		}
	}
}

func TestNewClientMetadataHandler_Faults(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "client", "http://app.test/client.json", "http://localhost/client.json", "https://app.test", "https://app.test/", "https://app.test/a/",
		"https://app.test/client.json?x", "https://app.test/client.json?", "https://app.test/client.json#x", "https://app.test/client.json#",
		"https://u:p@app.test/client.json", "https://app.test/../client.json", "https://app.test/./client.json", "https://app.test/a/%2e%2E/client.json",
		"https://APP.test/client.json", "https://app.test:443/client.json", "https://app.test/client json", "HTTPS://app.test/client.json", "//app.test/c",
	} {
		if h, err := client.NewClientMetadataHandler(id, documented()); err == nil || h != nil {
			t.Errorf("client id %q is accepted", id)
		}
		if _, err := client.New(client.Config{Issuer: issuerURL, ClientID: id, ClientMetadataDocument: true}); err == nil {
			t.Errorf("Config.ClientID %q is accepted", id)
		}
	}
	const public, private = `{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y","d":"d"}]}`
	for name, test := range map[string]struct {
		change func(*client.ClientMetadata)
		ok     bool
	}{
		"unchanged":      {func(*client.ClientMetadata) {}, true},
		"https redirect": {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"https://app.test/cb"} }, true},
		"localhost redirect": {func(m *client.ClientMetadata) {
			m.RedirectURIs = []string{"http://localhost:3000/cb", "http://[::1]/cb"}
		}, true},
		"native redirect": {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"com.example.app:/cb", "cursor://x/cb"} }, true},
		"private_key_jwt": {func(m *client.ClientMetadata) {
			m.TokenEndpointAuthMethod, m.JWKS = client.AuthPrivateKeyJWT, json.RawMessage(public)
		}, true},
		"private_key_jwt, URI": {func(m *client.ClientMetadata) {
			m.TokenEndpointAuthMethod, m.JWKSURI = client.AuthPrivateKeyJWT, "https://app.test/keys"
		}, true},

		"no name":            {func(m *client.ClientMetadata) { m.ClientName = "" }, false},
		"no redirect":        {func(m *client.ClientMetadata) { m.RedirectURIs = nil }, false},
		"http redirect":      {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"http://app.test/cb"} }, false},
		"relative redirect":  {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"/cb"} }, false},
		"redirect, fragment": {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"https://app.test/cb#"} }, false},
		"redirect, user":     {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"https://u@app.test/cb"} }, false},
		"redirect, script":   {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"JavaScript:alert(1)"} }, false},
		"redirect, data":     {func(m *client.ClientMetadata) { m.RedirectURIs = []string{"https://app.test/cb", "data:,x"} }, false},
		"redirect, empty":    {func(m *client.ClientMetadata) { m.RedirectURIs = []string{""} }, false},
		"secret_basic":       {func(m *client.ClientMetadata) { m.TokenEndpointAuthMethod = client.AuthBasic }, false},
		"secret_post":        {func(m *client.ClientMetadata) { m.TokenEndpointAuthMethod = client.AuthPost }, false},
		"secret_jwt":         {func(m *client.ClientMetadata) { m.TokenEndpointAuthMethod = client.AuthSecretJWT }, false},
		"secret_basic in Extra": {func(m *client.ClientMetadata) {
			m.Extra = map[string]any{"token_endpoint_auth_method": "client_secret_basic"}
		}, false},
		"unknown method": {func(m *client.ClientMetadata) { m.TokenEndpointAuthMethod = "x" }, false},
		"private_key_jwt, no key": {func(m *client.ClientMetadata) {
			m.TokenEndpointAuthMethod = client.AuthPrivateKeyJWT
		}, false},
		"private key": {func(m *client.ClientMetadata) { m.JWKS = json.RawMessage(private) }, false},
		"private key, RSA": {func(m *client.ClientMetadata) {
			m.JWKS = json.RawMessage(`{"keys":[{"kty":"RSA","n":"n","e":"e","p":"p"}]}`)
		}, false},
		"private key, AKP": {func(m *client.ClientMetadata) {
			m.JWKS = json.RawMessage(`{"keys":[{"kty":"AKP","pub":"x","priv":"p"}]}`)
		}, false},
		"private key, hidden": {func(m *client.ClientMetadata) {
			m.JWKS = json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y","d":"d"}],"keys":[{"kty":"EC","x":"x"}]}`)
		}, false},
		"symmetric key":     {func(m *client.ClientMetadata) { m.JWKS = json.RawMessage(`{"keys":[{"kty":"oct","k":"k"}]}`) }, false},
		"key without type":  {func(m *client.ClientMetadata) { m.JWKS = json.RawMessage(`{"keys":[{}]}`) }, false},
		"no key set":        {func(m *client.ClientMetadata) { m.JWKS = json.RawMessage(`[]`) }, false},
		"private, in Extra": {func(m *client.ClientMetadata) { m.Extra = map[string]any{"jwks": json.RawMessage(private)} }, false},
		"key URI":           {func(m *client.ClientMetadata) { m.JWKSURI = "http://app.test/keys" }, false},
		"secret":            {func(m *client.ClientMetadata) { m.Extra = map[string]any{"client_secret": "s"} }, false},
		"secret expiry":     {func(m *client.ClientMetadata) { m.Extra = map[string]any{"client_secret_expires_at": 0} }, false},
		"access token":      {func(m *client.ClientMetadata) { m.Extra = map[string]any{"registration_access_token": "t"} }, false},
		"another id":        {func(m *client.ClientMetadata) { m.Extra = map[string]any{"client_id": "x"} }, false},
		"too long":          {func(m *client.ClientMetadata) { m.ClientURI = "https://app.test/" + strings.Repeat("x", 5<<10) }, false},
		"wrong type":        {func(m *client.ClientMetadata) { m.Extra = map[string]any{"jwks_uri": 1} }, false},
		"not JSON":          {func(m *client.ClientMetadata) { m.Extra = map[string]any{"x": make(chan int)} }, false},
	} {
		m := documented()
		test.change(&m)
		if _, err := client.NewClientMetadataHandler(documentURL, m); (err == nil) != test.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
	_, err := client.NewClientMetadataHandler("x", client.ClientMetadata{Extra: map[string]any{"client_secret": "hunter2"}})
	for _, field := range []string{"client id", "client_secret", "ClientName", "RedirectURIs"} {
		if err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v does not name %s, or has the secret", err, field)
		}
	}
}

// A client with a document uses it only at servers that fetch it, and authenticates without a secret.
func TestConfig_ClientMetadataDocument(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for name, test := range map[string]struct {
		change func(*client.Config)
		ok     bool
	}{
		"public":         {func(*client.Config) {}, true},
		"key":            {func(cfg *client.Config) { cfg.Key = key }, true},
		"AuthNone":       {func(cfg *client.Config) { cfg.AuthMethod = client.AuthNone }, true},
		"secret":         {func(cfg *client.Config) { cfg.ClientSecret = longSecret }, false},
		"secret, none":   {func(cfg *client.Config) { cfg.ClientSecret, cfg.AuthMethod = longSecret, client.AuthNone }, false},
		"AuthSecretJWT":  {func(cfg *client.Config) { cfg.ClientSecret, cfg.AuthMethod = longSecret, client.AuthSecretJWT }, false},
		"only AuthBasic": {func(cfg *client.Config) { cfg.AuthMethod = client.AuthBasic }, false},
		"not a URL":      {func(cfg *client.Config) { cfg.ClientID = "app" }, false},
	} {
		cfg := client.Config{Issuer: issuerURL, ClientID: documentURL, ClientMetadataDocument: true}
		test.change(&cfg)
		if _, err := client.New(cfg); (err == nil) != test.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for members, want := range map[string]error{
		`"client_id_metadata_document_supported":true`:   nil,
		`"client_id_metadata_document_supported":false`:  client.ErrUnsupported,
		`"client_id_metadata_document_supported":"true"`: client.ErrBadResponse,
		`"x":true`: client.ErrUnsupported,
	} {
		m := metadataWith(t, `,"authorization_endpoint":"`+issuerURL+`/auth","token_endpoint":"`+issuerURL+`/token",`+members)
		s := says(200, good)
		c, err := client.New(client.Config{
			Issuer: issuerURL, ClientID: documentURL, ClientMetadataDocument: true, RedirectURI: "http://127.0.0.1/callback",
			Metadata: m, HTTPClient: &http.Client{Transport: s},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{}); !errors.Is(err, want) {
			t.Errorf("%s: sign-in: %v", members, err)
		}
		if _, err := c.ClientCredentials(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: token request: %v", members, err)
		}
		if sent := len(s.requests) > 0; sent != (want == nil) || sent && s.lastForm().Get("client_id") != documentURL {
			t.Errorf("%s: sent %v", members, s.requests)
		}
	}
	// Without metadata, nothing is known about the server.
	s := says(200, good)
	c, err := client.New(client.Config{
		Issuer: issuerURL, ClientID: documentURL, ClientMetadataDocument: true, HTTPClient: &http.Client{Transport: s},
		Endpoints: map[string]string{"token_endpoint": issuerURL + "/token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ClientCredentials(t.Context()); err != nil || len(s.requests) != 1 {
		t.Error(err, s.requests)
	}
}
