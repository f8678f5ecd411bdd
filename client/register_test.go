package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// TestRegistration registers, reads, updates and deletes a client (RFC 7591, RFC 7592).
func TestRegistration(t *testing.T) {
	t.Parallel()
	var got []string
	status, body := 201, `{"client_id":"c","client_secret":"s","client_id_issued_at":100,"client_secret_expires_at":0,
		"registration_access_token":"zz9","registration_client_uri":"https://login.test/reg/c","token_endpoint_auth_method":"client_secret_post",
		"redirect_uris":["https://app.test/cb"]}`
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		sent, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header.Get("Authorization"), " ", string(sent)))
		response := written(status, body, nil).Result()
		response.Request = r
		return response, nil
	})
	cfg := client.Config{
		Issuer: issuerURL, HTTPClient: &http.Client{Transport: transport},
		Metadata: &oidcdiscovery.Metadata{Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", RegistrationEndpoint: issuerURL + "/reg"},
	}
	registrar, err := client.NewRegistrationEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := client.ClientMetadata{RedirectURIs: []string{"https://app.test/cb"}, Extra: map[string]any{"x": 1, "redirect_uris": "no"}}
	registered, err := registrar.Register(t.Context(), m, "initial")
	if err != nil {
		t.Fatal(err)
	}
	if registered.ClientID != "c" || registered.IssuedAt.Unix() != 100 || !registered.SecretExpiresAt.IsZero() || strings.Contains(fmt.Sprintf("%+v", registered), "zz9") {
		t.Errorf("%+v", registered)
	}
	if c, err := client.New(registered.Config(cfg)); err != nil || c == nil {
		t.Fatal(err)
	}
	status, body = 200, `{"client_id":"c","registration_access_token":"rat2"}`
	read, err := registrar.Read(t.Context(), registered)
	if err != nil || read.AccessToken != "rat2" || read.ClientSecret != "s" || read.URI != registered.URI {
		t.Fatalf("%#v, %v", *read, err)
	}
	if _, err := registrar.Update(t.Context(), read, m); err != nil {
		t.Fatal(err)
	}
	status, body = 204, ""
	if err := registrar.Delete(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /reg Bearer initial {"redirect_uris":["https://app.test/cb"],"x":1}`,
		`GET /reg/c Bearer zz9 `,
		`PUT /reg/c Bearer rat2 {"client_id":"c","client_secret":"s","redirect_uris":["https://app.test/cb"],"x":1}`,
		`DELETE /reg/c Bearer rat2 `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, uri := range map[string]string{"none": "", "elsewhere": "https://evil.test/reg/c", "plain": "http://login.test/reg/c"} {
		bad := *read
		bad.URI = uri
		if _, err := registrar.Read(t.Context(), &bad); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v", name, err)
		}
		if err := registrar.Delete(t.Context(), &bad); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, test := range []struct {
		status int
		body   string
		want   error
	}{
		{400, `{"error":"invalid_redirect_uri"}`, client.ErrInvalidRedirectURI},
		{401, ``, client.ErrInvalidToken},
		{201, `{}`, client.ErrBadResponse},
		{201, `[]`, client.ErrBadResponse},
		{200, `{"client_id":"other"}`, nil},
	} {
		status, body = test.status, test.body
		if _, err := registrar.Register(t.Context(), m, ""); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.body, err)
		}
	}
	if _, err := registrar.Read(t.Context(), read); !errors.Is(err, client.ErrBadResponse) { // about another client
		t.Error(err)
	}
}
