package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/bearerkit/bearerkit/jwks"
)

// The public key of RFC 8037, appendix A.2.
const publicKeyPEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`

func ExampleParsePEM() {
	keys, err := jwks.ParsePEM([]byte(publicKeyPEM), "EdDSA")
	if err != nil {
		fmt.Println(err)
		return
	}
	// A key from PEM has no name, so it serves tokens with any kid; but only its own algorithm.
	for _, alg := range []string{"EdDSA", "RS256"} {
		_, err = keys.Keys(context.Background(), "2026-11", alg)
		fmt.Printf("%s: %v\n", alg, err)
	}
	// Output:
	// EdDSA: <nil>
	// RS256: jwks: no key fits the token: the keys for kid "2026-11" do not serve the token's alg "RS256" (1 key)
}

func ExampleParseJWKS() {
	keys, err := jwks.ParseJWKS([]byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"2026-11","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, kid := range []string{"2026-11", "2026-12"} {
		_, err = keys.Keys(context.Background(), kid, "EdDSA")
		fmt.Printf("%s: %v\n", kid, err)
	}
	// Output:
	// 2026-11: <nil>
	// 2026-12: jwks: no key fits the token: no key has the token's kid "2026-12" (1 key)
}

// Do not use a password as a secret: everyone who has a token can try passwords until one fits. Use random bytes.
func ExampleSecret_wrong() {
	_, err := jwks.Secret([]byte("correct horse battery staple"), "HS256")
	fmt.Println(err)
	// Output:
	// jwks: key 0 {kid "" alg "HS256"}: a secret for HS256 must have at least 32 bytes
}

// transport responds in the process, instead of an issuer on the network.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func ExampleRemote() {
	issuer := transport(func(*http.Request) (*http.Response, error) {
		set := `{"keys":[
			{"kty":"OKP","crv":"Ed25519","kid":"2026-11","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
			{"kty":"oct","kid":"published by mistake","k":"c2VjcmV0"}
		]}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(set))}, nil
	})
	keys, err := jwks.New(jwks.Config{
		URL:        "https://login.example.com/keys",
		HTTPClient: &http.Client{Transport: issuer},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = keys.Keys(ctx, "2026-11", "EdDSA") // fetches the set
	fmt.Println("known kid:", err)
	_, err = keys.Keys(ctx, "2026-12", "EdDSA") // fetches it once more
	fmt.Println("unknown kid, reject the token:", errors.Is(err, jwks.ErrKeyNotFound))

	s := keys.Stats()
	fmt.Println("usable keys:", s.Keys, "unusable:", s.Unusable, "forced fetches:", s.ForcedFetches)
	// Output:
	// known kid: <nil>
	// unknown kid, reject the token: true
	// usable keys: 1 unusable: 1 forced fetches: 1
}

// A process that is started while the issuer is down verifies with the keys that an earlier one has saved.
func ExampleSnapshotFile() {
	folder, err := os.MkdirTemp("", "keys") // /var/lib/orders-api, for instance
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	start := func(issuer transport) *jwks.Remote {
		keys, err := jwks.New(jwks.Config{
			URL:        "https://login.example.com/keys",
			HTTPClient: &http.Client{Transport: issuer},
			Snapshot:   jwks.SnapshotFile(filepath.Join(folder, "keys.json")),
		})
		if err != nil {
			panic(err)
		}
		return keys
	}
	ctx := context.Background()

	earlier := start(func(*http.Request) (*http.Response, error) {
		set := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026-11","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(set))}, nil
	})
	fmt.Println("fetched and saved:", earlier.Refresh(ctx))

	later := start(func(*http.Request) (*http.Response, error) { return nil, errors.New("the issuer is down") })
	found, err := later.Keys(ctx, "2026-11", "EdDSA")
	fmt.Println(found[0].ID, err)
	// Output:
	// fetched and saved: <nil>
	// 2026-11 <nil>
}

// An issuer moves from a shared secret to a published key set. During that time, its tokens are signed with either.
func ExampleJoin() {
	secret, err := jwks.Secret([]byte("0123456789abcdef0123456789abcdef"), "HS256")
	if err != nil {
		fmt.Println(err)
		return
	}
	published, err := jwks.ParsePEM([]byte(publicKeyPEM), "EdDSA")
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := jwks.Join(secret, published) // published is usually a Remote
	for _, alg := range []string{"HS256", "EdDSA", "RS256"} {
		found, err := keys.Keys(context.Background(), "2026-11", alg)
		fmt.Printf("%s: %d key, %v\n", alg, len(found), err)
	}
	// Output:
	// HS256: 1 key, <nil>
	// EdDSA: 1 key, <nil>
	// RS256: 0 key, jwks: no key fits the token: the keys for kid "2026-11" do not serve the token's alg "RS256" (2 keys)
}
