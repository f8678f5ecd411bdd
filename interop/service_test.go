package interop_test

import (
	"bufio"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// again runs one test of this program in a new process with additional environment variables.
func again(t *testing.T, test string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// TestServices_Missing checks that without node or Go a test is skipped with a reason, or fails if all services are required.
func TestServices_Missing(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{
		"oidc-provider": "interop: node is not installed",
		"dex":           "interop: the modules of interop/dex are not in the module cache",
	}
	for name, test := range map[string]struct {
		server, demanded, want string
		fails                  bool
	}{
		"skipped":      {server: "oidc-provider", want: "--- SKIP"},
		"demanded":     {server: "oidc-provider", demanded: "1", want: "--- FAIL", fails: true},
		"dex skipped":  {server: "dex", want: "--- SKIP"},
		"dex demanded": {server: "dex", demanded: "1", want: "--- FAIL", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := again(t, "TestClient$/^"+test.server, "PATH=", requireServices+"="+test.demanded).CombinedOutput()
			if said := string(out); (err != nil) != test.fails || !strings.Contains(said, test.want+": TestClient/"+test.server) ||
				!strings.Contains(said, reasons[test.server]) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

const serviceEnds = "BEARERKIT_TEST_SERVICE_ENDS"

// TestServices_End checks that each server ends with its test, whether the test passes, fails, panics or is killed.
func TestServices_End(t *testing.T) {
	t.Parallel()
	startOIDCProvider(t) // skips the test if the server cannot be started
	for _, way := range []string{"passes", "fails", "panics", "killed"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			wantServerEnds(t, way)
		})
	}
}

// wantServerEnds starts a server in a test, ends the test, and checks that the server has ended.
func wantServerEnds(t *testing.T, way string) {
	t.Helper()
	cmd := again(t, "TestServices_Short", serviceEnds+"="+way)
	goOn, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	host, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	host = strings.TrimSpace(host)
	if conn := connect(t, host); conn == nil {
		t.Fatal("there is no server")
	}
	if way == "killed" {
		_ = cmd.Process.Kill()
	}
	_ = goOn.Close()
	_, _ = io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); (err == nil) != (way == "passes") {
		t.Errorf("%s: %v", way, err)
	}
	for range 100 { // the server closes its connections before it ends
		conn := connect(t, host)
		if conn == nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn) // until the server ends
	}
	t.Error("the server is still there")
}

// connect returns nil if the connection is refused.
func connect(t *testing.T, host string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", host)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestServices_Short starts a server and ends. Only TestServices_End runs it.
func TestServices_Short(t *testing.T) {
	t.Parallel()
	way := os.Getenv(serviceEnds)
	if way == "" {
		return
	}
	place, err := url.Parse(startOIDCProvider(t).issuer)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(os.Stderr, place.Host+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other process has seen the server
	switch way {
	case "fails":
		t.Fatal("as it should")
	case "panics":
		panic("as it should")
	}
}
