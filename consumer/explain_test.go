package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// resultsOf returns the result of each check.
func resultsOf(x consumer.Explanation) map[string]consumer.Result {
	results := make(map[string]consumer.Result)
	for _, check := range x.Checks {
		results[check.Name] = check.Result
	}
	return results
}

// namesOf returns the checks with the given result.
func namesOf(x consumer.Explanation, result consumer.Result) (names []string) {
	for _, check := range x.Checks {
		if check.Result == result {
			names = append(names, check.Name)
		}
	}
	return names
}

func TestExplain(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	good := issuer.AccessToken
	denied := errors.New("denied")
	tests := []struct {
		name       string
		token      *bearertest.Token
		change     func(*consumer.Config)
		reason     consumer.Reason
		failed     []string
		notReached []string
	}{
		{name: "valid", token: good()},
		{
			name: "all checks", token: good(), change: func(cfg *consumer.Config) {
				cfg.ClientIDs = []string{"client"}
				cfg.Check = func(context.Context, *consumer.Token) error { return nil }
				cfg.Status = statusResult(func() (bool, error) { return true, nil })
			},
		},
		{
			name: "too long", token: good(), change: func(cfg *consumer.Config) { cfg.MaxTokenBytes = 10 },
			reason: consumer.ReasonTooLarge, failed: []string{"size"}, notReached: []string{"form", "key", "signature"},
		},
		{
			name: "form", token: good().EditClaims(func(j []byte) []byte { return append(j, '!') }),
			reason: consumer.ReasonMalformed, failed: []string{"form"}, notReached: []string{"key", "signature"},
		},
		{
			name: "alg", token: good().SignWith("none", nil),
			reason: consumer.ReasonAlgorithm, failed: []string{"algorithm"}, notReached: []string{"key", "signature"},
		},
		{
			name: "several faults", token: good().Set("iss", "https://other.test").Set("aud", "x").Set("exp", 1).Set("at_hash", "x"),
			reason: consumer.ReasonIssuer, failed: []string{"issuer", "audience", "time", "kind"}, notReached: []string{"key", "signature"},
		},
		{
			name: "typ", token: good().SetHeader("typ", "dpop+jwt"),
			reason: consumer.ReasonType, failed: []string{"type"}, notReached: []string{"key", "signature"},
		},
		{
			name: "claims", token: good().Set("exp", bearertest.Absent),
			reason: consumer.ReasonClaims, failed: []string{"claims"}, notReached: []string{"key", "signature"},
		},
		{
			name: "client", token: good(), change: func(cfg *consumer.Config) { cfg.ClientIDs = []string{"other"} },
			reason: consumer.ReasonClaims, failed: []string{"client"}, notReached: []string{"key", "signature"},
		},
		{
			name: "unknown key", token: good().SetHeader("kid", "other"),
			reason: consumer.ReasonUnknownKey, failed: []string{"key"}, notReached: []string{"signature"},
		},
		{
			name: "signature", token: good().EditSignature(func(s []byte) []byte { s[0]++; return s }),
			change: func(cfg *consumer.Config) { cfg.Status = statusResult(func() (bool, error) { return true, nil }) },
			reason: consumer.ReasonSignature, failed: []string{"signature"}, notReached: []string{"status"},
		},
		{
			name: "rejected by Check", token: good(), change: func(cfg *consumer.Config) {
				cfg.Check = func(context.Context, *consumer.Token) error { return denied }
				cfg.Status = statusResult(func() (bool, error) { return true, nil })
			},
			reason: consumer.ReasonClaims, failed: []string{"check"}, notReached: []string{"status"},
		},
		{
			name: "undecided by Check", token: good(), change: func(cfg *consumer.Config) {
				cfg.Check = func(context.Context, *consumer.Token) error { return consumer.ErrUnavailable }
				cfg.Status = statusResult(func() (bool, error) { return true, nil })
			},
			reason: consumer.ReasonStatusUnavailable, failed: []string{"check"}, notReached: []string{"status"},
		},
		{
			name: "revoked", token: good(), change: func(cfg *consumer.Config) {
				cfg.Status = statusResult(func() (bool, error) { return false, nil })
			},
			reason: consumer.ReasonRevoked, failed: []string{"status"},
		},
		{
			name: "undecided by Status", token: good(), change: func(cfg *consumer.Config) {
				cfg.Check = func(context.Context, *consumer.Token) error { return nil }
				cfg.Status = statusResult(func() (bool, error) { return false, denied })
			},
			reason: consumer.ReasonStatusUnavailable, failed: []string{"status"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, issuer)
			if test.change != nil {
				test.change(&cfg)
			}
			var hooked []consumer.Explanation
			cfg.Explain = func(_ context.Context, x consumer.Explanation) { hooked = append(hooked, x) }
			raw := test.token.Sign()
			logscan.Token(raw)
			for range 2 { // the second time, a valid token is in the cache
				token, x, err := newConsumer(t, cfg).Explain(t.Context(), raw)
				if (token == nil) != (test.reason != "") || (err == nil) != (token != nil) {
					t.Errorf("token %v, error %v", token, err)
				}
				if x.Reason != test.reason || x.Issuer != issuerURL {
					t.Errorf("reason %q of issuer %q, want %q of %q", x.Reason, x.Issuer, test.reason, issuerURL)
				}
				if diff := cmp.Diff(test.failed, namesOf(x, consumer.ResultFailed)); diff != "" {
					t.Errorf("failed checks (-want +got):\n%s\n%s", diff, x)
				}
				if diff := cmp.Diff(test.notReached, namesOf(x, consumer.ResultNotReached)); diff != "" {
					t.Errorf("checks that were not reached (-want +got):\n%s\n%s", diff, x)
				}
				if diff := cmp.Diff(x, hooked[len(hooked)-1], timesOnly); diff != "" {
					t.Errorf("Config.Explain received another explanation (-want +got):\n%s", diff)
				}
				checkTexts(t, x)
			}
		})
	}
}

// timesOnly ignores the texts of the check of the time, because they contain the current time.
var timesOnly = cmp.FilterValues(func(a, b consumer.CheckResult) bool { return a.Name == "time" && b.Name == "time" }, cmp.Ignore())

// checkTexts checks that each check says what was expected, and each failed one what was wrong.
func checkTexts(t *testing.T, x consumer.Explanation) {
	t.Helper()
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	logscan.Text(string(text))
	logscan.Text(x.String())
	for _, check := range x.Checks {
		if check.Expected == "" || (check.Detail != "") != (check.Result == consumer.ResultFailed) {
			t.Errorf("incomplete: %+v", check)
		}
		if !strings.Contains(x.String(), "\n"+check.String()+"\n") {
			t.Errorf("%q is not a line of:\n%s", check, x)
		}
	}
}

// statusResult is a TokenStatus with one result for all tokens.
type statusResult func() (bool, error)

func (f statusResult) Active(context.Context, consumer.StatusToken) (bool, error) { return f() }

// rejectAll is a Verifier that accepts no token.
type rejectAll struct{}

func (rejectAll) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}

func TestExplain_Text(t *testing.T) {
	t.Parallel()
	x := consumer.Explanation{Issuer: "https://issuer.test", Reason: consumer.ReasonAudience, Checks: []consumer.CheckResult{
		{Name: "issuer", Result: consumer.ResultPassed, Expected: `"a"`, Received: `"a"`, Field: "Config.Issuer"},
		{Name: "audience", Result: consumer.ResultFailed, Expected: `one of ["b"]`, Received: `["c"]`, Detail: "no (Config.Audience)", Field: "Config.Audience"},
		{Name: "key", Result: consumer.ResultNotReached, Expected: "a key"},
	}}
	want := `issuer https://issuer.test: rejected (audience)
passed issuer: expected "a", received "a" (Config.Issuer)
failed audience: expected one of ["b"], received ["c"]: no (Config.Audience)
not_reached key: expected a key
`
	if diff := cmp.Diff(want, x.String()); diff != "" {
		t.Errorf("String (-want +got):\n%s", diff)
	}
}

// The first failed check is the one that decides: its detail is that of the error of Verify.
func TestExplain_AgreesWithVerify(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for name, token := range map[string]*bearertest.Token{
		"alg":        issuer.AccessToken().SetHeader("alg", "RS1"),
		"typ":        issuer.AccessToken().SetHeader("typ", "x").Set("aud", "x"),
		"crit":       issuer.AccessToken().SetHeader("crit", []string{"x"}),
		"iss":        issuer.AccessToken().Set("iss", 1).Set("exp", 1),
		"sub":        issuer.AccessToken().Set("sub", 1).Set("aud", "x"),
		"aud":        issuer.AccessToken().Set("aud", "x").Set("nbf", int64(99999999999)),
		"nbf":        issuer.AccessToken().Set("nbf", int64(99999999999)).Set("nonce", "x"),
		"iat":        issuer.AccessToken().Set("iat", int64(99999999999)),
		"logout":     issuer.LogoutToken().Set("aud", audience).SetHeader("typ", "JWT"),
		"ID token":   issuer.IDToken().Set("aud", audience),
		"cnf":        issuer.AccessToken().Set("cnf", "x"),
		"header":     issuer.AccessToken().SetHeader("x", strings.Repeat("x", 3000)),
		"signature":  issuer.AccessToken().EditSignature(func(s []byte) []byte { return s[1:] }),
		"not a JWT":  issuer.AccessToken().EditHeader(func([]byte) []byte { return []byte("x") }),
		"duplicates": issuer.AccessToken().EditClaims(func([]byte) []byte { return []byte(`{"a":1,"a":1}`) }),
	} {
		token, x, err := c.Explain(t.Context(), token.Sign())
		var rejected *consumer.Error
		if token != nil || !errors.As(err, &rejected) {
			t.Errorf("%s: accepted", name)
			continue
		}
		failed := namesOf(x, consumer.ResultFailed)
		for _, check := range x.Checks {
			if len(failed) > 0 && check.Name == failed[0] && check.Detail != rejected.LogDetail() {
				t.Errorf("%s: %v, but Verify returns %v", name, check, err)
			}
		}
		if len(failed) == 0 || resultsOf(x)["signature"] == consumer.ResultPassed {
			t.Errorf("%s: %v", name, x)
		}
	}
}

func TestExplain_ClaimsAboutUsersAreNotShown(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	const secret = "s3cretive"
	forger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL})
	for _, token := range []*bearertest.Token{
		issuer.AccessToken(), issuer.AccessToken().Set("aud", "x"), forger.AccessToken(), issuer.AccessToken().SetHeader("typ", "x"),
	} {
		raw := token.Set("sub", secret).Set("email", secret).Set("scope", secret).Set("scp", []string{secret}).Set("jti", secret).
			Set("name", secret).Set("roles", []string{secret}).Set("nonce", secret).SetHeader("x5c", secret).Sign()
		_, x, _ := c.Explain(t.Context(), raw)
		text, err := json.Marshal(x)
		if err != nil || strings.Contains(string(text)+x.String(), secret) {
			t.Errorf("%v: the explanation shows a claim about the user:\n%s\n%s", err, text, x)
		}
		checkTexts(t, x)
	}
}

func TestExplain_Group(t *testing.T) {
	t.Parallel()
	issuer, other := newIssuer(), bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test", Audience: audience})
	known := newConsumer(t, offline(t, issuer))
	group := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{known}})
	opaque := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{known}, Opaque: rejectAll{}})
	tests := []struct {
		name   string
		group  *consumer.Group
		raw    string
		issuer string
		failed []string
	}{
		{"valid", group, issuer.AccessToken().Sign(), issuerURL, nil},
		{"cached", group, issuer.AccessToken().Sign(), issuerURL, nil},
		{"rejected", group, issuer.AccessToken().Set("aud", "x").Sign(), issuerURL, []string{"audience"}},
		{"unknown issuer", group, other.AccessToken().Sign(), "", []string{"issuer"}},
		{"not a JWT", group, "x", "", []string{"form"}},
		{"too long", group, strings.Repeat("x", 20000), "", []string{"size"}},
		{"opaque", opaque, "x", "", []string{"opaque"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token, x, err := test.group.Explain(t.Context(), test.raw)
			if (token != nil) != (test.failed == nil) || (err == nil) != (token != nil) {
				t.Errorf("token %v, error %v", token, err)
			}
			if diff := cmp.Diff(test.failed, namesOf(x, consumer.ResultFailed)); diff != "" || x.Issuer != test.issuer {
				t.Errorf("issuer %q, failed checks (-want +got):\n%s", x.Issuer, diff)
			}
		})
	}
}
