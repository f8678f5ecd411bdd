package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// A user signs in with a password and a code. Each step uses what the one before returned.
func TestC34_C35_C36_PasswordThenCode(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
		switch {
		case r.URL.Path == "/token" && form.Get("grant_type") == "password":
			return written(403, `{"error":"mfa_required","mfa_token":"mfa"}`, nil)
		case r.URL.Path == "/mfa/authenticators":
			return written(200, `[{"id":"sms|1","authenticator_type":"oob","oob_channel":"sms","active":true},{"id":"rc|1","authenticator_type":"recovery-code","active":false}]`, nil)
		case r.URL.Path == "/mfa/challenge":
			return written(200, `{"challenge_type":"oob","oob_code":"oc","binding_method":"prompt"}`, nil)
		}
		return written(200, good, nil)
	}}
	c := newClient(t, s, func(cfg *client.Config) { cfg.Scopes = []string{"a"} })
	_, err := c.Password(t.Context(), "alice", "hunter2")
	required, ok := errors.AsType[*client.MFARequiredError](err)
	if !ok {
		t.Fatal(err)
	}
	all, err := c.MFAAuthenticators(t.Context(), required.MFAToken)
	if err != nil || len(all) != 2 || all[1].Type != "recovery-code" || all[1].Active {
		t.Fatal(all, err)
	}
	challenge, err := c.MFARequest(t.Context(), required.MFAToken, all[0].ID)
	if err != nil || !challenge.NeedsCode() || s.lastForm().Get("challenge_type") != "otp oob" {
		t.Fatal(challenge, err, s.lastForm())
	}
	if _, err := c.MFACompleteOOB(t.Context(), required.MFAToken, challenge.OOBCode, "123456"); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"grant_type": {"http://auth0.com/oauth/grant-type/mfa-oob"}, "mfa_token": {"mfa"}, "oob_code": {"oc"}, "binding_code": {"123456"}, "scope": {"a"},
	}
	if diff := cmp.Diff(want, s.lastForm()); diff != "" {
		t.Error(diff)
	}
}

func TestC35_Challenges(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct{ ok, code bool }{
		`{"challenge_type":"otp"}`:                                          {true, false},
		`{"challenge_type":"oob","oob_code":"o"}`:                           {true, false},
		`{"challenge_type":"oob","oob_code":"o","binding_method":"prompt"}`: {true, true},
		`{"challenge_type":"oob","oob_code":"o","binding_method":"none"}`:   {true, false},
		`{"challenge_type":"oob"}`:                                          {},
		`{"challenge_type":"otp oob","oob_code":"o"}`:                       {},
		`{}`: {},
	} {
		m, err := newClient(t, says(200, body), nil).MFARequest(t.Context(), "mfa", "")
		if (err == nil) != want.ok || err == nil && m.NeedsCode() != want.code {
			t.Errorf("%s: %v, %v", body, m, err)
		}
	}
}

// Without an MFA token there is no request. An MFARequiredError that another package made works too.
func TestC34_MissingMFAToken(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, says(403, `{"error":"mfa_required"}`), nil).Password(t.Context(), "alice", "p")
	if _, ok := errors.AsType[*client.MFARequiredError](err); ok || !errors.Is(err, client.ErrMFARequired) {
		t.Errorf("got %v", err)
	}
	if err := error(&client.MFARequiredError{MFAToken: "x"}); !errors.Is(err, client.ErrMFARequired) || err.Error() == "" {
		t.Errorf("got %v", err)
	}
	s := says(200, `[]`)
	if _, err := newClient(t, s, nil).MFAAuthenticators(t.Context(), ""); err == nil || len(s.requests) > 0 {
		t.Errorf("%v after %d requests", err, len(s.requests))
	}
}

// C36: an assertion can replace the secret. C37: the issuer may end in a slash.
func TestC36_C37_AssertionAndSlash(t *testing.T) {
	t.Parallel()
	s := says(200, `{"challenge_type":"otp"}`)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.Issuer, cfg.Metadata.Issuer = issuerURL+"/", issuerURL+"/"
		cfg.AuthMethod, cfg.Key = client.AuthPrivateKeyJWT, newKey(t)
	})
	if _, err := c.MFARequestOTP(t.Context(), "mfa", ""); err != nil || s.requests[0].URL.String() != issuerURL+"/mfa/challenge" {
		t.Errorf("request to %s, error %v", s.requests[0].URL, err)
	}
	if form := s.lastForm(); !form.Has("client_assertion") || form.Has("client_secret") {
		t.Errorf("sent %v", form)
	}
}

func TestC34_Associate(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	var last *http.Request
	answer := `{"authenticator_type":"otp","secret":"S","barcode_uri":"otpauth://totp/x","recovery_codes":["r1"]}`
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		sent, last = nil, r
		return written(200, answer, nil).Result(), json.Unmarshal(body, &sent)
	})
	c := newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: transport} })
	e, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
	if err != nil || e.Secret != "S" || e.BarcodeURI != "otpauth://totp/x" || e.RecoveryCodes[0] != "r1" || strings.Contains(e.LogValue().String(), "r1") {
		t.Fatal(e, err)
	}
	want := map[string]any{"authenticator_types": []any{"otp"}, "client_id": "app", "client_secret": "s e/c:r+e~t"}
	if diff := cmp.Diff(want, sent); diff != "" || last.Header.Get("Authorization") != "Bearer mfa" || last.URL.Path != "/mfa/associate" {
		t.Error(diff, last.URL)
	}
	answer = `{"authenticator_type":"oob","oob_code":"o","binding_method":"prompt"}`
	e, err = c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "oob", OOBChannel: "sms", PhoneNumber: "+491701234567"})
	if err != nil || !e.Challenge.NeedsCode() || e.Challenge.OOBCode != "o" || e.RecoveryCodes != nil {
		t.Fatal(e, err)
	}
	if sent["phone_number"] != "+491701234567" || sent["email"] != nil {
		t.Errorf("sent %v", sent)
	}
	if _, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"}); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("another factor: %v", err)
	}
	answer = `{"error":"access_denied"}`
	if _, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"}); !errors.Is(err, client.ErrAccessDenied) {
		t.Errorf("error %v, want ErrAccessDenied", err)
	}
	if _, err := c.MFAAssociate(t.Context(), "", client.MFAAssociation{Type: "otp"}); err == nil {
		t.Error("a request was sent without a token")
	}
}
