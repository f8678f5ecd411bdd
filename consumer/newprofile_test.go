package consumer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// bare returns a token with no other claims than iss, aud and exp.
func bare(issuer *bearertest.Issuer) *bearertest.Token {
	token := issuer.AccessToken()
	for _, name := range []string{"sub", "client_id", "jti", "iat", "scope"} {
		token.Set(name, bearertest.Absent)
	}
	return token
}

func TestNewProfile(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for name, test := range map[string]struct {
		cfg      consumer.ProfileConfig
		accepted []*bearertest.Token
		rejected map[consumer.Reason][]*bearertest.Token
	}{
		"no rules": {
			accepted: []*bearertest.Token{
				bare(issuer), bare(issuer).SetHeader("typ", "JWT"), bare(issuer).SetHeader("typ", bearertest.Absent),
			},
			rejected: map[consumer.Reason][]*bearertest.Token{
				consumer.ReasonType:     {bare(issuer).SetHeader("typ", "logout+jwt"), bare(issuer).Set("at_hash", "h")},
				consumer.ReasonClaims:   {bare(issuer).Set("exp", bearertest.Absent)},
				consumer.ReasonAudience: {bare(issuer).Set("aud", bearertest.Absent)},
				consumer.ReasonIssuer:   {bare(issuer).Set("iss", bearertest.Absent)},
			},
		},
		"types": {
			cfg: consumer.ProfileConfig{Types: []string{"application/Example+JWT", ""}},
			accepted: []*bearertest.Token{
				bare(issuer).SetHeader("typ", "example+jwt"), bare(issuer).SetHeader("typ", "application/example+jwt"),
				bare(issuer).SetHeader("typ", bearertest.Absent),
			},
			rejected: map[consumer.Reason][]*bearertest.Token{
				consumer.ReasonType: {bare(issuer).SetHeader("typ", "JWT"), bare(issuer)},
			},
		},
		"required claims": {
			cfg:      consumer.ProfileConfig{RequiredClaims: []string{"sub", "tenant"}},
			accepted: []*bearertest.Token{bare(issuer).Set("sub", "a").Set("tenant", "t")},
			rejected: map[consumer.Reason][]*bearertest.Token{
				consumer.ReasonClaims: {
					bare(issuer).Set("sub", "a"), bare(issuer).Set("tenant", "t"), bare(issuer).Set("sub", "").Set("tenant", "t"),
					bare(issuer).Set("sub", "a").Set("tenant", nil),
				},
			},
		},
		"access claims": {
			cfg: consumer.ProfileConfig{AccessClaims: []string{"session_id"}},
			accepted: []*bearertest.Token{
				bare(issuer), bare(issuer).Set("auth_time", 1).Set("amr", []string{"pwd"}).Set("session_id", "s"),
				bare(issuer).Set("nonce", "n").Set("session_id", "s"),
			},
			rejected: map[consumer.Reason][]*bearertest.Token{
				consumer.ReasonType: {
					bare(issuer).Set("auth_time", 1), bare(issuer).Set("nonce", "n"), bare(issuer).Set("nonce", "n").Set("session_id", ""),
					bare(issuer).Set("nonce", "n").Set("session_id", nil), bare(issuer).Set("at_hash", "h").Set("session_id", "s"),
				},
			},
		},
		"fixed claims": {
			cfg:      consumer.ProfileConfig{FixedClaims: map[string][]string{"kind": {"x", "y"}}},
			accepted: []*bearertest.Token{bare(issuer).Set("kind", "x"), bare(issuer).Set("kind", "y")},
			rejected: map[consumer.Reason][]*bearertest.Token{
				consumer.ReasonType: {
					bare(issuer), bare(issuer).Set("kind", "X"), bare(issuer).Set("kind", []string{"x"}), bare(issuer).Set("kind", nil),
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.cfg.Name = "test"
			cfg := offline(t, issuer)
			cfg.Profile = newProfile(t, test.cfg)
			c := newConsumer(t, cfg)
			for _, token := range test.accepted {
				accept(t, c, token.Sign())
			}
			for reason, tokens := range test.rejected {
				for _, token := range tokens {
					reject(t, c, token.Sign(), reason)
				}
			}
		})
	}
}

func TestNewProfileJoinsFaults(t *testing.T) {
	t.Parallel()
	p, err := consumer.NewProfile(consumer.ProfileConfig{
		RequiredClaims: []string{""}, ClientClaims: []string{"a", ""}, ScopeClaims: []string{""}, AccessClaims: []string{""},
		FixedClaims: map[string][]string{"": {"a"}, "b": nil, "c": {""}}, RoleClaims: [][]string{{}, {"a", ""}},
	})
	if p != (consumer.Profile{}) || err == nil {
		t.Fatalf("%v, error %v", p, err)
	}
	for _, want := range []string{
		"Name is required", "RequiredClaims contains an empty name", "ClientClaims contains an empty name",
		"AccessClaims contains an empty name", "ScopeClaims contains an empty name", "FixedClaims contains an empty name", `FixedClaims has no values for "b"`,
		`FixedClaims has an empty value for "c"`, `RoleClaims contains the path ""`, `RoleClaims contains the path "a/"`,
	} {
		if !strings.Contains(err.Error(), "consumer: ProfileConfig."+want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// A profile for ID tokens cannot be made without the setting that allows ID tokens.
func TestNewProfileForIDTokens(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"token_use", "typ", "type", "token_type"} {
		cfg := offline(t, newIssuer())
		cfg.Profile = newProfile(t, consumer.ProfileConfig{Name: "p", FixedClaims: map[string][]string{name: {"access", "ID"}}})
		if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.InsecureAcceptIDToken") {
			t.Errorf("%s: error %v", name, err)
		}
		cfg.InsecureAcceptIDToken = true
		newConsumer(t, cfg)
	}
}

// A change of a ProfileConfig does not change the profile that was made from it.
func TestProfileConfigIsCopied(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	pc := consumer.ProfileConfig{
		Name: "p", Types: []string{"JWT"}, RequiredClaims: []string{"a"}, ClientClaims: []string{"b"},
		FixedClaims: map[string][]string{"c": {"d"}}, ScopeClaims: []string{"e"}, RoleClaims: [][]string{{"f"}},
	}
	cfg := offline(t, issuer)
	cfg.Profile = newProfile(t, pc)
	pc.Types[0], pc.RequiredClaims[0], pc.ClientClaims[0], pc.FixedClaims["c"][0] = "x", "x", "x", "x"
	pc.ScopeClaims[0], pc.RoleClaims[0][0] = "x", "x"
	token := accept(t, newConsumer(t, cfg), bare(issuer).SetHeader("typ", "JWT").Set("a", 1).Set("b", "client").
		Set("c", "d").Set("e", "scope").Set("f", "role").Sign())
	if token.ClientID() != "client" || !token.HasScope("scope") || !token.HasRole("role") {
		t.Errorf("client %q, scopes %q, roles %q", token.ClientID(), token.Scopes(), token.Roles())
	}
}

func TestProfilesAreComparable(t *testing.T) {
	t.Parallel()
	made := newProfile(t, consumer.ProfileConfig{Name: "p"})
	same := map[consumer.Profile]string{made: "made", {}: "default", consumer.ProfileKeycloak: "keycloak"}
	for p, want := range map[consumer.Profile]string{
		made: "made", consumer.ProfileDefault: "default", consumer.ProfileKeycloak: "keycloak",
		newProfile(t, consumer.ProfileConfig{Name: "p"}): "",
	} {
		if same[p] != want {
			t.Errorf("%v equals %q, want %q", p, same[p], want)
		}
	}
}
