package loopback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Options configure [SignIn]. The zero value works if the client was registered with the redirect URI
// "http://127.0.0.1/callback". Servers must accept any port with it (RFC 8252, Section 7.3).
type Options struct {
	// Authorization has the options of the authorization request. SignIn sets its RedirectURI. If Lifetime is zero, it is
	// Timeout.
	Authorization client.AuthorizationOptions

	// Host is the host of the redirect URI: "127.0.0.1", "::1", or "localhost" for servers that accept nothing else (RFC
	// 8252, Section 8.3, advises against it). Empty means 127.0.0.1, or ::1 if the port cannot be opened there.
	Host string

	// Port is the port of the redirect URI. Zero means any free port.
	Port int

	// Path is the path of the redirect URI. All other paths are rejected. Empty means "/callback".
	Path string

	// Open shows an address to the user. It must not wait for the user. If it fails, the user can copy the address from
	// Out. Nil means to start the browser of the platform.
	Open func(ctx context.Context, address string) error

	// Out is where the address is written. Nil means os.Stderr.
	Out io.Writer

	// Timeout is how long the user may take. Zero means 5 minutes. It must not be negative.
	Timeout time.Duration
}

// defaultTimeout leaves the user time to find a password or a second factor.
const defaultTimeout = 5 * time.Minute

// SignIn signs the user in with their browser. It returns when the user has come back, or when ctx or Options.Timeout ends.
//
// It listens on the loopback interface only, accepts one authorization response, and then stops listening. A request that
// does not contain the state of the sign-in changes nothing, however many there are. Connections that send no request are
// closed when others need their place, so that no other user of the machine can block the sign-in by holding connections
// open.
//
// Options.Timeout limits the user and not the server: a code that arrives in time is exchanged even if the exchange takes
// longer, unless ctx ends. If the time is over, the error matches [context.DeadlineExceeded]; it matches
// [client.ErrCallback] too if a response arrived that was rejected. All other errors are those of
// [client.Client.AuthorizationURL] and [client.Client.Callback]. SignIn is safe for concurrent use.
func SignIn(ctx context.Context, c *client.Client, o Options) (*client.Token, error) {
	if o.Timeout < 0 {
		return nil, fmt.Errorf("loopback: Options.Timeout is %v, expected 0 or more", o.Timeout)
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()

	// The port must be open before the redirect URI is known, and the redirect URI is part of the request.
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
	r := newReceiver(redirect, pending, func(params url.Values) (*client.Token, error) { return c.Callback(ctx, pending, params) })
	stop := serve(r, listeners) //nolint:contextcheck // the final page is shown even after ctx has ended
	defer stop()
	show(waiting, o, address)
	select {
	case <-r.done:
	case <-waiting.Done():
	}
	return r.result(waiting)
}

// show prints the address in any case: the browser may start on another screen.
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
