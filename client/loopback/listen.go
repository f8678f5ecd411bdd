package loopback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

const maxTries = 10 // to find a port that is free on both addresses

// listen opens a port on the loopback interface, or the one that Options.InsecureListen names, and no other. It returns
// the listeners, and the redirect URI for them. o must be valid.
func listen(ctx context.Context, o Options) ([]net.Listener, *url.URL, error) {
	if o.InsecureListen != "" {
		l, err := listenOn(ctx, o.InsecureListen, "Options.InsecureListen")
		if err != nil {
			return nil, nil, err
		}
		return []net.Listener{l}, o.redirectURI(cmp.Or(o.Host, v4), o.Port), nil
	}
	host, listeners, err := listenFor(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	// All listeners have the same port. It was chosen by the system if Options.Port is 0.
	address, _ := listeners[0].Addr().(*net.TCPAddr)
	return listeners, o.redirectURI(host, address.Port), nil
}

// listenFor listens on the addresses of the loopback interface that Options.Host names. host is the host of the redirect
// URI. All listeners have the same port.
func listenFor(ctx context.Context, o Options) (host string, all []net.Listener, err error) {
	switch o.Host {
	case v4, v6:
		l, err := listenAt(ctx, o.Host, o.Port)
		return o.Host, []net.Listener{l}, err
	case "":
		return listenByDefault(ctx, o.Port)
	}
	// A name, which may resolve to two addresses.
	all, err = listenByName(ctx, o.Port)
	return o.Host, all, err
}

// listenByDefault listens on 127.0.0.1. If any port will do and none can be opened there, as on a machine without IPv4, it
// listens on ::1 (RFC 8252, Section 7.3, recommends that clients try both). If the caller requires a port, it is not opened
// on another address: the redirect URI would not be the registered one, and the caller would not notice that another program
// listens on the port.
func listenByDefault(ctx context.Context, port int) (host string, all []net.Listener, err error) {
	l, err := listenAt(ctx, v4, port)
	if err == nil {
		return v4, []net.Listener{l}, nil
	}
	if port != 0 {
		return "", nil, err
	}
	l, err6 := listenAt(ctx, v6, 0)
	if err6 != nil {
		return "", nil, errors.Join(err, err6)
	}
	return v6, []net.Listener{l}, nil
}

// listenByName listens on the same port of 127.0.0.1 and ::1, because a browser may resolve a name to either of them. If
// one of the two were free, another program could listen there and receive the code.
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
		// A browser cannot resolve a name to an address that the machine does not have.
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
	return listenOn(ctx, net.JoinHostPort(host, strconv.Itoa(port)), "Options.Port")
}

// listenOn listens on address, which option configures. With the network "tcp", 0.0.0.0 would include all IPv6 addresses.
func listenOn(ctx context.Context, address, option string) (net.Listener, error) {
	network := "tcp4"
	if ip, err := netip.ParseAddrPort(address); err == nil && ip.Addr().Is6() {
		network = "tcp6"
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("loopback: the port for the redirect URI cannot be opened (%s): %w", option, err)
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
