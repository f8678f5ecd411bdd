package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// handlers returns rows about handlers that respond or fail in various ways, and about DenyHandlers.
func handlers() []row {
	asWithout := want{status: http.StatusInternalServerError, decisions: []string{"200 "}, verified: 1, runs: 1}
	asWritten := asWithout
	asWritten.status = 0
	return []row{
		{name: "another parameter", target: "/orders/12%20b", want: want{
			status: http.StatusOK, body: "alice: order 12 b\n", decisions: []string{"200 "}, verified: 1, runs: 1,
		}},
		{name: "handler rejects the request itself", serve: refuse, want: want{
			status: http.StatusUnauthorized, body: "not yours\n", decisions: []string{"200 "}, verified: 1, runs: 1,
			header: map[string]string{"WWW-Authenticate": `Basic realm="own"`, "Cache-Control": ""},
		}},
		{name: "handler writes nothing", serve: func(http.ResponseWriter, *http.Request, Seen) error { return nil }, want: want{
			status: http.StatusOK, decisions: []string{"200 "}, verified: 1, runs: 1,
			header: map[string]string{"Content-Length": "0"},
		}},
		{name: "handler fails", serve: fail, asUnguarded: true, want: asWithout},
		{name: "handler fails after writing", serve: writeThen(fail), asUnguarded: true, want: asWritten},
		{name: "handler panics", serve: panicking("out of shirts"), asUnguarded: true, want: asWithout},
		{name: "handler panics after writing", serve: writeThen(panicking("out of shirts")), asUnguarded: true, want: asWritten},
		{name: "handler aborts", serve: panicking(http.ErrAbortHandler), asUnguarded: true, want: asWritten},
		{name: "handler fails behind two Guards", serve: fail, asUnguarded: true, guards: func(w *world) ([]Guarded, []Guarded) {
			g := w.guard(nil)
			return []Guarded{{Guard: g}}, []Guarded{{Guard: g}}
		}, want: want{
			status: http.StatusInternalServerError, decisions: []string{"200 ", "200 "}, verified: 1, runs: 1,
		}},
		{
			name: "rule panics", guards: ruled(middleware.Check("mine", func(context.Context, *consumer.Token) error {
				panic("out of shirts") //nolint:forbidigo // the row is about a panic
			})), serve: panicking("out of shirts"), asUnguarded: true,
			want: want{status: http.StatusInternalServerError, verified: 1},
		},

		{name: "DenyHandler writes everything", header: authorization(), guards: denying(teapot), want: want{
			status: http.StatusTeapot, body: "no no_token\n", decisions: []string{"401 no_token"},
			header: map[string]string{"WWW-Authenticate": bare, "Content-Type": "text/x-tea"},
		}},
		{
			name: "DenyHandler reads the token", guards: set(func(_ *consumer.Config, g *middleware.Config) { g.DenyHandler = name },
				middleware.Scopes("orders:write")), want: want{
				status: http.StatusForbidden, body: "not alice\n", decisions: []string{"403 scope"}, decided: "alice",
				header:   map[string]string{"WWW-Authenticate": bare + `, error="insufficient_scope", scope="orders:write"`},
				verified: 1,
			},
		},
		{name: "DenyHandler writes no status", header: authorization(), guards: denying(forgetStatus), want: want{
			status: http.StatusUnauthorized, body: "no\n", decisions: []string{"401 no_token"},
			header: map[string]string{"WWW-Authenticate": bare},
		}},
		{name: "DenyHandler writes an informational status", header: authorization(), guards: denying(announce), want: want{
			status: http.StatusUnauthorized, body: "no\n", decisions: []string{"401 no_token"},
			header: map[string]string{"WWW-Authenticate": bare},
		}},
		{name: "DenyHandler writes nothing", header: authorization(), guards: denying(forgetAll), want: want{
			status: http.StatusUnauthorized, decisions: []string{"401 no_token"},
			header: map[string]string{"WWW-Authenticate": bare, "Content-Length": "0"},
		}},
	}
}

// takeOrder writes the subject and the body of the request.
func takeOrder(w http.ResponseWriter, r *http.Request, seen Seen) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if !seen.HasToken {
		return errors.New("no token")
	}
	w.WriteHeader(http.StatusCreated)
	_, err = fmt.Fprintf(w, "%s: %s\n", seen.Token.Subject(), body)
	return err
}

// refuse rejects the request with a challenge of its own, which no adapter may change.
func refuse(w http.ResponseWriter, _ *http.Request, _ Seen) error {
	w.Header().Set("WWW-Authenticate", `Basic realm="own"`)
	http.Error(w, "not yours", http.StatusUnauthorized)
	return nil
}

func fail(http.ResponseWriter, *http.Request, Seen) error { return errors.New("the handler fails") }

// panicking panics with value, which may be http.ErrAbortHandler.
func panicking(value any) serveFunc {
	return func(http.ResponseWriter, *http.Request, Seen) error {
		panic(value) //nolint:forbidigo // the row is about a panic
	}
}

// writeThen writes a part of a response before it calls then.
func writeThen(then serveFunc) serveFunc {
	return func(w http.ResponseWriter, r *http.Request, seen Seen) error {
		_, _ = io.WriteString(w, "half of it")
		return then(w, r, seen)
	}
}

type denyFunc = func(http.ResponseWriter, *http.Request, *middleware.Refusal)

// denying puts one Guard with a DenyHandler on the route.
func denying(deny denyFunc) func(*world) ([]Guarded, []Guarded) {
	return set(func(_ *consumer.Config, g *middleware.Config) { g.DenyHandler = deny })
}

// teapot writes content type, status and body.
func teapot(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
	w.Header().Set("Content-Type", "text/x-tea")
	w.WriteHeader(http.StatusTeapot)
	_, _ = fmt.Fprintln(w, "no", refusal.Reason)
}

// name writes the subject of the rejected token.
func name(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
	w.WriteHeader(refusal.Status)
	_, _ = fmt.Fprintln(w, "not", subjectOf(refusal.Token))
}

// forgetStatus writes a body only.
func forgetStatus(w http.ResponseWriter, _ *http.Request, _ *middleware.Refusal) {
	_, _ = io.WriteString(w, "no\n")
}

// announce writes an informational status first.
func announce(w http.ResponseWriter, r *http.Request, refusal *middleware.Refusal) {
	w.WriteHeader(http.StatusEarlyHints)
	forgetStatus(w, r, refusal)
}

func forgetAll(http.ResponseWriter, *http.Request, *middleware.Refusal) {}
