package handlertest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/bearertest/handlertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestMain(m *testing.M) { logscan.Main(m) }

// hello writes the subject of the token.
func hello(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprint(w, "hello "+token.Subject())
}

func TestWithToken(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	hello(recorder, handlertest.WithToken(t, r, map[string]any{"sub": "bob"}))
	if recorder.Body.String() != "hello bob" {
		t.Error(recorder.Body)
	}
	if _, ok := middleware.TokenFromContext(r.Context()); ok {
		t.Error("WithToken has changed its argument")
	}
}

func TestDefaultClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		token := handlertest.Token(t, nil)
		if token.Issuer() != "https://issuer.test" || token.Subject() != "alice" || !slices.Equal(token.Audience(), []string{"https://api.test"}) ||
			token.ClientID() != "client" || len(token.Scopes()) != 0 || token.ID() == "" || !token.IssuedAt().Equal(time.Now()) ||
			!token.Expiry().Equal(time.Now().Add(5*time.Minute)) {
			t.Errorf("%+v", token)
		}
		claims := map[string]any{"iss": "https://other.test", "exp": nil, "sub": nil, "roles": []string{"admin"}}
		token = handlertest.Token(t, claims)
		if _, present := token.Claim("exp"); present || token.Issuer() != "https://other.test" || token.Subject() != "" || !token.HasRole("admin") {
			t.Errorf("%+v", token)
		}
		if len(claims) != 4 {
			t.Error("Token has changed its argument")
		}
	})
}

// The Guard applies its rules to the tokens of a Verifier, as to verified ones.
func TestVerifier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		verifier, other := handlertest.NewVerifier(t), handlertest.NewVerifier(t)
		guard, err := middleware.New(middleware.Config{Verifier: verifier})
		if err != nil {
			t.Fatal(err)
		}
		handler := guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(hello))
		good := verifier.Credential(map[string]any{"scope": "orders:read"})
		marker, _, _ := strings.Cut(good, ".")
		encoded := func(text string) string { return marker + "." + base64.RawURLEncoding.EncodeToString([]byte(text)) }
		unsigned := bearertest.NewIssuer(bearertest.IssuerConfig{}).AccessToken().Set("scope", "orders:read").SignWith("none", nil).Sign()
		for name, test := range map[string]struct {
			credential string
			status     int
		}{
			"good":               {good, 200},
			"without an expiry":  {verifier.Credential(map[string]any{"scope": "orders:read", "exp": nil}), 200},
			"no scope":           {verifier.Credential(nil), 403},
			"bound":              {verifier.Credential(map[string]any{"scope": "orders:read", "cnf": map[string]any{"jkt": "x"}}), 401},
			"expired":            {verifier.Credential(map[string]any{"scope": "orders:read", "exp": time.Now().Unix()}), 401},
			"not yet valid":      {verifier.Credential(map[string]any{"scope": "orders:read", "nbf": time.Now().Unix() + 1}), 401},
			"of another":         {other.Credential(map[string]any{"scope": "orders:read"}), 401},
			"an unsigned JWT":    {unsigned, 401},
			"without the marker": {strings.TrimPrefix(good, marker), 401},
			"only the marker":    {marker + ".", 401},
			"cut":                {good[:len(good)-1], 401},
			"padded":             {good + "=", 401},
			"an array":           {encoded("[]"), 401},
			"no issuer":          {encoded(`{"scope":"orders:read"}`), 401},
			"duplicate scope":    {encoded(`{"iss":"https://issuer.test","scope":"a","scope":"orders:read"}`), 401},
		} {
			recorder := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+test.credential)
			handler.ServeHTTP(recorder, r)
			if recorder.Code != test.status {
				t.Errorf("%s: %d %s, want %d", name, recorder.Code, recorder.Body, test.status)
			}
		}
	})
}

// After its test, a Verifier rejects what it has made.
func TestVerifierEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var verifier *handlertest.Verifier
	var credential string
	t.Run("ends first", func(t *testing.T) {
		verifier = handlertest.NewVerifier(t)
		credential = verifier.Credential(nil)
		if _, err := verifier.Verify(t.Context(), credential); err != nil {
			t.Error(err)
		}
	})
	_, err := verifier.Verify(t.Context(), credential)
	var rejected *consumer.Error
	if !errors.As(err, &rejected) || rejected.Reason != consumer.ReasonInactive || !errors.Is(err, consumer.ErrInvalidToken) {
		t.Error(err)
	}
}

func TestZeroVerifier(t *testing.T) {
	t.Parallel()
	made := handlertest.NewVerifier(t).Credential(nil)
	_, encoded, _ := strings.Cut(made, ".")
	for _, raw := range []string{made, "." + encoded, encoded, ""} {
		if _, err := new(handlertest.Verifier).Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Error(err)
		}
	}
}

// failing is a testing.TB that records the failure of a test and continues.
type failing struct {
	testing.TB

	failed bool
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(string, ...any) { f.failed = true }

func TestClaimsThatAreNotValid(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]map[string]any{
		"no issuer": {"iss": nil}, "an expiry that is a text": {"exp": "tomorrow"}, "not JSON": {"x": func() {}}, "aud": {"aud": 1},
	} {
		tb := &failing{TB: t}
		handlertest.Token(tb, claims)
		if !tb.failed {
			t.Errorf("%s: the test did not fail", name)
		}
		tb = &failing{TB: t}
		if handlertest.NewVerifier(tb).Credential(claims); !tb.failed {
			t.Errorf("%s: the test of a Verifier did not fail", name)
		}
	}
}

// In a program, the package panics even with a value that looks like a test.
func TestPanicsInPrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a program")
	}
	const program = `package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/bearertest/handlertest"
)

type fake struct{ testing.TB }

func (fake) Helper()        {}
func (fake) Cleanup(func()) {}

func try(name string, f func()) {
	defer func() { println(name, recover() != nil) }()
	f()
}

func main() {
	try("Token", func() { handlertest.Token(fake{}, nil) })
	try("NewVerifier", func() { handlertest.NewVerifier(fake{}) })
	try("Credential", func() { new(handlertest.Verifier).Credential(nil) })
}
`
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "run", file).CombinedOutput()
	if want := "Token true\nNewVerifier true\nCredential true\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}
