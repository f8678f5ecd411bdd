package main

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

// TestLoopback signs in with a browser.
func TestLoopback(t *testing.T) {
	t.Parallel()
	signsIn(t, "loopback", func(line string) (address string, ok bool) {
		address = strings.TrimSpace(line)
		return address, strings.HasPrefix(address, "http")
	})
}

// TestDevice signs in with a code.
func TestDevice(t *testing.T) {
	t.Parallel()
	var address string
	signsIn(t, "device", func(line string) (string, bool) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "http"):
			address = line
		case strings.Count(line, "-") > 0 && !strings.Contains(line, " "):
			return address + "?user_code=" + line, true
		}
		return "", false
	})
}

// signsIn runs the program and goes where a line of it says.
func signsIn(t *testing.T, kind string, find func(line string) (address string, ok bool)) {
	t.Helper()
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), []string{"-flow", kind}, said); _ = said.Close() }()
	var all strings.Builder
	var users sync.WaitGroup
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		_, _ = all.WriteString(lines.Text() + "\n")
		address, ok := find(lines.Text())
		if !ok {
			continue
		}
		users.Go(func() {
			user, err := signin.Browser()
			if err != nil {
				t.Error(err)
				return
			}
			if page, err := signin.Visit(t.Context(), user, address); err != nil {
				t.Error(err, page)
			}
		})
	}
	users.Wait()
	if err := <-ended; err != nil || !strings.Contains(all.String(), "Signed in as id2") {
		t.Errorf("%v\n%s", err, all.String())
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-nonsense"}, {"-flow", "implicit"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: taken", args)
		}
	}
}
