package providers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// script is an authorization server that behaves like one provider. It implements what the provider documents, and rejects
// requests that the provider rejects. It is not safe for concurrent use.
type script struct {
	// documents has the pages that the server serves for GET requests, such as the metadata. The keys are URLs.
	documents map[string]string

	// These are the URLs of the endpoints. jwks, revoke, logout, userinfo and api are empty if there are none.
	authorize, token, jwks, revoke, logout, userinfo, api string

	// iss is the claim iss of the ID tokens, and clientID their aud. claims has further claims. A claim that is nil is
	// absent.
	iss, clientID string
	claims        map[string]any

	// authenticates reports whether the request has the credentials of the client.
	authenticates func(r *http.Request) bool

	// query has the parameters that an authorization request must have, and callback those that the server adds to the
	// callback.
	query, callback map[string]string

	// declined is the error in the callback if the user declines. Empty means access_denied.
	declined string

	// answer returns the members of the token response. grant_type selects between several.
	answer func(i issued) map[string]any

	// rotates says whether a refresh replaces the refresh token. noPKCE says that the server rejects a code_verifier.
	rotates, noPKCE bool

	// These are the responses to a client with other credentials, to a code and to a refresh token that are not valid, and
	// to a request to the API without a valid token.
	badClient, badCode, badRefresh, badToken reply

	// revoked is the response to a revocation. Zero means status 200 without a body.
	revoked reply

	issuer   *bearertest.Issuer
	asked    url.Values // the authorization request whose code was not redeemed yet
	access   string     // the only valid access token
	refresh  string     // the only valid refresh token
	count    int        // of the issued tokens
	requests []string   // the method and URL of every request
	forms    []url.Values
}

// issued describes the tokens that a token response contains.
type issued struct {
	grant, access, refresh, idToken, scope string
}

// reply is a response. An empty mediaType means application/json.
type reply struct {
	status    int
	body      string
	mediaType string
	header    http.Header
}

func (r reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Type", "application/json")
	if r.mediaType != "" {
		w.Header().Set("Content-Type", r.mediaType)
	}
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = io.WriteString(w, r.body)
}

// basic and post check the credentials that RFC 6749, Section 2.3.1, describes. Each accepts only one way.
func basic(id, secret string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		gotID, gotSecret, ok := r.BasicAuth()
		gotID, _ = url.QueryUnescape(gotID)
		gotSecret, _ = url.QueryUnescape(gotSecret)
		return ok && gotID == id && gotSecret == secret && !r.PostForm.Has("client_secret")
	}
}

func post(id, secret string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.PostForm.Get("client_id") == id && r.PostForm.Get("client_secret") == secret && r.Header.Get("Authorization") == ""
	}
}

// RoundTrip answers the requests of the client. It implements http.RoundTripper, so that a configuration runs with the URLs
// of the provider.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	place := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	s.requests = append(s.requests, r.Method+" "+place)
	w := httptest.NewRecorder()
	if document, ok := s.documents[r.URL.String()]; ok {
		reply{body: document}.write(w)
		return w.Result(), nil
	}
	switch place {
	case s.jwks:
		reply{body: string(s.issuer.JWKS())}.write(w)
	case s.token:
		s.redeem(w, r)
	case s.revoke:
		s.end(w, r)
	case s.userinfo, s.api:
		s.serve(w, r)
	default:
		reply{status: http.StatusNotFound, mediaType: "text/html", body: "<html>not found</html>"}.write(w)
	}
	return w.Result(), nil
}

// visit is the user's browser, which opens the authorization URL and signs in. It returns the parameters of the callback.
func (s *script) visit(t *testing.T, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	asked := u.Query()
	if place := u.Scheme + "://" + u.Host + u.Path; place != s.authorize {
		t.Fatalf("the authorization URL is %s, want %s", place, s.authorize)
	}
	want := map[string]string{"response_type": "code", "client_id": s.clientID, "redirect_uri": redirectURI}
	maps.Copy(want, s.query)
	for name, value := range want {
		if got := asked.Get(name); got != value {
			t.Errorf("the authorization request has the %s %q, want %q", name, got, value)
		}
	}
	if len(asked.Get("state")) < 20 || s.noPKCE == asked.Has("code_challenge") {
		t.Errorf("the authorization request has the state %q and the code_challenge %q", asked.Get("state"), asked.Get("code_challenge"))
	}
	s.asked = asked
	params := url.Values{"code": {"code-1"}, "state": {asked.Get("state")}}
	for name, value := range s.callback {
		params.Set(name, value)
	}
	return params
}

// redeem is the token endpoint.
func (s *script) redeem(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil || len(r.URL.Query()) > 0 {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	s.forms = append(s.forms, r.PostForm)
	if !s.authenticates(r) || s.noPKCE && r.PostForm.Has("code_verifier") {
		s.badClient.write(w)
		return
	}
	grant := r.PostForm.Get("grant_type")
	switch {
	case grant == "authorization_code" && !s.redeems(r.PostForm):
		s.badCode.write(w)
		return
	case grant == "refresh_token" && (s.refresh == "" || r.PostForm.Get("refresh_token") != s.refresh):
		s.badRefresh.write(w)
		return
	}
	s.count++
	s.access = fmt.Sprintf("access-%d", s.count)
	if s.rotates || s.refresh == "" {
		s.refresh = fmt.Sprintf("refresh-%d", s.count)
	}
	scope := s.asked.Get("scope")
	if grant == "client_credentials" {
		scope = r.PostForm.Get("scope")
	}
	members := s.answer(issued{grant: grant, access: s.access, refresh: s.refresh, idToken: s.idToken(), scope: scope})
	body, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	reply{body: string(body), header: http.Header{"Cache-Control": {"no-store"}}}.write(w)
}

// redeems checks a token request for a code, which works once.
func (s *script) redeems(form url.Values) bool {
	hash := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(hash[:])
	valid := s.asked != nil && form.Get("code") == "code-1" && form.Get("redirect_uri") == s.asked.Get("redirect_uri") &&
		(s.noPKCE || challenge == s.asked.Get("code_challenge"))
	return valid
}

// idToken returns an ID token for the authorization request. It is empty for a server without ID tokens.
func (s *script) idToken() string {
	if s.iss == "" {
		return ""
	}
	now := time.Now().Unix()
	claims := map[string]any{"iss": s.iss, "aud": s.clientID, "sub": "user-1", "iat": now, "exp": now + 3600}
	if nonce := s.asked.Get("nonce"); nonce != "" {
		claims["nonce"] = nonce
	}
	for name, value := range s.claims {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return s.issuer.Token("JWT", claims).Algorithm("RS256").Sign()
}

// end is the revocation endpoint.
func (s *script) end(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil || !s.authenticates(r) {
		s.badClient.write(w)
		return
	}
	if token := r.PostForm.Get("token"); token == s.refresh || token == s.access {
		s.refresh, s.access = "", ""
	}
	s.revoked.write(w)
}

// serve is the API, and the userinfo endpoint.
func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	if s.access == "" || !slices.Equal(r.Header.Values("Authorization"), []string{"Bearer " + s.access}) {
		s.badToken.write(w)
		return
	}
	reply{body: `{"sub":"user-1"}`}.write(w)
}

// document returns a metadata document with the given members.
func document(members map[string]any) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// failure returns an error response as RFC 6749, Section 5.2, describes it.
func failure(status int, code, description string) reply {
	members := map[string]any{"error": code}
	if description != "" {
		members["error_description"] = description
	}
	return reply{status: status, body: document(members)}
}

// refreshes returns the number of requests with a refresh token.
func (s *script) refreshes() (n int) {
	for _, form := range s.forms {
		if form.Get("grant_type") == "refresh_token" {
			n++
		}
	}
	return n
}

// either accepts the credentials in each of the ways.
func either(ways ...func(id, secret string) func(*http.Request) bool) func(id, secret string) func(*http.Request) bool {
	return func(id, secret string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			return slices.ContainsFunc(ways, func(way func(id, secret string) func(*http.Request) bool) bool { return way(id, secret)(r) })
		}
	}
}
