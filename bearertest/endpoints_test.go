package bearertest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

const (
	verifier = "a-code-verifier-that-has-at-least-43-characters"
	callback = "https://shop.test/callback"
)

// party sends requests to the endpoints of an issuer, as a client that shares no code with the kit.
type party struct {
	*testing.T

	issuer *bearertest.Issuer
	auth   [2]string // the id and the secret for HTTP Basic
	header http.Header
}

// newParty returns a party for an issuer with a confidential client, a public one, an API, and the changes of a test.
func newParty(t *testing.T, change func(*bearertest.IssuerConfig)) *party {
	t.Helper()
	cfg := bearertest.IssuerConfig{
		Algorithms: []string{"ES256"},
		Clients: []bearertest.Client{
			{
				ID: "shop", Secret: "s%cret:+", RedirectURIs: []string{callback, "https://shop.test/other?a=b"},
				PostLogoutRedirectURIs: []string{"https://shop.test/bye"},
			},
			{ID: "cli", RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/cb", "http://localhost:80/cb", "app.test:/cb"}},
			{ID: "api", Secret: "of the api", GrantTypes: []string{"client_credentials"}, Scopes: []string{"read"}},
		},
	}
	if change != nil {
		change(&cfg)
	}
	return &party{T: t, issuer: bearertest.NewIssuer(cfg), auth: [2]string{"shop", "s%cret:+"}, header: make(http.Header)}
}

// as returns a party that authenticates as another client. Without a secret, the client is public.
func (p *party) as(id, secret string) *party {
	return &party{T: p.T, issuer: p.issuer, auth: [2]string{id, secret}, header: p.header.Clone()}
}

// with returns a party that sends a further header field.
func (p *party) with(name, value string) *party {
	other := p.as(p.auth[0], p.auth[1])
	other.header.Add(name, value)
	return other
}

// send sends a request and returns the status, the header, and the body.
func (p *party) send(method, address, body string) (int, http.Header, string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, address, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	maps.Copy(r.Header, p.header)
	if method == http.MethodPost && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := p.issuer.Client().Transport.RoundTrip(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// post posts a form with the authentication of the client, and returns the status and the members of the response. The form is
// name, value, name, value, and so on.
func (p *party) post(path string, form ...string) (int, map[string]any) {
	p.Helper()
	values := pairs(form...)
	client := p
	if p.auth[1] == "" {
		values.Set("client_id", p.auth[0])
	} else {
		basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(p.auth[0]) + ":" + url.QueryEscape(p.auth[1])))
		client = p.with("Authorization", "Basic "+basic)
	}
	status, _, text := client.send(http.MethodPost, p.issuer.URL()+path, values.Encode())
	members := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			p.Fatalf("%s: %d %s", path, status, text)
		}
	}
	return status, members
}

func pairs(list ...string) url.Values {
	values := make(url.Values)
	for n := 0; n+1 < len(list); n += 2 {
		values.Add(list[n], list[n+1])
	}
	return values
}

// request returns an authorization request with the given changes: a later value replaces the default, and an empty one
// removes the parameter.
func (p *party) request(changes ...string) url.Values {
	hash := sha256.Sum256([]byte(verifier))
	values := url.Values{
		"response_type": {"code"}, "client_id": {p.auth[0]}, "redirect_uri": {callback}, "scope": {"openid orders:read"}, "state": {"a state"},
		"nonce": {"a nonce"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])},
	}
	for name, list := range pairs(changes...) {
		values[name] = list
		if list[0] == "" {
			values.Del(name)
		}
	}
	return values
}

// authorize sends an authorization request, and returns the parameters of the response.
func (p *party) authorize(changes ...string) url.Values {
	p.Helper()
	values := p.request(changes...)
	status, header, text := p.send(http.MethodGet, p.issuer.URL()+"/authorize?"+values.Encode(), "")
	location, err := url.Parse(header.Get("Location"))
	if err != nil || status != http.StatusSeeOther {
		p.Fatalf("%d %s", status, text)
	}
	return location.Query()
}

// redeem exchanges a code.
func (p *party) redeem(code string, changes ...string) (int, map[string]any) {
	p.Helper()
	form := []string{"grant_type", "authorization_code", "code", code}
	values := pairs(changes...)
	if !values.Has("redirect_uri") {
		form = append(form, "redirect_uri", callback)
	}
	if !values.Has("code_verifier") {
		form = append(form, "code_verifier", verifier)
	}
	return p.post("/token", append(form, changes...)...)
}

// signIn signs the user in, and returns the token response.
func (p *party) signIn(changes ...string) map[string]any {
	p.Helper()
	status, response := p.redeem(p.authorize(changes...).Get("code"))
	if status != http.StatusOK {
		p.Fatal(status, response)
	}
	return response
}

// claims verifies a token of the issuer and returns its claims.
func (p *party) claims(token any) map[string]any {
	p.Helper()
	text, ok := token.(string)
	if !ok {
		p.Fatalf("%v is not a token", token)
	}
	parts := split(p.T, text)
	_, key := p.issuer.Key("ES256")
	if err := verify("ES256", key, parts.input, parts.signature); err != nil {
		p.Fatal(err)
	}
	return parts.claims
}

// rejected checks that a response is the error code.
func (p *party) rejected(what, code string, status int, response map[string]any) {
	p.Helper()
	if status < 400 || response["error"] != code {
		p.Errorf("%s: %d %v, want the error %s", what, status, response, code)
	}
}

// members returns the members of a JSON object.
func members(t *testing.T, body string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return object
}
