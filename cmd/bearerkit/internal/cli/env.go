package cli

import (
	"io"
	"net/http"
	"os"

	"golang.org/x/term"
)

// Env contains everything that a command reads and writes outside of itself: streams, variables and the network. [OS] returns the Env
// of the process. Tests set the fields that they need.
type Env struct {
	// Stdin is the standard input. Nil: it is empty.
	Stdin io.Reader

	// Stdout and Stderr receive the results, and the progress and diagnostics. Nil: they are discarded.
	Stdout, Stderr io.Writer

	// Getenv returns the value of an environment variable, or "". Nil: no variable is set.
	Getenv func(name string) string

	// Environ returns all environment variables, in the form of [os.Environ]. Nil: none.
	Environ func() []string

	// Columns returns the width of the terminal that w is connected to, or 0 if w is not a terminal. Nil: no writer is a
	// terminal.
	Columns func(w io.Writer) int

	// HTTPClient provides the transport of every request of a command. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	json bool            // the flag --json
	done <-chan struct{} // of the context of Run; nil: it never ends
}

// OS returns the Env of the process.
func OS() *Env {
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ, Columns: columns}
}

// columns returns the width of the terminal that w is connected to, or 0.
func columns(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// withDefaults returns a copy of e in which no member is nil, except for HTTPClient.
func (e *Env) withDefaults() *Env {
	filled := *e
	if filled.Stdin == nil {
		filled.Stdin = http.NoBody
	}
	if filled.Stdout == nil {
		filled.Stdout = io.Discard
	}
	if filled.Stderr == nil {
		filled.Stderr = io.Discard
	}
	if filled.Getenv == nil {
		filled.Getenv = func(string) string { return "" }
	}
	if filled.Environ == nil {
		filled.Environ = func() []string { return nil }
	}
	if filled.Columns == nil {
		filled.Columns = func(io.Writer) int { return 0 }
	}
	return &filled
}

// JSON reports whether the result must be one JSON document (--json).
func (e *Env) JSON() bool { return e.json }

// Terminal reports whether w is a terminal.
func (e *Env) Terminal(w io.Writer) bool { return e.Columns(w) > 0 }

// The width of text that is written to something else than a terminal, and the limits for terminals.
const (
	defaultWidth = 100
	minWidth     = 40
	maxWidth     = 120
)

// Width returns the number of columns to which text on Stdout is wrapped: the width of the terminal, between 40 and 120, or 100
// if Stdout is not a terminal.
func (e *Env) Width() int {
	width := e.Columns(e.Stdout)
	if width == 0 {
		return defaultWidth
	}
	return min(max(width, minWidth), maxWidth)
}
