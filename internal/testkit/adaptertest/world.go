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

// world is what one server has to do with: the issuer of its tokens, its Guards, and a count of what happens.
type world struct {
	issuer *bearertest.Issuer

	mu     sync.Mutex // guards all other fields
	seen   events
	faults []error
}

// events is what happened while a request was served.
type events struct {
	Verifications int      // by consumers
	Decisions     []string // by Guards: status and reason
	Behind        int      // calls of the middleware behind the Guards
	Runs          int      // calls of the handler
}

func (w *world) note(event func(*events)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	event(&w.seen)
}

// events returns what happened. Its error says that the row itself is at fault.
func (w *world) events() (events, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, errors.Join(w.faults...)
}

func (w *world) fault(err error) {
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = append(w.faults, err)
	}
}

// settings are changes to a Guard and to the consumer that it asks.
type settings func(*consumer.Config, *middleware.Config)

// guard makes a Guard for the tokens of the world's issuer.
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
			w.note(func(e *events) { e.Decisions = append(e.Decisions, fmt.Sprint(d.Status, " ", d.Reason)) })
		},
	}
	if change != nil {
		change(&verifier, &cfg)
	}
	verifier.Logger, cfg.Logger = logscan.Logger(), logscan.Logger()
	c, err := consumer.New(verifier)
	w.fault(err)
	cfg.Verifier = c
	g, err := middleware.New(cfg)
	w.fault(err)
	return g
}

// route is a route whose handler and middleware are counted.
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

type serveFunc = func(http.ResponseWriter, *http.Request, Seen) error

// showOrder says what it sees.
func showOrder(w http.ResponseWriter, r *http.Request, seen Seen) error {
	who := "nobody"
	if seen.HasToken {
		who = seen.Token.Subject()
	}
	if token, ok := middleware.TokenFromContext(r.Context()); ok != seen.HasToken || token != seen.Token {
		who += ", but another one in the context,"
	}
	_, err := fmt.Fprintf(w, "%s: order %s\n", who, seen.ID)
	return err
}
