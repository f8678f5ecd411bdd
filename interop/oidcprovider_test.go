package interop_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// oidcProvider is a running oidcprovider/server.mjs.
type oidcProvider struct {
	authorizationServer
	*process

	ready struct{ Issuer, Strict string }
}

// startOIDCProvider runs the server until the test ends or stop is called.
func startOIDCProvider(t *testing.T) *oidcProvider {
	t.Helper()
	return startScript(t, "server.mjs")
}

// startScript runs an authorization server of oidcprovider until the test ends. env is added to its environment.
func startScript(t *testing.T, script string, env ...string) *oidcProvider {
	t.Helper()
	p := new(oidcProvider)
	p.process = startNode(t, script, &p.ready, env...)
	p.authorizationServer = authorizationServer{issuer: p.ready.Issuer, tokenEndpoint: p.ready.Issuer + "/token"}
	return p
}

// startNode runs a script of oidcprovider until the test ends, and decodes its first line into ready.
func startNode(t *testing.T, script string, ready any, env ...string) *process {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unavailable(t, "interop: node is not installed")
	}
	for _, name := range []string{"oidc-provider", "dpop", "oauth4webapi"} {
		if _, err := os.Stat(filepath.Join("oidcprovider", "node_modules", name, "package.json")); err != nil {
			unavailable(t, "interop: run npm ci in interop/oidcprovider first")
		}
	}
	return startProcess(t, script, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, node, script)
		cmd.Dir = "oidcprovider"
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}, ready)
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
