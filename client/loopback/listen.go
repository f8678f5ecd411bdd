package loopback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

const (
	v4, v6, byName = "127.0.0.1", "::1", "localhost"

	maxTries = 10 // to find a port that is free at both addresses
)

// listen opens a port on the loopback interface only. It returns the redirect URI that leads there.
func listen(ctx context.Context, o Options) ([]net.Listener, *url.URL, error) {
	place := cmp.Or(o.Path, "/callback")
	if !isPath(place) {
		return nil, nil, fmt.Errorf("loopback: Options.Path is %q, expected a plain path that begins with a slash", o.Path)
	}
	host, listeners, err := listenFor(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(listeners[0].Addr().String())
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(listeners))
	}
	return listeners, &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: place}, nil
}

// isPath rejects a path that a browser would send in another form.
func isPath(place string) bool {
	u := url.URL{Path: place}
	return strings.HasPrefix(place, "/") && u.EscapedPath() == place && !strings.Contains(place, "//") &&
		strings.TrimSuffix(path.Clean(place), "/") == strings.TrimSuffix(place, "/")
}

// listenFor listens on the addresses that Options.Host names. host is the host of the redirect URI. All listeners have the same
// port. An address other than a loopback address is an error, because other machines could connect to it.
func listenFor(ctx context.Context, o Options) (host string, all []net.Listener, err error) {
	switch o.Host {
	case byName:
		all, err = listenByName(ctx, o.Port)
		return byName, all, err
	case v4, v6:
		l, err := listenAt(ctx, o.Host, o.Port)
		return o.Host, []net.Listener{l}, err
	case "":
		l, err := listenAt(ctx, v4, o.Port)
		if err == nil {
			return v4, []net.Listener{l}, nil
		}
		l, err6 := listenAt(ctx, v6, o.Port)
		if err6 != nil {
			return "", nil, errors.Join(err, err6)
		}
		return v6, []net.Listener{l}, nil
	}
	return "", nil, fmt.Errorf(`loopback: Options.Host is %q, expected "127.0.0.1", "::1" or "localhost"`, o.Host)
}

// listenByName listens on the same port of both addresses, because a browser may resolve localhost to either of them. If one
// were left free, another program could wait for the code there.
func listenByName(ctx context.Context, port int) ([]net.Listener, error) {
	var faults []error
	for range maxTries {
		first, err := listenAt(ctx, v4, port)
		if err != nil {
			return nil, err
		}
		address, _ := first.Addr().(*net.TCPAddr)
		second, err := listenAt(ctx, v6, address.Port)
		switch {
		case err == nil:
			return []net.Listener{first, second}, nil
		case !hasV6(ctx):
			return []net.Listener{first}, nil
		}
		faults = append(faults, err, first.Close())
		if port != 0 {
			break
		}
	}
	return nil, errors.Join(faults...)
}

// hasV6 reports whether the machine has the address ::1 at all.
func hasV6(ctx context.Context) bool {
	l, err := listenAt(ctx, v6, 0)
	return err == nil && l.Close() == nil
}

// listenAt listens on one address. A port of 0 lets the system choose.
func listenAt(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("loopback: %w", err)
	}
	return l, nil
}

// closeAll closes the listeners of a sign-in that cannot begin.
func closeAll(listeners []net.Listener) error {
	var faults []error
	for _, l := range listeners {
		faults = append(faults, l.Close())
	}
	return errors.Join(faults...)
}
