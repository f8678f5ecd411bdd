package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
)

// unixPrefix marks addresses of Unix domain sockets.
const unixPrefix = "unix:"

// listen opens a listener at an address of listenConfig.
func listen(ctx context.Context, address string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, unixPrefix)
	var cfg net.ListenConfig
	if !isUnix {
		return cfg.Listen(ctx, "tcp", address)
	}
	listener, err := cfg.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && isAbandoned(ctx, path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		return cfg.Listen(ctx, "unix", path)
	}
	return listener, err
}

// isAbandoned reports whether path is a socket that no process listens on, as one that was killed leaves it behind.
func isAbandoned(ctx context.Context, path string) bool {
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// certificates are the files of a tlsConfig. A reload reads them again.
type certificates struct{ current atomic.Pointer[tls.Config] }

// load reads the files. If it returns an error, the current ones stay in use.
func (c *certificates) load(cfg *tlsConfig) error {
	if cfg == nil {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
	if err != nil {
		return fmt.Errorf("listen.tls: %w", err)
	}
	loaded := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if cfg.ClientCA != "" {
		pem, err := os.ReadFile(cfg.ClientCA)
		if err != nil {
			return fmt.Errorf("listen.tls.client_ca: %w", err)
		}
		loaded.ClientAuth, loaded.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !loaded.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("listen.tls.client_ca: %s has no certificate in PEM form", cfg.ClientCA)
		}
	}
	c.current.Store(loaded)
	return nil
}

// config returns the configuration of a TLS listener, which uses the current files for each connection. It is nil if TLS is
// not configured.
func (c *certificates) config() *tls.Config {
	if c.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load(), nil },
	}
}
