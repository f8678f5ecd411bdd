package loopback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Options say how a user signs in. The zero value works where the client was registered with a redirect URI of
// "http://127.0.0.1/callback", which any port goes with (RFC 8252 §7.3).
type Options struct {
	// Authorization is what the user is asked for. Its RedirectURI is filled in, and so is Lifetime where it is zero.
	Authorization client.AuthorizationOptions

	// Host is "127.0.0.1", "::1", or "localhost", for servers that know nothing else (RFC 8252 §8.3 advises against it).
	// Empty: 127.0.0.1, and ::1 where that cannot be listened at.
	Host string

	// Port is listened at. Zero: any that is free.
	Port int

	// Path is that of the redirect URI, and no other is answered. Empty: "/callback".
	Path string

	// Open shows an address to the user, and does not wait for them. Nil: the browser of the platform is started. If it
	// fails the user copies the address, which Out has been told.
	Open func(ctx context.Context, address string) error

	// Out is told the address. Nil: os.Stderr.
	Out io.Writer

	// Timeout is how long the user may take. Zero: 5 minutes.
	Timeout time.Duration
}

const (
	defaultTimeout = 5 * time.Minute
	maxRequest     = 32 << 10 // octets of a header, or of a form
	requestTimeout = 5 * time.Second
	closeTimeout   = 500 * time.Millisecond
)

// SignIn has the user sign in with their browser, and returns when they come back, or when ctx or the time ends. One answer
// is taken, at one address of this machine, and then nobody listens any more. Nothing is listened at from outside, and a
// request that does not know the sign-in's state changes nothing, however many of them come.
//
// The time is for the user: a code that has come before its end is redeemed after it, unless ctx ends. If it ends, the
// error matches [context.DeadlineExceeded], and [client.ErrCallback] too if there was an answer that could not be taken.
// All other errors are those of [client.Client.AuthorizationURL] and [client.Client.Callback]. It is safe for concurrent
// use.
func SignIn(ctx context.Context, c *client.Client, o Options) (*client.Token, error) {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
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
	r := newReceiver(redirect, pending, func(params url.Values) (*client.Token, error) { return c.Callback(ctx, pending, params) })
	stop := serve(r, listeners) //nolint:contextcheck // the page is for the user, also when ctx has ended
	defer stop()
	show(waiting, o, address)
	select {
	case <-r.done:
	case <-waiting.Done():
	}
	return r.result(waiting)
}

// serve answers until stop is called, which lets the page that says so reach the browser.
func serve(handler http.Handler, listeners []net.Listener) (stop func()) {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxRequest, ReadTimeout: requestTimeout,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // strangers do not write to the user's terminal
	}
	server.SetKeepAlivesEnabled(false)
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { _ = server.Serve(limited(l)) }) // ends by stop
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		serving.Wait()
	}
}

// show tells the user in any case: the browser that starts may be on another screen.
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
