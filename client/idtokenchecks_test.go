package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// A second audience is accepted without azp only if it is trusted. The error names what was received and the fields.
func TestCaseI1_TrustedAudiences(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		audience, party any
		trusted         []string
		detail          string // a part of the error; empty: accepted
	}{
		"trusted":                   {[]string{"app", "api"}, bearertest.Absent, []string{"api"}, ""},
		"trusted, another order":    {[]string{"api", "app"}, bearertest.Absent, []string{"x", "api"}, ""},
		"two trusted":               {[]string{"api", "app", "x"}, bearertest.Absent, []string{"x", "api"}, ""},
		"trusted, with azp":         {[]string{"app", "api"}, "app", []string{"api"}, ""},
		"not trusted":               {[]string{"app", "evil"}, bearertest.Absent, []string{"api"}, `aud contains "evil", expected only "app" or "api" (Config.ClientID, Config.ExtraAudiences); azp is missing`},
		"one of two is not trusted": {[]string{"app", "api", "evil"}, bearertest.Absent, []string{"api"}, `aud contains "evil"`},
		"no trusted ones":           {[]string{"app", "api"}, bearertest.Absent, nil, `aud contains "api", expected only "app"`},
		"none is trusted":           {[]string{"app", "api"}, bearertest.Absent, []string{}, `aud contains "api"`},
		"any, with azp":             {[]string{"app", "api"}, "app", nil, ""},
		"not trusted, with azp":     {[]string{"app", "evil"}, "app", []string{"api"}, `aud contains "evil"`},
		"azp is the trusted one":    {[]string{"app", "api"}, "api", []string{"api"}, `azp is "api", expected "app"`},
		"only the trusted one":      {[]string{"api"}, bearertest.Absent, []string{"api"}, `aud ["api"] does not contain any of ["app"] (Config.ClientID)`},
		"almost":                    {[]string{"app", "api/"}, bearertest.Absent, []string{"api"}, `aud contains "api/"`},
		"another case":              {[]string{"app", "API"}, bearertest.Absent, []string{"api"}, `aud contains "API"`},
	} {
		c := p.client(t, func(cfg *client.Config) { cfg.ExtraAudiences = test.trusted })
		_, err := c.VerifyIDToken(t.Context(), p.idToken().Set("aud", test.audience).Set("azp", test.party).Sign(), client.IDTokenOptions{})
		wantDetail(t, name, err, test.detail)
	}
}

// wantDetail requires err to be an invalid token whose text contains detail, or to be nil if detail is empty.
func wantDetail(t *testing.T, name string, err error, detail string) {
	t.Helper()
	switch {
	case detail == "" && err != nil:
		t.Errorf("%s: error %v, want none", name, err)
	case detail != "" && (!errors.Is(err, consumer.ErrInvalidToken) || !strings.Contains(err.Error(), detail)):
		t.Errorf("%s: error %v, want one with %q", name, err, detail)
	case err != nil && (strings.Contains(err.Error(), "alice") || strings.Contains(err.Error(), "the-nonce")):
		t.Errorf("%s: error %v quotes a secret or the user", name, err)
	}
}

func TestCaseI2_AcceptedParties(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		audience, party any
		accepted        []string
		detail          string
	}{
		"accepted":                 {"app", "mobile", []string{"mobile"}, ""},
		"the client itself":        {"app", "app", []string{"mobile"}, ""},
		"second of two":            {[]string{"app"}, "mobile", []string{"web", "mobile"}, ""},
		"with another audience":    {[]string{"app", "api"}, "mobile", []string{"mobile"}, ""},
		"no azp":                   {"app", bearertest.Absent, []string{"mobile"}, ""},
		"not accepted":             {"app", "evil", []string{"mobile"}, `azp is "evil", expected "app" or "mobile" (Config.ClientID, Config.AcceptedParties)`},
		"none is accepted":         {"app", "mobile", nil, `azp is "mobile", expected "app"`},
		"aud is only the other":    {"mobile", "mobile", []string{"mobile"}, "does not contain any of"},
		"another case":             {"app", "Mobile", []string{"mobile"}, `azp is "Mobile"`},
		"empty":                    {"app", "", []string{"mobile"}, `azp is ""`},
		"null":                     {"app", nil, []string{"mobile"}, "azp is null"},
		"a number":                 {"app", 7, []string{"mobile"}, "azp is not a string"},
		"a list":                   {"app", []string{"mobile"}, []string{"mobile"}, "azp is"},
		"long":                     {"app", strings.Repeat("x", 1000), nil, strings.Repeat("x", 100) + "…"},
		"other audiences, no azp":  {[]string{"app", "mobile"}, bearertest.Absent, []string{"mobile"}, `aud contains "mobile"`},
		"audience is not extra":    {[]string{"app", "evil"}, "mobile", []string{"mobile"}, ""}, // as with azp of the client itself
		"terminal control letters": {"app", "\x1b[2J", nil, `azp is "\x1b[2J"`},
	} {
		c := p.client(t, func(cfg *client.Config) { cfg.AcceptedParties = test.accepted })
		_, err := c.VerifyIDToken(t.Context(), p.idToken().Set("aud", test.audience).Set("azp", test.party).Sign(), client.IDTokenOptions{})
		if test.party == 7 && err != nil { // the Consumer rejects it
			continue
		}
		wantDetail(t, name, err, test.detail)
	}
	for field, cfg := range map[string]client.Config{
		"AcceptedParties": {AcceptedParties: []string{"a", ""}}, "ExtraAudiences": {ExtraAudiences: []string{""}},
	} {
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// InsecureNoNonce accepts an ID token without a nonce, but not one with a wrong nonce.
func TestCaseI3_MissingNonce(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		sent            string
		received        any
		strict, relaxed string // details of the errors
	}{
		"the same":      {sent: "the-nonce", received: "the-nonce"},
		"missing":       {sent: "the-nonce", received: bearertest.Absent, strict: "nonce is missing, expected the one that was sent (Config.InsecureNoNonce)"},
		"null":          {sent: "the-nonce", received: nil, strict: "nonce is missing"},
		"wrong":         {sent: "the-nonce", received: "other", strict: "nonce is not the one", relaxed: "nonce is not the one"},
		"empty":         {sent: "the-nonce", received: "", strict: "nonce is not the one", relaxed: "nonce is not the one"},
		"another case":  {sent: "the-nonce", received: "The-Nonce", strict: "nonce is not the one", relaxed: "nonce is not the one"},
		"longer":        {sent: "the-nonce", received: "the-nonce2", strict: "nonce is not the one", relaxed: "nonce is not the one"},
		"not requested": {received: "the-nonce", strict: "none was sent", relaxed: "none was sent"},
		"neither":       {received: bearertest.Absent},
	} {
		raw := p.idToken().Set("nonce", test.received).Sign()
		for insecure, want := range map[bool]string{false: test.strict, true: test.relaxed} {
			c := p.client(t, func(cfg *client.Config) { cfg.InsecureNoNonce = insecure })
			_, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{Nonce: test.sent})
			wantDetail(t, name, err, want)
		}
	}
	// A whole sign-in.
	c := p.client(t, func(cfg *client.Config) { cfg.InsecureNoNonce = true })
	for received, ok := range map[any]bool{bearertest.Absent: true, "other": false} {
		pending := begin(t, c, client.AuthorizationOptions{})
		p.answersToken(p.idToken().Set("nonce", received).Sign())
		_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
		if (err == nil) != ok || pending.Nonce == "" {
			t.Errorf("nonce %v: %v", received, err)
		}
	}
}

// Both helpers read booleans in the same way, in ID tokens and in user information.
func TestCaseI4_VerifiedClaims(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for _, test := range []struct {
		claim any
		want  bool
	}{
		{true, true},
		{"true", true},
		{false, false},
		{"false", false},
		{"True", false},
		{"true ", false},
		{"yes", false},
		{"1", false},
		{1, false},
		{"", false},
		{nil, false},
		{bearertest.Absent, false},
		{[]any{true}, false},
		{map[string]any{}, false},
	} {
		raw := p.idToken().Set("email_verified", test.claim).Set("phone_number_verified", test.claim).Sign()
		id, err := p.client(t, nil).VerifyIDToken(t.Context(), raw, client.IDTokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if id.EmailVerified() != test.want || id.PhoneNumberVerified() != test.want {
			t.Errorf("%#v in an ID token: %v, %v", test.claim, id.EmailVerified(), id.PhoneNumberVerified())
		}
		claims := map[string]any{"sub": "alice", "email_verified": test.claim, "phone_number_verified": test.claim}
		if test.claim == bearertest.Absent {
			claims = map[string]any{"sub": "alice"}
		}
		body, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(200, string(body), nil) }
		info, err := p.client(t, nil).UserInfo(t.Context(), "at", "alice")
		if err != nil {
			t.Fatal(err)
		}
		if info.EmailVerified() != test.want || info.PhoneNumberVerified() != test.want {
			t.Errorf("%#v in user information: %v, %v", test.claim, info.EmailVerified(), info.PhoneNumberVerified())
		}
	}
}

// An address of the userinfo endpoint does not get the verification of another address in the ID token.
func TestCaseI4_VerificationIsOfTheSameAddress(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		idToken, info map[string]any
		email         any
		verified      bool
	}{
		"only userinfo":     {nil, map[string]any{"email": "a@x.test", "email_verified": "true"}, "a@x.test", true},
		"the same":          {map[string]any{"email": "a@x.test", "email_verified": "true"}, map[string]any{"email": "a@x.test"}, "a@x.test", true},
		"another address":   {map[string]any{"email": "a@x.test"}, map[string]any{"email": "b@x.test", "email_verified": true}, "a@x.test", false},
		"false in the JWT":  {map[string]any{"email": "a@x.test", "email_verified": "false"}, map[string]any{"email": "a@x.test", "email_verified": true}, "a@x.test", false},
		"only verification": {map[string]any{"email_verified": "true"}, map[string]any{"email": "b@x.test"}, nil, true},
	} {
		token := p.idToken()
		for claim, value := range test.idToken {
			token.Set(claim, value)
		}
		test.info["sub"] = "alice"
		info, err := json.Marshal(test.info)
		if err != nil {
			t.Fatal(err)
		}
		p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
			if r.URL.Path == "/me" {
				return written(200, string(info), nil)
			}
			return written(200, `{"access_token":"at","token_type":"Bearer","id_token":"`+token.Sign()+`"}`, nil)
		}
		got, err := p.client(t, func(cfg *client.Config) { cfg.UseUserInfo = true }).ExchangeCode(t.Context(), "c", client.CodeExchange{})
		if err != nil {
			t.Fatal(name, err)
		}
		if id := got.IDClaims; id.Claims()["email"] != test.email || id.EmailVerified() != test.verified {
			t.Errorf("%s: %v, %v", name, id.Claims()["email"], id.EmailVerified())
		}
	}
}

// The keys of a rotation may have no kid, and the ID token may have none.
func TestCaseI5_KeysWithoutKid(t *testing.T) {
	t.Parallel()
	issuers := make([]*bearertest.Issuer, 3)
	var sets []string
	for i := range issuers {
		issuers[i] = bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "app", Algorithms: []string{"ES256"}})
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(issuers[i].JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		delete(set.Keys[0], "kid")
		text, err := json.Marshal(set.Keys[0])
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, string(text))
	}
	published := `{"keys":[` + sets[0] + `,` + sets[1] + `]}`
	static, err := jwks.ParseJWKS([]byte(published))
	if err != nil {
		t.Fatal(err)
	}
	fetched := newSite(map[string]func(http.ResponseWriter){
		oauthPath: doc(tokenMember, keysMember, algMember, userMember), "/jwks": page(published),
	})
	for name, c := range map[string]*client.Client{
		"fetched": fetched.client(t, nil),
		"Keys":    newProvider().client(t, func(cfg *client.Config) { cfg.Keys = static }),
	} {
		for i, issuer := range issuers {
			for _, kid := range []any{bearertest.Absent, "", "unknown"} {
				raw := issuer.IDToken().Set("aud", "app").Set("azp", "app").Set("nonce", bearertest.Absent).SetHeader("kid", kid).Sign()
				_, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{})
				if want := i < 2; (err == nil) != want || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
					t.Errorf("%s, key %d, kid %v: %v", name, i, kid, err)
				}
			}
		}
	}
}
