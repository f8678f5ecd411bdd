package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const childDoes = "BEARERKIT_TEST_CHILD"

// TestProcess_Child is the process that TestProcess_Start runs. It does what an environment variable says.
func TestProcess_Child(t *testing.T) {
	t.Parallel()
	does := os.Getenv(childDoes)
	if does == "" {
		return
	}
	_, _ = io.WriteString(os.Stderr, "the child "+does+"\n")
	switch does {
	case "ends":
		os.Exit(1)
	case "writes text":
		fmt.Println("no JSON")
	case "is ready":
		fmt.Println(`{"Number":7}`)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent stops it
}

// TestProcess_Start checks that a process that does not become ready is started once more, and that the error contains what
// it wrote to stderr.
func TestProcess_Start(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attempts []string
		want     []string // in the error; nil: no error
	}{
		"ready at once":              {attempts: []string{"is ready"}},
		"ends, then ready":           {attempts: []string{"ends", "is ready"}},
		"hangs, then ready":          {attempts: []string{"hangs", "is ready"}},
		"writes text, then ready":    {attempts: []string{"writes text", "is ready"}},
		"ends twice":                 {attempts: []string{"ends", "ends"}, want: []string{"server has ended", "the child ends"}},
		"hangs twice":                {attempts: []string{"hangs", "hangs"}, want: []string{"no line in time"}},
		"hangs, then ends":           {attempts: []string{"hangs", "ends"}, want: []string{"no line in time", "server has ended", "the child ends"}},
		"writes text, then hangs":    {attempts: []string{"writes text", "hangs"}, want: []string{"the child writes text", "no line in time"}},
		"the program does not exist": {attempts: []string{""}, want: []string{"no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, number, attempts, err := startChildren(t, test.attempts)
			if len(attempts) != len(test.attempts) {
				t.Errorf("%d attempts, want %d", len(attempts), len(test.attempts))
			}
			if test.want == nil {
				if err != nil || number != 7 {
					t.Fatalf("number %d: %v", number, err)
				}
				p.stop(t)
				return
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			for _, cmd := range attempts {
				if cmd.Process != nil && cmd.ProcessState == nil {
					t.Error("a child is still running")
				}
			}
		})
	}
}

// startChildren starts a child for each attempt. Only a child that hangs runs out of time.
func startChildren(t *testing.T, does []string) (p *process, number int, attempts []*exec.Cmd, err error) {
	t.Helper()
	over, never := make(chan time.Time), make(chan time.Time)
	close(over)
	l := launcher{slots: make(chan struct{}, 1), timeout: func() <-chan time.Time {
		if does[len(attempts)-1] == "hangs" {
			return over
		}
		return never
	}}
	var ready struct{ Number int }
	p, err = l.start(t.Context(), "server", func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProcess_Child$")
		if len(attempts) >= len(does) {
			t.Fatal("too many attempts")
		}
		next := does[len(attempts)]
		if next == "" {
			cmd = exec.CommandContext(ctx, "/no/such/program")
		}
		cmd.Env = append(os.Environ(), childDoes+"="+next)
		attempts = append(attempts, cmd)
		return cmd
	}, &ready)
	if len(l.slots) != 0 {
		t.Error("the slot was not released")
	}
	return p, ready.Number, attempts, err
}

// TestProcess_Slots checks that no process starts while others take all slots.
func TestProcess_Slots(t *testing.T) {
	t.Parallel()
	l := launcher{slots: make(chan struct{}, 1)}
	l.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.start(ctx, "server", func(context.Context) *exec.Cmd {
		t.Error("a process was started")
		return nil
	}, nil)
	if err == nil {
		t.Error("there is a process")
	}
}
