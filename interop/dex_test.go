package interop_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// dexServer is a running interop/dex. Its user is alice@example.com, and the subject of her tokens also contains the connector.
type dexServer struct {
	authorizationServer
	*process

	ready struct{ Issuer string }
}

// The subjects of alice and of the client "cc" in the tokens of Dex. They are protocol buffers with an id and the name of a
// connector, in base64url.
const (
	dexAlice = "CgVhbGljZRIFbG9jYWw"
	dexCC    = "CgJjYw"
)

// startDex runs Dex until the test ends. env is added to its environment. The issuer has a path.
func startDex(t *testing.T, env ...string) dexServer {
	t.Helper()
	program, err := dexProgram()
	if err != nil {
		t.Fatal(err)
	}
	if program == "" {
		unavailable(t, "interop: the modules of interop/dex are not in the module cache: run make services first")
	}
	var d dexServer
	d.process = startProcess(t, "dex", func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}, &d.ready)
	d.authorizationServer = authorizationServer{issuer: d.ready.Issuer, tokenEndpoint: d.ready.Issuer + "/token"}
	return d
}

// userTokens returns tokens of alice for the client "web", through the password grant.
func (d dexServer) userTokens(t *testing.T, scope string) grant {
	t.Helper()
	g, err := d.ask(t.Context(), "web", url.Values{
		"grant_type": {"password"}, "username": {"alice@example.com"}, "password": {"any"}, "scope": {scope},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// built is the folder of the program that dexProgram builds. TestMain removes it. It is empty if nothing was built.
var built string

// dexProgram builds interop/dex once, and returns the path of the program. It downloads nothing: if a module is not in the
// module cache, the path is empty.
var dexProgram = sync.OnceValues(func() (string, error) {
	if goCommand("list", "-deps", ".").Run() != nil {
		return "", nil
	}
	folder, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return "", err
	}
	built = folder
	program := filepath.Join(folder, "dex")
	if out, err := goCommand("build", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("interop/dex cannot be built: %w\n%s", err, out)
	}
	return program, nil
})

// goCommand returns a go command in the module interop/dex, which is not part of the workspace.
func goCommand(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = "dex"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "CGO_ENABLED=0")
	return cmd
}

// TestDex_EndsWithItsTest checks that Dex ends when stdin is closed, as it is when the process of the test ends in any way.
func TestDex_EndsWithItsTest(t *testing.T) {
	t.Parallel()
	d := startDex(t)
	place, err := url.Parse(d.issuer)
	if err != nil {
		t.Fatal(err)
	}
	if connect(t, place.Host) == nil {
		t.Fatal("there is no server")
	}
	d.stop(t)
	if connect(t, place.Host) != nil {
		t.Error("the server is still there")
	}
}
