package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/internal/drain"
	"github.com/bearerkit/bearerkit/store"
)

// Limits of requests of the proxy.
const (
	maxRequestHeader = 64 << 10 // bytes; nginx sends up to 32 KiB of the client with its defaults
	maxCheckRequest  = 1 << 20  // bytes of a gRPC message
	maxStreams       = 1000     // gRPC calls in progress over one connection; gRPC itself has no limit
)

// server is a running bearerkit serve.
type server struct {
	service

	source       source
	hooks        hooks
	durable      durable
	certificates certificates
	draining     atomic.Bool
	stopRun      context.CancelFunc // ends the background refresh of the current state
}

// source is where the configuration comes from.
type source struct {
	read   func() ([]byte, error)
	getenv func(string) string
}

// load reads the configuration.
func (s source) load() (config, error) {
	data, err := s.read()
	if err != nil {
		return config{}, err
	}
	return decode(data)
}

// newServer returns a server for the first configuration.
func newServer(c config, src source, registry prometheus.Registerer, logger *slog.Logger, client *http.Client) (*server, error) {
	metrics, err := prom.New(registry)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never returns an error
	s := &server{
		service: service{logger: logger, warnings: new(limiter)}, source: src,
		hooks:   hooks{metrics: metrics, client: client, logger: logger},
		durable: durable{replays: store.NewReplays(0), nonceKeys: [][]byte{key}},
		stopRun: func() {},
	}
	first, err := newState(c, nil, s.durable, s.hooks, src.getenv)
	if err != nil {
		return nil, err
	}
	if err := s.certificates.load(first.config.Listen.TLS); err != nil {
		return nil, err
	}
	s.state.Store(first)
	metrics.Watch(current{&s.service})
	return s, nil
}

// newRegistry returns a registry with the metrics of the process.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// run serves until ctx ends, and then drains. started, if not nil, is called with the addresses once all listeners are open.
func (s *server) run(ctx context.Context, reload <-chan os.Signal, registry *prometheus.Registry, started func(addresses)) error {
	c := s.state.Load().config
	ls, err := openAll(ctx, c.Listen)
	if err != nil {
		return err
	}
	warming, done := context.WithTimeout(ctx, time.Duration(c.Timeouts.Warm))
	if err := s.state.Load().issuers.warm(warming); err != nil { // /readyz and the background refresh try again
		s.logger.LogAttrs(ctx, slog.LevelWarn, "serve: the keys are not available yet", slog.String("error", err.Error()))
	}
	done()
	s.runState(ctx, s.state.Load())
	servers := s.serveAll(ls, registry)
	s.logger.LogAttrs(ctx, slog.LevelInfo, "serve: started", slog.String("http", ls.addresses.http),
		slog.String("grpc", ls.addresses.grpc), slog.String("admin", ls.addresses.admin))
	if started != nil {
		started(ls.addresses)
	}
	for {
		select {
		case <-reload:
			s.reload(ctx)
		case err := <-servers.failed:
			s.stopRun()
			return errors.Join(fmt.Errorf("a listener failed: %w", err), servers.stop(ctx, c))
		case <-ctx.Done():
			return s.drain(ctx, servers)
		}
	}
}

// drain makes /readyz fail, waits until load balancers have noticed, and ends the servers after their requests.
func (s *server) drain(ctx context.Context, servers *servers) error {
	c := s.state.Load().config
	s.draining.Store(true)
	s.logger.LogAttrs(ctx, slog.LevelInfo, "serve: draining", slog.Duration("drain", time.Duration(c.Timeouts.Drain)))
	if servers.admin != nil { // without readiness probes nobody can notice
		<-time.After(time.Duration(c.Timeouts.Drain))
	}
	err := servers.stop(ctx, c)
	s.stopRun()
	s.logger.LogAttrs(ctx, slog.LevelInfo, "serve: stopped")
	return err
}

// runState refreshes the keys of now in the background, and ends the refresh of the state before it.
func (s *server) runState(ctx context.Context, now *state) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // requests are served while the process drains
	go func() { _ = now.issuers.verifier.Run(running) }()           // it returns when running ends
	s.stopRun()
	s.stopRun = stop
}

// addresses are those of open listeners. They are empty for listeners that are not configured.
type addresses struct{ http, grpc, admin string }

// listeners are the open listeners.
type listeners struct {
	http, grpc, admin net.Listener
	addresses         addresses
}

// openAll opens all listeners, or none.
func openAll(ctx context.Context, c listenConfig) (*listeners, error) {
	ls := new(listeners)
	var opened []net.Listener
	for _, l := range []struct {
		name, address string
		to            *net.Listener
		at            *string
	}{
		{"http", c.HTTP, &ls.http, &ls.addresses.http},
		{"grpc", c.GRPC, &ls.grpc, &ls.addresses.grpc},
		{"admin", c.Admin, &ls.admin, &ls.addresses.admin},
	} {
		if l.address == "" {
			continue
		}
		listener, err := listen(ctx, l.address)
		if err != nil {
			for _, other := range opened {
				_ = other.Close()
			}
			return nil, fmt.Errorf("listen.%s: %w", l.name, err)
		}
		*l.to, *l.at, opened = listener, listener.Addr().String(), append(opened, listener)
	}
	return ls, nil
}

// servers are the running servers. A server is nil if it is not configured.
type servers struct {
	http, admin *http.Server
	grpc        *grpc.Server
	failed      chan error // has room for one error of each
}

// serveAll starts the servers.
func (s *server) serveAll(ls *listeners, registry *prometheus.Registry) *servers {
	started := &servers{failed: make(chan error, 3)}
	start := func(serve func() error) {
		go func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				started.failed <- err
			}
		}()
	}
	if ls.http != nil {
		started.http = s.httpServer(&s.service)
		started.http.TLSConfig = s.certificates.config()
		start(func() error {
			if started.http.TLSConfig != nil {
				return started.http.ServeTLS(ls.http, "", "")
			}
			return started.http.Serve(ls.http)
		})
	}
	if ls.grpc != nil {
		started.grpc = s.grpcServer()
		start(func() error { return started.grpc.Serve(ls.grpc) })
	}
	if ls.admin != nil {
		started.admin = s.httpServer(s.admin(registry))
		start(func() error { return started.admin.Serve(ls.admin) })
	}
	return started
}

// httpServer returns a server for handler.
func (s *server) httpServer(handler http.Handler) *http.Server {
	t := s.state.Load().config.Timeouts
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxRequestHeader,
		ReadHeaderTimeout: time.Duration(t.Request), ReadTimeout: time.Duration(t.Request),
		WriteTimeout: 2 * time.Duration(t.Request), IdleTimeout: time.Duration(t.Idle),
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	drain.CloseUnused(server)
	return server
}

// grpcServer returns the server for Envoy. Its methods GracefulStop and Stop wait for connections whose handshake is not
// complete, so the time of a handshake is limited.
func (s *server) grpcServer() *grpc.Server {
	t := s.state.Load().config.Timeouts
	handshake := grpc.ConnectionTimeout(time.Duration(min(t.Request, t.Shutdown)))
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxCheckRequest), grpc.MaxConcurrentStreams(maxStreams), handshake}
	if cfg := s.certificates.config(); cfg != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(cfg)))
	}
	server := grpc.NewServer(options...)
	authv3.RegisterAuthorizationServer(server, envoyService{service: &s.service})
	return server
}

// stop ends the servers after their requests. Requests that take longer than the timeout are canceled. The admin server ends
// last, so that probes see the process until its end.
func (v *servers) stop(ctx context.Context, c config) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.Timeouts.Shutdown))
	defer cancel()
	var faults []error
	if v.http != nil {
		faults = append(faults, v.http.Shutdown(ctx))
	}
	if v.grpc != nil {
		context.AfterFunc(ctx, v.grpc.Stop)
		v.grpc.GracefulStop()
	}
	if v.admin != nil {
		err := v.admin.Shutdown(ctx)
		if err != nil { // the other servers may have used all of the time, and probes are short
			err = v.admin.Close()
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
