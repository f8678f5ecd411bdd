package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a server that runs as a child process. It writes lines of JSON to stdout: the first one when it is ready, and one
// for each command on stdin. It ends when stdin is closed.
type process struct {
	name     string
	commands io.WriteCloser
	lines    <-chan []byte // closed when the process closes stdout
	stderr   *output
	end      func() // sends a signal to the process and waits until it has ended
	ended    func() // waits until the process has ended
}

// Limits of a start. A test needs a server within a second, but many tests start one at the same time.
const (
	maxStarting  = 2 // servers that start at the same time, in this program
	startTimeout = time.Minute
	waitTimeout  = time.Minute // for the response to a command
)

// launcher starts processes.
type launcher struct {
	slots   chan struct{}           // its capacity is the maximum number of processes that start at the same time
	timeout func() <-chan time.Time // returns a channel that is ready when a process has had enough time to start
}

var servers = launcher{slots: make(chan struct{}, maxStarting), timeout: func() <-chan time.Time { return time.After(startTimeout) }}

// startProcess runs a server until the test ends, and decodes its first line into ready. command returns the command that
// runs it, for each attempt.
func startProcess(t *testing.T, name string, command func(context.Context) *exec.Cmd, ready any) *process {
	t.Helper()
	p, err := servers.start(t.Context(), name, command, ready)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("%s wrote to stderr:\n%s", name, p.stderr)
		}
	})
	return p
}

// start starts a process and waits until it is ready. If the process ends or is not ready in time, start tries once more.
func (l launcher) start(ctx context.Context, name string, command func(context.Context) *exec.Cmd, ready any) (*process, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var faults []error
	for range 2 {
		p, err := launch(ctx, name, command)
		if err != nil {
			return nil, err
		}
		if err = p.read(l.timeout(), ready); err == nil {
			return p, nil
		}
		p.end()
		faults = append(faults, fmt.Errorf("%w\nstderr:\n%s", err, p.stderr))
	}
	return nil, errors.Join(faults...)
}

// launch starts a process. When ctx ends, the process gets a signal, and is killed if it does not end.
func launch(ctx context.Context, name string, command func(context.Context) *exec.Cmd) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: name, stderr: new(output)}
	cmd := command(ctx)
	cmd.Stderr = p.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	stdin, errIn := cmd.StdinPipe()
	stdout, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		cancel()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	lines := make(chan []byte, 1)
	p.commands, p.lines = stdin, lines
	p.ended = sync.OnceFunc(func() { _ = cmd.Wait() }) // Wait returns an error for a process that a signal has ended
	p.end = func() {
		cancel()
		p.ended()
	}
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(stdout); r.Scan(); {
			select {
			case lines <- bytes.Clone(r.Bytes()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return p, nil
}

// read decodes the next line of the process. It returns an error if the process ends before, or when the time is over.
func (p *process) read(timeout <-chan time.Time, into any) error {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return fmt.Errorf("%s has ended", p.name)
		}
		if err := json.Unmarshal(line, into); err != nil {
			return fmt.Errorf("%s wrote %q: %w", p.name, line, err)
		}
		return nil
	case <-timeout:
		return fmt.Errorf("%s wrote no line in time", p.name)
	}
}

// answer waits for the response to a command.
func (p *process) answer(t *testing.T, into any) {
	t.Helper()
	if err := p.read(time.After(waitTimeout), into); err != nil {
		t.Fatal(err)
	}
}

// stop closes stdin of the process, which makes it end, and waits for that.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.commands.Close(); err != nil {
		t.Fatal(err)
	}
	p.ended()
}

// output is a buffer that one goroutine writes and others read.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
