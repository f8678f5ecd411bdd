package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const signedIntrospection = "application/token-introspection+jwt"

// introspection returns a valid signed introspection response.
func (p *provider) introspection(response any) *bearertest.Token {
	return p.idToken().SetHeader("typ", "token-introspection+jwt").Set("sub", bearertest.Absent).
		Set("exp", bearertest.Absent).Set("iat", time.Now().Unix()).Set("token_introspection", response)
}

func introspecting(cfg *client.Config) {
	cfg.Metadata.IntrospectionEndpoint = issuerURL + "/introspect"
}

func TestI1_IntrospectSendsTheTokenInAForm(t *testing.T) {
	t.Parallel()
	s := says(200, `{"active":false}`)
	c := newClient(t, s, introspecting)
	if _, err := c.Introspect(t.Context(), "t+/=", "access_token"); err != nil {
		t.Fatal(err)
	}
	r := s.requests[0]
	// The secret "s e/c:r+e~t" is form-encoded before base64 (RFC 6749 section 2.3.1).
	if user, secret, _ := r.BasicAuth(); r.Method != http.MethodPost || user != "app" || secret != "s+e%2Fc%3Ar%2Be~t" {
		t.Errorf("%s with %q, %q", r.Method, user, secret)
	}
	if r.Header.Get("Accept") != "application/json" || r.URL.RawQuery != "" {
		t.Errorf("Accept %q, query %q", r.Header.Get("Accept"), r.URL.RawQuery)
	}
	if diff := cmp.Diff(url.Values{"token": {"t+/="}, "token_type_hint": {"access_token"}}, s.lastForm()); diff != "" {
		t.Error(diff)
	}
}

func TestI2_I3_ActiveIsABoolean(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"active":true}`:                 "active",
		`{"active":false}`:                "inactive",
		`{"active":false,"sub":"a"}`:      "inactive",
		`{}`:                              "error",
		`{"active":null}`:                 "error",
		`{"active":"true"}`:               "error",
		`{"active":"false"}`:              "error",
		`{"active":1}`:                    "error",
		`{"active":[true]}`:               "error",
		`{"Active":true}`:                 "error",
		`{"active":true,"active":true}`:   "error",
		`{"active":false,"active":true}`:  "error",
		`{"active":true,"exp":1,"exp":2}`: "error",
		`{"active":true,"error":"x"}`:     "error",
		`{"active":true} {}`:              "error",
		`[{"active":true}]`:               "error",
		`true`:                            "error",
		`active=true`:                     "error",
		``:                                "error",
		`{"active":true,"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`: "error",
	} {
		i, err := newClient(t, says(200, body), introspecting).Introspect(t.Context(), "t", "")
		got := "error"
		if err == nil {
			got = map[bool]string{true: "active", false: "inactive"}[i.Active()]
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", body, got, want, err)
		}
		if err != nil && !errors.Is(err, client.ErrBadResponse) {
			if e, ok := errors.AsType[*client.Error](err); !ok || e.Code == "" {
				t.Errorf("%s: %v", body, err)
			}
		}
	}
}

func TestI7_SignedIntrospection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		active := map[string]any{"active": true, "sub": "alice"}
		now := time.Now().Unix()
		for name, test := range map[string]struct {
			body   string
			plain  bool   // as application/json
			signed bool   // Config.SignedIntrospection
			text   string // in the error; empty: accepted
		}{
			"signed":                 {body: p.introspection(active).Sign(), signed: true},
			"signed, not required":   {body: p.introspection(active).Sign()},
			"long typ":               {body: p.introspection(active).SetHeader("typ", "application/token-introspection+jwt").Sign()},
			"several audiences":      {body: p.introspection(active).Set("aud", []string{"other", "app"}).Sign()},
			"a minute old":           {body: p.introspection(active).Set("iat", now-70).Sign()},
			"too old":                {body: p.introspection(active).Set("iat", now-71).Sign(), text: "iat is older"},
			"from the future":        {body: p.introspection(active).Set("iat", now+11).Sign(), text: "iat"},
			"expired":                {body: p.introspection(active).Set("exp", now-11).Sign(), text: "exp"},
			"plain":                  {body: `{"active":true,"sub":"alice"}`, plain: true},
			"plain, signed required": {body: `{"active":true}`, plain: true, signed: true, text: "Config.SignedIntrospection"},
			"inactive, not signed":   {body: `{"active":false}`, plain: true, signed: true, text: "Config.SignedIntrospection"},
			"JSON called a JWT":      {body: `{"active":true}`, text: "malformed"},
			"a JWT called JSON":      {body: p.introspection(active).Sign(), plain: true, text: "JSON"},
			"no typ":                 {body: p.introspection(active).SetHeader("typ", bearertest.Absent).Sign(), text: "typ"},
			"typ of an access token": {body: p.introspection(active).SetHeader("typ", "at+jwt").Sign(), text: "typ"},
			"an access token":        {body: p.issuer.AccessToken().Sign(), text: "typ"},
			"for another client":     {body: p.introspection(active).Set("aud", "other").Sign(), text: "aud"},
			"without aud":            {body: p.introspection(active).Set("aud", bearertest.Absent).Sign(), text: "aud"},
			"of another issuer":      {body: p.introspection(active).Set("iss", "https://other.test").Sign(), text: "iss"},
			"without iss":            {body: p.introspection(active).Set("iss", bearertest.Absent).Sign(), text: "iss"},
			"without iat":            {body: p.introspection(active).Set("iat", bearertest.Absent).Sign(), text: "iat"},
			"without the member":     {body: p.introspection(bearertest.Absent).Set("active", true).Sign(), text: "token_introspection"},
			"a text":                 {body: p.introspection("active").Sign(), text: "token_introspection is not an object"},
			"active is a text":       {body: p.introspection(map[string]any{"active": "true"}).Sign(), text: "active is not a boolean"},
			"without active":         {body: p.introspection(map[string]any{"sub": "alice"}).Sign(), text: "active is not a boolean"},
			"forged":                 {body: newProvider().introspection(active).Sign(), text: "signature"},
			"encrypted":              {body: "e30.a.b.c.d", text: "encrypted, which is not supported"},
		} {
			p := newProviderLike(p)
			p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
				mediaType := signedIntrospection
				if test.plain {
					mediaType = "application/json"
				}
				return written(200, test.body, map[string]string{"Content-Type": mediaType})
			}
			c := p.client(t, func(cfg *client.Config) {
				introspecting(cfg)
				cfg.SignedIntrospection = test.signed
			})
			i, err := c.Introspect(t.Context(), "t", "")
			switch {
			case test.text == "":
				if err != nil || !i.Active() {
					t.Errorf("%s: %v", name, err)
				} else if sub, _ := i.Claim("sub"); sub != "alice" {
					t.Errorf("%s: sub %v", name, sub)
				}
			case !errors.Is(err, client.ErrBadResponse) || !strings.Contains(fmt.Sprint(err), test.text):
				t.Errorf("%s: error %v, want one with %q", name, err, test.text)
			}
			if want := map[bool]string{true: signedIntrospection, false: "application/json"}[test.signed]; p.requests[0].Header.Get("Accept") != want {
				t.Errorf("%s: Accept %q", name, p.requests[0].Header.Get("Accept"))
			}
		}
	})
}

// A response with an error status is an error, whatever its Content-Type is.
func TestI7_ErrorsAreNotSigned(t *testing.T) {
	t.Parallel()
	p := newProvider()
	body := p.introspection(map[string]any{"active": true}).Sign()
	for _, status := range []int{400, 401, 403, 500, 503} {
		p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(status, body, map[string]string{"Content-Type": signedIntrospection})
		}
		_, err := p.client(t, introspecting).Introspect(t.Context(), "t", "")
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestI7_AlgorithmsOfTheMetadata(t *testing.T) {
	t.Parallel()
	p := newProvider()
	body := p.introspection(map[string]any{"active": true}).Sign()
	p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.URL.Path == "/jwks" {
			return written(200, string(p.issuer.JWKS()), nil)
		}
		return written(200, body, map[string]string{"Content-Type": signedIntrospection})
	}
	for _, test := range []struct {
		offered []string
		ok      bool
	}{{[]string{"ES256"}, true}, {[]string{"RS256", "ES256", "none"}, true}, {nil, false}, {[]string{"RS256"}, false}, {[]string{"none"}, false}} {
		c := p.client(t, func(cfg *client.Config) {
			introspecting(cfg)
			cfg.Keys, cfg.Metadata.IntrospectionSigningAlgValuesSupported = nil, test.offered
		})
		if _, err := c.Introspect(t.Context(), "t", ""); (err == nil) != test.ok {
			t.Errorf("%q: %v", test.offered, err)
		}
	}
}
