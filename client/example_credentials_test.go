package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// A workload authenticates with a token that its platform writes to a file, and has no secret.
func ExampleAssertionFile() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "token") // in Kubernetes, the mount path of the projected token
	if err := os.WriteFile(path, []byte(platformToken(1, nil)), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	c, err := client.New(client.Config{
		Issuer: issuerURL, ClientID: "app", Scopes: []string{"api://orders/.default"},
		AssertionSource: client.AssertionFile(path),
		Metadata:        &oidcdiscovery.Metadata{Issuer: issuerURL, TokenEndpoint: issuerURL + "/token"}, // usually discovered
		HTTPClient:      &http.Client{Transport: says(200, good)},                                        // usually the default
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := c.ClientCredentials(context.Background())
	fmt.Println(token, err)
	// Output: client.Token{Bearer} <nil>
}

// Apple requires a client secret that is a JWT. The key and its id come from the developer account.
func ExampleSignedSecret() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // usually read from the .p8 file
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, err := client.SignedSecret(
		client.SigningKey{Private: private, Algorithm: "ES256", ID: "ABC123DEFG"},
		map[string]any{"iss": "DEF123GHIJ", "sub": "com.example.web", "aud": "https://appleid.apple.com"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.New(client.Config{
		Issuer: "https://appleid.apple.com", ClientID: "com.example.web", SecretSource: secret, AuthMethod: client.AuthPost,
	})
	fmt.Println(err)
	// Output: <nil>
}
