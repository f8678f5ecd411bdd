package consumer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

func TestCaseW2_AudienceIsExplained(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	tests := []struct {
		name     string
		audience []string // of the Consumer
		aud      any      // of the token
		want     string
	}{
		{"another", []string{audience}, "account", `aud ["account"] does not contain any of ["https://api.test"] (Config.Audience)`},
		{"several", []string{audience, "b"}, []string{"x", "y"}, `aud ["x" "y"] does not contain any of ["https://api.test" "b"] (Config.Audience)`},
		{
			"many",
			[]string{audience},
			[]string{"1", "2", "3", "4", "5", "6"},
			`aud ["1" "2" "3" "4"] and 2 more does not contain any of ["https://api.test"] (Config.Audience)`,
		},
		{"absent", []string{audience}, bearertest.Absent, `aud is missing, expected one of ["https://api.test"] (Config.Audience)`},
		{
			"slash",
			[]string{audience},
			audience + "/",
			`aud ["https://api.test/"] does not contain any of ["https://api.test"] (Config.Audience); they differ only by a trailing slash`,
		},
		{
			"case",
			[]string{"other", "API"},
			[]string{"x", "api"},
			`aud ["x" "api"] does not contain any of ["other" "API"] (Config.Audience); they differ only by case`,
		},
		{
			"scheme",
			[]string{audience},
			"api.test",
			`aud ["api.test"] does not contain any of ["https://api.test"] (Config.Audience); they differ only by scheme`,
		},
		{
			"long",
			[]string{audience},
			strings.Repeat("long ", 40),
			`aud ["` + strings.Repeat("long ", 20) + `"...] does not contain any of ["https://api.test"] (Config.Audience)`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, issuer)
			cfg.Audience = test.audience
			err := reject(t, newConsumer(t, cfg), issuer.AccessToken().Set("aud", test.aud).Sign(), consumer.ReasonAudience)
			if err.Detail != test.want || err.LogDetail() != test.want {
				t.Errorf("Detail is %q, LogDetail returns %q, want %q", err.Detail, err.LogDetail(), test.want)
			}
		})
	}
}

func TestCaseW3_IssuerIsExplained(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	tests := []struct {
		name string
		iss  any
		want string
	}{
		{"another", "https://other.test", `iss "https://other.test" is not "https://issuer.test" (Config.Issuer)`},
		{"slash", issuerURL + "/", `iss "https://issuer.test/" is not "https://issuer.test" (Config.Issuer); they differ only by a trailing slash`},
		{"case", "https://Issuer.test", `iss "https://Issuer.test" is not "https://issuer.test" (Config.Issuer); they differ only by case`},
		{"scheme", "http://issuer.test", `iss "http://issuer.test" is not "https://issuer.test" (Config.Issuer); they differ only by scheme`},
		{"no scheme", "issuer.test", `iss "issuer.test" is not "https://issuer.test" (Config.Issuer); they differ only by scheme`},
		{"space", issuerURL + " ", `iss "https://issuer.test " is not "https://issuer.test" (Config.Issuer); they differ only by white space`},
		{"realm", issuerURL + "/realms/a", `iss "https://issuer.test/realms/a" is not "https://issuer.test" (Config.Issuer)`},
		{"absent", bearertest.Absent, `iss is missing or not a string, expected "https://issuer.test" (Config.Issuer)`},
		{"null", nil, `iss is missing or not a string, expected "https://issuer.test" (Config.Issuer)`},
		{"number", 1, `iss is missing or not a string, expected "https://issuer.test" (Config.Issuer)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := reject(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Set("iss", test.iss).Sign(), consumer.ReasonIssuer)
			if err.Detail != test.want || err.LogDetail() != test.want {
				t.Errorf("Detail is %q, LogDetail returns %q, want %q", err.Detail, err.LogDetail(), test.want)
			}
		})
	}
}

func TestCaseW3_IssuerOfAGroupIsExplained(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	group := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	const setting = " is not accepted (GroupConfig.Consumers, GroupConfig.Resolve)"
	for iss, want := range map[string]string{
		"https://other.test":  `iss "https://other.test"` + setting,
		issuerURL + "/":       `iss "https://issuer.test/"` + setting + `; compared with "https://issuer.test", they differ only by a trailing slash`,
		"https://ISSUER.test": `iss "https://ISSUER.test"` + setting + `; compared with "https://issuer.test", they differ only by case`,
		"":                    `iss ""` + setting,
		"https://" + strings.Repeat("long.", 300) + "/": `iss "https://` + strings.Repeat("long.", 18) + `lo"...` + setting,
	} {
		err := reject(t, group, issuer.AccessToken().Set("iss", iss).Sign(), consumer.ReasonIssuer)
		if err.Detail != want || err.LogDetail() != want {
			t.Errorf("%s: Detail is %q, LogDetail returns %q, want %q", iss, err.Detail, err.LogDetail(), want)
		}
	}
}

func TestClaimsAreExplained(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for _, test := range []struct {
		claim string
		value any
		want  string
	}{
		{"sub", 1, "sub is of type number, expected a string"},
		{"sub", bearertest.Absent, "sub is missing (Config.Profile rfc9068 or Config.RequiredClaims)"},
		{"client_id", bearertest.Absent, "the client is missing, expected it in client_id (Config.Profile rfc9068)"},
		{"jti", true, "jti is of type boolean, expected a string"},
		{"aud", map[string]any{}, "aud is of type object, expected a string or an array of strings"},
		{"exp", bearertest.Absent, "exp is missing (Config.Profile rfc9068)"},
		{"exp", 0, "exp is not positive, expected a number of seconds since the start of 1970"},
		{"nbf", "1", "nbf is of type string, expected a number of seconds since the start of 1970"},
		{"iat", 1e15, "iat is out of range, expected a number of seconds since the start of 1970"},
		{"scope", 1, "scope is of type number, expected a string or an array of strings"},
		{"cnf", "x", "cnf is of type string, expected an object"},
	} {
		cfg := offline(t, issuer)
		cfg.Profile = consumer.ProfileRFC9068
		err := reject(t, newConsumer(t, cfg), issuer.AccessToken().Set(test.claim, test.value).Sign(), consumer.ReasonClaims)
		if err.Detail != test.want {
			t.Errorf("%s: Detail is %q, want %q", test.claim, err.Detail, test.want)
		}
	}
}

func TestCaseW4_HeaderIsExplained(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	const list = `["ES256" "ES384" "ES512" "Ed25519" "EdDSA" "PS256" "PS384" "PS512" "RS256" "RS384" "RS512"] (Config.Algorithms)`
	tests := []struct {
		parameter string
		value     any
		reason    consumer.Reason
		want      string
	}{
		{"alg", "none", consumer.ReasonAlgorithm, `alg "none" is not one of ` + list},
		{"alg", "HS256", consumer.ReasonAlgorithm, `alg "HS256" is not one of ` + list},
		{"alg", "es256", consumer.ReasonAlgorithm, `alg "es256" is not one of ` + list},
		{"alg", "RS256\n", consumer.ReasonAlgorithm, `alg "RS256\n" is not one of ` + list},
		{"typ", "id+jwt", consumer.ReasonType, `typ "id+jwt" is not one of ["at+jwt" "jwt" ""] (Config.Profile default)`},
		{"typ", "application/logout+jwt", consumer.ReasonType, `typ "logout+jwt" is not one of ["at+jwt" "jwt" ""] (Config.Profile default)`},
	}
	for _, test := range tests {
		err := reject(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().SetHeader(test.parameter, test.value).Sign(), test.reason)
		if err.Detail != test.want || err.LogDetail() != test.want {
			t.Errorf("%s %q: Detail is %q, LogDetail returns %q, want %q", test.parameter, test.value, err.Detail, err.LogDetail(), test.want)
		}
	}
}

// Errors never quote a claim about a user, not even if a profile reads the client from it, or fixes its value.
func TestDetailsOmitClaimsAboutUsers(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for claim, want := range map[string]string{
		"client_id": `client "bob" is not one of ["wanted"] (Config.ClientIDs)`,
		"email":     `client is not one of ["wanted"] (Config.ClientIDs)`,
		"sub":       `client is not one of ["wanted"] (Config.ClientIDs)`,
	} {
		profile, err := consumer.NewProfile(consumer.ProfileConfig{Name: "mine", ClientClaims: []string{claim}})
		if err != nil {
			t.Fatal(err)
		}
		cfg := offline(t, issuer)
		cfg.Profile, cfg.ClientIDs = profile, []string{"wanted"}
		c, raw := newConsumer(t, cfg), issuer.AccessToken().Set(claim, "bob").Sign()
		if rejected := reject(t, c, raw, consumer.ReasonClaims); rejected.Detail != want {
			t.Errorf("Detail is %q, want %q", rejected.Detail, want)
		}
		if _, x, _ := c.Explain(t.Context(), raw); strings.Contains(x.String(), "bob") != strings.Contains(want, "bob") {
			t.Errorf("the explanation is:\n%s", x)
		}
	}
	for _, name := range []string{"sub", "email", "preferred_username", "scope", "department"} {
		profile, err := consumer.NewProfile(consumer.ProfileConfig{Name: "mine", FixedClaims: map[string][]string{name: {"wanted"}}})
		if err != nil {
			t.Fatal(err)
		}
		cfg := offline(t, issuer)
		cfg.Profile = profile
		rejected := reject(t, newConsumer(t, cfg), issuer.AccessToken().Set(name, "bob").Sign(), consumer.ReasonType)
		want := `claim "` + name + `" has another value, expected one of ["wanted"] (Config.Profile mine)`
		if rejected.Detail != want {
			t.Errorf("Detail is %q, want %q", rejected.Detail, want)
		}
	}
}

// Many issuers send opaque or encrypted access tokens. The error says what the kit expects, and quotes nothing.
func TestTokensThatAreNotJWTsAreExplained(t *testing.T) {
	t.Parallel()
	c := newConsumer(t, offline(t, newIssuer()))
	const want = "expected a signed JWT; opaque tokens need GroupConfig.Opaque: token does not have three parts"
	for _, raw := range []string{"", "opaque-token", "a.b", "header..iv.text.tag", "a.b.c.d"} {
		if err := reject(t, c, raw, consumer.ReasonMalformed); err.LogDetail() != want {
			t.Errorf("%q: LogDetail returns %q, want %q", raw, err.LogDetail(), want)
		}
	}
	if err := reject(t, c, "a.b.c", consumer.ReasonMalformed); strings.Contains(err.LogDetail(), "opaque") {
		t.Errorf("LogDetail returns %q for a token with three parts", err.LogDetail())
	}
}
