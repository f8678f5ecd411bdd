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

// authorizationServer is where tokens come from.
type authorizationServer struct {
	issuer, tokenEndpoint string
}

// grant is the answer of a token endpoint (RFC 6749 §5.1).
type grant struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	TokenType   string `json:"token_type"`
}

// machineToken asks for a token with the client's own authority (RFC 6749 §4.4). With a resource (RFC 8707) the token is
// meant for that API, else it is as the server likes it.
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

// ask sends a request to the token endpoint; the client authenticates by HTTP Basic.
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

// shapeOf names a token's typ and algorithm, so that a row proves to be about the token that it names.
func shapeOf(t *testing.T, token string) string {
	t.Helper()
	segments := strings.Split(token, ".")
	switch len(segments) {
	case 1:
		return "opaque"
	case 5:
		return "JWE" // to us as opaque as the other
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
