package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// `aud` is a string or a list, and one match is enough (RFC 7519 §4.1.3).
func TestT2_P4_J8_X1_Attack20_Audience(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.Audience = []string{audience, "api"}
	c := newConsumer(t, cfg)
	for _, test := range []struct {
		aud  any
		want []string // nil: rejected
	}{
		{audience, []string{audience}},
		{"api", []string{"api"}},
		{[]string{"https://other.test", "api"}, []string{"https://other.test", "api"}},
		{[]string{audience, audience}, []string{audience, audience}},
		{[]string{"https://other.test"}, nil},
		{"https://other.test", nil},
		{"API", nil},
		{"api ", nil},
		{"ap", nil},
		{[]string{""}, nil},
	} {
		raw := issuer.AccessToken().Set("aud", test.aud).Sign()
		if test.want == nil {
			reject(t, c, raw, consumer.ReasonAudience)
			continue
		}
		if diff := cmp.Diff(test.want, accept(t, c, raw).Audience()); diff != "" {
			t.Errorf("aud %v (-want +got):\n%s", test.aud, diff)
		}
	}
}

// The issuer is compared byte for byte, whatever it looks like.
func TestT4_P3_J7_D5_Attack22_IssuerIsExact(t *testing.T) {
	t.Parallel()
	urls := []string{
		"https://issuer.test", "https://issuer.test/", "https://Issuer.test", "https://issuer.test/a", "https://issuer.test/A",
		"https://issuer.test/%61", "https://xn--issuer-6ra.test", "not a URL at all", "https://issu\u00e9r.test",
		"https://issue\u0301r.test",
	}
	for _, own := range urls {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: own, Algorithms: []string{"ES256"}})
		c := newConsumer(t, offline(t, issuer))
		for _, iss := range urls {
			if raw := issuer.AccessToken().Set("iss", iss).Sign(); iss == own {
				if token := accept(t, c, raw); token.Issuer() != own {
					t.Errorf("Issuer %q, want %q", token.Issuer(), own)
				}
			} else {
				reject(t, c, raw, consumer.ReasonIssuer)
			}
		}
	}
}

// `iss` decides before anything else in the claims is looked at, and the signature before the rest of them.
func TestX1_OrderOfTheChecks(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	token := issuer.AccessToken().Set("aud", "https://other.test").Set("exp", bearertest.Absent).Set("nonce", "n")
	steps := []struct {
		spoil edit
		want  consumer.Reason
	}{
		{signature(flipped), consumer.ReasonClaims},
		{header("kid", "unknown"), consumer.ReasonClaims},
		{claim("iss", "https://other.test"), consumer.ReasonIssuer},
		{header("typ", "other"), consumer.ReasonType},
		{header("alg", "none"), consumer.ReasonAlgorithm},
		{header("crit", []string{"exp"}), consumer.ReasonCritical},
		{input(with("!!!")), consumer.ReasonMalformed},
	}
	for _, step := range steps {
		token = step.spoil(token)
		reject(t, c, token.Sign(), step.want)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	absent := any(bearertest.Absent)
	for _, test := range []struct {
		name       string
		scope, scp any
		want       []string
	}{
		{"a string", "orders:read orders:write", absent, []string{"orders:read", "orders:write"}},
		{"one", "orders:read", absent, []string{"orders:read"}},
		{"spaces", "  a   b ", absent, []string{"a", "b"}},
		{"an empty string", "", absent, nil},
		{"a list", []string{"a", "b c"}, absent, []string{"a", "b c"}},
		{"an empty list", []string{}, absent, nil},
		{"scp as a string", absent, "a b", []string{"a", "b"}},
		{"scp as a list", absent, []string{"a", "b"}, []string{"a", "b"}},
		{"both", "a", []string{"b"}, []string{"a"}},
		{"empty scope, scp", "", "admin", nil},
		{"none", absent, absent, nil},
		{
			"only a space parts them", "a\u00a0admin b\tadmin c\nadmin d\u2003admin", absent,
			[]string{"a\u00a0admin", "b\tadmin", "c\nadmin", "d\u2003admin"},
		},
		{"case counts", "Admin", absent, []string{"Admin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := accept(t, c, issuer.AccessToken().Set("scope", test.scope).Set("scp", test.scp).Sign())
			if !slices.Equal(token.Scopes(), test.want) {
				t.Errorf("scopes %q, want %q", token.Scopes(), test.want)
			}
			for _, scope := range test.want {
				if !token.HasScope(scope) {
					t.Errorf("scope %q is not granted", scope)
				}
			}
			for _, scope := range []string{"admin", "", " ", "orders", "a b"} {
				if token.HasScope(scope) {
					t.Errorf("scope %q is granted", scope)
				}
			}
		})
	}
}

func TestP8_RequiredClaims(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.RequiredClaims = []string{"tenant", "acr"}
	c := newConsumer(t, cfg)
	complete := func() *bearertest.Token { return issuer.AccessToken().Set("tenant", "t").Set("acr", 0) }
	accept(t, c, complete().Sign())
	accept(t, c, complete().Set("tenant", false).Sign())
	accept(t, c, complete().Set("tenant", []string{}).Sign())
	for _, value := range []any{bearertest.Absent, nil, ""} {
		reject(t, c, complete().Set("tenant", value).Sign(), consumer.ReasonClaims)
		reject(t, c, complete().Set("acr", value).Sign(), consumer.ReasonClaims)
	}
	reject(t, c, complete().Set("tenant", bearertest.Absent).Set("Tenant", "t").Sign(), consumer.ReasonClaims)
	cfg.RequiredClaims[0] = "changed" // New has copied it
	accept(t, c, complete().Sign())
}

// Claim names are compared byte for byte: a claim of another spelling is another claim (RFC 7519 §4).
func TestT1_Attack11_ClaimNamesAreCaseSensitive(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.Profile = consumer.ProfileRFC9068 // it requires all of these claims
	c := newConsumer(t, cfg)
	for name, test := range map[string]struct {
		spelling string
		reason   consumer.Reason
	}{
		"exp": {"EXP", consumer.ReasonClaims}, "iss": {"i\u017fs", consumer.ReasonIssuer},
		"aud": {"Aud", consumer.ReasonAudience}, "sub": {"SUB", consumer.ReasonClaims}, "iat": {"iAt", consumer.ReasonClaims},
		"client_id": {"Client_ID", consumer.ReasonClaims},
	} {
		rename := func(text []byte) []byte { return replace(`"`+name+`":`, `"`+test.spelling+`":`)(text) }
		reject(t, c, issuer.AccessToken().EditClaims(rename).Sign(), test.reason)
	}
	escaped := issuer.AccessToken().EditClaims(replace(`"exp":`, `"\u0065xp":`)).EditHeader(replace(`"alg":`, `"\u0061lg":`))
	accept(t, c, escaped.Sign())
}

// Crossauth servers send the `type` claim. Config.TokenType requires it of other issuers.
func TestTokenType(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.TokenType = "refresh"
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Set("type", "refresh").Sign())
	for _, value := range []any{bearertest.Absent, "access", "Refresh", "", nil, []string{"refresh"}} {
		reject(t, c, issuer.AccessToken().Set("type", value).Sign(), consumer.ReasonType)
	}
}

// When and how a user signed in may stand in an access token too (RFC 9068 §2.2.1).
func TestJ11_AuthenticationInAnAccessToken(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	draft := func() *bearertest.Token {
		return issuer.AccessToken().Set("scope", "a").Set("auth_time", 1).Set("amr", []string{"pwd"}).Set("acr", "1")
	}
	accept(t, c, draft().Sign())
	accept(t, c, draft().Set("jti", bearertest.Absent).Sign())
	accept(t, c, draft().Set("scope", bearertest.Absent).Sign())
	accept(t, c, draft().Set("jti", bearertest.Absent).Set("scope", bearertest.Absent).Set("scp", "a").Sign())
}

func TestClientIDs(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.ClientIDs = []string{"web", "client"}
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Sign())
	accept(t, c, issuer.AccessToken().Set("client_id", "web").Sign())
	for _, id := range []string{"other", "Client", "client ", "clien"} {
		reject(t, c, issuer.AccessToken().Set("client_id", id).Sign(), consumer.ReasonClaims)
	}
	cfg.ClientIDs[1] = "other"
	accept(t, c, issuer.AccessToken().Sign())
	reject(t, c, issuer.AccessToken().Set("client_id", "other").Sign(), consumer.ReasonClaims)
}

var errCheck = errors.New("not today")

func TestCheckRunsAfterAllOtherChecks(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	asked := 0
	cfg.CacheSize = -1
	cfg.Check = func(_ context.Context, token *consumer.Token) error {
		asked++
		if tenant, _ := token.Claim("tenant"); tenant != "a" {
			return errCheck
		}
		return nil
	}
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Set("tenant", "a").Sign())
	e := reject(t, c, issuer.AccessToken().Set("tenant", "b").Sign(), consumer.ReasonClaims)
	if !errors.Is(e, errCheck) {
		t.Errorf("error %v does not wrap that of Check", e)
	}
	cfg.Check = func(context.Context, *consumer.Token) error {
		return fmt.Errorf("%w: %w", errCheck, consumer.ErrUnavailable)
	}
	e = reject(t, newConsumer(t, cfg), issuer.AccessToken().Sign(), consumer.ReasonStatusUnavailable)
	if !errors.Is(e, errCheck) {
		t.Errorf("error %v does not wrap that of Check", e)
	}
	if asked != 2 {
		t.Errorf("called %d times, want 2", asked)
	}
	for _, spoil := range []edit{
		claim("aud", "other"), claim("exp", 1), claim("nonce", "n"), signature(flipped), claim("exp", json.RawMessage("1e300")),
	} {
		if _, err := c.Verify(t.Context(), spoil(issuer.AccessToken().Set("tenant", "a")).Sign()); err == nil {
			t.Error("a bad token is accepted")
		}
	}
	if asked != 2 {
		t.Error("Check was called with a token that other checks reject")
	}
}

// An error after the end of the context does not mean that the token is invalid.
func TestCheckAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for ctx, want := range map[context.Context]consumer.Reason{
		ended: consumer.ReasonStatusUnavailable, canceled: consumer.ReasonCanceled, t.Context(): consumer.ReasonClaims,
	} {
		cfg := offline(t, issuer)
		cfg.Check = func(context.Context, *consumer.Token) error { return errCheck }
		token, err := newConsumer(t, cfg).Verify(ctx, issuer.AccessToken().Sign())
		if token != nil || reasonOf(err) != want {
			t.Errorf("%v: token %v, error %v, want %v", ctx.Err(), token, err, want)
		}
	}
}
