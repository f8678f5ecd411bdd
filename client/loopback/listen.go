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

// The hosts that Options.Host accepts, and a limit.
const (
	v4, v6, byName = "127.0.0.1", "::1", "localhost"

	maxTries = 10 // to find a port that is free on both addresses
)

// listen opens a port on the loopback interface, and on no other. It returns the listeners, and the redirect URI for
// them.
func listen(ctx context.Context, o Options) ([]net.Listener, *url.URL, error) {
	place := cmp.Or(o.Path, "/callback")
	if !isPath(place) {
		return nil, nil, fmt.Errorf("loopback: Options.Path is %q, expected a plain path that begins with a slash", o.Path)
	}
	host, listeners, err := listenFor(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	// All listeners have the same port. It was chosen by the system if Options.Port is 0.
	_, port, err := net.SplitHostPort(listeners[0].Addr().String())
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(listeners))
	}
	return listeners, &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: place}, nil
}

// isPath reports whether place is a path that browsers send unchanged. It rejects paths that a browser would normalize or
// encode, because the receiver compares paths exactly.
func isPath(place string) bool {
	u := url.URL{Path: place}
	return strings.HasPrefix(place, "/") && u.EscapedPath() == place && !strings.Contains(place, "//") &&
		strings.TrimSuffix(path.Clean(place), "/") == strings.TrimSuffix(place, "/")
}

// listenFor listens on the addresses that Options.Host names. host is the host of the redirect URI. All listeners have
// the same port. Any other host is an error, because other machines could connect to it.
func listenFor(ctx context.Context, o Options) (host string, all []net.Listener, err error) {
	switch o.Host {
	case byName:
		// localhost may resolve to two addresses, so there may be two listeners.
		all, err = listenByName(ctx, o.Port)
		return byName, all, err
	case v4, v6:
		l, err := listenAt(ctx, o.Host, o.Port)
		return o.Host, []net.Listener{l}, err
	// The default: IPv4, or IPv6 on a machine where that fails. RFC 8252, Section 7.3, recommends that clients try both.
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

// listenByName listens on the same port of 127.0.0.1 and ::1, because a browser may resolve localhost to either of them.
// If one of the two were free, another program could listen there and receive the code.
func listenByName(ctx context.Context, port int) ([]net.Listener, error) {
	var faults []error
	for range maxTries {
		// With a port of 0, the system chooses one that is free on 127.0.0.1. It may be in use on ::1; then try again with
		// another one.
		first, err := listenAt(ctx, v4, port)
		if err != nil {
			return nil, err
		}
		address, _ := first.Addr().(*net.TCPAddr)
		second, err := listenAt(ctx, v6, address.Port)
		switch {
		case err == nil:
			return []net.Listener{first, second}, nil
		// A browser cannot resolve localhost to an address that the machine does not have.
		case !hasV6(ctx):
			return []net.Listener{first}, nil
		}
		faults = append(faults, err, first.Close())
		// The caller requires this port, so there is no other one to try.
		if port != 0 {
			break
		}
	}
	return nil, errors.Join(faults...)
}

// hasV6 reports whether this machine has the address ::1.
func hasV6(ctx context.Context) bool {
	l, err := listenAt(ctx, v6, 0)
	return err == nil && l.Close() == nil
}

// listenAt listens on one address. If port is 0, the operating system chooses one.
func listenAt(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("loopback: %w", err)
	}
	return l, nil
}

// closeAll closes the listeners of a sign-in that failed before serve was called.
func closeAll(listeners []net.Listener) error {
	var faults []error
	for _, l := range listeners {
		faults = append(faults, l.Close())
	}
	return errors.Join(faults...)
}
