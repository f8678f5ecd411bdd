package bearertest_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// The issuer publishes its keys and metadata like any authorization server. The client reaches it without a socket.
func ExampleIssuer() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})

	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, issuer.URL()+"/jwks", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := issuer.Client().Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()

	var set struct {
		Keys []struct{ Kid, Kty, Alg string }
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Keys)
	fmt.Println(issuer.Requests())
	// Output:
	// [{es256-1 EC ES256}]
	// map[/jwks:1]
}

// A test of rejections is a table of tokens. One thing is wrong in each.
func ExampleIssuer_AccessToken() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{})

	tests := []struct {
		name  string
		token *bearertest.Token
	}{
		{"good", issuer.AccessToken()},
		{"for another API", issuer.AccessToken().Set("aud", "https://other.test")},
		{"expired", issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix())},
		{"without an expiry", issuer.AccessToken().Set("exp", bearertest.Absent)},
		{"another kind of token", issuer.IDToken()},
		{"unsigned", issuer.AccessToken().SignWith("none", nil)},
		{"public key used as a secret", issuer.AccessToken().SignWith("HS256", issuer.PEM("RS256"))},
		{"signed by another issuer", stranger.AccessToken()},
		{"changed", issuer.AccessToken().EditSignature(func(s []byte) []byte { return append(s[1:], s[0]) })},
	}
	for _, test := range tests {
		fmt.Println(test.name, test.token.Sign() != "")
	}
	// Output:
	// good true
	// for another API true
	// expired true
	// without an expiry true
	// another kind of token true
	// unsigned true
	// public key used as a secret true
	// signed by another issuer true
	// changed true
}

// A rotation without interruption announces the new key first. Without Announce, the rotation is abrupt.
func ExampleIssuer_Rotate() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	signs := func() string {
		kid, _ := issuer.Key("RS256")
		return kid
	}

	issuer.Announce()
	fmt.Println("announced, still signing with", signs())
	issuer.Rotate()
	fmt.Println("rotated, signing with", signs())
	issuer.Retire()
	fmt.Println("retired, signing with", signs())
	// Output:
	// announced, still signing with rs256-1
	// rotated, signing with rs256-2
	// retired, signing with rs256-2
}

// With registered clients, the issuer has working endpoints. Any client works with them, here a few lines of net/http.
func ExampleIssuer_Visit() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		Clients: []bearertest.Client{{ID: "cli", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
	})
	const verifier = "a random text of the client with at least 43 characters"
	challenge := sha256.Sum256([]byte(verifier))
	ctx := context.Background()

	// The issuer redirects the browser at once, because the user does not have to type anything.
	redirected, err := issuer.Visit(ctx, issuer.URL()+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"cli"}, "redirect_uri": {"http://127.0.0.1:54321/callback"}, "scope": {"openid"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	callback, err := url.Parse(redirected)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(callback.Host, callback.Query().Get("iss"))

	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"cli"}, "redirect_uri": {"http://127.0.0.1:54321/callback"},
		"code": {callback.Query().Get("code")}, "code_verifier": {verifier},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer.URL()+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		fmt.Println(err)
		return
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := issuer.Client().Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	var token struct {
		Type  string `json:"token_type"`
		Scope string
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.StatusCode, token.Type, token.Scope)
	// Output:
	// 127.0.0.1:54321 https://issuer.test
	// 200 Bearer openid
}

// A test makes the issuer fail, and sees how its program reacts.
func ExampleIssuer_FailNext() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	issuer.FailNext("/jwks", bearertest.Respond(http.StatusServiceUnavailable, ""), bearertest.Disconnect())
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, issuer.URL()+"/jwks", http.NoBody)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		response, err := issuer.Client().Do(request)
		if err != nil {
			fmt.Println(err)
			continue
		}
		_ = response.Body.Close()
		fmt.Println(response.Status)
	}
	// Output:
	// 503 Service Unavailable
	// Get "https://issuer.test/jwks": bearertest: the server closed the connection
	// 200 OK
}
