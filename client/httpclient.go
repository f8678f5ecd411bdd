package client

import "net/http"

// HTTPClient returns an [http.Client] for APIs that a service calls on its own behalf, not for a user. It adds a token of
// the client credentials grant (RFC 6749, Section 4.4), with Config.Scopes, to each request:
//
//	api, err := c.HTTPClient("https://api.example.com")
//	resp, err := api.Get("https://api.example.com/orders")
//
// origins lists the APIs that may receive tokens, in the form of TransportConfig.Origins. At least one is required. Requests
// use the transport of Config.HTTPClient, so that its proxy, root certificates and client certificate apply. [Transport]
// describes how 401 responses and redirects are handled.
//
// The result has no Timeout: set one, or use contexts. Call HTTPClient once and keep the result, because each result
// requests tokens of its own. For other grants, and for users, call [Client.TokenSource] and [NewTransport]. HTTPClient does
// no I/O.
func (c *Client) HTTPClient(origins ...string) (*http.Client, error) {
	parsed, err := parseOrigins("HTTPClient: origins", origins)
	if err != nil {
		return nil, err
	}
	source, err := c.TokenSource(TokenSourceConfig{Grant: c.ClientCredentials})
	if err != nil {
		return nil, err
	}
	base := http.DefaultTransport
	if own := c.cfg.HTTPClient; own != nil && own.Transport != nil {
		base = own.Transport
	}
	return &http.Client{Transport: &Transport{source: source, origins: parsed, base: base}}, nil
}
