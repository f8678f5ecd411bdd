package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// world is the environment of one server: the issuer of its tokens, and the events while it serves.
type world struct {
	issuer *bearertest.Issuer

	mu     sync.Mutex // guards all other fields
	seen   events
	faults []error
}

// events counts what happened while a request was served.
type events struct {
	Verifications int      // by Consumers
	Decisions     []string // of Guards: status and reason
	Decided       []string // the subjects of the tokens of these decisions; "-" if a decision has no token
	Behind        int      // calls of the middleware behind the Guards
	Runs          int      // calls of the handler
}

// note changes the events.
func (w *world) note(event func(*events)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	event(&w.seen)
}

// events returns the events. An error means that the row itself is invalid.
func (w *world) events() (events, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, errors.Join(w.faults...)
}

// fault records that the row itself is invalid.
func (w *world) fault(err error) {
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = append(w.faults, err)
	}
}

// settings changes the Config of a Guard and of its Consumer.
type settings func(*consumer.Config, *middleware.Config)

// guard returns a Guard for the tokens of the world's issuer, unless change sets another Verifier.
func (w *world) guard(change settings) *middleware.Guard {
	verifier := consumer.Config{
		Issuer:     w.issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: w.issuer.Client(),
		OnVerify: func(context.Context, consumer.Verification) {
			w.note(func(e *events) { e.Verifications++ })
		},
	}
	cfg := middleware.Config{
		OnDecision: func(_ context.Context, d middleware.Decision) {
			w.note(func(e *events) {
				e.Decisions = append(e.Decisions, fmt.Sprint(d.Status, " ", d.Reason))
				e.Decided = append(e.Decided, subjectOf(d.Token))
			})
		},
	}
	if change != nil {
		change(&verifier, &cfg)
	}
	verifier.Logger, cfg.Logger = logscan.Logger(), logscan.Logger()
	c, err := consumer.New(verifier)
	w.fault(err)
	if cfg.Verifier == nil {
		cfg.Verifier = c
	}
	g, err := middleware.New(cfg)
	w.fault(err)
	return g
}

// subjectOf returns the subject of a token, or "-" if there is none.
func subjectOf(token *consumer.Token) string {
	if token == nil {
		return "-"
	}
	return token.Subject()
}

// route returns a Route that counts the calls of its handler and middleware.
func (w *world) route(method string, group, guards []Guarded, serve serveFunc) Route {
	return Route{
		Method: method,
		Path:   "/orders/{id}",
		Group:  group,
		Guards: guards,
		Behind: func() { w.note(func(e *events) { e.Behind++ }) },
		Serve: func(rw http.ResponseWriter, r *http.Request, seen Seen) error {
			w.note(func(e *events) { e.Runs++ })
			return serve(rw, r, seen)
		},
	}
}

// serveFunc is the type of Route.Serve.
type serveFunc = func(http.ResponseWriter, *http.Request, Seen) error

// showOrder writes the subject of the token and the id of the order.
func showOrder(w http.ResponseWriter, r *http.Request, seen Seen) error {
	who := "nobody"
	if seen.HasToken {
		who = seen.Token.Subject()
	}
	if token, ok := middleware.TokenFromContext(r.Context()); ok != seen.HasToken || token != seen.Token {
		who += " (but the context has a different token)"
	}
	_, err := fmt.Fprintf(w, "%s: order %s\n", who, seen.ID)
	return err
}
