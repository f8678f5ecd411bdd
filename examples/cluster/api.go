package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// maxTokenLife is the longest time for which the authorization server issues a token. A deny entry must last as long.
const maxTokenLife = time.Hour

// api is one process of the API. All processes have the same deny list and the same list of used proofs. This file contains
// everything that such an API needs.
type api struct {
	http.Handler

	issuer   string
	shared   *redisstore.Store
	verifier *consumer.Consumer
	denied   store.DenyList
	logger   *slog.Logger
}

// newAPI returns a process that accepts tokens of issuer. The caller runs its method watch. tokens are those with which it calls
// another service; nil if there is no database.
func newAPI(issuer string, shared *redisstore.Store, tokens *client.TokenSource, logger *slog.Logger) (*api, error) {
	denied := store.DenyList{Storage: shared}
	verifier, err := consumer.New(consumer.Config{
		Issuer:   issuer,
		Audience: []string{demo.Audience},
		Status:   denied,
		// Results are cached for so long, but watch drops them as soon as any process denies the token.
		StatusTTL: 5 * time.Minute,
		Logger:    logger,
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		// A proof that one process has accepted is rejected by all others.
		DPoP:   &middleware.DPoPConfig{URL: "https://api.example.com", Replays: shared},
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	a := &api{issuer: issuer, shared: shared, verifier: verifier, denied: denied, logger: logger}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(greet)))
	mux.Handle("POST /revoke", guard.With(middleware.Role("roles", "admin"))(http.HandlerFunc(a.revoke)))
	if tokens != nil {
		mux.Handle("GET /stock", guard.With(middleware.Scopes("orders:read"))(stock(tokens)))
	}
	mux.HandleFunc("GET /readyz", a.ready)
	a.Handler = mux
	return a, nil
}

// watch drops cached tokens when any process denies them, until ctx ends.
func (a *api) watch(ctx context.Context) error { return a.shared.Watch(ctx, a.verifier) }

// revoke denies the tokens that one parameter of the form names: one token (jti), the tokens of a session (sid), or those that
// a user (sub) or a client (client_id) has received until now.
func (a *api) revoke(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	until := now.Add(maxTokenLife)
	var err error
	switch ctx := r.Context(); {
	case r.PostFormValue("jti") != "":
		err = a.denied.DenyToken(ctx, a.issuer, r.PostFormValue("jti"), until)
	case r.PostFormValue("sid") != "":
		err = a.denied.DenySession(ctx, a.issuer, r.PostFormValue("sid"), until)
	case r.PostFormValue("sub") != "":
		err = a.denied.DenySubject(ctx, a.issuer, r.PostFormValue("sub"), now, until)
	case r.PostFormValue("client_id") != "":
		err = a.denied.DenyClient(ctx, a.issuer, r.PostFormValue("client_id"), now, until)
	default:
		http.Error(w, "expected one of jti, sid, sub and client_id", http.StatusBadRequest)
		return
	}
	if err != nil { // the tokens may still be accepted, so the administrator must repeat the request
		a.logger.LogAttrs(r.Context(), slog.LevelError, "cannot deny tokens", slog.Any("error", err))
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the deny list is unavailable", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// ready is the readiness probe. A process without keys or without its store rejects all requests with 503.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if err := errors.Join(a.verifier.Warm(ctx), a.shared.Check(ctx)); err != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ready")
}

// greet handles the guarded route. The Guard has verified the token before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
