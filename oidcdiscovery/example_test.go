package oidcdiscovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// newIssuer serves the metadata of one issuer on a loopback port.
func newIssuer() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		issuer := "http://" + r.Host
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"`+issuer+`","jwks_uri":"`+issuer+`/keys",
			"id_token_signing_alg_values_supported":["ES256"],"tenant_region":"eu"}`)
	})
	return httptest.NewServer(mux)
}

func ExampleClient_Discover() {
	issuer := newIssuer() // yours is something like https://login.example.com
	defer issuer.Close()

	client := oidcdiscovery.Client{Timeout: time.Second} // the zero value works, too
	m, err := client.Discover(context.Background(), issuer.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("keys at", strings.TrimPrefix(m.JWKSURI, issuer.URL))
	fmt.Println("algorithms", m.IDTokenSigningAlgValuesSupported)
	fmt.Println("grants", m.GrantTypesSupported) // not in the document, so the default holds
	// Output:
	// keys at /keys
	// algorithms [ES256]
	// grants [authorization_code implicit]
}

// A slash more is another issuer: tokens carry the other name in `iss`, and would all be refused.
func ExampleClient_Discover_wrongIssuer() {
	issuer := newIssuer()
	defer issuer.Close()

	var client oidcdiscovery.Client
	_, err := client.Discover(context.Background(), issuer.URL+"/")

	var mismatch *oidcdiscovery.IssuerMismatchError
	if errors.As(err, &mismatch) {
		fmt.Println("configure the issuer without the slash:", mismatch.Got == strings.TrimSuffix(mismatch.Want, "/"))
	}
	fmt.Println("worth trying again:", errors.Is(err, oidcdiscovery.ErrUnavailable))
	// Output:
	// configure the issuer without the slash: true
	// worth trying again: false
}

func ExampleMetadata_Claims() {
	var client oidcdiscovery.Client
	m, err := client.Parse("https://login.example.com", []byte(`{
		"issuer": "https://login.example.com",
		"jwks_uri": "https://login.example.com/keys",
		"tenant_region": "eu"
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var extra struct {
		Region string `json:"tenant_region"` // a member that Metadata has no field for
	}
	if err := m.Claims(&extra); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(extra.Region)
	// Output: eu
}

// Without a server to ask, the metadata is written down.
func ExampleClient_Validate() {
	m := oidcdiscovery.Metadata{Issuer: "https://login.example.com", JWKSURI: "http://login.example.com/keys"}
	var client oidcdiscovery.Client
	fmt.Println(client.Validate("https://login.example.com", &m))
	// Output: oidcdiscovery: jwks_uri: URL "http://login.example.com/keys" is not https
}
