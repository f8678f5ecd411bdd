package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func registrarOf(t *testing.T, transport http.RoundTripper) *client.RegistrationEndpoint {
	t.Helper()
	r, err := client.NewRegistrationEndpoint(client.Config{
		Issuer: issuerURL, HTTPClient: &http.Client{Transport: transport},
		Metadata: &oidcdiscovery.Metadata{Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", RegistrationEndpoint: issuerURL + "/reg"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A client that was registered is not lost, whatever fault the response has.
func TestC11_RegistrationIsNotLost(t *testing.T) {
	t.Parallel()
	for body, fault := range map[string]bool{
		`{"client_id":"c","client_secret":"s","registration_access_token":"rat"}`:                      false,
		`{"client_id":"c","client_secret":"s","registration_access_token":"rat","contacts":"x"}`:       false,
		`{"client_id":"c","client_secret":"s","registration_access_token":"rat","x":1e999}`:            false,
		`{"client_id":"c","client_secret":"s","registration_access_token":"rat","x":1,"x":2}`:          true,
		`{"client_id":"c","client_secret":"s","registration_access_token":"rat","x":"` + "\xe4" + `"}`: true,
	} {
		got, err := registrarOf(t, says(201, body)).Register(t.Context(), client.ClientMetadata{}, "")
		if fault != errors.Is(err, client.ErrBadResponse) || fault == (err == nil) || got == nil ||
			got.ClientID != "c" || got.ClientSecret != "s" || got.AccessToken != "rat" {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	if got, err := registrarOf(t, says(201, `{"client_secret":"s","client_secret":"t"}`)).Register(t.Context(), client.ClientMetadata{}, ""); got != nil || err == nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// RFC 7592, Section 2.2: an update has every member that the server returned, also those without a field.
func TestRegistrationUpdateKeepsExtra(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPut {
			sent = nil
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Error(err)
			}
		}
		return written(200, `{"client_id":"c","client_secret":"s","client_id_issued_at":1,"client_secret_expires_at":9,
			"registration_access_token":"rat","registration_client_uri":"https://login.test/reg/c","client_name":"app",
			"id_token_signed_response_alg":"ES256","none":null,"contacts":[]}`, nil).Result(), nil
	})
	r := registrarOf(t, transport)
	got, err := r.Register(t.Context(), client.ClientMetadata{}, "")
	if err != nil || got.SecretExpiresAt.Unix() != 9 {
		t.Fatal(got, err)
	}
	m := got.Metadata
	m.ClientName = "another"
	if _, err := r.Update(t.Context(), got, m); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"client_id": "c", "client_secret": "s", "client_name": "another", "id_token_signed_response_alg": "ES256", "contacts": []any{},
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
}

// A registered client uses the authentication method that the server chose.
func TestC3_RegisteredMethod(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]client.Config{
		`{"client_id":"c","client_secret":"s","token_endpoint_auth_method":"none"}`:               {ClientID: "c", AuthMethod: client.AuthNone},
		`{"client_id":"c","client_secret":"s","token_endpoint_auth_method":"client_secret_post"}`: {ClientID: "c", ClientSecret: "s", AuthMethod: client.AuthPost},
		`{"client_id":"c"}`: {ClientID: "c"},
	} {
		got, err := registrarOf(t, says(201, body)).Register(t.Context(), client.ClientMetadata{}, "")
		if err != nil {
			t.Fatal(err)
		}
		cfg := got.Config(client.Config{ClientID: "old", ClientSecret: "old"})
		if cfg.ClientID != want.ClientID || cfg.ClientSecret != want.ClientSecret || cfg.AuthMethod != want.AuthMethod {
			t.Errorf("%s: %v %s", body, cfg, cfg.AuthMethod)
		}
	}
}

func TestC30_OddResponses(t *testing.T) {
	t.Parallel()
	places := func(cfg *client.Config) {
		cfg.Metadata.RevocationEndpoint, cfg.Metadata.IntrospectionEndpoint = issuerURL+"/revoke", issuerURL+"/introspect"
	}
	if err := newClient(t, says(200, `{"error":"invalid_request"}`), places).Revoke(t.Context(), "t", ""); !errors.Is(err, client.ErrInvalidRequest) {
		t.Errorf("an error under 200: %v", err)
	}
	s := says(200, `{"active":true,"sub":"alice","n":1e999}`)
	if _, err := newClient(t, s, places).Introspect(t.Context(), "", ""); err == nil || len(s.requests) > 0 {
		t.Errorf("no token: error %v, want an error and no request", err)
	}
	i, err := newClient(t, s, places).Introspect(t.Context(), "t", "access_token")
	if err != nil || s.lastForm().Get("token_type_hint") != "access_token" {
		t.Fatal(err)
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if err := i.Decode(&claims); err != nil || claims.Sub != "alice" {
		t.Errorf("%v, %v", claims, err)
	}
	if _, ok := i.Claim("none"); ok {
		t.Error("Claim returns a claim that the response does not contain")
	}
}

// DeviceConsent decodes the JSON of a crossauth server.
func TestDeviceConsent(t *testing.T) {
	t.Parallel()
	var got client.DeviceConsent
	err := json.Unmarshal([]byte(`{"ok":true,"client_id":"c","scope":"a b","scope_authorization_needed":true}`), &got)
	if want := (client.DeviceConsent{ClientID: "c", Scope: "a b", ScopeAuthorizationNeeded: true}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
}

// PostJSON sends the same parameters as a JSON object, with several values as an array.
func TestC1_PostJSON(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	var mediaType string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		mediaType = r.Header.Get("Content-Type")
		return written(200, good, nil).Result(), json.Unmarshal(body, &sent)
	})
	c := newClient(t, nil, func(cfg *client.Config) {
		cfg.HTTPClient, cfg.PostType, cfg.AuthMethod = &http.Client{Transport: transport}, client.PostJSON, client.AuthPost
		cfg.Resource, cfg.Scopes = []string{"https://a.test", "https://b.test"}, []string{"x", "y"}
	})
	if _, err := c.Password(t.Context(), "alice", "hunter2"); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"grant_type": "password", "username": "alice", "password": "hunter2", "scope": "x y", "client_id": "app",
		"client_secret": "s e/c:r+e~t", "resource": []any{"https://a.test", "https://b.test"},
	}
	if diff := cmp.Diff(want, sent); diff != "" || mediaType != "application/json" {
		t.Error(diff, mediaType)
	}
}

// A member that is not of the expected type hides no other one, and an update sends all of them back.
func TestCaseX23_OneOddMemberDoesNotWipeTheClient(t *testing.T) {
	t.Parallel()
	whole := map[string]string{
		"redirect_uris": `["https://app.test/cb"]`, "token_endpoint_auth_method": `"client_secret_post"`,
		"grant_types": `["authorization_code"]`, "response_types": `["code"]`, "client_uri": `"https://app.test"`,
		"logo_uri": `"https://app.test/logo"`, "scope": `"openid"`, "contacts": `["a@app.test"]`, "tos_uri": `"https://app.test/tos"`,
		"policy_uri": `"https://app.test/policy"`, "jwks_uri": `"https://app.test/keys"`, "jwks": `{"keys":[]}`, "software_id": `"id"`,
		"software_version": `"1"`, "software_statement": `"x"`, "application_type": `"web"`,
		"post_logout_redirect_uris": `["https://app.test/bye"]`, "backchannel_logout_uri": `"https://app.test/out"`,
		"dpop_bound_access_tokens": `true`, "default_max_age": `12345678901234567890`, "x": `{"y":[1.50,null]}`,
	}
	oddities := []string{
		`1`, `12345678901234567890`, `"text"`, `true`, `false`, `{}`, `[]`, `[1]`, `[null]`, `["a",1]`, `""`, `{"a":1}`,
	}
	for name := range whole {
		for _, odd := range oddities {
			members := maps.Clone(whole)
			members[name] = odd
			body := `{"client_id":"c","registration_access_token":"rat","registration_client_uri":"https://login.test/reg/c"`
			for name, value := range members {
				body += `,"` + name + `":` + value
			}
			body += `}`
			var sent map[string]json.RawMessage
			e := registrarOf(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPut {
					update, _ := io.ReadAll(r.Body)
					if err := json.Unmarshal(update, &sent); err != nil {
						t.Error(err)
					}
				}
				return written(200, body, nil).Result(), nil
			}))
			known := &client.Registration{ClientID: "c", AccessToken: "rat", URI: issuerURL + "/reg/c"}
			read, err := e.Read(t.Context(), known)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, odd, err)
			}
			m := read.Metadata
			m.ClientName = "renamed"
			if _, err := e.Update(t.Context(), read, m); err != nil {
				t.Fatalf("%s: %s: %v", name, odd, err)
			}
			want := map[string]json.RawMessage{"client_id": json.RawMessage(`"c"`), "client_name": json.RawMessage(`"renamed"`)}
			for name, value := range members {
				want[name] = json.RawMessage(value)
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("%s: %s: %s", name, odd, diff)
			}
		}
	}
}

// The same for a response that is not valid JSON. There is an error too, because it is unclear which of two values is
// right.
func TestCaseX23_BadResponseDoesNotWipeTheClient(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]string{
		"duplicate":          `"x":1,"x":2`,
		"duplicate inside":   `"x":{"a":1,"a":2}`,
		"two cases":          `"x":1,"X":2,"Contacts":["b"]`,
		"two cases inside":   `"x":{"a":1,"A":2}`,
		"not UTF-8":          `"x":"` + "\xe4" + `"`,
		"half a surrogate":   `"x":"\ud800"`,
		"nested":             `"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"more follows":       `"x":2}{"y":1`,
		"date and duplicate": `"client_secret_expires_at":5,"x":1,"x":2`,
	} {
		e := registrarOf(t, says(200, `{"client_id":"c","client_secret":"s2","client_name":"app","contacts":["a"],`+broken+`}`))
		known := &client.Registration{ClientID: "c", ClientSecret: "s1", AccessToken: "rat", URI: issuerURL + "/reg/c"}
		got, err := e.Read(t.Context(), known)
		if !errors.Is(err, client.ErrBadResponse) || got == nil {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		if got.ClientSecret != "s2" || got.Metadata.ClientName != "app" || len(got.Metadata.Contacts) != 1 || got.Metadata.Extra["x"] == nil {
			t.Errorf("%s: %+v", name, got.Metadata)
		}
		if wants := strings.HasPrefix(name, "date"); wants == got.SecretExpiresAt.IsZero() {
			t.Errorf("%s: the secret expires at %v", name, got.SecretExpiresAt)
		}
	}
}
