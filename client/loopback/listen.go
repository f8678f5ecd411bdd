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
	"sync"
)

const (
	v4, v6, byName = "127.0.0.1", "::1", "localhost"

	maxConnections = 64 // at each listener; whoever says nothing is cut off after requestTimeout
	maxTries       = 10
)

// listen opens a port on the loopback interface, and nowhere else.
func listen(ctx context.Context, o Options) ([]net.Listener, *url.URL, error) {
	place := cmp.Or(o.Path, "/callback")
	if !isPath(place) {
		return nil, nil, errors.New("loopback: Options.Path is no plain path")
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

// isPath refuses what a browser would send in other words.
func isPath(place string) bool {
	u := url.URL{Path: place}
	return strings.HasPrefix(place, "/") && u.EscapedPath() == place && !strings.Contains(place, "//") &&
		strings.TrimSuffix(path.Clean(place), "/") == strings.TrimSuffix(place, "/")
}

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
	return "", nil, errors.New(`loopback: Options.Host is none of "127.0.0.1", "::1" and "localhost"`)
}

// listenByName takes a port at both addresses, since a browser may take the name for either: at the one that is left free
// somebody else could wait for the code.
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

func hasV6(ctx context.Context) bool {
	l, err := listenAt(ctx, v6, 0)
	return err == nil && l.Close() == nil
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

// limitedListener lets no more than so many connections be open at a time; the next ones wait.
type limitedListener struct {
	net.Listener

	slots chan struct{}
	ended chan struct{}
	end   func()
}

func limited(l net.Listener) net.Listener {
	ended := make(chan struct{})
	return &limitedListener{l, make(chan struct{}, maxConnections), ended, sync.OnceFunc(func() { close(ended) })}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	free := sync.OnceFunc(func() { <-l.slots })
	if err != nil {
		free()
		return nil, err
	}
	return &limitedConn{conn, free}, nil
}

// Close implements net.Listener.
func (l *limitedListener) Close() error {
	l.end()
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn

	free func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
