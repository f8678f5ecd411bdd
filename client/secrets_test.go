package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Neither fmt, with any verb, nor slog prints a secret of a value of this package.
func TestC3_C7_SecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := says(200, `{"access_token":"secret-at","refresh_token":"secret-rt","id_token":null,"token_type":"Bearer","recovery_code":"secret"}`)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.ClientSecret, cfg.Key, cfg.AuthMethod = "secret-"+strings.Repeat("s", 32), key, client.AuthSecretJWT
	})
	token, err := c.Password(t.Context(), "alice", "secret-password")
	if err != nil {
		t.Fatal(err)
	}
	odd := *token
	odd.TokenType = "secret"
	_, mfa := newClient(t, says(403, `{"error":"mfa_required","mfa_token":"secret","error_description":"secret"}`), nil).
		Password(t.Context(), "alice", "secret-password")
	required, ok := errors.AsType[*client.MFARequiredError](mfa)
	if !ok {
		t.Fatal(mfa)
	}
	refusal := &client.Error{Code: "x", Status: 400, Description: "secret", URI: "secret", Challenge: "secret", Body: []byte("secret")}
	device := client.DeviceAuthorization{DeviceCode: "secret", VerificationURIComplete: "https://a.test/?secret"}
	ciba := client.CIBAAuthentication{AuthReqID: "secret"}
	exchange := client.TokenExchange{SubjectToken: "secret", ActorToken: "secret"}
	challenge := client.MFAChallenge{OOBCode: "secret"}
	enrollment := client.MFAEnrollment{Secret: "secret", BarcodeURI: "secret", RecoveryCodes: []string{"secret"}, Challenge: challenge}
	incomplete := &client.IncompleteError{Token: token, Err: refusal}
	registration := client.Registration{ClientSecret: "secret", AccessToken: "secret"}
	options := client.CIBAOptions{LoginHintToken: "secret", IDTokenHint: "secret", UserCode: "secret"}
	registrar, err := client.NewRegistrationEndpoint(client.Config{Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	cfg := client.Config{ClientSecret: "secret", Key: &client.SigningKey{Private: []byte("secret")}}
	with := c.WithParams(url.Values{"x": {"secret"}})
	for _, value := range []any{
		c, *c, with, *with, &client.Client{}, token, *token, odd, required, *required, mfa, refusal, *refusal, incomplete, *incomplete,
		fmt.Errorf("more: %w", refusal), &device, device, &ciba, ciba, &exchange, exchange, &challenge, challenge, &enrollment, enrollment, &registration,
		registration, &options, options, registrar, *registrar, cfg, &cfg, cfg.Key, *cfg.Key,
		[]any{token, *token, refusal},
		struct{ Client *client.Client }{c},
		map[string]*client.Error{"x": refusal},
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", slog.Any("value", value))
		text := fmt.Sprintf("%v %+v %#v %s %q %x %d", value, value, value, value, value, value, value) + log.String()
		if strings.Contains(text, "secret") || strings.Contains(text, fmt.Sprintf("%x", "secret")) || strings.Contains(text, "115 101 99 114 101 116") {
			t.Errorf("%T: %s", value, text)
		}
	}
	for _, value := range []slog.LogValuer{
		c, *token, *required, *refusal, device, ciba, exchange, challenge, registration, options, cfg, cfg.Key,
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("json", slog.Any("value", value))
		if strings.Contains(log.String(), "secret") || strings.Contains(log.String(), "c2VjcmV0") {
			t.Errorf("%T: %s", value, log.String())
		}
	}
}

// The JSON for a store contains all fields, including the secrets.
func TestTokenAsJSON(t *testing.T) {
	t.Parallel()
	want := client.Token{
		AccessToken: "at", TokenType: "Bearer", RefreshToken: "rt", IDToken: "id", Scopes: []string{"a"}, Expiry: time.Unix(100, 0).UTC(),
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got client.Token
	if err := json.Unmarshal(text, &got); err != nil || got.RefreshToken != "rt" || !got.Expiry.Equal(want.Expiry) || got.Extra("x") != nil {
		t.Errorf("%s, %v", text, err)
	}
	back := client.FromOAuth2(want.OAuth2())
	if back.AccessToken != "at" || back.RefreshToken != "rt" || back.IDToken != "id" || back.Scopes[0] != "a" || back.TokenType != "Bearer" {
		t.Errorf("%s is back as %s", text, back.IDToken)
	}
}

// A password is sent in one request and stored nowhere.
func TestC7_PasswordIsNotKept(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, nil)
	if _, err := c.Password(t.Context(), "alice", "hunter2"); err != nil {
		t.Fatal(err)
	}
	if form := s.lastForm(); form.Get("username") != "alice" || form.Get("password") != "hunter2" || form.Get("grant_type") != "password" {
		t.Errorf("sent %v", form)
	}
	if _, err := c.Refresh(t.Context(), "rt"); err != nil || s.lastForm().Has("password") || s.lastForm().Has("username") {
		t.Errorf("sent %v, %v", s.lastForm(), err)
	}
	if r := s.requests[0]; r.Method != http.MethodPost || r.URL.RawQuery != "" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
}
