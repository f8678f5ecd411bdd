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
	issuer := newIssuer() // in production, for example https://login.example.com
	defer issuer.Close()

	client := oidcdiscovery.Client{Timeout: time.Second} // all fields are optional
	m, err := client.Discover(context.Background(), issuer.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("keys at", strings.TrimPrefix(m.JWKSURI, issuer.URL))
	fmt.Println("algorithms", m.IDTokenSigningAlgValuesSupported)
	fmt.Println("grants", m.GrantTypesSupported) // not in the document, so this is the default
	// Output:
	// keys at /keys
	// algorithms [ES256]
	// grants [authorization_code implicit]
}

// An issuer with an additional slash is a different issuer. Its tokens would have a different `iss`, and all of them would be
// rejected.
func ExampleClient_Discover_wrongIssuer() {
	issuer := newIssuer()
	defer issuer.Close()

	var client oidcdiscovery.Client
	_, err := client.Discover(context.Background(), issuer.URL+"/")

	var mismatch *oidcdiscovery.IssuerMismatchError
	if errors.As(err, &mismatch) {
		fmt.Println("configure the issuer without the slash:", mismatch.Got == strings.TrimSuffix(mismatch.Want, "/"))
	}
	fmt.Println("a retry may succeed:", errors.Is(err, oidcdiscovery.ErrUnavailable))
	// Output:
	// configure the issuer without the slash: true
	// a retry may succeed: false
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

// If the issuer publishes no metadata, create it by hand.
func ExampleClient_Validate() {
	m := oidcdiscovery.Metadata{Issuer: "https://login.example.com", JWKSURI: "http://login.example.com/keys"}
	var client oidcdiscovery.Client
	fmt.Println(client.Validate("https://login.example.com", &m))
	// Output:
	// oidcdiscovery: jwks_uri: URL "http://login.example.com/keys" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost); set InsecureAllowHTTP to allow http for all hosts
}
