package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// api is the server under load: /bare and /guarded lead to the same handler.
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
	a.raws = mint(a.issuer, o.tokens)
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

// mint signs on all processors.
func mint(from *issuer.Issuer, count int) []string {
	raws := make([]string, count)
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		all.Go(func() {
			for n := worker; n < count; n += workers {
				raws[n] = issuer.Token(from.Issuer, n).Sign()
			}
		})
	}
	all.Wait()
	return raws
}

// phases send the same header to either handler, so that only the Guard makes a difference.
func (a *api) phases() []*phase {
	return []*phase{
		newPhase("bare handler", "/bare", a.address, a.raws[:1]),
		newPhase("Guard, one token", "/guarded", a.address, a.raws[:1]),
		newPhase(fmt.Sprintf("Guard, %d tokens", len(a.raws)), "/guarded", a.address, a.raws),
	}
}
