package loopback

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Options configures [SignIn]. The zero value is valid if the redirect URI "http://127.0.0.1/callback" is registered for the
// client. Servers must accept this URI with any port (RFC 8252, Section 7.3).
type Options struct {
	// Authorization has the options of the authorization request. SignIn replaces its RedirectURI. If its Lifetime is zero,
	// SignIn sets it to Timeout.
	Authorization client.AuthorizationOptions

	// Host is the host of the redirect URI: "127.0.0.1", "::1", or "localhost" for servers that accept nothing else (RFC
	// 8252, Section 8.3, advises against it). With Certificate, it may be any name that resolves to 127.0.0.1 or ::1. With
	// Certificate and InsecureListen, it may be any name or IP address at which the browser reaches the program. Empty means
	// 127.0.0.1. If Port is zero too, and no port can be opened at 127.0.0.1, empty means ::1.
	Host string

	// Port is the port of the redirect URI. If another program listens on it, SignIn returns an error. The redirect URI
	// omits the default port of its scheme: 80, or 443 with Certificate. Zero means any free port.
	Port int

	// Path is the path of the redirect URI. Requests with another path are rejected. Empty means "/callback".
	Path string

	// NoPath omits the path, as in "http://127.0.0.1:1234", for servers that compare the redirect URI as text. False means
	// that the redirect URI has a path. If NoPath is true, Path must be empty.
	NoPath bool

	// Certificate makes the redirect URI an https URI, for servers that accept nothing else. It must be valid for Host, and
	// the browser must trust it. Nil means http, which is safe on the loopback interface because the code does not leave the
	// machine (RFC 8252, Section 8.3).
	Certificate *tls.Certificate

	// InsecureListen is an IP address and a port to listen on, such as "0.0.0.0:8080". Set it in a container, together with
	// Port, which is the port that the browser connects to. Publish the port on the loopback interface only, as with docker
	// run -p 127.0.0.1:8080:8080. Otherwise other machines can connect. They cannot end the sign-in, because they do not
	// know the state. Without Certificate, the code crosses the network between the browser and the program unencrypted, and
	// only PKCE prevents others from exchanging it. Empty means that SignIn listens on the loopback interface only.
	InsecureListen string

	// Open opens an address in the user's browser. It must return without waiting for the user. If it returns an error,
	// SignIn continues, because the user can copy the address from Out. Nil means that SignIn starts the default browser of
	// the operating system.
	Open func(ctx context.Context, address string) error

	// Out receives the text with the address. Nil means os.Stderr.
	Out io.Writer

	// Timeout is the longest time that SignIn waits for the user. Zero means 5 minutes. It must not be negative.
	Timeout time.Duration
}

// defaultTimeout is the default of Options.Timeout. It is long enough to find a password or a second factor.
const defaultTimeout = 5 * time.Minute

// SignIn signs the user in with a browser on this machine, and returns the token. It returns when it has handled the
// authorization response, when Options.Timeout has passed, or when ctx ends.
//
// It listens on the loopback interface only, unless Options.InsecureListen is set. It accepts one authorization response,
// and then stops listening. Requests that do not contain the state of the sign-in neither end nor change it. If 128
// connections are open and another one arrives, SignIn closes the oldest one that has not sent the state. Thus another user
// of the machine cannot block the sign-in by holding connections open.
//
// Options.Timeout limits how long SignIn waits for the response. If a code arrives in time, its exchange may take longer
// than the timeout; only the end of ctx stops it. After the timeout, the error matches [context.DeadlineExceeded]. It also
// matches [client.ErrCallback] if a response with the right state arrived and was rejected. If an error response without the
// state arrived, the text of the error quotes it: some servers send one if they reject the redirect URI or a scope. Such a
// response does not end the sign-in, because any web page or program could have sent it.
//
// If an option is not valid, or the port cannot be opened, the error names the option. All other errors are those of
// [client.Client.AuthorizationURL] and [client.Client.Callback]. SignIn is safe for concurrent use.
func SignIn(ctx context.Context, c *client.Client, o Options) (*client.Token, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()

	// The redirect URI is part of the request and contains the port, so the port must be open before the request is made.
	listeners, redirect, err := listen(waiting, o)
	if err != nil {
		return nil, err
	}
	o.Authorization.RedirectURI = redirect.String()
	o.Authorization.Lifetime = cmp.Or(o.Authorization.Lifetime, o.Timeout)
	pending, err := c.AuthorizationURL(waiting, o.Authorization)
	if err != nil {
		return nil, errors.Join(err, closeAll(listeners))
	}
	address, err := browsable(pending.URL)
	if err != nil {
		return nil, errors.Join(err, closeAll(listeners))
	}

	// The exchange uses ctx and not waiting: a code that arrived in time is not lost.
	exchange := func(params url.Values) (*client.Token, error) { return c.Callback(ctx, pending, params) }
	r := newReceiver(redirect, pending, exchange)
	stop := serve(r, listeners, o.Certificate) //nolint:contextcheck // the final page is shown even after ctx has ended
	defer stop()
	show(waiting, o, address)
	select {
	case <-r.done:
	case <-waiting.Done():
	}
	return r.result(waiting)
}

// show prints the address and opens it in the browser. It always prints the address, because the browser may fail to
// start, or start on another screen.
func show(ctx context.Context, o Options, address string) {
	out := o.Out
	if out == nil {
		out = os.Stderr
	}
	open := o.Open
	if open == nil {
		open = openBrowser
	}
	_, _ = fmt.Fprintf(out, "To sign in, open this address in your browser:\n\n  %s\n\n", address)
	_ = open(ctx, address)
}
