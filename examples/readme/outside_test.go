package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// TestFirstProgramOutside runs the first program of README.md in a module of its own, as a new user does: in an empty directory,
// with `go mod init` and a replace directive. Only the issuer and the port are replaced.
func TestFirstProgramOutside(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a program")
	}
	issuer := newIssuer(t, nil)
	free := httptest.NewServer(nil)
	address := free.Listener.Addr().String()
	free.Close()
	_, program, _ := strings.Cut(readReadme(t), "```go\n")
	program, _, _ = strings.Cut(program, "```")
	program = strings.NewReplacer("https://login.example.com", issuer.URL(), "127.0.0.1:8080", address).Replace(program)
	startOutside(t, program)
	waitFor(t, address)

	for name, test := range map[string]struct {
		token *bearertest.Token
		want  int
	}{
		"a token with the scope":    {issuer.AccessToken().Set("scope", "orders:read"), http.StatusOK},
		"a token without the scope": {issuer.AccessToken(), http.StatusForbidden},
		"a token for another API":   {issuer.AccessToken().Set("aud", "https://other.example.com"), http.StatusUnauthorized},
		"no token":                  {nil, http.StatusUnauthorized},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.token != nil {
			request.Header.Set("Authorization", "Bearer "+test.token.Sign())
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s: got %d, want %d", name, response.StatusCode, test.want)
		}
	}
}

// startOutside builds a program in an empty directory and runs it until the test ends.
func startOutside(t *testing.T, program string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mod", "init", "example.com/orders"},
		{"mod", "edit", "-replace=github.com/bearerkit/bearerkit=" + root},
		{"mod", "tidy"},
		{"build", "-o", "orders", "."},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "orders"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the end of the context kills it
}

// waitFor returns when a server accepts connections at address.
func waitFor(t *testing.T, address string) {
	t.Helper()
	for range 500 {
		response, err := http.Get("http://" + address) //nolint:noctx // it only waits
		if err == nil {
			_ = response.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no server at %s", address)
}
