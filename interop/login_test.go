package interop_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const redirectURI = "http://127.0.0.1:9/cb" // nothing listens there: the code is read from the redirect

// codeGrant is an authorization code grant of the client "web" (RFC 6749 section 4.1) with PKCE (RFC 7636).
type codeGrant struct {
	state, verifier string
}

func newCodeGrant() codeGrant {
	return codeGrant{state: rand.Text(), verifier: rand.Text() + rand.Text()}
}

// query returns the authorization request.
func (c codeGrant) query(scope string, more url.Values) string {
	challenge := sha256.Sum256([]byte(c.verifier))
	query := url.Values{
		"client_id": {"web"}, "response_type": {"code"}, "redirect_uri": {redirectURI}, "scope": {scope}, "state": {c.state},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	for name, values := range more {
		query[name] = values
	}
	return query.Encode()
}

// exchange exchanges the code for tokens.
func (c codeGrant) exchange(t *testing.T, as authorizationServer, callback *url.URL, more url.Values) grant {
	t.Helper()
	if got := callback.Query(); got.Get("state") != c.state || got.Get("code") == "" {
		t.Fatalf("the login ended at %s", callback)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {callback.Query().Get("code")},
		"redirect_uri": {redirectURI}, "code_verifier": {c.verifier},
	}
	for name, values := range more {
		form[name] = values
	}
	g, err := as.ask(t.Context(), "web", form, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// logIn signs alice in for the client "web" with the pages of oidc-provider.
func (p *oidcProvider) logIn(t *testing.T, resource string) grant {
	t.Helper()
	c := newCodeGrant()
	api := url.Values{"resource": {resource}}
	callback := newBrowser(t).follow(t, p.issuer+"/auth?"+c.query("openid api:read", api))
	return c.exchange(t, p.authorizationServer, callback, api)
}

// browser is an HTTP client with cookies that does not follow redirects by itself.
type browser struct {
	client *http.Client
	steps  int // the maximum number of requests until the redirect URI
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{steps: 30, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// redirect returns the target of a redirect.
func (b browser) redirect(t *testing.T, page string) *url.URL {
	t.Helper()
	return b.step(t, newRequest(t, http.MethodGet, page, "")).URL
}

// follow follows redirects and submits the login and consent forms, until it reaches the redirect URI.
func (b browser) follow(t *testing.T, page string) *url.URL {
	t.Helper()
	next := newRequest(t, http.MethodGet, page, "")
	for range 20 {
		if strings.HasPrefix(next.URL.String(), redirectURI) {
			return next.URL
		}
		next = b.step(t, next)
	}
	t.Fatal("the login does not end")
	return nil
}

// step sends a request and returns the one that a user would send next.
func (b browser) step(t *testing.T, req *http.Request) *http.Request {
	t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if location, err := resp.Location(); err == nil {
		return newRequest(t, http.MethodGet, location.String(), "")
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s\n%s", req.Method, req.URL, resp.Status, page)
	}
	form := url.Values{"prompt": {attribute(t, page, `name="prompt" value`)}, "login": {"alice"}, "password": {"any"}}
	return newRequest(t, http.MethodPost, attribute(t, page, "action"), form.Encode())
}

func newRequest(t *testing.T, method, target, form string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

// attribute returns the quoted value after name= in the page.
func attribute(t *testing.T, page []byte, name string) string {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(name) + `="([^"]*)"`).FindSubmatch(page)
	if found == nil {
		t.Fatalf("no %s in the page:\n%s", name, page)
	}
	return html.UnescapeString(string(found[1]))
}
