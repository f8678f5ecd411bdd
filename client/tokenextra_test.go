package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

const withExtra = `{"access_token":"at","token_type":"Bearer","expires_in":60,"refresh_token":"rt","scope":"a b","id_token":null,` +
	`"instance_url":"https://one.example","team":{"id":"T1","names":["x"]},"n":1e3,"none":null,"secret":"s3cr3t"}`

// Members that the package does not know are kept in the Token, in its JSON form, in stores, and in the conversion to
// x/oauth2. None of them is printed.
func TestCaseA11_ExtraMembers(t *testing.T) {
	t.Parallel()
	token, err := newClient(t, says(200, withExtra), nil).ClientCredentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	decoded := new(client.Token)
	if err := json.Unmarshal(text, decoded); err != nil {
		t.Fatal(err)
	}
	files, err := client.NewFileTokens(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	memory := client.NewMemoryTokens()
	tokens := map[string]*client.Token{"received": token, "decoded": decoded}
	for name, store := range map[string]client.TokenStore{"file": files, "memory": memory} {
		if err := store.Save(t.Context(), "k", decoded); err != nil {
			t.Fatal(err)
		}
		if tokens[name], err = store.Load(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]any{
		"instance_url": "https://one.example", "team": map[string]any{"id": "T1", "names": []any{"x"}}, "n": 1000.0, "none": nil,
		"secret": "s3cr3t", "absent": nil,
	}
	for from, token := range tokens {
		other := token.OAuth2()
		for name, value := range want {
			if diff := cmp.Diff(value, token.Extra(name)); diff != "" {
				t.Errorf("%s: Extra(%q) (-want +got):\n%s", from, name, diff)
			}
			if diff := cmp.Diff(value, other.Extra(name)); diff != "" {
				t.Errorf("%s: OAuth2().Extra(%q) (-want +got):\n%s", from, name, diff)
			}
		}
		if token.AccessToken != "at" || token.RefreshToken != "rt" || other.Extra("scope") != "a b" || other.Extra("refresh_token") != nil {
			t.Errorf("%s: %#v", from, other)
		}
		if !token.Expiry.Equal(tokens["received"].Expiry) {
			t.Errorf("%s: expires at %v", from, token.Expiry)
		}
		printed := fmt.Sprintf("%v %+v %#v %s %v %v", token, token, *token, token, token.LogValue(), &client.IncompleteError{Token: token, Err: errors.New("x")})
		for _, hidden := range []string{"s3cr3t", "T1", "one.example"} {
			if strings.Contains(printed, hidden) {
				t.Errorf("%s: %s is printed: %s", from, hidden, printed)
			}
		}
	}
}

// The JSON form of a Token has at most 64 KiB of further members. Those that fit are kept.
func TestCaseA11_ExtraMembersAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 40<<10)
	body := `{"access_token":"at","token_type":"Bearer","a":"` + long + `","b":"` + long + `","c":"` + long + `","d":"kept"}`
	token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(token)
	if err != nil || len(text) > 66<<10 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	var decoded client.Token
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	if decoded.Extra("a") != long || decoded.Extra("b") != nil || decoded.Extra("c") != nil || decoded.Extra("d") != "kept" || token.Extra("c") != long {
		t.Error("the wrong members are kept")
	}
}

// The limit is for the encoded members. The encoder escapes some characters, so that a member can become six times as long. A
// token that is stored again keeps the same members.
func TestCaseA11_EscapedMembersAreBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<", "&", "\u2028", "\u00e4", "x", `\"`, " "} {
		for _, size := range []int{9 << 10, 60 << 10, 70 << 10} {
			long := strings.Repeat(text, size/len(text))
			body := `{"access_token":"at","token_type":"Bearer","a":{"b":["` + long + `"]},"c":"kept"}`
			token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			first, err := json.Marshal(token)
			if err != nil || len(first) > 65<<10 {
				t.Errorf("%d times %q: %d bytes, %v", size, text, len(first), err)
			}
			var decoded client.Token
			if err := json.Unmarshal(first, &decoded); err != nil || decoded.Extra("c") != "kept" || size == 9<<10 && decoded.Extra("a") == nil {
				t.Errorf("%d times %q: %v", size, text, err)
			}
			if second, err := json.Marshal(&decoded); err != nil || string(second) != string(first) {
				t.Errorf("%d times %q: stored again with %d bytes instead of %d, %v", size, text, len(second), len(first), err)
			}
		}
	}
}

// Members with the names of the JSON form of a Token change nothing in it: neither its owner nor its expiry.
func TestCaseA11_S1_MembersWithNamesOfTheStoredForm(t *testing.T) {
	t.Parallel()
	body := `{"access_token":"at","token_type":"Bearer","expires_in":60,"issuer":"https://evil.test","client_id":"evil","Client_ID":"e",` +
		`"expiry":"2099-01-01T00:00:00Z","received_at":"2000-01-01T00:00:00Z","extra":{"issuer":"https://evil.test"},"scopes":["admin"],` +
		`"response":{},"AccessToken":"evil"}`
	token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := *token
	for range 3 {
		text, err := json.Marshal(token)
		if err != nil {
			t.Fatal(err)
		}
		token = new(client.Token)
		if err := json.Unmarshal(text, token); err != nil {
			t.Fatal(err)
		}
		if token.Issuer != issuerURL || token.ClientID != "app" || !token.Expiry.Equal(want.Expiry) || !token.ReceivedAt.Equal(want.ReceivedAt) ||
			token.AccessToken != "at" || token.Scopes != nil || token.Extra("issuer") != "https://evil.test" {
			t.Errorf("%s", text)
		}
	}
}

// A Token that is decoded over another one has nothing of it, such as a refresh token or an owner.
func TestCaseS1_DecodingReplacesTheWholeToken(t *testing.T) {
	t.Parallel()
	token, err := newClient(t, says(200, `{"access_token":"at","refresh_token":"rt","expires_in":60,"id_token":"i","x":1}`), nil).ClientCredentials(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"access_token":"other","token_type":"Bearer"}`), token); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(token)
	if err != nil || string(text) != `{"access_token":"other","token_type":"Bearer"}` || token.Extra("x") != nil || token.ExpiresIn() != 0 {
		t.Errorf("%s, %v", text, err)
	}
}

// A stored token is read even if its further members are not valid, and those of an earlier version are read.
func TestCaseA11_StoredWithoutExtra(t *testing.T) {
	t.Parallel()
	for _, extra := range []string{``, `,"extra":null`, `,"extra":[1]`, `,"extra":"x"`, `,"extra":{"a":1,"a":2}`, `,"extra":{}`} {
		token := &client.Token{Expiry: time.Now()}
		err := json.Unmarshal([]byte(`{"access_token":"at","token_type":"Bearer","refresh_token":"rt"`+extra+`}`), token)
		if err != nil || token.AccessToken != "at" || token.RefreshToken != "rt" || token.Extra("a") != nil {
			t.Errorf("%s: %v, %v", extra, token, err)
		}
		again, err := json.Marshal(token)
		if err != nil || strings.Contains(string(again), "extra") {
			t.Errorf("%s: %s, %v", extra, again, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"access_token":7}`), new(client.Token)); err == nil {
		t.Error("a token of the wrong type is accepted")
	}
}
