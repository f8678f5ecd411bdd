package middleware_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

var credentials = []struct {
	header string
	status int    // 200: the token was read
	token  string // the token that was read
}{
	{"Bearer abc", 200, "abc"},
	{"bearer abc", 200, "abc"},
	{"BEARER abc", 200, "abc"},
	{"bEaReR abc", 200, "abc"},
	{"Bearer   abc", 200, "abc"},
	{"Bearer aA0-._~+/==", 200, "aA0-._~+/=="},
	{"Bearer", 400, ""},
	{"Bearer ", 400, ""},
	{"Bearer =", 400, ""},
	{"Bearer a=b", 400, ""},
	{"Bearer a b", 400, ""},
	{"Bearer abc ", 400, ""},
	{"Bearer abc\t", 400, ""},
	{"Bearer \tabc", 400, ""},
	{"Bearer\tabc", 400, ""},
	{"Bearer\tabc def", 400, ""},
	{"bearer\t", 400, ""},
	{"Bearer a,b", 400, ""},
	{"Bearer \"abc\"", 400, ""},
	{"Bearer realm=\"x\"", 400, ""},
	{"Bearer ä", 400, ""},
	{"Bearer a\x00b", 400, ""},
	{"Bearer a\r\nX: y", 400, ""},
	{"Bearer a%3D", 400, ""},
	{"", 401, ""},
	{" ", 401, ""},
	{" Bearer abc", 401, ""},
	{"Bearer,abc", 401, ""},
	{"Bearerabc", 401, ""},
	{"Bearer:abc", 401, ""},
	{"Beare abc", 401, ""},
	{"Token abc", 401, ""},
	{"Basic abc", 401, ""},
	{"abc", 401, ""},
	{"Bеarer abc", 401, ""}, // the second letter is Cyrillic
}

// readCredential returns the status of a request with this Authorization header, and the token that was read from it.
func readCredential(t *testing.T, header string) (status int, token string) {
	t.Helper()
	g := newGuard(t, middleware.Config{
		Verifier: verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
			token = raw
			return acceptAll(ctx, raw)
		}),
	})
	r := request(t, "")
	r.Header["Authorization"] = []string{header}
	return serve(g.Handler(hello), r).Code, token
}

func TestB1_AuthorizationHeader(t *testing.T) {
	t.Parallel()
	for _, test := range credentials {
		if status, token := readCredential(t, test.header); status != test.status || token != test.token {
			t.Errorf("%q: %d and token %q, want %d and %q", test.header, status, token, test.status, test.token)
		}
	}
}

// B7, P7: each error code has its status.
func TestB7_P7_CodesAndStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		code   string
	}{
		{middleware.ErrInvalidRequest, 400, "invalid_request"},
		{consumer.ErrInvalidToken, 401, "invalid_token"},
		{middleware.ErrInsufficientScope, 403, "insufficient_scope"},
	}
	for _, test := range tests {
		w := serve(deny(t, test.err), request(t, ""))
		if w.Code != test.status || !strings.HasSuffix(challengeOf(w), `error="`+test.code+`"`) {
			t.Errorf("%v: %d %s", test.err, w.Code, challengeOf(w))
		}
	}
}

// B6: no error code for a request without authentication information.
func TestB6_NoErrorWithoutCredentials(t *testing.T) {
	t.Parallel()
	w := serve(deny(t, middleware.ErrNoToken), request(t, ""))
	if w.Code != 401 || strings.Contains(challengeOf(w), "error") || strings.Contains(w.Body.String(), "error") {
		t.Errorf("%d %s %s", w.Code, challengeOf(w), w.Body)
	}
}

func deny(t testing.TB, err error) http.Handler {
	t.Helper()
	g := newGuard(t, middleware.Config{Verifier: acceptAll})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Deny(w, r, err) })
}

func TestAuthenticate_Allocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of other tests, too
	token, err := acceptAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard(t, middleware.Config{
		Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { return token, nil }),
	})
	r := request(t, strings.Repeat("a", 1000))
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := g.Authenticate(r); err != nil {
			t.Error(err)
		}
	})
	if allocations > 3 { // the rules, the passage, and the request; With keeps the rules
		t.Errorf("%v allocations for a request", allocations)
	}
}

// wellFormed is an independent implementation of RFC 6750 section 2.1 and RFC 9110 section 11.4.
var (
	wellFormed   = regexp.MustCompile(`^[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)$`)
	bearerScheme = regexp.MustCompile(`^[Bb][Ee][Aa][Rr][Ee][Rr]([ \t]|$)`)
)

// Every character is checked at every position, within the groups of eight and after them.
func TestB1_EveryCharacterEverywhere(t *testing.T) {
	t.Parallel()
	for place := range 19 {
		for c := range 256 {
			credential := []byte("aaaaaaaaaaaaaaaaaaa")
			credential[place] = byte(c)
			header := "Bearer " + string(credential)
			want := 400
			if wellFormed.MatchString(header) {
				want = 200
			}
			if status, _ := readCredential(t, header); status != want {
				t.Errorf("%q: %d, want %d", header, status, want)
			}
		}
	}
}

func FuzzCredential(f *testing.F) {
	for _, seed := range credentials {
		f.Add(seed.header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		want, wantToken := 401, ""
		if bearerScheme.MatchString(header) {
			want = 400
		}
		if match := wellFormed.FindStringSubmatch(header); match != nil {
			want, wantToken = 200, match[1]
		}
		if status, token := readCredential(t, header); status != want || token != wantToken {
			t.Errorf("%q: %d and token %q, want %d and %q", header, status, token, want, wantToken)
		}
	})
}

// A Verifier that may accept any credential is called only with a token68. One that accepts JWTs only is called first, and
// the response is that of a malformed credential.
func TestB1_RejectedCredentials(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	c := newConsumer(t, issuer)
	asked := 0
	careless := verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
		asked++
		return acceptAll(ctx, raw)
	})
	opaque, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{c}, Opaque: careless})
	if err != nil {
		t.Fatal(err)
	}
	jwts, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.AccessToken().Sign()
	for _, v := range []consumer.Verifier{careless, opaque, jwts, c} {
		g := newGuard(t, middleware.Config{Verifier: v})
		for credential, want := range map[string]int{
			good + " ": 400, good + ", x": 400, "a b": 400, "a\x7f": 400, "=": 400, good + "=\t": 400, good: 200,
		} {
			if w := serve(g.Handler(nothing), request(t, credential)); w.Code != want {
				t.Errorf("%T: %q: %d, want %d", v, credential, w.Code, want)
			}
		}
	}
	if asked != 1 {
		t.Errorf("the careless Verifier was called %d times, want once, for the valid token", asked)
	}
}
