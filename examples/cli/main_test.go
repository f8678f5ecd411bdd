package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

// TestLoopback signs in with a browser.
func TestLoopback(t *testing.T) {
	t.Parallel()
	if said := signsIn(t, atAddress, "-flow", "loopback"); !strings.Contains(said, "Signed in as id2") || !strings.Contains(said, "200 OK") {
		t.Error(said)
	}
}

// TestListen signs in as in a container, where the port of the redirect URI is given.
func TestListen(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-port", port}, io.Discard); err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("the port is in use: %v", err)
	}
	_ = l.Close()
	if said := signsIn(t, atAddress, "-port", port, "-listen", "127.0.0.1:"+port); !strings.Contains(said, "Signed in as id2") {
		t.Error(said)
	}
}

// TestDevice signs in with a code.
func TestDevice(t *testing.T) {
	t.Parallel()
	var address string
	said := signsIn(t, func(line string) (string, bool) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "http"):
			address = line
		case strings.Count(line, "-") > 0 && !strings.Contains(line, " "):
			return address + "?user_code=" + line, true
		}
		return "", false
	}, "-flow", "device")
	if !strings.Contains(said, "Signed in as id2") {
		t.Error(said)
	}
}

// TestSecondRun checks that the second run needs no sign-in, until the user signs out.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	issuer, err := signin.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "tokens")
	args := []string{"-issuer", issuer, "-client-id", signin.NativeClient, "-tokens", folder, "-scope", "openid profile offline_access"}
	for i, want := range []string{"Signed in as id2", "Already signed in"} {
		said := signsIn(t, atAddress, args...)
		if !strings.HasPrefix(said, want) && (i > 0 || !strings.Contains(said, want)) || !strings.Contains(said, `"sub":"id2"`) || strings.Contains(said, "eyJ") {
			t.Error(said)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	for _, want := range []string{"Signed out.", "Nobody is signed in."} {
		if said := signsIn(t, atAddress, append(args, "-sign-out")...); !strings.Contains(said, want) {
			t.Error(said)
		}
	}
}

func atAddress(line string) (address string, ok bool) {
	address = strings.TrimSpace(line)
	return address, strings.HasPrefix(address, "http")
}

// signsIn runs the program, opens the addresses that find reads from its output, and returns the output.
func signsIn(t *testing.T, find func(line string) (address string, ok bool), args ...string) string {
	t.Helper()
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), args, said); _ = said.Close() }()
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
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, all.String())
	}
	return all.String()
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-nonsense"}, {"-flow", "implicit"}, {"-certificate", "/no/such/file"}, {"-listen", "localhost"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: accepted, expected an error", args)
		}
	}
}
