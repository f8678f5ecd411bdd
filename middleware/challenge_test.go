package middleware_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// parseChallenge parses one challenge strictly by the grammar of RFC 9110 section 11.6.1.
func parseChallenge(s string) (scheme string, parameters map[string]string, err error) {
	scheme, rest, found := strings.Cut(s, " ")
	if !found || !isToken(scheme) {
		return "", nil, errors.New("no scheme")
	}
	parameters = make(map[string]string)
	for {
		name, value, found := strings.Cut(rest, "=")
		if _, twice := parameters[name]; !found || !isToken(name) || twice {
			return "", nil, errors.New("no parameter, or one that is repeated: " + name)
		}
		if parameters[name], rest, err = parseQuoted(value); err != nil {
			return "", nil, err
		}
		if rest == "" {
			return scheme, parameters, nil
		}
		if rest, found = strings.CutPrefix(rest, ", "); !found {
			return "", nil, errors.New("no comma: " + rest)
		}
	}
}

func isToken(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == ""
}

// parseQuoted parses a quoted-string of ASCII (RFC 9110 section 5.6.4).
func parseQuoted(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", errors.New("no quote: " + s)
	}
	var text []byte
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			return string(text), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			c = s[i]
		}
		if c < ' ' || c > '~' {
			return "", "", errors.New("not printable: " + s)
		}
		text = append(text, c)
	}
	return "", "", errors.New("no quote at the end: " + s)
}

var challenges = []struct{ realm, code, scope string }{
	{"", "", ""},
	{"api", "invalid_token", ""},
	{"a \"quoted\" realm", "insufficient_scope", "orders:read"},
	{`back\slash`, "insufficient_scope", "https://api.test/orders.read !#$[]~"},
	{`\"`, "a b", "a"},
	{"x\r\nSet-Cookie: a=b", "x\r\nSet-Cookie: a=b", "x\r\nSet-Cookie:"},
	{"é", "é", "é"},
	{"a, error=\"invalid_token", "a\", scope=\"b", "a\"b"},
	{"\x7f", "\x7f", "\x7f"},
	{"api", "a\\b", "a\\b"},
	{"api", "a\"b", "a\"b"},
	{"api", "é", "é b"},
	{"api", "\x7f", "a\x7f"},
	{"tab\t", "tab\t", "tab\t"},
}

// checkChallenge writes a challenge and parses it. Values that the grammar of RFC 6750 section 3 does not allow must be absent.
func checkChallenge(t *testing.T, realm, code, scope string) {
	t.Helper()
	g, err := middleware.New(middleware.Config{Verifier: acceptAll, Realm: realm})
	if printable := strings.IndexFunc(realm, func(r rune) bool { return r < ' ' || r > '~' }) < 0; printable != (err == nil) {
		t.Fatalf("New with realm %q: %v", realm, err)
	}
	if err != nil {
		return
	}
	want := map[string]string{"realm": realm}
	if realm == "" {
		want["realm"] = "api"
	}
	if code != "" && inCharset(code, true) {
		want["error"] = code
	}
	var scopes []string
	for _, name := range strings.Split(scope, " ") {
		if name != "" && inCharset(name, false) {
			scopes = append(scopes, name)
		}
	}
	if len(scopes) > 0 {
		want["scope"] = strings.Join(scopes, " ")
	}
	w := httptest.NewRecorder()
	g.Deny(w, request(t, ""), &middleware.Refusal{Status: 403, Code: code, Scopes: strings.Split(scope, " ")})
	if len(w.Header()["Www-Authenticate"]) != 1 || strings.ContainsAny(challengeOf(w), "\r\n") {
		t.Fatalf("challenge %q", w.Header()["Www-Authenticate"])
	}
	scheme, got, err := parseChallenge(challengeOf(w))
	if err != nil || scheme != "Bearer" {
		t.Fatalf("challenge %q: %v", challengeOf(w), err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("challenge %q (-want +got):\n%s", challengeOf(w), diff)
	}
}

// inCharset reports whether s is in %x20-21 / %x23-5B / %x5D-7E, with a space only if it is allowed.
func inCharset(s string, space bool) bool {
	for i := range len(s) {
		c := s[i]
		if c != 0x21 && (c < 0x23 || c > 0x5b) && (c < 0x5d || c > 0x7e) && (c != 0x20 || !space) {
			return false
		}
	}
	return true
}

func TestB5_Attack40_Challenge(t *testing.T) {
	t.Parallel()
	for _, test := range challenges {
		checkChallenge(t, test.realm, test.code, test.scope)
	}
}

func FuzzChallenge(f *testing.F) {
	for _, seed := range challenges {
		f.Add(seed.realm, seed.code, seed.scope)
	}
	f.Fuzz(checkChallenge)
}

// B4: every 401 has a challenge, and every challenge has a parameter.
func TestB4_EveryChallengeHasAParameter(t *testing.T) {
	t.Parallel()
	const metadata = `, resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`
	tests := []struct {
		name            string
		realm, resource string
		want            string
	}{
		{"neither", "", "", `Bearer realm="api"`},
		{"realm", `the "shop"`, "", `Bearer realm="the \"shop\""`},
		{"resource", "", "https://api.test/v1", `Bearer realm="api"` + metadata},
		{"both", "shop", "https://api.test/v1", `Bearer realm="shop"` + metadata},
	}
	for _, test := range tests {
		g := newGuard(t, middleware.Config{Verifier: acceptAll, Realm: test.realm, Resource: test.resource})
		for status, err := range map[int]error{
			400: middleware.ErrInvalidRequest, 401: middleware.ErrNoToken, 403: &middleware.Refusal{Status: 403},
		} {
			w := httptest.NewRecorder()
			g.Deny(w, request(t, ""), err)
			if w.Code != status || !strings.HasPrefix(challengeOf(w), test.want) {
				t.Errorf("%s: %d %s, want %s", test.name, w.Code, challengeOf(w), test.want)
			}
		}
	}
}

// The URL of the metadata comes from the Config, whatever the request says.
func TestAttack42_MetadataURLIgnoresTheRequest(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test/v1"})
	r := request(t, "")
	r.Host = "evil.test"
	r.URL.Host = "evil.test"
	r.Header.Set("Forwarded", "host=evil.test;proto=http")
	r.Header.Set("X-Forwarded-Host", "evil.test")
	r.Header.Set("X-Forwarded-Proto", "http")
	w := serve(g.Handler(hello), r)
	want := `Bearer realm="api", resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`
	if challengeOf(w) != want {
		t.Errorf("challenge %s, want %s", challengeOf(w), want)
	}
}

// The text of an error is never sent.
func TestAttack41_ErrorTextIsNotSent(t *testing.T) {
	t.Parallel()
	const secret = "kid 17 at 10.0.0.8"
	for _, err := range []error{
		errors.New(secret),
		&consumer.Error{Reason: consumer.ReasonSignature, Issuer: secret, Detail: secret, Err: errors.New(secret)},
		&consumer.Error{Reason: consumer.ReasonKeysUnavailable, Detail: secret},
		&consumer.Error{Reason: consumer.Reason(secret)},
		&middleware.Refusal{Status: 403, Reason: secret, Rule: secret, Issuer: secret, Err: errors.New(secret)},
	} {
		w := serve(deny(t, err), request(t, ""))
		if sent := w.Body.String() + strings.Join(w.Header()["Www-Authenticate"], ""); strings.Contains(sent, secret) {
			t.Errorf("%v: sent %s", err, sent)
		}
	}
}
