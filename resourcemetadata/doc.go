// Package resourcemetadata reads and writes the metadata document of a protected resource (RFC 9728). The document of an API
// lists the authorization servers whose tokens the API accepts, the scopes that it needs, and how a token is sent to it.
//
// A client fetches the document of an API that it knows by its identifier, or follows the URL in the challenge of a rejected
// request:
//
//	client := &resourcemetadata.Client{PublicAddressesOnly: true}
//	m, err := client.Discover(ctx, "https://api.example.com/v1")
//
// The document names its own resource. A document that names another one is never accepted (RFC 9728 section 3.3). All
// other content is only what the API says about itself. Before a client sends a user or a secret to one of the
// authorization servers, it must decide whether it trusts that server.
//
// An API serves its document with MetadataHandler of package middleware, which generates it.
package resourcemetadata
