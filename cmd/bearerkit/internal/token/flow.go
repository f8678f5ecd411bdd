package token

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// The flows, as values of --flow.
const (
	flowClientCredentials = "client-credentials"
	flowBrowser           = "browser"
	flowDevice            = "device"
)

// flows returns the values of --flow.
func flows() []string { return []string{flowClientCredentials, flowBrowser, flowDevice} }

// chooseFlow returns the flow for the value of --flow. Without one, a client that can authenticate gets a token for itself, and any
// other client signs its user in.
func chooseFlow(flag string, cfg client.Config) (string, error) {
	confidential := cfg.ClientSecret != "" || cfg.SecretSource != nil || cfg.Key != nil || cfg.AssertionSource != nil
	switch {
	case flag != "" && !slices.Contains(flows(), flag):
		return "", cli.Usagef("token: --flow is %s, expected %s", cli.QuoteWord(flag, flows()...), strings.Join(flows(), ", "))
	case flag != "":
		return flag, nil
	case confidential:
		return flowClientCredentials, nil
	}
	return flowBrowser, nil
}

// get gets a new token.
func (s *session) get(ctx context.Context) (*client.Token, error) {
	switch s.flow {
	case flowClientCredentials:
		return s.client.ClientCredentials(ctx)
	case flowDevice:
		qr := loopback.QRNever
		if s.env.Terminal(s.env.Stderr) {
			qr = loopback.QRAlways
		}
		return loopback.Device(ctx, s.client, loopback.DeviceOptions{Out: s.env.Stderr, QR: qr})
	}
	o, err := redirectOptions(s.client.RedirectURI())
	if err != nil {
		return nil, err
	}
	o.Out, o.Timeout = s.env.Stderr, s.timeout
	if s.noBrowser {
		o.Open = func(context.Context, string) error { return errors.New("token: --no-browser is set") }
	}
	return loopback.SignIn(ctx, s.client, o)
}

// redirectOptions returns the options for a redirect URI. If it is empty, they are those for http://127.0.0.1/callback with a free
// port. A redirect URI without a port means any free port.
func redirectOptions(uri string) (loopback.Options, error) {
	if uri == "" {
		return loopback.Options{}, nil
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return loopback.Options{}, cli.Usagef("token: the redirect URI (--redirect-uri, BEARERKIT_REDIRECT_URI) is %s, expected "+
			"http://127.0.0.1, http://[::1] or http://localhost with an optional port and path. Register such a URI, or use --flow device",
			cli.QuoteURL(uri))
	}
	o := loopback.Options{Host: u.Hostname(), Path: u.EscapedPath(), NoPath: u.Path == ""}
	if u.Port() != "" {
		if o.Port, err = strconv.Atoi(u.Port()); err != nil || o.Port == 0 {
			return loopback.Options{}, cli.Usagef("token: the port of the redirect URI is %s, expected 1 to 65535", cli.Quote(u.Port()))
		}
	}
	return o, nil
}

// describeFlow names a flow in messages.
func describeFlow(flow string) string {
	return map[string]string{
		flowClientCredentials: "the client credentials grant (grant_type client_credentials)",
		flowBrowser:           "the authorization code grant (grant_type authorization_code)",
		flowDevice:            "the device grant (grant_type urn:ietf:params:oauth:grant-type:device_code)",
	}[flow]
}

// otherFlows returns text such as "--flow browser or --flow device".
func otherFlows(flow string) string {
	var others []string
	for _, other := range flows() {
		if other != flow {
			others = append(others, "--flow "+other)
		}
	}
	return strings.Join(others, " or ")
}
