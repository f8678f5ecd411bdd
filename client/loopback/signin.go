package loopback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Options say how a user signs in. The zero value works where the client was registered with a redirect URI of
// "http://127.0.0.1/callback", which any port goes with (RFC 8252 §7.3).
type Options struct {
	// Authorization is what the user is asked for. Its RedirectURI is filled in.
	Authorization client.AuthorizationOptions

	// Host is "127.0.0.1", "::1", or "localhost", for servers that know nothing else (RFC 8252 §8.3 advises against it).
	// Empty: 127.0.0.1, and ::1 where that cannot be listened at.
	Host string

	// Port is listened at. Zero: any that is free.
	Port int

	// Path is that of the redirect URI. Empty: "/callback".
	Path string

	// Open shows an address to the user. Nil: the browser of the platform is started; if that fails, the user copies it.
	Open func(ctx context.Context, address string) error

	// Out is told the address. Nil: os.Stderr.
	Out io.Writer

	// Timeout is how long the user may take. Zero: 5 minutes.
	Timeout time.Duration
}

const (
	defaultTimeout = 5 * time.Minute
	maxStrangers   = 50 // requests that were not the answer
	maxHeader      = 32 << 10
	requestTimeout = 10 * time.Second
	closeTimeout   = 2 * time.Second
)

// ErrStrangers says that somebody else kept sending requests to the port.
var ErrStrangers = errors.New("loopback: too many requests that were not the answer")

// SignIn has the user sign in with their browser, and returns when they come back, or ctx or the time ends. One answer is
// taken, at one address of this machine, and then nobody listens any more. Nothing is listened at from outside.
func SignIn(ctx context.Context, c *client.Client, o Options) (*client.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Timeout, defaultTimeout))
	defer cancel()
	listeners, redirect, err := listen(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &receiver{
		host: redirect.Host, path: redirect.EscapedPath(), done: make(chan struct{}),
		form: strings.HasPrefix(o.Authorization.ResponseMode, "form_post"),
	}
	server := &http.Server{
		Handler: r, MaxHeaderBytes: maxHeader, ReadTimeout: requestTimeout, IdleTimeout: requestTimeout,
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer shutDown(server) //nolint:contextcheck // the page is for the user, also when ctx has ended
	o.Authorization.RedirectURI = redirect.String()
	pending, err := c.AuthorizationURL(ctx, o.Authorization)
	if err != nil {
		return nil, errors.Join(err, closeAll(listeners))
	}
	r.exchange = func(params url.Values) (*client.Token, error) { return c.Callback(ctx, pending, params) }
	for _, l := range listeners {
		serving.Go(func() { _ = server.Serve(l) }) // ends by shutDown
	}
	show(ctx, o, pending.URL)
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("loopback: waiting for the user: %w", ctx.Err())
	}
}

// shutDown lets the page that says so reach the browser.
func shutDown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

// listen opens a port on the loopback interface, and nowhere else.
func listen(ctx context.Context, o Options) ([]net.Listener, *url.URL, error) {
	path := cmp.Or(o.Path, "/callback")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return nil, nil, errors.New("loopback: Options.Path is no path")
	}
	hosts, err := hostsOf(o.Host)
	if err != nil {
		return nil, nil, err
	}
	var faults []error
	for _, host := range hosts {
		l, err := listenAt(ctx, host, o.Port)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		listeners := []net.Listener{l}
		if o.Host == "localhost" { // which a browser may take for either
			host = "localhost"
			if number, err := strconv.Atoi(port); err == nil {
				if second, err := listenAt(ctx, "::1", number); err == nil {
					listeners = append(listeners, second)
				}
			}
		}
		return listeners, &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: path}, nil
	}
	return nil, nil, errors.Join(faults...)
}

func hostsOf(host string) ([]string, error) {
	switch host {
	case "":
		return []string{"127.0.0.1", "::1"}, nil
	case "127.0.0.1", "::1":
		return []string{host}, nil
	case "localhost":
		return []string{"127.0.0.1"}, nil
	}
	return nil, errors.New(`loopback: Options.Host is none of "127.0.0.1", "::1" and "localhost"`)
}

func listenAt(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("loopback: %w", err)
	}
	return l, nil
}

func closeAll(listeners []net.Listener) error {
	var faults []error
	for _, l := range listeners {
		faults = append(faults, l.Close())
	}
	return errors.Join(faults...)
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
