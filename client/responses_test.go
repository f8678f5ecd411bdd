package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// members decodes a JSON object. It returns nil if text is not one.
func members(text []byte) (m map[string]any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&m) != nil {
		return nil
	}
	return m
}

func TestCaseA10_NestedToken(t *testing.T) {
	t.Parallel()
	const both = `{"ok":true,"access_token":"bot","token_type":"bot","scope":"commands","expires_in":9,"refresh_token":"bot-r",` +
		`"team":{"id":"T1"},"authed_user":{"id":"U1","access_token":"user","token_type":"user","scope":"chat:write,users:read"}}`
	for name, test := range map[string]struct {
		grant, body, want string
		status            int
	}{
		"two tokens": {
			grant: grantCode, body: both,
			want: `{"id":"U1","access_token":"user","token_type":"user","scope":"chat:write,users:read","outer":{"ok":true,` +
				`"access_token":"bot","token_type":"bot","scope":"commands","expires_in":9,"refresh_token":"bot-r","team":{"id":"T1"}}}`,
		},
		"only the nested token": {
			grant: grantCode, body: `{"code":0,"authed_user":{"access_token":"user","expires_in":7200}}`,
			want: `{"access_token":"user","expires_in":7200,"outer":{"code":0}}`,
		},
		"nested in a refresh": {
			grant: grantRefresh, body: `{"authed_user":{"access_token":"user"}}`, want: `{"access_token":"user","outer":{}}`,
		},
		"created": {
			grant: grantCode, status: 201, body: `{"authed_user":{"access_token":"user"}}`, want: `{"access_token":"user","outer":{}}`,
		},
		"error is empty": {
			grant: grantCode, body: `{"error":"","authed_user":{"access_token":"user"}}`, want: `{"access_token":"user","outer":{"error":""}}`,
		},
		"error is null": {
			grant: grantCode, body: `{"error":null,"authed_user":{"access_token":"user"}}`, want: `{"access_token":"user","outer":{}}`,
		},
		"a refresh in the usual place": {
			grant: grantRefresh, body: `{"ok":true,"access_token":"user","token_type":"user"}`,
			want: `{"ok":true,"access_token":"user","token_type":"user"}`,
		},
		"an error":               {grant: grantCode, body: `{"ok":false,"error":"invalid_code"}`, want: `{"ok":false,"error":"invalid_code"}`},
		"an error in words":      {grant: grantCode, body: `{"code":20003,"msg":"no"}`, want: `{"code":20003,"msg":"no"}`},
		"an error with a status": {grant: grantCode, status: 400, body: both, want: both},
		"a page":                 {grant: grantCode, body: `<html>maintenance</html>`, want: `<html>maintenance</html>`},
		"empty":                  {grant: grantCode},

		// The only access token is the one of another party.
		"no nested token":        {grant: grantCode, body: `{"access_token":"bot","authed_user":{"id":"U1"}}`},
		"no object":              {grant: grantCode, body: `{"access_token":"bot"}`},
		"a string":               {grant: grantCode, body: `{"access_token":"bot","authed_user":"user"}`},
		"a list":                 {grant: grantCode, body: `{"access_token":"bot","authed_user":[{"access_token":"user"}]}`},
		"null":                   {grant: grantCode, body: `{"access_token":"bot","authed_user":null}`},
		"nested null":            {grant: grantCode, body: `{"access_token":"bot","authed_user":{"access_token":null}}`},
		"another name":           {grant: grantCode, body: `{"access_token":"bot","Authed_User":{"access_token":"user"}}`},
		"in another object":      {grant: grantCode, body: `{"authed_bot":{"access_token":"bot"}}`},
		"two objects":            {grant: grantCode, body: `{"authed_user":{"access_token":"a"},"authed_user":{"access_token":"b"}}`},
		"two nested tokens":      {grant: grantCode, body: `{"access_token":"bot","authed_user":{"access_token":"a","access_token":"b"}}`},
		"a form":                 {grant: grantCode, body: `access_token=bot&token_type=bot`},
		"error with two members": {grant: grantCode, body: `{"error":"","access_token":"bot"}`},
		"error is a number":      {grant: grantCode, body: `{"error":0,"access_token":"bot"}`},
		"another outer":          {grant: grantCode, body: `{"authed_user":{"access_token":"user","outer":"x"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := client.TokenResponse{
				GrantType: test.grant, Status: max(test.status, 200), Header: http.Header{"X-Test": {"1"}}, Body: []byte(test.body),
			}
			got, err := client.NestedToken("authed_user")(given)
			if test.want == "" && test.body != "" {
				if err == nil || strings.Contains(err.Error(), "bot\"") {
					t.Errorf("the result is %s with the error %v, want an error", got.Body, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := members([]byte(test.want)); want != nil {
				if diff := cmp.Diff(want, members(got.Body)); diff != "" {
					t.Error(diff)
				}
			} else if string(got.Body) != test.want {
				t.Errorf("the body is %q, want %q", got.Body, test.want)
			}
			if got.GrantType != given.GrantType || got.Status != given.Status || got.Header.Get("X-Test") != "1" ||
				string(given.Body) != test.body {
				t.Errorf("the result is %v, and the given body is now %s", got, given.Body)
			}
		})
	}
}

// The client uses the nested token, keeps the other one, and uses neither if the nested one is missing.
func TestCaseA10_ClientUsesTheNestedToken(t *testing.T) {
	t.Parallel()
	body := `{"ok":true,"access_token":"bot","token_type":"bot","team":{"id":"T1"},` +
		`"authed_user":{"id":"U1","access_token":"user","token_type":"Bearer","refresh_token":"r1"}}`
	s := says(200, "")
	s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(200, body, nil) }
	c := newClient(t, s, func(cfg *client.Config) { cfg.ReadResponse = client.NestedToken("authed_user") })
	token, err := c.ExchangeCode(t.Context(), "code", client.CodeExchange{})
	if err != nil {
		t.Fatal(err)
	}
	outer, _ := token.Extra("outer").(map[string]any)
	if token.AccessToken != "user" || token.RefreshToken != "r1" || token.Extra("id") != "U1" || outer["access_token"] != "bot" {
		t.Errorf("the token is %q %q, Extra(outer) is %v", token.AccessToken, token.RefreshToken, outer)
	}
	if printed := fmt.Sprintf("%v %+v %#v", token, token, token); strings.Contains(printed, "bot") {
		t.Errorf("the token prints as %s", printed)
	}
	body = `{"ok":true,"access_token":"bot","token_type":"Bearer","authed_user":{"id":"U1"}}`
	token, err = c.ExchangeCode(t.Context(), "code", client.CodeExchange{})
	if token != nil || !errors.Is(err, client.ErrBadResponse) || !strings.Contains(err.Error(), `NestedToken: an access_token is`) ||
		strings.Contains(err.Error(), `"bot"`) {
		t.Errorf("without a nested token: %v, %v", token, err)
	}
}

// FuzzNestedToken compares the function with a simple reading of the response: if there is a nested token, the result has
// its members and nothing of the values around it, which are in the member outer. Otherwise the response is unchanged, or
// there is an error.
func FuzzNestedToken(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"access_token":"bot","authed_user":{"id":"U1","access_token":"user","token_type":"user"}}`,
		`{"ok":true,"access_token":"user","token_type":"user"}`, `{"ok":false,"error":"invalid_code"}`,
		`{"access_token":"bot","authed_user":null}`, `{"authed_user":{"access_token":"<&>\u2028"},"x":1e400}`,
		`{"authed_user":{"access_token":"a","access_token":"b"}}`, `access_token=bot`, `[]`, ``, `{"authed_user":{"access_token":7}}`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, body string, refresh bool) {
		given := client.TokenResponse{GrantType: grantCode, Status: 200, Body: []byte(body)}
		if refresh {
			given.GrantType = grantRefresh
		}
		got, err := client.NestedToken("authed_user")(given)
		if string(given.Body) != body {
			t.Fatal("the given body was changed")
		}
		if err != nil {
			if got.Body != nil {
				t.Fatal("an error comes with a body")
			}
			return
		}
		if string(got.Body) == body {
			usual := members(got.Body)["access_token"]
			if code, _ := members(got.Body)["error"].(string); !refresh && usual != nil && code == "" {
				t.Fatalf("the token of another party is returned: %s", got.Body)
			}
			return
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &all); err != nil {
			t.Fatalf("%s was made from %q, which is not an object", got.Body, body)
		}
		around := maps.Clone(all)
		delete(around, "authed_user")
		outer, err := json.Marshal(around)
		if err != nil {
			t.Fatal(err)
		}
		want := withoutNull(members(all["authed_user"]))
		want["outer"] = withoutNull(members(outer))
		if diff := cmp.Diff(want, members(got.Body)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// withoutNull removes the members of m that are null, and returns m.
func withoutNull(m map[string]any) map[string]any {
	maps.DeleteFunc(m, func(_ string, value any) bool { return value == nil })
	return m
}

// Slack sends the token of a user in an inner object, and calls it a token of the type user.
func ExampleNestedToken() {
	server := says(200, `{"ok":true,"authed_user":{"id":"U1","access_token":"xoxp-1","token_type":"user"}}`)
	c, err := client.New(client.Config{
		Issuer:       "https://slack.com",
		ClientID:     "2141029472.691202649728",
		ClientSecret: "the secret",
		ReadResponse: client.NestedToken("authed_user"),
		BearerTypes:  []string{"user"},
		Endpoints:    map[string]string{"token_endpoint": "https://slack.com/api/oauth.v2.access"},
		HTTPClient:   &http.Client{Transport: server}, // usually the default
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := c.ExchangeCode(context.Background(), "a code", client.CodeExchange{}) // Callback calls it for a sign-in
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token, token.Extra("id"))
	// Output: client.Token{Bearer} U1
}
