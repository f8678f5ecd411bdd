package bearertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// The issuer publishes its keys and metadata as any authorization server does; the client reaches it without a socket.
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

// A test of refusals is a table of tokens, each with one thing wrong.
func ExampleIssuer_AccessToken() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{})

	tests := []struct {
		name  string
		token *bearertest.Token
	}{
		{"good", issuer.AccessToken()},
		{"for another API", issuer.AccessToken().Set("aud", "https://other.test")},
		{"ended", issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix())},
		{"never ends", issuer.AccessToken().Set("exp", bearertest.Absent)},
		{"another kind of token", issuer.IDToken()},
		{"not signed", issuer.AccessToken().SignWith("none", nil)},
		{"public key taken for a secret", issuer.AccessToken().SignWith("HS256", issuer.PEM("RS256"))},
		{"signed by somebody else", stranger.AccessToken()},
		{"changed", issuer.AccessToken().EditSignature(func(s []byte) []byte { return append(s[1:], s[0]) })},
	}
	for _, test := range tests {
		fmt.Println(test.name, test.token.Sign() != "")
	}
	// Output:
	// good true
	// for another API true
	// ended true
	// never ends true
	// another kind of token true
	// not signed true
	// public key taken for a secret true
	// signed by somebody else true
	// changed true
}

// A rotation that no API notices announces the new key first. Rotate and Retire alone are the abrupt kind.
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
