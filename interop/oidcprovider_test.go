package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// oidcProvider is a running oidcprovider/server.mjs.
type oidcProvider struct {
	authorizationServer
	commands io.WriteCloser
	answers  *bufio.Reader
	ended    func() // waits for the end of the process
	ready    struct{ Issuer, Strict string }
}

// startOIDCProvider runs the server until the test ends or stop is called.
func startOIDCProvider(t *testing.T) *oidcProvider {
	t.Helper()
	return startScript(t, "server.mjs")
}

// startScript runs a script of oidcprovider until the test ends. env is added to its environment.
func startScript(t *testing.T, script string, env ...string) *oidcProvider {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unavailable(t, "interop: node is not installed")
	}
	if _, err := os.Stat(filepath.Join("oidcprovider", "node_modules", "oidc-provider", "package.json")); err != nil {
		unavailable(t, "interop: run npm ci in interop/oidcprovider first")
	}
	p := launch(t, node, script, env)
	p.answer(t, &p.ready)
	p.authorizationServer = authorizationServer{issuer: p.ready.Issuer, tokenEndpoint: p.ready.Issuer + "/token"}
	return p
}

const requireServices = "BEARERKIT_REQUIRE_SERVICES"

// unavailable skips a test that lacks a service, or fails it if BEARERKIT_REQUIRE_SERVICES is set.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv(requireServices) == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// launch starts the process. When the context of the test ends, the process gets a signal, and is killed if it does not end.
func launch(t *testing.T, node, script string, env []string) *oidcProvider {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = "oidcprovider"
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	commands, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := func() { _ = cmd.Wait() } // Wait returns an error for a process that a signal has ended
	t.Cleanup(func() {
		cancel()
		ended()
		if t.Failed() {
			t.Logf("oidc-provider said:\n%s", stderr.String())
		}
	})
	return &oidcProvider{commands: commands, answers: bufio.NewReader(stdout), ended: ended}
}

// rotate makes the server sign with new keys. It publishes the old ones until the next rotation.
func (p *oidcProvider) rotate(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.commands, "rotate\n"); err != nil {
		t.Fatal(err)
	}
	var rotated struct{ Keys []string }
	p.answer(t, &rotated)
	if len(rotated.Keys) == 0 {
		t.Fatal("oidc-provider did not rotate")
	}
}

// answer waits for one line from the server. It fails if the server ends before.
func (p *oidcProvider) answer(t *testing.T, into any) {
	t.Helper()
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		t.Fatalf("oidc-provider has ended: %v", err)
	}
	if err := json.Unmarshal(line, into); err != nil {
		t.Fatalf("oidc-provider said %q: %v", line, err)
	}
}

// stop closes stdin of the server, which makes it end, and waits for that.
func (p *oidcProvider) stop(t *testing.T) {
	t.Helper()
	if err := p.commands.Close(); err != nil {
		t.Fatal(err)
	}
	p.ended()
}
