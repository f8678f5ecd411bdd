// Dex runs a Dex server on a free port of 127.0.0.1, for the tests in interop. It keeps everything in memory.
//
// It writes one line to stdout, {"issuer":"…"}, when the server is ready. It ends when stdin is closed or when it receives
// SIGTERM, so that it does not outlive its test.
//
// It is a module of its own, outside of the workspace, because its build list has about 200 modules.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/session"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, stop); err != nil {
		fmt.Fprintln(os.Stderr, "dex:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. stop ends ctx.
func run(ctx context.Context, stop func()) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + listener.Addr().String() + "/dex"
	handler, err := newServer(ctx, issuer)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
		stop()
	}()
	go func() {
		<-ctx.Done()
		_ = web.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"issuer": issuer}); err != nil {
		return err
	}
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newServer returns a Dex server that signs in the user of the password database.
func newServer(ctx context.Context, issuer string) (http.Handler, error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stored, err := newStorage(ctx, memory.New(logger))
	if err != nil {
		return nil, err
	}
	keys := signer.LocalConfig{KeysRotationPeriod: "6h"}
	signing, err := keys.Open(ctx, stored, time.Hour, time.Now, logger)
	if err != nil {
		return nil, err
	}
	return server.NewServer(ctx, server.Config{
		Issuer:             issuer,
		Storage:            stored,
		Signer:             signing,
		Logger:             logger,
		IDTokensValidFor:   time.Hour,
		PasswordConnector:  passwordDB,
		RefreshTokenPolicy: tokens.NewRefreshStrategy(true, time.Hour, time.Hour, 0, time.Now),
		SessionConfig: &session.Config{
			CookieName: "dex_session", AbsoluteLifetime: time.Hour, ValidIfNotUsedFor: time.Hour,
		},
	})
}

// newStorage adds the user, the clients and the connectors to a storage.
func newStorage(ctx context.Context, s storage.Storage) (storage.Storage, error) {
	if err := s.CreatePassword(ctx, alice()); err != nil {
		return nil, err
	}
	s = storage.WithStaticClients(s, clients())
	all, err := newConnectors()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if err := s.CreateConnector(ctx, c); err != nil {
			return nil, err
		}
	}
	return s, nil
}
