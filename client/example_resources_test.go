package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// A program calls an API of which it knows only the URL. The challenge in the 401 response names the metadata of the API, and
// the metadata names its authorization server. The program identifies itself by a Client ID Metadata Document, so that it needs no
// registration there.
func ExampleDiscoverResource() {
	server := newExampleServer() // plays the API and the authorization server
	ctx := context.Background()
	header := http.Header{"Www-Authenticate": { // of the API's 401 response
		`Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp", scope="files:read"`,
	}}
	resource, err := client.DiscoverResource(ctx, client.ResourceDiscovery{HTTPClient: server.client()}, "https://api.example.com/mcp", header)
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := resource.SelectServer(ctx, client.ServerSelection{
		Usable: func(m *oidcdiscovery.Metadata) error {
			if !m.ClientIDMetadataDocumentSupported {
				return client.ErrUnsupported
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	cfg, err := resource.ClientConfig(client.Config{
		ClientID:               "https://app.example.com/client.json",
		ClientMetadataDocument: true,
		RedirectURI:            "http://127.0.0.1:8250/callback",
	}, metadata)
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	pending, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	address, err := url.Parse(pending.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(address.Host, address.Query().Get("resource"), address.Query().Get("scope"))
	// Output: login.example.com https://api.example.com/mcp files:read
}

// A client for an API of which the program knows only the URL, such as an MCP server. The first request leads to a sign-in. When a
// request needs another scope, the user signs in again, and the request is repeated.
func ExampleNewResourceTransport() {
	server := newExampleServer() // plays the API, the authorization server and the user
	transport, err := client.NewResourceTransport(client.ResourceTransportConfig{
		Resource: "https://api.example.com/mcp",
		Clients: []client.Config{{
			ClientID:               "https://app.example.com/client.json",
			ClientMetadataDocument: true,
			RedirectURI:            "http://127.0.0.1:8250/callback",
		}},
		SignIn: client.BrowserSignIn(func(_ context.Context, address string) (string, error) {
			response := server.signIn(address) // a program for the command line uses package loopback
			fmt.Println("sign-in for", server.request.Get("scope"))
			return "http://127.0.0.1:8250/callback?" + response.Encode(), nil
		}),
		Discovery: client.ResourceDiscovery{HTTPClient: server.client()},
		Base:      server,
	})
	if err != nil {
		log.Fatal(err)
	}
	api := http.Client{Transport: transport}
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodDelete} {
		r, err := http.NewRequestWithContext(context.Background(), method, "https://api.example.com/mcp", http.NoBody)
		if err != nil {
			log.Fatal(err)
		}
		resp, err := api.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(method, resp.StatusCode)
	}
	// Output:
	// sign-in for files:read
	// GET 200
	// sign-in for files:read files:delete
	// DELETE 200
	// DELETE 200
}

// The credentials of a registered client are valid at one authorization server only. If the API lists another one, for example
// because it was taken over, the credentials are not sent.
func ExampleResource_ClientConfig_wrongServer() {
	server := newExampleServer() // plays the API and the authorization server
	ctx := context.Background()
	resource, err := client.DiscoverResource(ctx, client.ResourceDiscovery{HTTPClient: server.client()}, "https://api.example.com/mcp", nil)
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := resource.SelectServer(ctx, client.ServerSelection{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = resource.ClientConfig(client.Config{Issuer: "https://id.example.org", ClientID: "app", ClientSecret: "a secret"}, metadata)
	fmt.Println(err)
	// Output: client: Config.Issuer is "https://id.example.org", but the selected authorization server is "https://login.example.com", and credentials of one server are not sent to another
}

// An application serves its Client ID Metadata Document. The URL of the document is its client id at every authorization server
// that supports such documents.
func ExampleNewClientMetadataHandler() {
	handler, err := client.NewClientMetadataHandler("https://app.example.com/client.json", client.ClientMetadata{
		ClientName:   "Example",
		RedirectURIs: []string{"http://127.0.0.1:8250/callback"},
		GrantTypes:   []string{"authorization_code", "refresh_token"},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/client.json", handler)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "https://app.example.com/client.json", nil))
	fmt.Println(w.Body)
	// Output: {"client_id":"https://app.example.com/client.json","client_name":"Example","grant_types":["authorization_code","refresh_token"],"redirect_uris":["http://127.0.0.1:8250/callback"],"token_endpoint_auth_method":"none"}
}

// The users of a company sign in at its identity provider. Without another sign-in, the application gets tokens for the API of
// another organization that trusts this provider.
func ExampleIdentityAssertion() {
	server := newExampleServer() // plays the identity provider and the authorization server of the API
	provider, err := client.New(client.Config{
		Issuer: "https://idp.example.com", ClientID: "app", ClientSecret: "a secret",
		Endpoints:  map[string]string{"token_endpoint": "https://idp.example.com/token"},
		HTTPClient: server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{
		Issuer: "https://login.example.com", ClientID: "company-app", ClientSecret: "another secret", HTTPClient: server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	assertion, err := client.NewIdentityAssertion(client.IdentityAssertionConfig{
		Provider:     provider,
		Client:       c,
		Resource:     "https://api.example.com/mcp",
		SubjectToken: func(context.Context) (string, error) { return "the ID token of the user", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	source, err := c.TokenSource(client.TokenSourceConfig{Grant: assertion.Token})
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.TokenType, token.Valid())
	// Output: Bearer true
}
