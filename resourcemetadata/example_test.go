package resourcemetadata_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearerkit/resourcemetadata"
)

func ExampleURL() {
	location, err := resourcemetadata.URL("https://api.example.com/v1")
	fmt.Println(location, err)
	// Output: https://api.example.com/.well-known/oauth-protected-resource/v1 <nil>
}

// The document must be about the API that the client has called. This server publishes the document of another one.
func ExampleClient_Discover() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		resource := "http://" + r.Host + "/v1"
		if r.URL.Path != resourcemetadata.WellKnown+"/v1" {
			resource = "https://bank.example.com"
		}
		fmt.Fprintf(w, `{"resource":%q,"authorization_servers":["https://login.example.com"],"scopes_supported":["orders:read"]}`, resource)
	}))
	defer server.Close()

	client := new(resourcemetadata.Client) // set PublicAddressesOnly if the URL comes from a user
	for _, path := range []string{"/v1", "/v2"} {
		m, err := client.Discover(context.Background(), server.URL+path)
		if err != nil {
			fmt.Println("rejected")
			continue
		}
		fmt.Println(m.AuthorizationServers, m.ScopesSupported)
	}
	// Output:
	// [https://login.example.com] [orders:read]
	// rejected
}
