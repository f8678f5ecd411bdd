package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Every fault of a proof, also a missing member, has the same response: 401 with invalid_dpop_proof in the challenge of DPoP.
func TestG2_Attack47_ProofErrors(t *testing.T) {
	t.Parallel()
	other := bearertest.NewProofKey("ES256")
	now := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tests := map[string]struct {
		change func(*bearertest.Token) *bearertest.Token
		want   outcome
	}{
		"nothing wrong":       {func(p *bearertest.Token) *bearertest.Token { return p }, accepted},
		"htu with a query":    {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", ordersURL+"?a=b") }, accepted},
		"htu, other spelling": {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "HTTPS://API.test:443/%6frders") }, accepted},
		"iat a bit old":       {func(p *bearertest.Token) *bearertest.Token { return p.Set("iat", now(-50*time.Second)) }, accepted},
		"iat a bit early":     {func(p *bearertest.Token) *bearertest.Token { return p.Set("iat", now(50*time.Second)) }, accepted},
		"a nonce":             {func(p *bearertest.Token) *bearertest.Token { return p.Set("nonce", "of another server") }, accepted},

		"iat too old":    {func(p *bearertest.Token) *bearertest.Token { return p.Set("iat", now(-70*time.Second)) }, proofRejected},
		"iat too early":  {func(p *bearertest.Token) *bearertest.Token { return p.Set("iat", now(70*time.Second)) }, proofRejected},
		"no iat":         {func(p *bearertest.Token) *bearertest.Token { return p.Set("iat", bearertest.Absent) }, proofRejected},
		"no jti":         {func(p *bearertest.Token) *bearertest.Token { return p.Set("jti", bearertest.Absent) }, proofRejected},
		"no ath":         {func(p *bearertest.Token) *bearertest.Token { return p.Set("ath", bearertest.Absent) }, proofRejected},
		"ath of another": {func(p *bearertest.Token) *bearertest.Token { return p.Set("ath", strings.Repeat("a", 43)) }, proofRejected},
		"other method":   {func(p *bearertest.Token) *bearertest.Token { return p.Set("htm", "POST") }, proofRejected},
		"method, case":   {func(p *bearertest.Token) *bearertest.Token { return p.Set("htm", "get") }, proofRejected},
		"other path":     {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", ordersURL+"/7") }, proofRejected},
		"path, case":     {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "https://api.test/Orders") }, proofRejected},
		"trailing slash": {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", ordersURL+"/") }, proofRejected},
		"other host":     {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "https://evil.test/orders") }, proofRejected},
		"other port":     {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "https://api.test:8443/orders") }, proofRejected},
		"http":           {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "http://api.test/orders") }, proofRejected},
		"relative htu":   {func(p *bearertest.Token) *bearertest.Token { return p.Set("htu", "/orders") }, proofRejected},
		"typ":            {func(p *bearertest.Token) *bearertest.Token { return p.SetHeader("typ", "JWT") }, proofRejected},
		"no typ":         {func(p *bearertest.Token) *bearertest.Token { return p.SetHeader("typ", bearertest.Absent) }, proofRejected},
		"alg none":       {func(p *bearertest.Token) *bearertest.Token { return p.SignWith("none", nil) }, proofRejected},
		"alg HS256": {func(p *bearertest.Token) *bearertest.Token {
			return p.SignWith("HS256", []byte(strings.Repeat("k", 32)))
		}, proofRejected},
		"no jwk":         {func(p *bearertest.Token) *bearertest.Token { return p.SetHeader("jwk", bearertest.Absent) }, proofRejected},
		"jwk of another": {func(p *bearertest.Token) *bearertest.Token { return p.SetHeader("jwk", other.JWK()) }, proofRejected},
		"crit":           {func(p *bearertest.Token) *bearertest.Token { return p.SetHeader("crit", []string{"b64"}) }, proofRejected},
		"changed signed": {func(p *bearertest.Token) *bearertest.Token {
			return p.EditSignature(func(s []byte) []byte { s[5] ^= 1; return s })
		}, proofRejected},
		"duplicate member": {func(p *bearertest.Token) *bearertest.Token { return p.EditClaims(twice) }, proofRejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			token := k.token()
			k.expect(get("DPoP "+token, test.change(k.proof(token)).Sign()), test.want)
		})
	}
}

// twice repeats the member htm.
func twice(json []byte) []byte { return []byte(strings.Replace(string(json), "{", `{"htm":"GET",`, 1)) }

// The DPoP header must contain exactly one proof.
func TestG1_G2_OneProof(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers func(one, two string) []string
		want    outcome
	}{
		"one":              {func(one, _ string) []string { return []string{one} }, accepted},
		"none":             {func(string, string) []string { return nil }, proofRejected},
		"empty":            {func(string, string) []string { return []string{""} }, proofRejected},
		"two":              {func(one, two string) []string { return []string{one, two} }, proofRejected},
		"the same twice":   {func(one, _ string) []string { return []string{one, one} }, proofRejected},
		"one and empty":    {func(one, _ string) []string { return []string{one, ""} }, proofRejected},
		"comma":            {func(one, two string) []string { return []string{one + ", " + two} }, proofRejected},
		"comma, no space":  {func(one, two string) []string { return []string{one + "," + two} }, proofRejected},
		"comma at the end": {func(one, _ string) []string { return []string{one + ","} }, proofRejected},
		"with a scheme":    {func(one, _ string) []string { return []string{"DPoP " + one} }, proofRejected},
		"quoted":           {func(one, _ string) []string { return []string{`"` + one + `"`} }, proofRejected},
		"oversized":        {func(one, _ string) []string { return []string{one + strings.Repeat("A", 8<<10)} }, proofRejected},
		"two parts":        {func(one, _ string) []string { return []string{one[:strings.LastIndexByte(one, '.')]} }, proofRejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			token := k.token()
			r := get("DPoP "+token, "")
			if lines := test.headers(k.proof(token).Sign(), k.proof(token).Sign()); lines != nil {
				r.Header["Dpop"] = lines
			}
			k.expect(r, test.want)
		})
	}
}

// A bound token is accepted with the scheme DPoP only, and the scheme DPoP accepts bound tokens only. The challenge of the
// scheme that was used has the error, and the other one has none.
func TestG3_SchemeFitsToken(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{})
	plain := k.issuer.AccessToken().Sign()
	tests := []struct {
		name          string
		authorization func(token string) string
		token         string
		want          outcome
	}{
		{"bound, DPoP", func(s string) string { return "DPoP " + s }, k.token(), accepted},
		{"bound, scheme in lower case", func(s string) string { return "dpop " + s }, k.token(), accepted},
		{"bound, scheme in upper case, spaces", func(s string) string { return "DPOP   " + s }, k.token(), accepted},
		{"plain, Bearer, a proof that is ignored", func(s string) string { return "Bearer " + s }, plain, accepted},
		{"bound, Bearer", func(s string) string { return "Bearer " + s }, k.token(), bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		{"bound, bearer in lower case", func(s string) string { return "bearer " + s }, k.token(), bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		{"plain, DPoP", func(s string) string { return "DPoP " + s }, plain, bindingRejected},
		{"no credentials", func(string) string { return "" }, plain, noCredentials},
		{"other scheme", func(string) string { return "Basic YWxpY2U6c2VjcmV0" }, plain, noCredentials},
		{"a scheme that begins like DPoP", func(s string) string { return "DPoPx " + s }, k.token(), noCredentials},
		{"invalid, DPoP", func(s string) string { return "DPoP " + s + "A" }, k.token(), dpopRejected(401, "invalid_token", consumer.ReasonSignature)},
		{"invalid, Bearer", func(s string) string { return "Bearer " + s + "A" }, k.token(), bearerRejected(401, "invalid_token", consumer.ReasonSignature)},
		{"expired, DPoP", func(s string) string { return "DPoP " + s }, k.expired(), dpopRejected(401, "invalid_token", consumer.ReasonExpired)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k.t = t
			k.expect(get(test.authorization(test.token), k.proof(test.token).Sign()), test.want)
		})
	}
}

// expired returns a bound token that has expired.
func (k *keyed) expired() string {
	return k.issuer.AccessToken().BoundTo(k.key).Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()
}

// Several credentials, and malformed ones, are an invalid request in each scheme that was used.
func TestG3_B3_InvalidRequests(t *testing.T) {
	t.Parallel()
	both := outcome{400, consumer.ReasonInvalidRequest, []string{
		dpopBare + `, error="invalid_request"`, bearerBare + `, error="invalid_request"`,
	}}
	dpop := dpopRejected(400, "invalid_request", consumer.ReasonInvalidRequest)
	bearer := bearerRejected(400, "invalid_request", consumer.ReasonInvalidRequest)
	for name, test := range map[string]struct {
		lines []string
		want  outcome
	}{
		"Bearer and DPoP":          {[]string{"Bearer x.y.z", "DPoP x.y.z"}, both},
		"DPoP and Bearer":          {[]string{"dpop x.y.z", "bearer x.y.z"}, both},
		"DPoP twice":               {[]string{"DPoP x.y.z", "DPoP x.y.z"}, dpop},
		"DPoP and Basic":           {[]string{"DPoP x.y.z", "Basic eA=="}, dpop},
		"Bearer twice":             {[]string{"Bearer x.y.z", "Bearer x.y.z"}, bearer},
		"DPoP without credential":  {[]string{"DPoP"}, dpop},
		"DPoP and spaces":          {[]string{"DPoP  "}, dpop},
		"DPoP and a tab":           {[]string{"DPoP\tx.y.z"}, dpop},
		"DPoP, space and tab":      {[]string{"DPoP \tx.y.z"}, dpop},
		"Bearer, then DPoP":        {[]string{"Bearer x.y.z, DPoP x.y.z"}, bearer},
		"DPoP, then Bearer":        {[]string{"DPoP x.y.z, Bearer x.y.z"}, dpop},
		"DPoP with an auth-param":  {[]string{`DPoP token="x.y.z"`}, dpop},
		"DPoP with a second token": {[]string{"DPoP x.y.z x.y.z"}, dpop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			r := get("", k.proof("x.y.z").Sign())
			r.Header["Authorization"] = test.lines
			k.expect(r, test.want)
		})
	}
}

// With Required, only the scheme DPoP is accepted, and only its challenge is sent.
func TestX2_G3_Required(t *testing.T) {
	t.Parallel()
	one := func(status int, code string, reason consumer.Reason) outcome {
		o := dpopRejected(status, code, reason)
		o.Challenges = o.Challenges[:1]
		return o
	}
	bare := outcome{401, consumer.ReasonNoToken, []string{dpopBare}}
	for name, test := range map[string]struct {
		send func(k *keyed) *http.Request
		want outcome
	}{
		"bound":                 {func(k *keyed) *http.Request { return k.good() }, accepted},
		"no credentials":        {func(*keyed) *http.Request { return get("", "") }, bare},
		"bearer token":          {func(k *keyed) *http.Request { return get("Bearer "+k.issuer.AccessToken().Sign(), "") }, bare},
		"bound, sent as Bearer": {func(k *keyed) *http.Request { return get("Bearer "+k.token(), "") }, bare},
		"malformed Bearer":      {func(*keyed) *http.Request { return get("Bearer", "") }, bare},
		"Basic":                 {func(*keyed) *http.Request { return get("Basic eA==", "") }, bare},
		"no proof":              {func(k *keyed) *http.Request { return get("DPoP "+k.token(), "") }, one(401, "invalid_dpop_proof", consumer.ReasonProof)},
		"not bound, with proof": {func(k *keyed) *http.Request {
			s := k.issuer.AccessToken().Sign()
			return get("DPoP "+s, k.proof(s).Sign())
		}, one(401, "invalid_token", consumer.ReasonBinding)},
		"two Bearer lines": {func(*keyed) *http.Request {
			r := get("", "")
			r.Header["Authorization"] = []string{"Bearer x", "Bearer x"}
			return r
		}, outcome{400, consumer.ReasonInvalidRequest, []string{dpopBare}}},
		"Bearer line, DPoP line": {func(*keyed) *http.Request {
			r := get("", "")
			r.Header["Authorization"] = []string{"Bearer x", "DPoP x"}
			return r
		}, one(400, "invalid_request", consumer.ReasonInvalidRequest)},
	} {
		for _, optional := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", Optional ", optional), func(t *testing.T) {
				t.Parallel()
				k := newKeyed(t, middleware.Config{Optional: optional, DPoP: &middleware.DPoPConfig{Required: true}})
				want := test.want
				if optional && name == "no credentials" {
					want = accepted
				}
				k.expect(test.send(k), want)
			})
		}
	}
}

// Without Config.DPoP, DPoP is a scheme like any other, and the log says what to set.
func TestG3_WithoutDPoP(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	key := bearertest.NewProofKey("ES256")
	token := issuer.AccessToken().BoundTo(key).Sign()
	var last middleware.Decision
	cfg := middleware.Config{Verifier: newConsumer(t, issuer), OnDecision: func(_ context.Context, d middleware.Decision) { last = d }}
	for _, optional := range []bool{false, true} {
		cfg.Optional = optional
		h := newGuard(t, cfg).Handler(hello)
		for _, scheme := range []string{"DPoP ", "dpop ", "DPoP\t"} {
			w := serve(h, get(scheme+token, key.Proof("GET", ordersURL, token).Sign()))
			if w.Code != 401 || challengeOf(w) != bearerBare || last.Reason != consumer.ReasonNoToken {
				t.Errorf("%q: %d %q %s", scheme, w.Code, challengeOf(w), last.Reason)
			}
			if detail := refusalIn(t, last).Detail; !strings.Contains(detail, "Config.DPoP") {
				t.Errorf("the detail %q does not name the field", detail)
			}
		}
		w := serve(h, get("Bearer "+token, ""))
		if w.Code != 401 || challengeOf(w) != bearerBare+`, error="invalid_token"` || last.Reason != consumer.ReasonBinding {
			t.Errorf("bound: %d %q %s", w.Code, challengeOf(w), last.Reason)
		}
	}
}

// refusalIn returns the Refusal of a decision.
func refusalIn(t *testing.T, d middleware.Decision) *middleware.Refusal {
	t.Helper()
	refusal, ok := errors.AsType[*middleware.Refusal](d.Err)
	if !ok {
		t.Fatalf("the error is %v", d.Err)
	}
	return refusal
}

// A token in another place is a bearer token, so a bound one is rejected there, even with a good proof.
func TestG3_M4_OtherSources(t *testing.T) {
	t.Parallel()
	sources := []middleware.TokenSource{
		middleware.BearerToken, middleware.CookieToken("token"), middleware.HeaderToken("X-Token"), middleware.QueryToken,
	}
	for name, test := range map[string]struct {
		change func(r *http.Request, token string)
		want   outcome
	}{
		"header alone": {func(*http.Request, string) {}, accepted},
		"cookie": {func(r *http.Request, token string) {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", "token="+token)
		}, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"own header": {func(r *http.Request, token string) {
			r.Header.Del("Authorization")
			r.Header.Set("X-Token", token)
		}, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"query": {func(r *http.Request, token string) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "access_token=" + token
		}, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"header and cookie": {func(r *http.Request, token string) {
			r.Header.Set("Cookie", "token="+token)
		}, dpopRejected(400, "invalid_request", consumer.ReasonInvalidRequest)},
		"header and query": {func(r *http.Request, token string) {
			r.URL.RawQuery = "access_token=" + token
		}, dpopRejected(400, "invalid_request", consumer.ReasonInvalidRequest)},
		"two cookies": {func(r *http.Request, token string) {
			r.Header.Set("Cookie", "token=a; token=b")
		}, dpopRejected(400, "invalid_request", consumer.ReasonInvalidRequest)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{TokenSources: sources})
			token := k.token()
			r := get("DPoP "+token, k.proof(token).Sign())
			test.change(r, token)
			w := k.expect(r, test.want)
			if w.Code == http.StatusOK && w.Header().Get("Cache-Control") != "private" {
				t.Errorf("Cache-Control is %q", w.Header().Get("Cache-Control"))
			}
		})
	}
}

// The challenges name the realm and the metadata document in both schemes.
func TestG2_B4_ChallengeParameters(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{
		Realm: `a "b"`, Resource: "https://api.test/v1", DPoP: &middleware.DPoPConfig{Algorithms: []string{"ES256", "EdDSA"}},
	})
	const rest = ` realm="a \"b\"", resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`
	k.expect(get("", ""), outcome{401, consumer.ReasonNoToken, []string{"Bearer" + rest, "DPoP" + rest + `, algs="ES256 EdDSA"`}})
	// A rule that is not met is an error of the scheme that was used.
	k.handler = k.guard.With(middleware.Scopes("orders:write"))(hello)
	k.expect(k.good(), outcome{403, consumer.ReasonScope, []string{
		"DPoP" + rest + `, algs="ES256 EdDSA", error="insufficient_scope", scope="orders:write"`, "Bearer" + rest,
	}})
	k.expect(get("Bearer "+k.issuer.AccessToken().Sign(), ""), outcome{403, consumer.ReasonScope, []string{
		"Bearer" + rest + `, error="insufficient_scope", scope="orders:write"`, "DPoP" + rest + `, algs="ES256 EdDSA"`,
	}})
}

// Explain shows whether the credential, the form of the proof, the token, or its binding was rejected.
func TestExplain_DPoP(t *testing.T) {
	t.Parallel()
	var all []consumer.Explanation
	k := newKeyed(t, middleware.Config{Explain: func(_ context.Context, x consumer.Explanation) { all = append(all, x) }})
	token := k.token()
	for _, test := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"passed", k.good(), "credential passed, proof passed, binding passed"},
		{"bearer", get("Bearer "+k.issuer.AccessToken().Sign(), ""), "credential passed, binding passed"},
		{"no credentials", get("", ""), "credential failed"},
		{"no proof", get("DPoP "+token, ""), "credential passed, proof failed"},
		{"malformed proof", get("DPoP "+token, "x"), "credential passed, proof failed"},
		{"malformed credential", get("DPoP a b", k.proof("a").Sign()), "credential failed, proof passed"},
		{"wrong method", get("DPoP "+token, k.proof(token).Set("htm", "PUT").Sign()), "credential passed, proof passed, binding failed"},
		{"expired", get("DPoP "+k.expired(), k.proof(k.expired()).Sign()), "credential passed, proof passed, token failed, binding not_reached"},
	} {
		all = nil
		k.send(test.r)
		if len(all) != 1 {
			t.Fatalf("%s: %d explanations", test.name, len(all))
		}
		got := strings.ReplaceAll(strings.Join(outline(all[0]), ", "), "time failed", "token failed")
		if got != test.want {
			t.Errorf("%s: got %s, want %s\n%s", test.name, got, test.want, all[0])
		}
	}
}
