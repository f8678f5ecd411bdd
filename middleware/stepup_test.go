package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// stepUp is the response of a StepUp. parameters are those of the challenge, and members those of the problem document.
func stepUp(parameters, members string) answer {
	return answer{
		Status: 401, Challenge: []string{`Bearer realm="api", error="insufficient_user_authentication"` + parameters},
		CacheControl: "no-store", ContentType: problemJSON,
		Body:     `{"title":"Unauthorized","status":401,"error":"insufficient_user_authentication"` + members + "}\n",
		Level:    "INFO",
		Decision: middleware.Decision{Status: 401, Reason: consumer.ReasonStepUp, Rule: "step_up"},
	}
}

// introspected is a Verifier whose tokens have the given claims, as those of an introspection response.
func introspected(claims map[string]any) consumer.Verifier {
	return verifierFunc(func(context.Context, string) (*consumer.Token, error) {
		return consumer.NewToken("https://issuer.test", mustJSON(claims))
	})
}

// inTurn sends a token with these claims, once as a JWT and once as an opaque token, and returns the responses.
func inTurn(t *testing.T, claims map[string]any, rules ...middleware.Rule) []answer {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	draft, opaque := issuer.AccessToken(), map[string]any{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		draft.Set(name, value)
		if value != bearertest.Absent {
			opaque[name] = value
		}
	}
	jwt := middleware.Config{Verifier: newConsumer(t, issuer)}
	return []answer{
		observed(t, jwt, rules, request(t, draft.Sign())),
		observed(t, middleware.Config{Verifier: introspected(opaque)}, rules, request(t, "opaque")),
	}
}

// U1, U2, U3: what StepUp accepts, and the response if it is not met.
func TestU1_U2_U3_StepUp(t *testing.T) {
	t.Parallel()
	const (
		gold    = `, acr_values="gold silver"`
		recent  = `, max_age="300"`
		goldM   = `,"acr_values":"gold silver"`
		recentM = `,"max_age":300`
	)
	type claims = map[string]any
	class := middleware.StepUp(0, "gold", "silver")
	age := middleware.StepUp(5 * time.Minute)
	both := middleware.StepUp(5*time.Minute, "gold", "silver")
	read := middleware.Scopes("read")
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			claims claims
			rules  []middleware.Rule
			want   answer
		}{
			"first class":              {claims{"acr": "gold"}, []middleware.Rule{class}, passed},
			"second class":             {claims{"acr": "silver"}, []middleware.Rule{class}, passed},
			"another class":            {claims{"acr": "bronze"}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"no class":                 {nil, []middleware.Rule{class}, stepUp(gold, goldM)},
			"empty class":              {claims{"acr": ""}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"class in another case":    {claims{"acr": "Gold"}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"two classes in one":       {claims{"acr": "gold silver"}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"list of classes":          {claims{"acr": []string{"gold"}}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"class in acr_values":      {claims{"acr_values": "gold"}, []middleware.Rule{class}, stepUp(gold, goldM)},
			"now":                      {claims{"auth_time": ago(0)}, []middleware.Rule{age}, passed},
			"recent":                   {claims{"auth_time": ago(300 * time.Second)}, []middleware.Rule{age}, passed},
			"recent, with the skew":    {claims{"auth_time": ago(310 * time.Second)}, []middleware.Rule{age}, passed},
			"too long ago":             {claims{"auth_time": ago(311 * time.Second)}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"soon, within the skew":    {claims{"auth_time": ago(-10 * time.Second)}, []middleware.Rule{age}, passed},
			"in the future":            {claims{"auth_time": ago(-11 * time.Second)}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"no auth_time":             {claims{"acr": "gold"}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"auth_time is null":        {claims{"auth_time": nil}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"auth_time is text":        {claims{"auth_time": fmt.Sprint(ago(0))}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"auth_time is an array":    {claims{"auth_time": []int64{ago(0)}}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"auth_time is too large":   {claims{"auth_time": 1e300}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"only iat is recent":       {claims{"iat": ago(0)}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"auth_time in ms":          {claims{"auth_time": ago(0) * 1000}, []middleware.Rule{age}, stepUp(recent, recentM)},
			"both":                     {claims{"acr": "silver", "auth_time": ago(0)}, []middleware.Rule{both}, passed},
			"both, class missing":      {claims{"auth_time": ago(0)}, []middleware.Rule{both}, stepUp(gold+recent, goldM+recentM)},
			"both, too long ago":       {claims{"acr": "gold", "auth_time": ago(time.Hour)}, []middleware.Rule{both}, stepUp(gold+recent, goldM+recentM)},
			"scopes held":              {claims{"scope": "read"}, []middleware.Rule{class, read}, stepUp(gold, goldM)},
			"scopes held, second rule": {claims{"scope": "read"}, []middleware.Rule{read, class}, stepUp(gold, goldM)},
			"scopes missing": {
				nil,
				[]middleware.Rule{class, read, middleware.AnyScope("a", "b")},
				stepUp(gold+`, scope="read a"`, `,"scope":"read a"`+goldM),
			},
			"one scope missing": {
				claims{"scope": "read"},
				[]middleware.Rule{class, read, middleware.AnyScope("a", "b")},
				stepUp(gold+`, scope="read a"`, `,"scope":"read a"`+goldM),
			},
			"other scopes held": {claims{"scope": "read b"}, []middleware.Rule{class, read, middleware.AnyScope("a", "b")}, stepUp(gold, goldM)},
			"scope is an alternative": {
				nil, []middleware.Rule{class, middleware.Any(read, middleware.Role("r", "admin"))}, stepUp(gold, goldM),
			},
			"alternatives are scopes": {
				nil,
				[]middleware.Rule{class, middleware.Any(read, middleware.Scopes("a"))},
				stepUp(gold+`, scope="read"`, `,"scope":"read"`+goldM),
			},
			"scope in front":  {nil, []middleware.Rule{read, class}, insufficientScope("read")},
			"shorter age":     {nil, []middleware.Rule{age, middleware.StepUp(time.Minute)}, stepUp(`, max_age="60"`, `,"max_age":60`)},
			"longer age":      {nil, []middleware.Rule{age, middleware.StepUp(time.Hour)}, stepUp(recent, recentM)},
			"age and class":   {nil, []middleware.Rule{age, class}, stepUp(gold+recent, goldM+recentM)},
			"met and not met": {claims{"acr": "gold"}, []middleware.Rule{class, age}, stepUp(gold+recent, goldM+recentM)},
			"common class": {
				nil,
				[]middleware.Rule{class, middleware.StepUp(0, "bronze", "silver")},
				stepUp(`, acr_values="silver"`, `,"acr_values":"silver"`),
			},
			"no common class":   {nil, []middleware.Rule{class, middleware.StepUp(0, "bronze")}, stepUp(gold, goldM)},
			"role in front":     {nil, []middleware.Rule{middleware.Role("r", "admin"), class}, forbidden("r")},
			"any: met":          {claims{"acr": "gold"}, []middleware.Rule{middleware.Any(age, class)}, passed},
			"any: first counts": {nil, []middleware.Rule{middleware.Any(age, class)}, withRule(stepUp(recent, recentM), "any of step_up, step_up")},
			"any: better than no": {
				nil,
				[]middleware.Rule{middleware.Any(middleware.Role("r", "admin"), class)},
				withRule(stepUp(gold, goldM), "any of r, step_up"),
			},
			"any: scope first": {
				nil, []middleware.Rule{middleware.Any(read, class)}, withRule(insufficientScope("read"), "any of scope, step_up"),
			},
			"any: outage": {
				nil, []middleware.Rule{middleware.Any(class, down)}, unavailable(consumer.ReasonInternal, "any of step_up, check"),
			},
			"an alternative does not count for others": {
				claims{"scope": "read"}, []middleware.Rule{middleware.Any(read, class), age}, stepUp(recent, recentM),
			},
			"longest age": {nil, []middleware.Rule{middleware.StepUp(math32)}, stepUp(`, max_age="2147483647"`, `,"max_age":2147483647`)},

			"no requirement":    {nil, []middleware.Rule{middleware.StepUp(0)}, broken("StepUp needs a maxAge, an acr, or both")},
			"negative age":      {nil, []middleware.Rule{middleware.StepUp(-time.Second, "gold")}, broken("StepUp: maxAge is -1s, expected zero or more")},
			"parts of a second": {nil, []middleware.Rule{middleware.StepUp(1500 * time.Millisecond)}, broken("StepUp: maxAge is 1.5s, expected whole seconds (RFC 9470 section 3)")},
			"a number":          {nil, []middleware.Rule{middleware.StepUp(300)}, broken("StepUp: maxAge is 300ns, expected whole seconds (RFC 9470 section 3)")},
			"too long":          {nil, []middleware.Rule{middleware.StepUp(math32 + time.Second)}, broken("StepUp: maxAge is 596523h14m8s, more than 68 years")},
			"empty acr":         {nil, []middleware.Rule{middleware.StepUp(0, "")}, broken(`StepUp: acr "" has a character that is not valid in acr_values, or is empty`)},
			"acr with a space":  {nil, []middleware.Rule{middleware.StepUp(0, "a b")}, broken(`StepUp: acr "a b" has a character that is not valid in acr_values, or is empty`)},
			"acr with a quote":  {nil, []middleware.Rule{middleware.StepUp(0, `a"`)}, broken(`StepUp: acr "a\"" has a character that is not valid in acr_values, or is empty`)},
			"acr with CR LF":    {nil, []middleware.Rule{middleware.StepUp(0, "a\r\nb: c")}, broken(`StepUp: acr "a\r\nb: c" has a character that is not valid in acr_values, or is empty`)},
			"acr in UTF-8":      {nil, []middleware.Rule{middleware.StepUp(0, "é")}, broken(`StepUp: acr "é" has a character that is not valid in acr_values, or is empty`)},
		} {
			for i, got := range inTurn(t, test.claims, test.rules...) {
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s, %s: response (-want +got):\n%s", name, []string{"JWT", "introspection"}[i], diff)
				}
			}
		}
	})
}

const math32 = (1<<31 - 1) * time.Second

// U1: the challenge of an inner handler contains the requirements of the outer ones.
func TestU1_StepUpInNestedHandlers(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g, other := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)}), newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	strict := other.With(middleware.StepUp(time.Second, "silver"), middleware.Scopes("other"))
	outer := g.With(middleware.StepUp(0, "silver", "gold"), middleware.Any(middleware.Scopes("read"), middleware.Scopes("write")))
	inner := g.With(middleware.StepUp(time.Minute, "gold", "platinum"), middleware.Scopes("pay"))
	const missing = `Bearer realm="api", error="insufficient_user_authentication", `
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"outer":                 {map[string]any{"scope": "read pay"}, missing + `acr_values="silver gold"`},
		"inner":                 {map[string]any{"scope": "read pay", "acr": "silver"}, missing + `acr_values="gold", max_age="60"`},
		"inner, scopes missing": {map[string]any{"scope": "read", "acr": "silver"}, missing + `acr_values="gold", max_age="60", scope="read pay"`},
		"met":                   {map[string]any{"scope": "read pay", "acr": "gold", "auth_time": now}, ""},
	} {
		draft := issuer.AccessToken()
		for claim, value := range test.claims {
			draft.Set(claim, value)
		}
		w := serve(outer(inner(hello)), request(t, draft.Sign()))
		if challengeOf(w) != test.want {
			t.Errorf("%s: %d %s, want %s", name, w.Code, challengeOf(w), test.want)
		}
	}
	// The requirements of another Guard are its own.
	full := issuer.AccessToken().Set("acr", "silver").Set("auth_time", now).Set("scope", "other read").Sign()
	w := serve(strict(g.With(middleware.StepUp(time.Hour, "gold"), middleware.Scopes("read"))(hello)), request(t, full))
	if want := missing + `acr_values="gold", max_age="3600"`; challengeOf(w) != want {
		t.Errorf("%d %s, want %s", w.Code, challengeOf(w), want)
	}
}

// U1: an application can require a step-up in a Check, and its DenyHandler receives what is required.
func TestU1_StepUpOfTheApplication(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	own := middleware.Refusal{
		Status: 401, Code: "insufficient_user_authentication", Reason: consumer.ReasonStepUp,
		ACRValues: []string{"gold", "a b", "silver", "x\"y", "\r\n"}, MaxAge: 600,
	}
	var got *middleware.Refusal
	g := newGuard(t, middleware.Config{
		Verifier:    newConsumer(t, issuer),
		DenyHandler: func(_ http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) { got = refusal },
	})
	check := middleware.Check("amount", func(context.Context, *consumer.Token) error { return &own })
	h := g.With(check, middleware.StepUp(time.Minute), middleware.Scopes("pay"))(hello)
	w := serve(h, request(t, issuer.AccessToken().Sign()))
	want := `Bearer realm="api", error="insufficient_user_authentication", acr_values="gold silver", max_age="60", scope="pay"`
	if w.Code != http.StatusUnauthorized || challengeOf(w) != want {
		t.Errorf("%d %s, want %s", w.Code, challengeOf(w), want)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"status":401,"error":"insufficient_user_authentication","scopes":["pay"],"acr_values":["gold","silver"],"max_age":60}`; string(text) != want {
		t.Errorf("Refusal %s, want %s", text, want)
	}
	if len(own.ACRValues) != 5 || own.MaxAge != 600 || own.Scopes != nil {
		t.Errorf("the Guard has changed the Refusal of the application: %+v", own)
	}
	own.MaxAge, own.ACRValues = -1, nil
	if w := serve(g.With(check)(hello), request(t, issuer.AccessToken().Sign())); strings.Contains(challengeOf(w), "max_age") {
		t.Errorf("a negative MaxAge is sent: %s", challengeOf(w))
	}
}

// U4: a client without a valid token does not see the requirements, in the challenge or in the body. It sees the scopes, which it
// must request (RFC 6750 section 3).
func TestU4_StepUpIsNotShownToClients(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	rules := []middleware.Rule{
		middleware.StepUp(5*time.Minute, "secret:class"), middleware.Scopes("project"),
		middleware.AuthorizationDetails("secret:type", "secret:action"),
	}
	draft := issuer.AccessToken().Set("acr", "bronze")
	for name, header := range map[string][]string{
		"none": nil, "another scheme": {"Basic eDp5"}, "two": {"Bearer a", "Bearer b"}, "malformed": {"Bearer a b"},
		"opaque": {"Bearer x"}, "expired": {"Bearer " + draft.Set("exp", 1).Sign()},
		"bound": {"Bearer " + issuer.AccessToken().Set("cnf", map[string]any{"jkt": "x"}).Sign()},
	} {
		r := request(t, "")
		r.Header["Authorization"] = header
		w := serve(newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)}).With(rules...)(hello), r)
		sent := strings.Join(w.Header()["Www-Authenticate"], "\n") + w.Body.String()
		if w.Code < 400 || strings.Contains(sent, "secret") || strings.Contains(sent, "max_age") || strings.Contains(sent, "300") {
			t.Errorf("%s: %d %s", name, w.Code, sent)
		}
	}
}

// Nothing of the token is sent, and the log has the class and the time, but no more of it.
func TestU4_StepUpDoesNotEchoTheToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	long := "bronze\n" + strings.Repeat("x", 200)
	raw := issuer.AccessToken().Set("acr", long).Set("auth_time", 1_700_000_000).Set("sub", "secret").Sign()
	for rule, want := range map[string]string{
		"class": `acr "bronze\n` + strings.Repeat("x", 93) + `"... is not one of ["gold"] (StepUp)`,
		"age":   `auth_time 2023-11-14T22:13:20Z is not within the last 1m0s (StepUp)`,
	} {
		var refusal *middleware.Refusal
		g := newGuard(t, middleware.Config{
			Verifier:    newConsumer(t, issuer),
			DenyHandler: func(_ http.ResponseWriter, _ *http.Request, r *middleware.Refusal) { refusal = r },
		})
		required := map[string]middleware.Rule{"class": middleware.StepUp(0, "gold"), "age": middleware.StepUp(time.Minute)}[rule]
		w := serve(g.With(required)(hello), request(t, raw))
		if refusal.Detail != want {
			t.Errorf("%s: detail %s, want %s", rule, refusal.Detail, want)
		}
		if sent := challengeOf(w) + w.Body.String(); strings.Contains(sent, "bronze") || strings.Contains(sent, "secret") || strings.Contains(sent, "17000") {
			t.Errorf("%s: sent %s", rule, sent)
		}
	}
}

// A long response ends when the sign-in becomes too old.
func TestU3_RecheckAppliesStepUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
		raw := issuer.AccessToken().Set("auth_time", time.Now().Unix()).Sign()
		ctx := stream(t, g.With(middleware.StepUp(2*time.Minute)), raw, 20*time.Second)
		time.Sleep(2*time.Minute + 15*time.Second)
		if ctx.Err() != nil {
			t.Errorf("the response ended early: %v", context.Cause(ctx))
		}
		time.Sleep(10 * time.Second)
		if reasonOf(ctx) != consumer.ReasonStepUp {
			t.Errorf("the response ended with %v", context.Cause(ctx))
		}
	})
}

// U1: package client reads every challenge that a Guard writes, and requests what the Guard requires.
func TestU1_ClientUnderstandsStepUp(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	classes := [][]string{nil, {"gold"}, {"urn:mace:incommon:iap:gold", "https://refeds.org/profile/mfa", "0", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"}}
	for _, realm := range []string{"", `a "quoted" realm, error="x"`, `back\slash`} {
		for _, resource := range []string{"", "https://api.test/v1"} {
			g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), Realm: realm, Resource: resource})
			for _, acr := range classes {
				for _, age := range []time.Duration{0, time.Second, 5 * time.Minute, math32} {
					if age == 0 && acr == nil {
						continue
					}
					h := g.With(middleware.StepUp(age, acr...), middleware.Scopes("pay"))(hello)
					w := serve(h, request(t, issuer.AccessToken().Sign()))
					got, ok := client.AuthorizationOptions{}.StepUp(w.Header())
					if !ok || got.MaxAge != age || !slices.Equal(got.ACRValues, acr) {
						t.Errorf("%s: client reads %v %q, %v", challengeOf(w), got.MaxAge, got.ACRValues, ok)
					}
				}
			}
		}
	}
}

// U1: the requirements are in the challenge of the scheme that the request used, and package client finds them there. The
// challenge of the other scheme has no parameter of the error (RFC 9449 section 7.2).
func TestU1_G3_StepUpInBothSchemes(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{})
	k.handler = k.guard.With(middleware.StepUp(time.Minute, "gold"), middleware.Scopes("pay"))(hello)
	const required = `, error="insufficient_user_authentication", acr_values="gold", max_age="60", scope="pay"`
	for scheme, test := range map[string]struct {
		request *http.Request
		want    []string
	}{
		"DPoP":   {k.good(), []string{dpopBare + required, bearerBare}},
		"Bearer": {get("Bearer "+k.issuer.AccessToken().Sign(), ""), []string{bearerBare + required, dpopBare}},
	} {
		w := k.expect(test.request, outcome{http.StatusUnauthorized, consumer.ReasonStepUp, test.want})
		got, ok := client.AuthorizationOptions{}.StepUp(w.Header())
		if !ok || got.MaxAge != time.Minute || !slices.Equal(got.ACRValues, []string{"gold"}) {
			t.Errorf("%s: client reads %+v, %v", scheme, got, ok)
		}
	}
}

// FuzzStepUpChallenge: whatever an application requires, the challenge is one that package client reads, with the valid
// values only.
func FuzzStepUpChallenge(f *testing.F) {
	f.Add("gold silver", 300)
	f.Add("a\"b c\\d \r\nX: y é", -1)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, acr string, age int) {
		age = int(int32(age)) // an int of every platform
		w := serve(deny(t, &middleware.Refusal{
			Status: 401, Code: "insufficient_user_authentication", ACRValues: strings.Split(acr, " "), MaxAge: age,
		}), request(t, ""))
		if len(w.Header()["Www-Authenticate"]) != 1 || strings.ContainsAny(challengeOf(w), "\r\n") {
			t.Fatalf("challenge %q", w.Header()["Www-Authenticate"])
		}
		var want []string
		for _, class := range strings.Split(acr, " ") {
			if class != "" && inCharset(class, false) {
				want = append(want, class)
			}
		}
		got, ok := client.AuthorizationOptions{}.StepUp(w.Header())
		if !ok || !slices.Equal(got.ACRValues, want) || got.MaxAge != time.Duration(max(age, 0))*time.Second {
			t.Errorf("%q, %d: challenge %q is read as %q, %v, %v", acr, age, challengeOf(w), got.ACRValues, got.MaxAge, ok)
		}
	})
}

// A request that meets a StepUp makes no allocation more.
func TestStepUp_Allocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	details := []map[string]any{{"type": "payment", "actions": []string{"initiate"}}}
	r := request(t, issuer.AccessToken().Set("acr", "gold").Set("auth_time", time.Now().Unix()).Set("authorization_details", details).Sign())
	plain := allocations(t, g.With()(nothing), r, http.StatusOK)
	ruled := allocations(t, g.With(
		middleware.StepUp(time.Hour, "silver", "gold"), middleware.AuthorizationDetails("payment", "initiate"),
		middleware.Principal(consumer.PrincipalUser),
	)(nothing), r, http.StatusOK)
	if ruled > plain {
		t.Errorf("%v allocations with rules, %v without", ruled, plain)
	}
}
