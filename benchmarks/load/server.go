package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// api is the server under load. /bare and /guarded have the same handler.
type api struct {
	address string
	raws    []string
	issuer  *issuer.Issuer
	server  *http.Server
}

func serve(ctx context.Context, o options) (*api, error) {
	a := &api{issuer: issuer.Start(o.alg)}
	c, err := consumer.New(consumer.Config{
		Issuer:    a.issuer.URL(),
		Audience:  []string{issuer.Audience},
		CacheSize: o.cacheSize,
	})
	if err != nil {
		a.issuer.Close()
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: c})
	if err != nil {
		a.issuer.Close()
		return nil, err
	}
	a.raws = issuer.Mint(o.tokens, func(n int) string { return issuer.Token(a.issuer.Issuer, n).Sign() })
	mux := http.NewServeMux()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("GET /bare", handler)
	mux.Handle("GET /guarded", guard.Handler(handler))
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return a, a.listen(ctx)
}

func (a *api) listen(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		a.issuer.Close()
		return err
	}
	a.address = listener.Addr().String()
	go func() {
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "load: serving ended:", err)
		}
	}()
	return nil
}

func (a *api) close() {
	_ = a.server.Close()
	a.issuer.Close()
}

// phases send the same headers to both handlers, so that only the Guard differs.
func (a *api) phases() []*phase {
	var all []*phase
	for _, kind := range []struct {
		tokens string
		raws   []string
		target target
	}{
		{"one token", a.raws[:1], target{throughput: 0.95, p99: 1.15}},
		{strconv.Itoa(len(a.raws)) + " tokens", a.raws, target{throughput: 0.90, p99: 1.15}},
	} {
		bare := newPhase("bare, "+kind.tokens, "/bare", a.address, kind.raws)
		guarded := newPhase("Guard, "+kind.tokens, "/guarded", a.address, kind.raws)
		guarded.bare, guarded.target = bare, kind.target
		all = append(all, bare, guarded)
	}
	return all
}
