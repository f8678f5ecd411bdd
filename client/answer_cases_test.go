package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/quirk"
)

// responds returns a server that always sends the same response with a Content-Type.
func responds(status int, mediaType, body string) *server {
	return &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(status, body, map[string]string{"Content-Type": mediaType})
	}}
}

// quirkOf returns a quirk of token responses.
func quirkOf(name quirk.Name, place string) quirk.Quirk {
	return quirk.Quirk{Name: name, Place: strings.TrimSpace("token response " + place), RFC: "RFC 6749 section 5.1"}
}

// Without token_type, a token is a bearer token, and the deviation is reported.
func TestCaseA1_NoTokenType(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]quirk.Quirk{
		`{"access_token":"at"}`:                       {quirkOf(quirk.MissingMember, "token_type")},
		`{"access_token":"at","token_type":""}`:       {quirkOf(quirk.MissingMember, "token_type")},
		`{"access_token":"at","token_type":null}`:     {quirkOf(quirk.MissingMember, "token_type"), quirkOf(quirk.NullMember, "token_type")},
		`{"access_token":"at","token_type":"bearer"}`: nil,
	} {
		c := newClient(t, says(200, body), nil)
		for range 2 {
			token, err := c.ClientCredentials(t.Context())
			if err != nil || token.AccessToken != "at" || token.TokenType != "Bearer" {
				t.Fatalf("%s: %v, %v", body, token, err)
			}
		}
		if diff := cmp.Diff(want, c.Quirks()); diff != "" {
			t.Errorf("%s: quirks (-want +got):\n%s", body, diff)
		}
	}
	for _, body := range []string{
		`{"access_token":"at","token_type":7}`, `{"access_token":"at","token_type":["Bearer"]}`, `{"access_token":"at","token_type":{}}`,
		`{"access_token":"at","token_type":false}`, `{"access_token":"at","token_type":"Bearer","token_type":"mac"}`,
	} {
		_, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
		if late, ok := errors.AsType[*client.IncompleteError](err); !ok || late.Token.AccessToken != "at" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// With Config.DPoP, a token is used only if the response says that it is bound to the key.
func TestCaseA1_NoTokenTypeWithDPoP(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for body, ok := range map[string]bool{
		`{"access_token":"at"}`: false, `{"access_token":"at","token_type":null}`: false, `{"access_token":"at","token_type":"Bearer"}`: false,
		`{"access_token":"at","token_type":"dpop"}`: true,
	} {
		c := newClient(t, says(200, body), func(cfg *client.Config) { cfg.DPoP = key })
		token, err := c.ClientCredentials(t.Context())
		if ok {
			if err != nil || token.TokenType != "DPoP" {
				t.Errorf("%s: %v, %v", body, token, err)
			}
			continue
		}
		late, incomplete := errors.AsType[*client.IncompleteError](err)
		if token != nil || !incomplete || late.Token.AccessToken != "at" || !strings.Contains(err.Error(), "Config.DPoP") {
			t.Errorf("%s: %v, %v", body, token, err)
		}
		if got := c.Quirks(); got != nil {
			t.Errorf("%s: reported as accepted: %v", body, got)
		}
	}
}

// A status of 2xx with a token is a success.
func TestCaseA3_AnySuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 203, 206} {
		c := newClient(t, says(status, good), nil)
		if token, err := c.ClientCredentials(t.Context()); err != nil || token.AccessToken != "at" {
			t.Errorf("%d: %v, %v", status, token, err)
		}
		var want []quirk.Quirk
		if status != 200 {
			want = []quirk.Quirk{quirkOf(quirk.Status, "")}
		}
		if diff := cmp.Diff(want, c.Quirks()); diff != "" {
			t.Errorf("%d: quirks (-want +got):\n%s", status, diff)
		}
	}
	for _, status := range []int{300, 304, 400, 401, 403, 500, 503} {
		if token, err := newClient(t, says(status, good), nil).ClientCredentials(t.Context()); token != nil || err == nil {
			t.Errorf("%d: %v, %v", status, token, err)
		}
	}
}

// Form-encoded responses are read if the Content-Type says so.
func TestCaseA6_FormEncoded(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "text/plain;charset=UTF-8"} {
		c := newClient(t, responds(200, mediaType, "access_token=a%74&token_type=bearer&scope=a+b&expires_in=60&refresh_token=rt&team=x%3Dy\n"), nil)
		token, err := c.ClientCredentials(t.Context())
		if err != nil || token.AccessToken != "at" || token.RefreshToken != "rt" || token.ExpiresIn() < 50*time.Second || token.Extra("team") != "x=y" {
			t.Fatalf("%s: %v, %v", mediaType, token, err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, token.Scopes); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]quirk.Quirk{quirkOf(quirk.FormEncoded, "")}, c.Quirks()); diff != "" {
			t.Errorf("quirks (-want +got):\n%s", diff)
		}
		_, err = newClient(t, responds(400, mediaType, "error=invalid_grant&error_description=the+code+was+used"), nil).ClientCredentials(t.Context())
		if e, ok := errors.AsType[*client.Error](err); !ok || !errors.Is(err, client.ErrInvalidGrant) || e.Description != "the code was used" {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
	// Of a parameter that occurs twice, no value is used. If its meaning matters, all values are in the error.
	for _, body := range []string{
		"access_token=at&access_token=other", "access_token=at&Access_Token=other", "access_token=at&token_type=%zz",
		"access_token=at&refresh_token=%ff", "access_token=at&token_type=Bearer&token_type=mac", "access_token=at&id_token=a&id_token=a&id_token=b",
		"access_token=at" + manyParameters(1000), "access_token=at&error=&error=x",
	} {
		token, err := newClient(t, responds(200, "text/plain", body), nil).ClientCredentials(t.Context())
		late, incomplete := errors.AsType[*client.IncompleteError](err)
		e, ok := errors.AsType[*client.Error](err)
		if token != nil || !incomplete || late.Token.AccessToken != "at" || !ok || string(e.Body) != body {
			t.Errorf("%s: %v, %v", body, token, err)
		}
	}
	if token, err := newClient(t, responds(200, "text/plain", "access_token=at"+manyParameters(999)), nil).ClientCredentials(t.Context()); err != nil {
		t.Errorf("1000 parameters: %v, %v", token, err)
	}
	for mediaType, body := range map[string]string{"text/html": "access_token=at", "application/json": "access_token=at", "": "access_token=at"} {
		_, err := newClient(t, responds(200, mediaType, body), nil).ClientCredentials(t.Context())
		if e, ok := errors.AsType[*client.Error](err); !ok || !errors.Is(err, client.ErrBadResponse) || string(e.Body) != body {
			t.Errorf("%q: %v", mediaType, err)
		}
	}
}

// If a parameter that the client does not need occurs twice, only that parameter is dropped, as in JSON.
func TestCaseA6_FormEncodedOddParameters(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]quirk.Name{
		"access_token=at&token_type=bearer&x=1&x=2":                         quirk.DuplicateMember,
		"x=1&access_token=at&token_type=bearer&x=1&x=":                      quirk.DuplicateMember,
		"access_token=at&token_type=bearer&scope=a&scope=b":                 quirk.DuplicateMember,
		"access_token=at&token_type=bearer&x=%zz":                           quirk.InvalidValue,
		"access_token=at&token_type=bearer&user=%E4&y%=1":                   quirk.InvalidValue,
		`{"access_token":"at","token_type":"bearer","x":1,"x":2}`:           quirk.DuplicateMember,
		`{"access_token":"at","token_type":"bearer","x":"` + "\xff" + `"}`:  quirk.InvalidValue,
		`{"access_token":"at","token_type":"bearer","scope":"a","scope":1}`: quirk.DuplicateMember,
	} {
		c := newClient(t, responds(200, "text/plain", body), nil)
		token, err := c.ClientCredentials(t.Context(), "s")
		if err != nil || token.AccessToken != "at" || token.Extra("x") != nil || token.Scopes[0] != "s" {
			t.Errorf("%s: %v, %v", body, token, err)
		}
		if !slices.ContainsFunc(c.Quirks(), func(q quirk.Quirk) bool { return q.Name == want && q.Place == "token response member" }) {
			t.Errorf("%s: quirks %v", body, c.Quirks())
		}
	}
}

// manyParameters returns n form parameters with different names.
func manyParameters(n int) string {
	var text strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&text, "&p%d=", i)
	}
	return text.String()
}

// Config.ReadResponse converts a response of another form, here tokens inside of another member.
func TestCaseA10_ReadResponse(t *testing.T) {
	t.Parallel()
	const nested = `{"ok":true,"authed_user":{"access_token":"at","token_type":"user","secret":"s3cr3t"}}`
	read := func(r client.TokenResponse) (client.TokenResponse, error) {
		if r.GrantType != "client_credentials" || r.Header.Get("Content-Type") != "application/json" || string(r.Body) != nested {
			t.Errorf("got %v with %q", r, r.Body)
		}
		clear(r.Body) // it is a copy
		r.Body = []byte(`{"access_token":"at","token_type":"Bearer"}`)
		return r, nil
	}
	for name, test := range map[string]struct {
		read func(client.TokenResponse) (client.TokenResponse, error)
		want string // in the error text; empty for success
	}{
		"converted": {read, ""},
		"no header": {func(client.TokenResponse) (client.TokenResponse, error) {
			return client.TokenResponse{Status: 200, Body: []byte(`{"access_token":"at"}`)}, nil
		}, ""},
		"none":      {nil, "access_token is missing"},
		"unchanged": {func(r client.TokenResponse) (client.TokenResponse, error) { return r, nil }, "access_token is missing"},
		"an error": {func(r client.TokenResponse) (client.TokenResponse, error) {
			return r, errors.New("s3cr3t " + string(r.Body))
		}, "Config.ReadResponse returned an error"},
		"a panic": {func(client.TokenResponse) (client.TokenResponse, error) { panic("s3cr3t") }, "Config.ReadResponse panicked"},
		"an index": {func(r client.TokenResponse) (client.TokenResponse, error) {
			return r, errors.New(string(r.Body[1000:]))
		}, "Config.ReadResponse panicked: runtime error"},
		"no status": {func(client.TokenResponse) (client.TokenResponse, error) { return client.TokenResponse{}, nil }, "Config.ReadResponse returned status 0"},
		"a long body": {func(r client.TokenResponse) (client.TokenResponse, error) {
			r.Body = make([]byte, 2<<20)
			return r, nil
		}, "Config.MaxBytes"},
		"not an error": {func(r client.TokenResponse) (client.TokenResponse, error) { r.Status = 400; return r, nil }, "status 400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := newClient(t, says(200, nested), func(cfg *client.Config) { cfg.ReadResponse = test.read }).ClientCredentials(t.Context())
			if test.want == "" {
				if err != nil || token.AccessToken != "at" {
					t.Errorf("got %v, %v", token, err)
				}
				return
			}
			e, ok := errors.AsType[*client.Error](err)
			if !ok || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if body := string(e.Body); body != nested {
				t.Errorf("the body is %q", body)
			}
		})
	}
	// A failure of ReadResponse does not lose a token that can be read without it.
	_, err := newClient(t, says(200, good), func(cfg *client.Config) {
		cfg.ReadResponse = func(client.TokenResponse) (client.TokenResponse, error) { panic("x") }
	}).ClientCredentials(t.Context())
	if late, ok := errors.AsType[*client.IncompleteError](err); !ok || late.Token.AccessToken != "at" {
		t.Errorf("got %v", err)
	}
	// It does not hide an error response either.
	_, err = newClient(t, says(200, `{"error":"invalid_grant"}`), func(cfg *client.Config) {
		cfg.ReadResponse = func(r client.TokenResponse) (client.TokenResponse, error) { return r, errors.New("no token") }
	}).ClientCredentials(t.Context())
	if !errors.Is(err, client.ErrInvalidGrant) || !strings.Contains(err.Error(), "Config.ReadResponse") {
		t.Errorf("got %v", err)
	}
}

// The name of a draft is read, and reported.
func TestQuirks_OfDeviceResponse(t *testing.T) {
	t.Parallel()
	c := deviceClient(t, says(200, `{"device_code":"dc","user_code":"u","verification_url":"https://login.test/e","expires_in":600}`))
	if _, err := c.StartDevice(t.Context(), client.DeviceOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []quirk.Quirk{{Name: quirk.OldName, Place: "device response verification_url", RFC: "RFC 8628 section 3.2"}}
	if diff := cmp.Diff(want, c.Quirks()); diff != "" {
		t.Errorf("quirks (-want +got):\n%s", diff)
	}
}

// A token of an unknown type is not used. The error has it, together with the whole response.
func TestCaseA2_UnknownTokenType(t *testing.T) {
	t.Parallel()
	for word, test := range map[string]struct {
		types []string
		ok    bool
	}{
		"user":     {[]string{"bot", "user"}, true},
		"USER":     {[]string{"user"}, true},
		"Bearer":   {[]string{"user"}, true},
		" bearer ": {nil, true},
		"bot":      {[]string{"user"}, false},
		"mac":      {nil, false},
		"pop":      {nil, false},
		"N_A":      {[]string{"user"}, false},
		"DPoP":     {[]string{"user"}, false},
	} {
		body := `{"access_token":"secret-at","token_type":"` + word + `","refresh_token":"rt","team":"T1"}`
		c := newClient(t, says(200, body), func(cfg *client.Config) { cfg.BearerTypes = test.types })
		token, err := c.ClientCredentials(t.Context())
		if test.ok {
			if err != nil || token.TokenType != "Bearer" {
				t.Errorf("%s: %v, %v", word, token, err)
			}
			continue
		}
		late, incomplete := errors.AsType[*client.IncompleteError](err)
		e, ok := errors.AsType[*client.Error](err)
		if token != nil || !incomplete || !ok || !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v, %v", word, token, err)
			continue
		}
		if late.Token.AccessToken != "secret-at" || late.Token.RefreshToken != "rt" || late.Token.Extra("team") != "T1" || string(e.Body) != body || e.Status != 200 {
			t.Errorf("%s: the response is not complete: %q", word, e.Body)
		}
		if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, "token_type") {
			t.Errorf("%s: %s", word, text)
		}
	}
	for field, change := range map[string]func(*client.Config){
		"empty":     func(cfg *client.Config) { cfg.BearerTypes = []string{""} },
		"space":     func(cfg *client.Config) { cfg.BearerTypes = []string{"user "} },
		"dpop":      func(cfg *client.Config) { cfg.BearerTypes = []string{"dpop"} },
		"n_a":       func(cfg *client.Config) { cfg.BearerTypes = []string{"N_A"} },
		"with DPoP": func(cfg *client.Config) { cfg.BearerTypes, cfg.DPoP = []string{"user"}, newKey(t) },
	} {
		cfg := client.Config{Issuer: issuerURL, ClientID: "app"}
		change(&cfg)
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.BearerTypes") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// A revocation succeeds with any status of 2xx, unless the body reports an error.
func TestCaseA4_Revocation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		body   string
		ok     bool
	}{
		{200, ``, true},
		{204, ``, true},
		{202, `{}`, true},
		{201, `<html>`, true},
		{200, `{"success":true}`, true},
		{200, `{"error":null}`, true},
		{200, `{"error":"invalid_token"}`, false},
		{200, `{"ok":false}`, false},
		{200, `{"error":{"message":"no"}}`, false},
		{304, ``, false},
		{400, ``, false},
		{401, `{}`, false},
		{503, ``, false},
	} {
		c := newClient(t, says(test.status, test.body), func(cfg *client.Config) { cfg.Metadata.RevocationEndpoint = issuerURL + "/revoke" })
		if err := c.Revoke(t.Context(), "token", ""); (err == nil) != test.ok {
			t.Errorf("%d %s: %v", test.status, test.body, err)
		}
		if reported := len(c.Quirks()) > 0; reported != (test.ok && test.status != 200) {
			t.Errorf("%d %s: quirks %v", test.status, test.body, c.Quirks())
		}
	}
}

// A text in the response to a revocation has no meaning, and is not reported.
func TestCaseA4_RevocationWithText(t *testing.T) {
	t.Parallel()
	c := newClient(t, responds(200, "text/plain", "OK"), func(cfg *client.Config) { cfg.Metadata.RevocationEndpoint = issuerURL + "/revoke" })
	if err := c.Revoke(t.Context(), "token", ""); err != nil || c.Quirks() != nil {
		t.Errorf("%v, quirks %v", err, c.Quirks())
	}
}

// The other endpoints accept any status of 2xx too, if the response has what was requested.
func TestCaseA3_A4_OtherEndpoints(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]struct {
		body string
		do   func(*client.Client) error
	}{
		"device": {deviceStarted, func(c *client.Client) error {
			_, err := c.StartDevice(t.Context(), client.DeviceOptions{})
			return err
		}},
		"CIBA": {`{"auth_req_id":"r","expires_in":60}`, func(c *client.Client) error {
			_, err := c.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice"})
			return err
		}},
		"PAR": {`{"request_uri":"urn:x:1","expires_in":60}`, func(c *client.Client) error {
			_, _, err := c.PushAuthorization(t.Context(), url.Values{"scope": {"a"}})
			return err
		}},
		"introspection": {`{"active":true}`, func(c *client.Client) error {
			i, err := c.Introspect(t.Context(), "token", "")
			if err == nil && !i.Active() {
				t.Error("not active")
			}
			return err
		}},
		"challenge": {`{"challenge_type":"otp"}`, func(c *client.Client) error {
			_, err := c.MFARequestOTP(t.Context(), "mfa", "id")
			return err
		}},
		"association": {`{"authenticator_type":"otp"}`, func(c *client.Client) error {
			_, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
			return err
		}},
		"authenticators": {`[]`, func(c *client.Client) error {
			_, err := c.MFAAuthenticators(t.Context(), "mfa")
			return err
		}},
	} {
		everything := func(cfg *client.Config) {
			cfg.Metadata.DeviceAuthorizationEndpoint, cfg.Metadata.BackchannelAuthenticationEndpoint = issuerURL+"/d", issuerURL+"/b"
			cfg.Metadata.PushedAuthorizationRequestEndpoint, cfg.Metadata.IntrospectionEndpoint = issuerURL+"/p", issuerURL+"/i"
		}
		for _, status := range []int{200, 201, 202} {
			if err := call.do(newClient(t, says(status, call.body), everything)); err != nil {
				t.Errorf("%s: %d: %v", name, status, err)
			}
		}
		for status, body := range map[int]string{200: `{"message":"try later"}`, 201: `<html>`, 202: ``, 400: call.body, 500: call.body} {
			err := call.do(newClient(t, says(status, body), everything))
			if err == nil {
				t.Errorf("%s: %d %s: accepted", name, status, body)
				continue
			}
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Status != status || string(e.Body) != body || errors.Is(err, client.ErrBadResponse) != (status < 300) {
				t.Errorf("%s: %d %s: %v, want a client.Error with the body", name, status, body, err)
			}
		}
	}
}

func TestCaseA5_CommaScopes(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]struct{ without, with []string }{
		"a,b":     {[]string{"a,b"}, []string{"a", "b"}},
		"a,,b,":   {[]string{"a,,b,"}, []string{"a", "b"}},
		"a b":     {[]string{"a", "b"}, []string{"a", "b"}},
		"a,b c":   {[]string{"a,b", "c"}, []string{"a,b", "c"}},
		"a, b":    {[]string{"a,", "b"}, []string{"a,", "b"}},
		"a":       {[]string{"a"}, []string{"a"}},
		"":        {[]string{"asked"}, []string{"asked"}},
		"repo:a,": {[]string{"repo:a,"}, []string{"repo:a"}},
	} {
		for commas, scopes := range map[bool][]string{false: want.without, true: want.with} {
			body := `{"access_token":"at","token_type":"Bearer","scope":"` + scope + `"}`
			c := newClient(t, says(200, body), func(cfg *client.Config) { cfg.CommaScopes = commas })
			token, err := c.ClientCredentials(t.Context(), "asked")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(scopes, token.Scopes); diff != "" {
				t.Errorf("%q, CommaScopes %v (-want +got):\n%s", scope, commas, diff)
			}
		}
	}
}

// A lifetime of 0 means unknown if the token cannot be refreshed, and expired otherwise.
func TestCaseA7_LifetimeOfZero(t *testing.T) {
	t.Parallel()
	for _, zero := range []string{`0`, `"0"`, `0.0`, `-0`, `0e9`} {
		body := `{"access_token":"at","token_type":"Bearer","expires_in":` + zero
		token, err := newClient(t, says(200, body+`}`), nil).ClientCredentials(t.Context())
		if err != nil || !token.Expiry.IsZero() {
			t.Errorf("%s: %v, expires at %v", zero, err, token.Expiry)
		}
		token, err = newClient(t, says(200, body+`,"refresh_token":"rt"}`), nil).ClientCredentials(t.Context())
		if err != nil || token.Expiry.IsZero() || token.ExpiresIn() > 0 {
			t.Errorf("%s, with a refresh token: %v, expires at %v", zero, err, token.Expiry)
		}
		token, err = newClient(t, says(200, body+`}`), nil).Refresh(t.Context(), "rt")
		if err != nil || token.Expiry.IsZero() || token.ExpiresIn() > 0 {
			t.Errorf("%s, after a refresh: %v, expires at %v", zero, err, token.Expiry)
		}
	}
}

// A successful response without a token is an error with the status and the body. A page is truncated; anything else is
// kept, because it may have a token at an unknown place.
func TestCaseA9_SuccessWithoutToken(t *testing.T) {
	t.Parallel()
	page := "\n<!DOCTYPE html><html>secret-page" + strings.Repeat("x", 8<<10)
	for body, kept := range map[string]int{
		page: 4 << 10, "<html></html>": 13, `{}`: 2, `[]`: 2, `"secret-at"`: 11, ``: 0, `nonsense`: 8, `null`: 4, `{"token":"secret-at"}`: 21,
		`{"access_token":{"value":"secret-at"}}`:                             38,
		`[{"access_token":"secret-at"}]`:                                     30,
		`{"data":"` + strings.Repeat("x", 8<<10) + `","access":"secret-at"}`: 8<<10 + 32,
		`{"access_token":"secret-at"`:                                        27,
	} {
		for _, mediaType := range []string{"application/json", "text/html", "text/plain", ""} {
			token, err := newClient(t, responds(200, mediaType, body), nil).ClientCredentials(t.Context())
			e, ok := errors.AsType[*client.Error](err)
			if token != nil || !ok || e.Status != 200 || len(e.Body) != kept || !strings.HasPrefix(body, string(e.Body)) || !errors.Is(err, client.ErrBadResponse) {
				t.Errorf("%.40s as %q: %v", body, mediaType, err)
			}
			if _, incomplete := errors.AsType[*client.IncompleteError](err); incomplete {
				t.Errorf("%.40s as %q: reported as a token", body, mediaType)
			}
			if text := err.Error(); strings.Contains(text, "secret") || len(text) > 500 {
				t.Errorf("%.40s as %q: %s", body, mediaType, text)
			}
		}
	}
}
