package client_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/bearerkit/bearerkit/client"
)

// Errors in other forms than that of the RFC become a client.Error with a useful text.
func TestCaseA9_A10_OtherFormsOfErrors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct{ code, text string }{
		`{"error":{"message":"The code expired.","type":"OAuthException","code":190,"fbtrace_id":"x"}}`: {"OAuthException", "The code expired. (code 190)"},
		`{"error":{"code":400,"message":"Bad audience","status":"INVALID_ARGUMENT"}}`:                   {"INVALID_ARGUMENT", "Bad audience (code 400)"},
		`{"error":{"code":"invalid_grant","message":"used"}}`:                                           {"invalid_grant", "used"},
		`{"error":{"error":"invalid_grant","error_description":"used"}}`:                                {"invalid_grant", "used"},
		`{"error":[{"code":"invalid_client"}]}`:                                                         {"invalid_client", ""},
		`{"error":190,"message":"expired"}`:                                                             {"190", "expired"},
		`{"error":true,"message":"expired"}`:                                                            {"true", "expired"},
		`{"errors":[{"message":"unknown application"}]}`:                                                {"", "unknown application"},
		`{"errors":["unknown application"]}`:                                                            {"", "unknown application"},
		`{"errors":{"code":"E7","detail":"unknown application"}}`:                                       {"E7", "unknown application"},
		`{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`:                              {"E0000011", "Invalid token provided"},
		`{"error_code":7,"error_msg":"unknown application"}`:                                            {"7", "unknown application"},
		`{"errcode":40029,"errmsg":"invalid code"}`:                                                     {"40029", "invalid code"},
		`{"fault":{"faultstring":"Invalid client","detail":{"errorcode":"x"}}}`:                         {"", "Invalid client"},
		`{"ok":false,"error":"invalid_code"}`:                                                           {"invalid_code", ""},
		`{"ok":false}`:                                                                                  {"", "ok is false"},
		`{"success":false,"message":"no"}`:                                                              {"", "success is false"},
		`{"error":"bad_verification_code","error_description":"The code is wrong."}`:                    {"bad_verification_code", "The code is wrong."},
	} {
		for _, status := range []int{200, 400} {
			_, err := newClient(t, says(status, body), nil).ClientCredentials(t.Context())
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Code != want.code || e.Description != want.text || e.Status != status || string(e.Body) != body || errors.Is(err, client.ErrBadResponse) {
				t.Errorf("%d %s: %v, code %q, description %q", status, body, err, e.Code, e.Description)
				continue
			}
			text := err.Error()
			if want.code != "" && !strings.Contains(text, want.code) || !strings.Contains(text, want.text) || !strings.Contains(text, fmt.Sprint(status)) {
				t.Errorf("%d %s: %s", status, body, text)
			}
		}
	}
	// The member code is an error code only if the status says that there is an error.
	_, err := newClient(t, says(403, `{"code":"bad_audience","message":"no"}`), nil).ClientCredentials(t.Context())
	if !errors.Is(err, client.ErrorCode("bad_audience")) || !strings.Contains(err.Error(), `"no"`) {
		t.Error(err)
	}
	// These members mean success.
	for _, member := range []string{
		`"error":null`, `"error":""`, `"error":false`, `"error":0`, `"error":{}`, `"error":[]`, `"errors":[]`, `"errors":null`, `"error_code":0`,
		`"errcode":0,"errmsg":"ok"`, `"ok":true`, `"success":true`, `"error":{"code":0,"message":"success"}`, `"error":"ok"`, `"message":"welcome"`,
	} {
		body := `{"access_token":"at","token_type":"Bearer",` + member + `}`
		if token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context()); err != nil || token.AccessToken != "at" {
			t.Errorf("%s: %v, %v", member, token, err)
		}
	}
	// With a token, a reported error does not lose it.
	for _, member := range []string{`"error":"invalid_grant"`, `"error":{"message":"x"}`, `"errors":["x"]`, `"ok":false`, `"error_code":7`} {
		body := `{"access_token":"at","token_type":"Bearer",` + member + `}`
		token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
		late, incomplete := errors.AsType[*client.IncompleteError](err)
		if _, ok := errors.AsType[*client.Error](err); token != nil || !incomplete || !ok || late.Token.AccessToken != "at" {
			t.Errorf("%s: %v, %v", member, token, err)
		}
	}
}

// Codes for an overloaded server match ErrUnavailable, whatever the status is.
func TestCaseA8_UnavailableCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"server_error": true, "temporarily_unavailable": true, "ratelimited": true, "service_unavailable": true, "internal_error": true,
		"invalid_grant": false, "bad_refresh_token": false, "invalid_code": false,
	} {
		for _, status := range []int{200, 400} {
			_, err := newClient(t, says(status, `{"error":"`+code+`"}`), nil).Refresh(t.Context(), "rt")
			if errors.Is(err, client.ErrUnavailable) != want {
				t.Errorf("%d %s: %v", status, code, err)
			}
		}
	}
}

// A member of a registration with the wrong JSON type affects only that member.
func TestCaseA16_MistypedMember(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		member string
		id     string // the client id that is read
		secret string
		ok     bool
	}{
		"good":              {`"client_secret":"s"`, "c", "s", true},
		"id is a number":    {`"client_id":4711`, "4711", "s", true},
		"secret is number":  {`"client_secret":12345678901234567890`, "c", "12345678901234567890", true},
		"secret is null":    {`"client_secret":null`, "c", "", true},
		"secret is object":  {`"client_secret":{"value":"s"}`, "c", "", false},
		"token is a list":   {`"registration_access_token":["t"]`, "c", "s", false},
		"URI is true":       {`"registration_client_uri":true`, "c", "s", false},
		"dates are texts":   {`"client_id_issued_at":"soon","client_secret_expires_at":{}`, "c", "s", true},
		"scope is a list":   {`"scope":["a"]`, "c", "s", true},
		"contacts a string": {`"contacts":"a@app.test"`, "c", "s", true},
	} {
		body := `{` + test.member + `,"client_name":"app","grant_types":["client_credentials"]`
		for member, value := range map[string]string{"client_id": "c", "client_secret": "s"} {
			if !strings.Contains(test.member, `"`+member+`"`) {
				body += `,"` + member + `":"` + value + `"`
			}
		}
		body += `}`
		e, err := client.NewRegistrationEndpoint(client.Config{
			Issuer: issuerURL, Endpoints: map[string]string{"registration_endpoint": issuerURL + "/register"},
			HTTPClient: &http.Client{Transport: says(201, body)},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Register(t.Context(), client.ClientMetadata{}, "")
		if (err == nil) != test.ok || got == nil || got.ClientID != test.id || got.ClientSecret != test.secret || got.Metadata.ClientName != "app" || len(got.Metadata.GrantTypes) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if fault, ok := errors.AsType[*client.Error](err); !test.ok && (!ok || string(fault.Body) != body || !errors.Is(err, client.ErrBadResponse)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, body := range []string{`{"client_secret":"s3cr3t"}`, `{"client_id":{"id":"c"},"client_secret":"s3cr3t"}`, `{"client_id":"","client_secret":"s3cr3t"}`} {
		e, err := client.NewRegistrationEndpoint(client.Config{
			Issuer: issuerURL, Endpoints: map[string]string{"registration_endpoint": issuerURL + "/register"},
			HTTPClient: &http.Client{Transport: says(201, body)},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Register(t.Context(), client.ClientMetadata{}, "")
		if fault, ok := errors.AsType[*client.Error](err); !ok || string(fault.Body) != body || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// A userinfo endpoint that rejects the access token with any code matches ErrInvalidToken.
func TestCaseA17_UserInfoRejectsTheToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status    int
		body      string
		challenge string
		is        error // that the error also matches
		invalid   bool
	}{
		"the code of the RFC":   {401, `{"error":"invalid_token"}`, "", client.ErrInvalidToken, true},
		"nothing":               {401, ``, "", client.ErrInvalidToken, true},
		"another code":          {401, `{"error":"token_expired"}`, "", client.ErrorCode("token_expired"), true},
		"403":                   {403, `{"error":"access_denied"}`, "", client.ErrAccessDenied, true},
		"403 without a code":    {403, `<html>`, "", client.ErrInvalidToken, true},
		"403 in a challenge":    {403, ``, `Bearer error="insufficient_scope"`, client.ErrorCode("insufficient_scope"), true},
		"an object":             {401, `{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}`, "", client.ErrorCode("InvalidAuthenticationToken"), true},
		"the proof":             {401, `{"error":"invalid_dpop_proof"}`, "", client.ErrInvalidDPoPProof, false},
		"a nonce":               {401, ``, `DPoP error="use_dpop_nonce"`, client.ErrUseDPoPNonce, false},
		"another status":        {400, `{"error":"invalid_request"}`, "", client.ErrInvalidRequest, false},
		"the server is down":    {503, `{"error":"x"}`, "", client.ErrUnavailable, false},
		"too many requests":     {429, ``, "", client.ErrUnavailable, false},
		"success with an error": {200, `{"error":"invalid_token"}`, "", client.ErrInvalidToken, true},
	} {
		s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(test.status, test.body, map[string]string{"WWW-Authenticate": test.challenge})
		}}
		c := newClient(t, s, func(cfg *client.Config) { cfg.Metadata.UserinfoEndpoint = issuerURL + "/me" })
		_, err := c.UserInfo(t.Context(), "at", "alice")
		if !errors.Is(err, test.is) || errors.Is(err, client.ErrInvalidToken) != test.invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The description of the server is in the error text: quoted, on one line and truncated.
func TestCaseC7_DescriptionInErrorText(t *testing.T) {
	t.Parallel()
	uuid := "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	for description, want := range map[string]string{
		"AADSTS7000215: Invalid client secret provided. Trace ID: " + uuid: `"AADSTS7000215: Invalid client secret provided. Trace ID: ` + uuid + `"`,
		"The scope 'a b' is unknown":                                       `"The scope 'a b' is unknown"`,
		"redirect_uri must be https://app.test/callback":                   `"redirect_uri must be https://app.test/callback"`,
		"line one\r\nline\ttwo\x00\x1b[31m":                                `"line one line two [31m"`,
		"right to left \u202e and \u2028 line":                             `"right to left and line"`,
		"Ungültig: größer":                                                 `"Ungültig: größer"`,
		`say "no"`:                                                         `"say \"no\""`,
		strings.Repeat("word ", 1000):                                      `"` + strings.Repeat("word ", 80) + `…"`,
		"   ":                                                              ``,
	} {
		body, _ := json.Marshal(map[string]string{"error": "invalid_scope", "error_description": description})
		_, err := newClient(t, says(400, string(body)), nil).ClientCredentials(t.Context())
		text := err.Error()
		base := `client: the authorization server returned error "invalid_scope" (status 400)`
		if want != "" {
			base += ": "
		}
		if text != base+want {
			t.Errorf("%.60q:\ngot  %s\nwant %s", description, text, base+want)
		}
		if strings.ContainsFunc(text, unicode.IsControl) || len(text) > 500 {
			t.Errorf("%.60q: %q", description, text)
		}
		for _, printed := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
			if printed != text {
				t.Errorf("%.60q: printed as %s", description, printed)
			}
		}
	}
}

// A description that repeats a value of the request, in any form, is omitted.
func TestCaseC7_NoSecretInErrorText(t *testing.T) {
	t.Parallel()
	const secret = "Pa55+w/rd%= ü~x:0123"
	forms := map[string]func(string) string{
		"raw":          func(s string) string { return s },
		"query":        url.QueryEscape,
		"path":         url.PathEscape,
		"lower hex":    func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"HTML":         html.EscapeString,
		"HTML of form": func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
		"upper case":   strings.ToUpper,
		"quoted":       func(s string) string { return fmt.Sprintf("%q", s) },
		"split":        func(s string) string { return strings.ReplaceAll(s, "0", "\n0") },
		"cut":          func(s string) string { return s[:len(s)-2] },
		"cut in front": func(s string) string { return s[3:] },
		"query twice":  func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"HTML thrice":  func(s string) string { return html.EscapeString(html.EscapeString(numericEntities(s))) },
		"JSON":         func(s string) string { return string(jsonOf(s)) },
		"JSON twice":   func(s string) string { return string(jsonOf(string(jsonOf(s)))) },
		"JSON, all":    func(s string) string { return escapedAs(`\u%04x`, s) },
		"backslash x":  func(s string) string { return escapedAs(`\x%02X`, s) },
		"JSON in URL":  func(s string) string { return url.QueryEscape(string(jsonOf(s))) },
		"URL in JSON":  func(s string) string { return escapedAs(`\u%04X`, url.PathEscape(s)) },
		"many forms":   func(string) string { return strings.Repeat(`\`, 200) + strings.Repeat("%25", 40) + "41" },
		"basic":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte("app:" + url.QueryEscape(s))) },
	}
	calls := map[string]func(*client.Client) error{
		"client secret": func(c *client.Client) error { _, err := c.ClientCredentials(t.Context()); return err },
		"refresh token": func(c *client.Client) error { _, err := c.Refresh(t.Context(), secret); return err },
		"password":      func(c *client.Client) error { _, err := c.Password(t.Context(), "alice", secret); return err },
		"code": func(c *client.Client) error {
			_, err := c.ExchangeCode(t.Context(), secret, client.CodeExchange{CodeVerifier: "verifier"})
			return err
		},
		"verifier": func(c *client.Client) error {
			_, err := c.ExchangeCode(t.Context(), "code", client.CodeExchange{CodeVerifier: secret})
			return err
		},
		"assertion": func(c *client.Client) error { _, err := c.JWTBearer(t.Context(), secret); return err },
		"exchange": func(c *client.Client) error {
			_, err := c.ExchangeToken(t.Context(), client.TokenExchange{SubjectToken: secret, SubjectTokenType: client.TokenTypeJWT})
			return err
		},
		"device code": func(c *client.Client) error { _, err := c.PollDevice(t.Context(), secret); return err },
		"other": func(c *client.Client) error {
			_, err := c.Grant(t.Context(), "x", url.Values{"pin": {secret}})
			return err
		},
		"revocation":    func(c *client.Client) error { return c.Revoke(t.Context(), secret, "") },
		"introspection": func(c *client.Client) error { _, err := c.Introspect(t.Context(), secret, ""); return err },
		"userinfo":      func(c *client.Client) error { _, err := c.UserInfo(t.Context(), secret, "alice"); return err },
		"MFA":           func(c *client.Client) error { _, err := c.MFARequestOOB(t.Context(), secret, ""); return err },
		"association": func(c *client.Client) error {
			_, err := c.MFAAssociate(t.Context(), secret, client.MFAAssociation{Type: "otp"})
			return err
		},
		"authenticators": func(c *client.Client) error { _, err := c.MFAAuthenticators(t.Context(), secret); return err },
	}
	for form, encode := range forms {
		for kind, call := range calls {
			if form == "basic" && kind != "client secret" {
				continue
			}
			for _, member := range []string{"error_description", "error", "message"} {
				if member == "error" && len(encode(secret)) > 80 {
					continue // of such a code, only a part of the secret that is too short is shown
				}
				said := map[string]string{"error": "invalid_request", member: "The value <" + encode(secret) + "> is wrong."}
				body, _ := json.Marshal(said)
				c := newClient(t, says(400, string(body)), func(cfg *client.Config) {
					cfg.ClientSecret, cfg.AuthMethod = secret, client.AuthBasic
					cfg.Metadata.RevocationEndpoint, cfg.Metadata.IntrospectionEndpoint = issuerURL+"/revoke", issuerURL+"/introspect"
					cfg.Metadata.UserinfoEndpoint = issuerURL + "/me"
				})
				err := call(c)
				if err == nil || !strings.Contains(err.Error(), "omitted: it may contain a credential") {
					t.Errorf("%s of the %s as %s: %v", form, kind, member, err)
				}
			}
		}
	}
}

func jsonOf(text string) []byte {
	encoded, _ := json.Marshal(text)
	return encoded
}

// escapedAs returns text with each character in this format.
func escapedAs(format, text string) string {
	var b strings.Builder
	for _, r := range text {
		_, _ = fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func numericEntities(text string) string { return escapedAs("&#%d;", text) }

// A description that repeats a token of the response, or looks like any token, is omitted too.
func TestCaseC7_NoOtherTokenInErrorText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"error":"x","error_description":"we sent at-5ecret","access_token":"at-5ecret"}`,
		`{"error":"x","error_description":"we sent mfa-5ecret","mfa_token":"mfa-5ecret"}`,
		`{"error":"x","error_description":"your session gho_5ecret6C7e42F292c6912E7710c838347Ae"}`,
		`{"error":"x","error_description":"got eyJ5ecretGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2ln"}`,
		`{"error":"x","error_description":"see https://login.test/?t=5ecret6C7e42F292c6912E7710c838347Ae178"}`,
		`{"error":"x","error_description":"we sent at-5ecret","bots":[{"id":1},{"access_token":"at-5ecret"}]}`,
		`{"error":"x","error_description":"one of rc-5ecret","recovery_codes":["a","rc-5ecret"],"more":{"tokens":["t"]}}`,
		`{"error":"x","error_description":"we sent at-5ecret","a":{"tokens":["at-5ecret"]}}`,
		`{"error":"gho_5ecret6C7e42F292c6912E7710c838347Ae"}`,
	} {
		for _, status := range []int{200, 400} {
			_, err := newClient(t, says(status, body), nil).ClientCredentials(t.Context())
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "5ecret") || !strings.Contains(text, "omitted") {
				t.Errorf("%d %s: %s", status, body, text)
			}
		}
	}
	// A function that converts the response may move a token into the description.
	_, err := newClient(t, says(200, `{"token":{"access_token":"at-5ecret"}}`), func(cfg *client.Config) {
		cfg.ReadResponse = func(r client.TokenResponse) (client.TokenResponse, error) {
			r.Body = []byte(`{"error":"x","error_description":"unexpected: at-5ecret"}`)
			return r, nil
		}
	}).ClientCredentials(t.Context())
	if !strings.Contains(err.Error(), "omitted") || strings.Contains(err.Error(), "5ecret") {
		t.Errorf("after a conversion: %v", err)
	}
	many := `{"error":"x","error_description":"all is well"`
	for i := range 200 {
		many += fmt.Sprintf(`,"token%d":"value-%d"`, i, i)
	}
	if _, err := newClient(t, says(400, many+`}`), nil).ClientCredentials(t.Context()); strings.Contains(err.Error(), "well") {
		t.Errorf("a response with too many tokens to compare with: %v", err)
	}
	// The id of the client and the redirect URI are not secrets.
	id := "1234567890-abcdefghijklmnopqrstuvwxyz012345"
	s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		_, _ = io.Copy(io.Discard, r.Body)
		return written(400, `{"error":"invalid_client","error_description":"client `+id+` is unknown"}`, nil)
	}}
	for _, method := range []client.AuthMethod{client.AuthBasic, client.AuthPost} {
		_, err := newClient(t, s, func(cfg *client.Config) { cfg.ClientID, cfg.AuthMethod = id, method }).ClientCredentials(t.Context())
		if !strings.Contains(err.Error(), "client "+id+" is unknown") || !strings.Contains(err.Error(), "Config.AuthMethod") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A callback with an error in other parameters than those of the RFC is an error response. Its text is not printed, because
// the browser may have changed it.
func TestCaseC7_CallbackWithOtherErrorParameters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		params url.Values
		code   string
		text   string
	}{
		"of the RFC":        {url.Values{"error": {"access_denied"}, "error_description": {"declined"}, "error_code": {"200"}}, "access_denied", "declined"},
		"others":            {url.Values{"error_code": {"1349168"}, "error_message": {"The URL is not registered."}}, "1349168", "The URL is not registered."},
		"an error and code": {url.Values{"error": {"access_denied"}, "code": {"c"}}, "access_denied", ""},
		"nothing":           {url.Values{"x": {"1"}}, "", ""},
		"success":           {url.Values{"error_code": {"0"}}, "", ""},
		"a message alone":   {url.Values{"error_message": {"x"}}, "", ""},
	} {
		c := newProvider().client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{})
		test.params.Set("state", pending.State)
		_, err := c.Callback(t.Context(), pending, test.params)
		e, ok := errors.AsType[*client.Error](err)
		switch {
		case test.code == "" && (ok || !errors.Is(err, client.ErrCallback)):
			t.Errorf("%s: %v", name, err)
		case test.code != "" && (!ok || e.Code != test.code || e.Description != test.text):
			t.Errorf("%s: %v", name, err)
		case test.text != "" && strings.Contains(err.Error(), test.text):
			t.Errorf("%s: the text of the browser is printed: %v", name, err)
		}
	}
}

// The description in a signed response is from the server, so it is printed.
func TestCaseC7_SignedCallback(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	for description, want := range map[string]string{
		"The scope x is unknown.": `"The scope x is unknown."`, "state STATE": "omitted",
	} {
		pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "jwt"})
		response := p.jwt(map[string]any{
			"state": pending.State, "error": "invalid_scope", "error_description": strings.ReplaceAll(description, "STATE", pending.State),
		})
		_, err := c.Callback(t.Context(), pending, url.Values{"response": {response}})
		if !errors.Is(err, client.ErrInvalidScope) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), pending.State) {
			t.Errorf("%s: %v", description, err)
		}
	}
}
