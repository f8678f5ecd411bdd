package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// grants has every method that sends a token request.
func grants(t *testing.T, c *client.Client) map[string]func() (*client.Token, error) {
	t.Helper()
	ctx := t.Context()
	return map[string]func() (*client.Token, error){
		"client credentials": func() (*client.Token, error) { return c.ClientCredentials(ctx) },
		"password":           func() (*client.Token, error) { return c.Password(ctx, "alice", "hunter2") },
		"refresh":            func() (*client.Token, error) { return c.Refresh(ctx, "rt") },
		"exchange": func() (*client.Token, error) {
			return c.ExchangeToken(ctx, client.TokenExchange{SubjectToken: "st", SubjectTokenType: client.TokenTypeAccessToken})
		},
		"JWT bearer":    func() (*client.Token, error) { return c.JWTBearer(ctx, "a.b.c") },
		"another":       func() (*client.Token, error) { return c.Grant(ctx, "urn:example:own", nil) },
		"code":          func() (*client.Token, error) { return c.ExchangeCode(ctx, "code", client.CodeExchange{}) },
		"device":        func() (*client.Token, error) { return c.PollDevice(ctx, "dc") },
		"CIBA":          func() (*client.Token, error) { return c.PollCIBA(ctx, "id") },
		"OTP":           func() (*client.Token, error) { return c.MFACompleteOTP(ctx, "mfa", "123456") },
		"OOB":           func() (*client.Token, error) { return c.MFACompleteOOB(ctx, "mfa", "oob", "") },
		"recovery code": func() (*client.Token, error) { return c.MFACompleteRecoveryCode(ctx, "mfa", "code") },
	}
}

func TestC2_C3_ParamsOfEveryGrant(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	plain := newClient(t, s, func(cfg *client.Config) {
		cfg.Resource, cfg.Audience = []string{"https://a.test"}, "aud"
	})
	params := url.Values{"tenant": {"t1"}, "resource": {"https://b.test", "https://c.test"}, "empty": {""}}
	c := plain.WithParams(params)
	params["tenant"][0] = "changed"
	for name, grant := range grants(t, c) {
		if _, err := grant(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		form := s.lastForm()
		got := url.Values{"tenant": form["tenant"], "resource": form["resource"], "audience": form["audience"], "empty": form["empty"]}
		want := url.Values{"tenant": {"t1"}, "resource": {"https://b.test", "https://c.test"}, "audience": {"aud"}, "empty": nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for parameter, values := range form {
			if len(values) > 1 && parameter != "resource" {
				t.Errorf("%s: %s comes %d times", name, parameter, len(values))
			}
		}
	}
	if _, err := plain.ClientCredentials(t.Context()); err != nil || s.lastForm().Has("tenant") {
		t.Errorf("the client before has changed: %v, %v", s.lastForm(), err)
	}
	if _, err := c.WithParams(nil).ClientCredentials(t.Context()); err != nil || s.lastForm().Has("tenant") {
		t.Errorf("parameters are still there: %v, %v", s.lastForm(), err)
	}
}

// Parameters that identify the client, or that the request has already, cannot be replaced: nothing is sent.
func TestC3_ReservedParams(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, nil)
	for _, params := range []url.Values{
		{"client_secret": {"x"}},
		{"client_id": {"x"}},
		{"Client_ID": {"x"}},
		{"grant_type": {"password"}},
		{"client_assertion": {"x"}},
		{"client_assertion_type": {"x"}},
		{"two": {"1", "2"}},
	} {
		for name, grant := range grants(t, c.WithParams(params)) {
			if _, err := grant(); err == nil {
				t.Errorf("%s: sent with %v", name, params)
			}
		}
		if _, err := c.Grant(t.Context(), "urn:example:own", params); err == nil {
			t.Errorf("Grant: sent with %v", params)
		}
		if _, err := deviceClient(t, s).StartDevice(t.Context(), client.DeviceOptions{Extra: params}); err == nil {
			t.Errorf("StartDevice: sent with %v", params)
		}
		if _, err := deviceClient(t, s).StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "a", Extra: params}); err == nil {
			t.Errorf("StartCIBA: sent with %v", params)
		}
	}
	for grant, parameter := range map[string]string{
		"password": "username", "refresh": "refresh_token", "exchange": "subject_token", "JWT bearer": "assertion", "code": "code",
		"device": "device_code", "CIBA": "auth_req_id", "OTP": "otp", "OOB": "oob_code", "recovery code": "recovery_code",
	} {
		if _, err := grants(t, c.WithParams(url.Values{parameter: {"x"}}))[grant](); err == nil {
			t.Errorf("%s: sent with another %s", grant, parameter)
		}
	}
	if _, err := deviceClient(t, s).StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "a", Extra: url.Values{"login_hint": {"b"}}}); err == nil {
		t.Error("StartCIBA: sent with another login_hint")
	}
	if len(s.requests) != 0 {
		t.Errorf("sent %v", s.forms)
	}
}

// Token.Scopes has the scopes that were sent, wherever they come from. Those of the call take precedence.
func TestC10_ScopeByParams(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) { cfg.Scopes = []string{"of-config"} })
	token, err := c.WithParams(url.Values{"scope": {"x y"}}).PollDevice(t.Context(), "dc")
	if err != nil || s.lastForm().Get("scope") != "x y" {
		t.Fatalf("sent %v, %v", s.lastForm(), err)
	}
	if diff := cmp.Diff([]string{"x", "y"}, token.Scopes); diff != "" {
		t.Error(diff)
	}
	token, err = c.Grant(t.Context(), "urn:example:own", url.Values{"scope": {"z"}})
	if diff := cmp.Diff([]string{"z"}, token.Scopes); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, err = c.WithParams(url.Values{"audience": {"x"}, "resource": {"https://x.test"}}).ExchangeToken(t.Context(), client.TokenExchange{
		SubjectToken: "st", SubjectTokenType: client.TokenTypeJWT, Audience: []string{"a", "b"}, Resource: []string{"https://r.test"},
	})
	if diff := cmp.Diff([]string{"a", "b"}, s.lastForm()["audience"]); err != nil || diff != "" || s.lastForm().Get("resource") != "https://r.test" {
		t.Error(err, diff)
	}
}

// The copies share the nonces of a server.
func TestWithParamsSharesNonces(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if _, claims := parts(t, r.Header.Get("DPoP")); claims["nonce"] != "n" {
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n"})
		}
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, nil)
	}}
	c := newClient(t, s, func(cfg *client.Config) { cfg.DPoP = newKey(t) })
	for range 2 {
		if _, err := c.WithParams(url.Values{"x": {"y"}}).ClientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.requests) != 3 {
		t.Errorf("%d requests", len(s.requests))
	}
}

func TestExchangeRequiresTypes(t *testing.T) {
	t.Parallel()
	for _, e := range []client.TokenExchange{
		{},
		{SubjectToken: "st"},
		{SubjectTokenType: client.TokenTypeJWT},
		{SubjectToken: "st", SubjectTokenType: client.TokenTypeJWT, ActorToken: "a"},
	} {
		if _, err := newClient(t, says(200, good), nil).ExchangeToken(t.Context(), e); err == nil {
			t.Errorf("%v: sent", e)
		}
	}
}

// RFC 8693, Section 2.2.1: something that is not an access token has the type N_A, and is not sent to an API.
func TestC8_ExchangeForAnotherKind(t *testing.T) {
	t.Parallel()
	exchange := client.TokenExchange{SubjectToken: "st", SubjectTokenType: client.TokenTypeAccessToken}
	for issued, ok := range map[string]bool{
		client.TokenTypeIDToken: true, client.TokenTypeRefreshToken: true, client.TokenTypeAccessToken: false, "": false,
	} {
		body := `{"access_token":"at","token_type":"n_a","issued_token_type":"` + issued + `"}`
		token, err := newClient(t, says(200, body), nil).ExchangeToken(t.Context(), exchange)
		if ok != (err == nil) || ok && (token.TokenType != "N_A" || token.Extra("issued_token_type") != issued) {
			t.Errorf("%s: %v, %v", issued, token, err)
		}
		_, err = newClient(t, says(200, body), nil).ClientCredentials(t.Context())
		if !errors.Is(err, client.ErrBadResponse) || strings.Contains(err.Error(), "n_a") {
			t.Errorf("%s, of another grant: %v", issued, err)
		}
	}
}

// A token source refreshes with the parameters of its client.
func TestWithParamsOfATokenSource(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	source, err := newClient(t, s, nil).WithParams(url.Values{"tenant": {"t1"}}).TokenSource(client.TokenSourceConfig{
		Token: &client.Token{AccessToken: "old", TokenType: "Bearer", RefreshToken: "rt", Expiry: time.Now().Add(-time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.TokenContext(t.Context()); err != nil || s.lastForm().Get("tenant") != "t1" {
		t.Errorf("sent %v, %v", s.lastForm(), err)
	}
}
