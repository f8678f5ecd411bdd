package client_test

import (
	"encoding/json"
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

	"github.com/bearerkit/bearerkit/client"
)

// A token that was received is never lost: if it or the rest of the response has a fault, it is returned as incomplete.
func TestC8_C9_NoTokenIsLost(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{
		`{"access_token":"at","token_type":"mac","refresh_token":"rt"}`:                                200,
		`{"access_token":"at","token_type":"DPoP","refresh_token":"rt"}`:                               200,
		`{"access_token":"at","token_type":7,"refresh_token":"rt"}`:                                    200,
		`{"access_token":"at","token_type":"mac","refresh_token":"rt"} `:                               201,
		`{"access_token":"at","token_type":"Bearer","token_type":"mac","refresh_token":"rt"}`:          200,
		`{"access_token":"at","token_type":"Bearer","refresh_token":"rt","id_token":"` + "\xff" + `"}`: 200,
		`{"access_token":"at","token_type":"Bearer","refresh_token":"rt"} and more`:                    200,
		`{"refresh_token":"rt","access_token":"at","token_type":"Bearer","Refresh_Token":"other"}`:     200,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, says(status, body), nil)
			token, err := c.Refresh(t.Context(), "old")
			late, ok := errors.AsType[*client.IncompleteError](err)
			if !ok || token != nil || late.Token.AccessToken != "at" || late.Token.RefreshToken != "rt" {
				t.Fatalf("got %v, %v", token, err)
			}
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Status != status || string(e.Body) != body || !errors.Is(err, client.ErrBadResponse) {
				t.Errorf("got %v, want the whole response in a client.Error", err)
			}
		})
	}
	for body, want := range map[string]string{
		`{"access_token":"at","token_type":"mac"}`:                   "old", // which the server still takes
		`{"refresh_token":"rt","token_type":"Bearer"}`:               "rt",
		`{"access_token":"a\nb","token_type":"Bearer"}`:              "old",
		`{"access_token":"ä","token_type":"Bearer"}`:                 "old",
		`{"access_token":7,"refresh_token":"rt","token_type":"mac"}`: "rt",
	} {
		_, err := newClient(t, says(200, body), nil).Refresh(t.Context(), "old")
		if late, ok := errors.AsType[*client.IncompleteError](err); !ok || late.Token.RefreshToken != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{`{}`, `{"token_type":"Bearer"}`, `[]`, `nonsense`, `{"access_token":["at"]}`} {
		_, err := newClient(t, says(200, body), nil).Refresh(t.Context(), "old")
		if _, ok := errors.AsType[*client.IncompleteError](err); ok || !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Members that this package does not read have no effect.
func TestC9_C10_OddMembers(t *testing.T) {
	t.Parallel()
	for member, scopes := range map[string][]string{
		`"x":1e999`:                  {"a"},
		`"x":{"y":[-1e999,{}]}`:      {"a"},
		`"expires_in":1e999`:         {"a"},
		`"expires_in":"1e999"`:       {"a"},
		`"expires_in":-0.5`:          {"a"},
		`"expires_in":99999999999`:   {"a"},
		`"expires_in":"soon"`:        {"a"},
		`"expires_in":true`:          {"a"},
		`"expires_in":[60]`:          {"a"},
		`"scope":null`:               {"a"},
		`"scope":"  b   c "`:         {"b", "c"},
		`"scope":["b","c"]`:          {"b", "c"},
		`"scope":[]`:                 {},
		`"scope":{"b":true}`:         {"a"},
		`"refresh_token":["rt"]`:     {"a"},
		`"id_token":""`:              {"a"},
		`"error":null`:               {"a"},
		`"error":"","id_token":null`: {"a"},
	} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			body := `{"access_token":"at","token_type":"Bearer",` + member + `}`
			token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context(), "a")
			if err != nil || token.AccessToken != "at" || !token.Expiry.IsZero() || token.RefreshToken != "" {
				t.Fatalf("got %v, %v", token, err)
			}
			if diff := cmp.Diff(scopes, token.Scopes); diff != "" {
				t.Error(diff)
			}
		})
	}
	token, err := newClient(t, says(200, `{"access_token":"at","token_type":"Bearer","n":1e999,"m":{"k":[1]}}`), nil).ClientCredentials(t.Context())
	if err != nil || token.Extra("n") != nil || token.Extra("none") != nil {
		t.Error(token, err)
	}
	if diff := cmp.Diff(map[string]any{"k": []any{1.0}}, token.Extra("m")); diff != "" {
		t.Error(diff)
	}
}

func TestC9_Expiry(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		`3600`: time.Hour, `3600.0`: time.Hour, `"3600"`: time.Hour, `"3600.0"`: time.Hour, `3.6e3`: time.Hour, `0.5`: time.Second / 2,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				body := `{"access_token":"at","token_type":"Bearer","expires_in":` + value + `}`
				token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context())
				if err != nil || token.ExpiresIn() != want {
					t.Errorf("got %v, %v, want %v", token.ExpiresIn(), err, want)
				}
			})
		})
	}
}

// An error response is recognized even if its text is not strict JSON, and whatever its status.
func TestC11_Codes(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 401, 403} {
		for _, body := range []string{
			`{"error":"invalid_client"}`, `{"error":"invalid_client","error_description":"` + "\xe4" + `"}`,
			"\xef\xbb\xbf" + `{"error":"invalid_client"}`, `{"error":"invalid_client","a":1,"A":2}`,
		} {
			token, err := newClient(t, says(status, body), nil).ClientCredentials(t.Context())
			refusal, ok := errors.AsType[*client.Error](err)
			if token != nil || !ok || !errors.Is(err, client.ErrInvalidClient) || refusal.Status != status || errors.Is(err, client.ErrUnavailable) {
				t.Errorf("%d %s: %v", status, body, err)
			}
		}
	}
	for code, want := range map[string]bool{"server_error": true, "temporarily_unavailable": true, "invalid_grant": false} {
		_, err := newClient(t, says(400, `{"error":"`+code+`"}`), nil).ClientCredentials(t.Context())
		if errors.Is(err, client.ErrUnavailable) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// Error texts quote and truncate the server's text. All challenges are kept.
func TestC11_ServerTextInErrors(t *testing.T) {
	t.Parallel()
	code, _ := json.Marshal("\x1b[31m\n" + strings.Repeat("x", 1000))
	s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		w.Header()["Www-Authenticate"] = []string{`Basic realm="a"`, `DPoP error="x"`}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"error":%s,"error_description":"secret"}`, code)
		return w
	}}
	_, err := newClient(t, s, nil).ClientCredentials(t.Context())
	refusal, ok := errors.AsType[*client.Error](err)
	if !ok || refusal.Challenge != `Basic realm="a", DPoP error="x"` {
		t.Fatalf("got %v", err)
	}
	if text := err.Error(); len(text) > 500 || strings.ContainsAny(text, "\x1b\n") {
		t.Errorf("the text is %q", text)
	}
}

// A response is read by its content, because many servers send JSON with another Content-Type.
func TestC8_C12_ContentTypes(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{"application/json", "application/json;charset=UTF-8", "text/plain", "text/html", "nonsense/", ""} {
		form := client.ErrBadResponse // see TestCaseA6
		if mediaType == "text/plain" {
			form = nil
		}
		for body, want := range map[string]error{good: nil, "access_token=at&token_type=bearer": form} {
			s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
				return written(http.StatusOK, body, map[string]string{"Content-Type": mediaType})
			}}
			if _, err := newClient(t, s, nil).ClientCredentials(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s as %q: %v", body, mediaType, err)
			}
		}
	}
}
