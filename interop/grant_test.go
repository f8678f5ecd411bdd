package interop_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// authorizationServer issues the tokens.
type authorizationServer struct {
	issuer, tokenEndpoint string
}

// grant is the response of a token endpoint (RFC 6749 section 5.1).
type grant struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	TokenType   string `json:"token_type"`
}

// machineToken requests a token with client credentials (RFC 6749 section 4.4). With a resource (RFC 8707), the token is for
// that API. Otherwise the server chooses the audience.
func (as authorizationServer) machineToken(t *testing.T, client, resource, scope string) string {
	t.Helper()
	g, err := as.ask(t.Context(), client, clientCredentials(resource, scope), nil)
	if err != nil {
		t.Fatal(err)
	}
	return g.AccessToken
}

func clientCredentials(resource, scope string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}}
	if resource != "" {
		form.Set("resource", resource)
	}
	if scope != "" {
		form.Set("scope", scope)
	}
	return form
}

// ask sends a request to the token endpoint. The client authenticates with HTTP Basic.
func (as authorizationServer) ask(ctx context.Context, client string, form url.Values, header http.Header) (grant, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, as.tokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return grant{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(client, secretOf(client))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return grant{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	var g grant
	if err := json.NewDecoder(resp.Body).Decode(&g); err != nil || g.AccessToken == "" {
		return grant{}, fmt.Errorf("%s for %s: %s, %w", form.Get("grant_type"), client, resp.Status, err)
	}
	return g, nil
}

func secretOf(client string) string {
	if client == "sid1" { // built into zitadel's example storage
		return "verysecret"
	}
	return client + "-secret"
}

// shapeOf returns the typ and the algorithm of a token, so that a row of the table shows which token was sent.
func shapeOf(t *testing.T, token string) string {
	t.Helper()
	segments := strings.Split(token, ".")
	switch len(segments) {
	case 1:
		return "opaque"
	case 5:
		return "JWE" // encrypted, so it cannot be read either
	}
	header := struct{ Typ, Alg string }{Typ: "untyped"}
	decodeHeader(t, token, &header)
	return header.Typ + " " + header.Alg
}

func decodeHeader(t *testing.T, token string, into any) {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
