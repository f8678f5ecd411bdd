package interop_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The APIs that are registered with oidc-provider. Each name contains the algorithm of its tokens.
const (
	apiRS256 = "https://rs256.example"
	apiPS256 = "https://ps256.example"
	apiES256 = "https://es256.example"
	apiEdDSA = "https://eddsa.example"
)

// flow obtains a token and contains the expected response of an API.
type flow struct {
	name   string
	token  string
	shape  string          // see shapeOf
	scheme string          // empty: Bearer
	config consumer.Config // Issuer empty: the server's
	rules  []middleware.Rule
	want   answer
}

// run sends the token to every framework. Each has its own new Consumer.
func (f flow) run(t *testing.T, as authorizationServer) (answers []answer) {
	t.Helper()
	if f.token != "" && shapeOf(t, f.token) != f.shape {
		t.Fatalf("the token is %s, want %s", shapeOf(t, f.token), f.shape)
	}
	for _, framework := range frameworks {
		api := framework.serve(t, as.newConsumer(t, f.config), f.rules...)
		got := api.get(t, cmp.Or(f.scheme, "Bearer"), f.token)
		answers = append(answers, got)
		if got != f.want {
			t.Errorf("%s: %s, want %s", framework.name, got, f.want)
		}
	}
	return answers
}

func audience(names ...string) consumer.Config { return consumer.Config{Audience: names} }

func scopes(all ...string) []middleware.Rule { return []middleware.Rule{middleware.Scopes(all...)} }

// TestTokens sends tokens of authorization servers of other projects to APIs that use the kit.
func TestTokens(t *testing.T) {
	t.Parallel()
	r := newReport(t)
	t.Run("oidc-provider", func(t *testing.T) {
		t.Parallel()
		p := startOIDCProvider(t)
		runFlows(t, r, "oidc-provider", p.authorizationServer, slices.Concat(accepted(t, p), rejected(t, p)))
	})
	t.Run("zitadel", func(t *testing.T) {
		t.Parallel()
		z := startZitadel(t, op.AccessTokenTypeJWT)
		runFlows(t, r, "zitadel", z.authorizationServer, zitadelFlows(t, z))
	})
	t.Run("dex", func(t *testing.T) {
		t.Parallel()
		d := startDex(t)
		runFlows(t, r, "dex", d.authorizationServer, dexFlows(t, d))
	})
}

func runFlows(t *testing.T, r *report, server string, as authorizationServer, flows []flow) {
	t.Helper()
	for number, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r.add(line{server: server, flow: f.name, token: f.shape, number: number, answers: f.run(t, as)})
		})
	}
}

func accepted(t *testing.T, p *oidcProvider) []flow {
	t.Helper()
	rs256 := p.machineToken(t, "cc", apiRS256, "api:read")
	return []flow{
		{
			name: "client credentials, RS256", token: rs256, shape: "at+jwt RS256",
			config: audience(apiRS256), rules: scopes("api:read"), want: passed("cc"),
		},
		{
			name: "client credentials, PS256", token: p.machineToken(t, "cc", apiPS256, "api:read"), shape: "at+jwt PS256",
			config: audience(apiPS256), rules: scopes("api:read"), want: passed("cc"),
		},
		{
			name: "client credentials, ES256", token: p.machineToken(t, "cc", apiES256, "api:read"), shape: "at+jwt ES256",
			config: audience(apiES256), rules: scopes("api:read"), want: passed("cc"),
		},
		{
			name: "client credentials, EdDSA", token: p.machineToken(t, "cc", apiEdDSA, "api:read"), shape: "at+jwt EdDSA",
			config: audience(apiEdDSA), rules: scopes("api:read"), want: passed("cc"),
		},
		{
			name: "authorization code, a user's", token: p.logIn(t, apiRS256).AccessToken, shape: "at+jwt RS256",
			config: audience(apiRS256), rules: scopes("api:read"), want: passed("alice"),
		},
		{
			name: "RFC 9068 to the letter", token: rs256, shape: "at+jwt RS256",
			config: consumer.Config{Audience: []string{apiRS256}, Profile: consumer.ProfileRFC9068}, want: passed("cc"),
		},
		{
			name: "one of two audiences", token: rs256, shape: "at+jwt RS256",
			config: audience(apiES256, apiRS256), want: passed("cc"),
		},
	}
}

func rejected(t *testing.T, p *oidcProvider) []flow {
	t.Helper()
	rs256 := p.machineToken(t, "cc", apiRS256, "api:read")
	user := p.logIn(t, apiRS256)
	bound := p.boundToken(t, "dpop", apiRS256, "api:read")
	return []flow{
		{name: "no token", config: audience(apiRS256), want: noToken()},
		{
			name: "scope missing", token: rs256, shape: "at+jwt RS256",
			config: audience(apiRS256), rules: scopes("api:read", "api:write"), want: insufficientScope("api:read api:write"),
		},
		{
			name: "another API's token", token: rs256, shape: "at+jwt RS256",
			config: audience(apiES256), want: invalidToken(consumer.ReasonAudience),
		},
		{
			name: "algorithm not on the list", token: rs256, shape: "at+jwt RS256",
			config: consumer.Config{Audience: []string{apiRS256}, Algorithms: []string{"ES256"}},
			want:   invalidToken(consumer.ReasonAlgorithm),
		},
		{
			name: "signature of another token", token: graft(rs256, bound), shape: "at+jwt RS256",
			config: audience(apiRS256), want: invalidToken(consumer.ReasonSignature),
		},
		{
			name: "ID token", token: user.IDToken, shape: "untyped RS256",
			config: audience(apiRS256), want: invalidToken(consumer.ReasonAudience),
		},
		{
			name: "ID token, where the API is called as the client", token: user.IDToken, shape: "untyped RS256",
			config: consumer.Config{Audience: []string{"web"}, Profile: consumer.ProfileRFC9068}, want: invalidToken(consumer.ReasonType),
		},
		{
			// The token has no claim that only ID tokens have. So the audience must not be a client id with ProfileDefault.
			name: "ID token, where the API is called as the client, with ProfileDefault", token: user.IDToken, shape: "untyped RS256",
			config: audience("web"), want: passed("alice"),
		},
		{
			name: "opaque", token: p.machineToken(t, "cc", "", ""), shape: "opaque",
			config: audience(apiRS256), want: invalidToken(consumer.ReasonMalformed),
		},
		{
			name: "DPoP-bound, sent as Bearer, where DPoP is not set", token: bound, shape: "at+jwt RS256",
			config: audience(apiRS256), want: invalidToken(consumer.ReasonBinding),
		},
		{
			name: "DPoP-bound, sent as DPoP, where DPoP is not set", token: bound, shape: "at+jwt RS256", scheme: "DPoP",
			config: audience(apiRS256), want: noToken(),
		},
	}
}

// graft replaces the signature of one token by that of another.
func graft(token, other string) string {
	return token[:strings.LastIndex(token, ".")] + other[strings.LastIndex(other, "."):]
}

// zitadelFlows returns the flows of zitadel. The audience of all its tokens is the client, so only the kind distinguishes an
// access token from an ID token.
func zitadelFlows(t *testing.T, z zitadel) []flow {
	t.Helper()
	machine, user := z.machineToken(t, "sid1", "", "openid"), z.logIn(t)
	opaque := startZitadel(t, op.AccessTokenTypeBearer).machineToken(t, "sid1", "", "openid")
	return []flow{
		{
			name: "client credentials", token: machine, shape: "JWT RS256",
			config: audience("sid1"), want: passed("sid1"),
		},
		{
			name: "authorization code, a user's", token: user.AccessToken, shape: "JWT RS256",
			config: audience("web"), want: passed("id2"),
		},
		{
			name: "RFC 9068 to the letter", token: machine, shape: "JWT RS256",
			config: consumer.Config{Audience: []string{"sid1"}, Profile: consumer.ProfileRFC9068},
			want:   invalidToken(consumer.ReasonType),
		},
		{
			name: "scope missing, for there is no scope claim", token: machine, shape: "JWT RS256",
			config: audience("sid1"), rules: scopes("openid"), want: insufficientScope("openid"),
		},
		{
			name: "another API's token", token: machine, shape: "JWT RS256",
			config: audience("https://api.example"), want: invalidToken(consumer.ReasonAudience),
		},
		{
			name: "ID token, where the API is called as the client", token: user.IDToken, shape: "JWT RS256",
			config: audience("web"), want: invalidToken(consumer.ReasonType),
		},
		{
			name: "ID token without nonce and hash, API called as the client", token: z.implicitIDToken(t), shape: "JWT RS256",
			config: audience("web"), want: invalidToken(consumer.ReasonType),
		},
		{
			name: "opaque", token: opaque, shape: "JWE",
			config: audience("sid1"), want: invalidToken(consumer.ReasonMalformed),
		},
	}
}

func dexAudience(name string) consumer.Config {
	return consumer.Config{Audience: []string{name}, Profile: consumer.ProfileDex, InsecureAcceptIDToken: true}
}

// dexFlows returns the flows of Dex. Its access tokens have the form of its ID tokens: the audience is the client, and the hash is
// that of a random value.
func dexFlows(t *testing.T, d dexServer) []flow {
	t.Helper()
	machine := d.machineToken(t, "cc", "", "openid")
	user := d.userTokens(t, "openid")
	shared := d.userTokens(t, "openid audience:server:client_id:api") // Dex's form of a resource
	return []flow{
		{
			name: "client credentials", token: machine, shape: "untyped RS256",
			config: dexAudience("cc"), want: passed(dexCC),
		},
		{
			name: "password, a user's", token: user.AccessToken, shape: "untyped RS256",
			config: dexAudience("web"), want: passed(dexAlice),
		},
		{
			name: "ID token of the same user", token: user.IDToken, shape: "untyped RS256",
			config: dexAudience("web"), want: passed(dexAlice),
		},
		{
			name: "requested by another client", token: shared.AccessToken, shape: "untyped RS256",
			config: dexAudience("api"), want: passed(dexAlice),
		},
		{
			name: "requested for another client only", token: user.AccessToken, shape: "untyped RS256",
			config: dexAudience("api"), want: invalidToken(consumer.ReasonAudience),
		},
		{
			name: "ProfileDefault", token: user.AccessToken, shape: "untyped RS256",
			config: audience("web"), want: invalidToken(consumer.ReasonType),
		},
		{
			name: "RFC 9068 to the letter", token: user.AccessToken, shape: "untyped RS256",
			config: consumer.Config{Audience: []string{"web"}, Profile: consumer.ProfileRFC9068},
			want:   invalidToken(consumer.ReasonType),
		},
		{
			name: "another API's token", token: machine, shape: "untyped RS256",
			config: dexAudience("web"), want: invalidToken(consumer.ReasonAudience),
		},
		{
			name: "signature of another token", token: graft(machine, user.AccessToken), shape: "untyped RS256",
			config: dexAudience("cc"), want: invalidToken(consumer.ReasonSignature),
		},
	}
}

// TestGroup_TwoServers runs one API for both servers. Each token is verified with the keys and the policy of its server.
func TestGroup_TwoServers(t *testing.T) {
	t.Parallel()
	p, z := startOIDCProvider(t), startZitadel(t, op.AccessTokenTypeJWT)
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{
		p.newConsumer(t, audience(apiES256)),
		z.newConsumer(t, audience("sid1")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	stranger := startZitadel(t, op.AccessTokenTypeJWT)
	s := newStory(t, "both")
	s.guard(t, group)
	s.tell(t, "oidc-provider's token", p.machineToken(t, "cc", apiES256, "api:read"), passed("cc"))
	s.tell(t, "zitadel's token", z.machineToken(t, "sid1", "", ""), passed("sid1"))
	s.tell(t, "a third server's token", stranger.machineToken(t, "sid1", "", ""), invalidToken(consumer.ReasonIssuer))
}
