package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// detailIn returns the attribute detail of the one line in log.
func detailIn(t *testing.T, log []byte) string {
	t.Helper()
	var line struct{ Msg, Detail string }
	if err := json.Unmarshal(log, &line); err != nil || line.Msg != "request rejected" {
		t.Fatalf("%v: the log is not one line about a rejected request:\n%s", err, log)
	}
	return line.Detail
}

// rejectedDetail sends token through a Guard and returns the attribute detail of the log line.
func rejectedDetail(t *testing.T, verifier consumer.Verifier, token string, rules ...middleware.Rule) string {
	t.Helper()
	var log bytes.Buffer
	g := newGuard(t, middleware.Config{
		Verifier: verifier,
		Logger:   slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	serve(g.With(rules...)(hello), request(t, token))
	return detailIn(t, log.Bytes())
}

func TestCaseW1_LogHasDetail(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	good := issuer.AccessToken
	tests := []struct {
		name  string
		token *bearertest.Token
		rules []middleware.Rule
		want  string
	}{
		{"aud", good().Set("aud", "account"), nil, `aud ["account"] does not contain any of ["https://api.test"] (Config.Audience)`},
		{"iss", good().Set("iss", "https://other.test"), nil, `iss "https://other.test" is not "https://issuer.test"`},
		{"exp", good().Set("exp", 1), nil, `exp 1970-01-01T00:00:01Z has passed at `},
		{"nbf", good().Set("nbf", int64(99999999999)), nil, "nbf 5138-11-16T09:46:39Z is in the future at "},
		{"alg", good().SignWith("none", nil), nil, `alg "none" is not one of [`},
		{"typ", good().SetHeader("typ", "dpop+jwt"), nil, `typ "dpop+jwt" is not one of [`},
		{"ID token", good().Set("at_hash", "x"), nil, "at_hash marks an ID token"},
		{"claim", good().Set("cnf", 1), nil, "cnf is of type number, expected an object"},
		{"JSON", good().EditClaims(func(j []byte) []byte { return append(j, '!') }), nil, "data after the object at byte "},
		{"unknown key", good().SetHeader("kid", "another"), nil, `no key has the token's kid "another" (`},
		{"bound", good().Set("cnf", map[string]any{"jkt": "x"}), nil, "cnf binds the token to a key (jkt), expected Config.DPoP to be set"},
		{"scope", good(), []middleware.Rule{middleware.Scopes("read", "write")}, `the token does not have all of the scopes ["read" "write"]`},
		{"any scope", good(), []middleware.Rule{middleware.AnyScope("read", "write")}, `the token has none of the scopes ["read" "write"]`},
		{"role", good(), []middleware.Rule{middleware.Role("groups", "admin")}, `claim "groups" does not contain any of ["admin"]`},
		{"any role", good(), []middleware.Rule{middleware.AnyRole("admin")}, `the claims for roles of the profile do not contain any of ["admin"] (Config.Profile)`},
		{"another claim", good(), []middleware.Rule{middleware.Claim("tenant", isString)}, `claim "tenant" is missing, or its check returned false`},
		{"check", good(), []middleware.Rule{saying(errors.New("x"))}, "the function of Check"},
		{"any rule", good(), []middleware.Rule{middleware.Any(middleware.Scopes("read"), middleware.Role("groups", "admin"))}, `none of the rules is met: the token does not have all of the scopes ["read"]; claim "groups" does not contain any of ["admin"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := rejectedDetail(t, newConsumer(t, issuer), test.token.Sign(), test.rules...); !strings.Contains(got, test.want) {
				t.Errorf("detail %q, want one that contains %q", got, test.want)
			}
		})
	}
}

func isString(value any) bool { _, ok := value.(string); return ok }

// Requests without a usable credential have a detail too.
func TestCaseW1_LogHasDetailWithoutToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header []string
		want   string
	}{
		{"no token", nil, "the request has no Authorization header (Config.TokenSources)"},
		{"another scheme", []string{"Basic eA=="}, "the scheme of the Authorization header is not Bearer"},
		{"two headers", []string{"Bearer a", "Bearer b"}, "the request has several Authorization headers, expected one"},
		{"not a token68", []string{"Bearer a b"}, "the credential is not a token68 (RFC 9110 section 11.2), expected letters, digits, -._~+/ and then only ="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			g := newGuard(t, middleware.Config{
				Verifier: newConsumer(t, bearertest.NewIssuer(bearertest.IssuerConfig{})),
				Logger:   slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			r := request(t, "")
			r.Header["Authorization"] = test.header
			serve(g.Handler(hello), r)
			if got := detailIn(t, log.Bytes()); got != test.want {
				t.Errorf("detail %q, want %q", got, test.want)
			}
		})
	}
}

// A request whose token is in a parameter that cannot be used has a detail too.
func TestCaseW1_LogHasDetailForParameters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, query, body, want string
	}{
		{"repeated", http.MethodGet, "access_token=a&access_token=b", "", "the parameter access_token is repeated, expected one"},
		{"empty", http.MethodGet, "access_token=", "", "the parameter access_token is empty"},
		{"bad query", http.MethodGet, "access_token=a&%zz", "", "the query has a token but cannot be parsed"},
		{"bad form", http.MethodPost, "", "access_token=a&%zz", "the form cannot be read or has characters that are not ASCII"},
		{"two places", http.MethodPost, "access_token=a", "access_token=b", "the request has tokens in two places, expected one (Config.TokenSources)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			g := newGuard(t, middleware.Config{
				Verifier:     newConsumer(t, bearertest.NewIssuer(bearertest.IssuerConfig{})),
				TokenSources: []middleware.TokenSource{middleware.QueryToken, middleware.FormToken},
				Logger:       slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			r := httptest.NewRequestWithContext(t.Context(), test.method, "/?"+test.query, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			serve(g.Handler(hello), r)
			if got := detailIn(t, log.Bytes()); got != test.want {
				t.Errorf("detail %q, want %q", got, test.want)
			}
		})
	}
}

// Only this module decides what the detail contains. Errors of the application, which may quote a token, never get into it.
func TestCaseW1_DetailOmitsTextsOfTheApplication(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	token := issuer.AccessToken().Sign()
	good := newConsumer(t, issuer)
	secret := errors.New("about " + token)
	wrapped := func(class error) error { return fmt.Errorf("%w: %w", class, secret) }
	tests := []struct {
		name     string
		verifier consumer.Verifier
		rules    []middleware.Rule
		want     string
	}{
		{"error of a Verifier", rejectWith(secret), nil, ""},
		{"invalid token", rejectWith(wrapped(consumer.ErrInvalidToken)), nil, ""},
		{"outage", rejectWith(wrapped(consumer.ErrUnavailable)), nil, ""},
		{"Error of a Verifier", rejectWith(&consumer.Error{Reason: consumer.ReasonClaims, Detail: token, Err: secret}), nil, ""},
		{"error of a Check", good, []middleware.Rule{saying(secret)}, `the function of Check "check" returned an error`},
		{
			"Error of a Check", good,
			[]middleware.Rule{saying(&consumer.Error{Reason: consumer.ReasonClaims, Detail: token})},
			`the function of Check "check" returned an error`,
		},
		{"Refusal of a Check", good, []middleware.Rule{saying(&middleware.Refusal{Status: 403, Err: secret, Detail: "locked"})}, "locked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := rejectedDetail(t, test.verifier, token, test.rules...); got != test.want {
				t.Errorf("detail %q, want %q", got, test.want)
			}
		})
	}
}

// An error of a Consumer has a detail, but the errors of the functions of its Config are not in it.
func TestCaseW1_DetailOmitsErrorsOfCheck(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	token := issuer.AccessToken().Sign()
	for _, class := range []error{nil, consumer.ErrUnavailable} {
		c := mustConsumer(t, consumer.Config{
			Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: issuer.Client(),
			Check: func(context.Context, *consumer.Token) error { return errors.Join(class, errors.New("about "+token)) },
		})
		got := rejectedDetail(t, c, token)
		if strings.Contains(got, token) || !strings.Contains(got, "Config.Check") {
			t.Errorf("detail %q, want one that names Config.Check and does not quote its error", got)
		}
	}
}

// The values that a detail quotes are escaped and truncated, so that a token can neither add lines to the log nor fill it.
func TestCaseW1_DetailIsBounded(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	long := strings.Repeat("x", 3000) + "\n\x1b[2J"
	for name, token := range map[string]*bearertest.Token{
		"iss": issuer.AccessToken().Set("iss", "\n\x1b[2J"+long),
		"aud": issuer.AccessToken().Set("aud", []string{"\n" + long, long, long, long, long, long}),
		"typ": issuer.AccessToken().SetHeader("typ", "\n"+long[:1000]),
		"alg": issuer.AccessToken().SetHeader("alg", "\n"+long[:1000]),
	} {
		got := rejectedDetail(t, newConsumer(t, issuer), token.Sign())
		if len(got) > 1000 || strings.ContainsAny(got, "\n\x1b") || got == "" {
			t.Errorf("%s: detail with %d bytes: %.200q", name, len(got), got)
		}
	}
}

// A flood of tokens with different values does not get more lines than one with equal values.
func TestCaseW1_DetailsAreSampledTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the period of the samples must not end before the loop
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
		var log bytes.Buffer
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
		h := g.Handler(http.NotFoundHandler())
		for i := range 100 {
			serve(h, request(t, issuer.AccessToken().Set("aud", fmt.Sprint("api", i)).Sign()))
		}
		if got := bytes.Count(log.Bytes(), []byte("\n")); got != 10 {
			t.Errorf("%d log lines for 100 rejections, want 10", got)
		}
	})
}

func TestCaseW1_LogHasDetailForUnnamedRoutes(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	var log bytes.Buffer
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	routes, err := g.Routes(map[string][]middleware.Rule{"DELETE /unknown": nil}, hello)
	if err != nil {
		t.Fatal(err)
	}
	serve(routes, request(t, issuer.AccessToken().Sign()))
	if got, want := detailIn(t, log.Bytes()), "no pattern of Routes matches the request"; got != want {
		t.Errorf("detail %q, want %q", got, want)
	}
}
