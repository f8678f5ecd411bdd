package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

// TestWebapp signs a user in at the provider beside it, calls the API, and signs them out.
func TestWebapp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, said) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewReader(out)
	_, _ = lines.ReadString('\n')
	line, err := lines.ReadString('\n')
	site, ok := strings.CutPrefix(strings.TrimSuffix(line, "/\n"), "Open ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	user, err := signin.Browser()
	if err != nil {
		t.Fatal(err)
	}
	visit := func(path, want string) {
		t.Helper()
		if page, err := signin.Visit(ctx, user, site+path); err != nil || !strings.Contains(page, want) {
			t.Errorf("%s: %v, %s", path, err, page)
		}
	}
	visit("/api/orders", "login_required")
	visit("/auth/login?return_to=/app.css", "main {")
	visit("/auth/session", `"signed_in":true`)
	visit("/profile", "test-user2@zitadel.ch")
	visit("/api/orders", `"subject":"id2"`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, site+"/auth/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", site)
	resp, err := user.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	visit("/auth/session", `"signed_in":false`)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"-nonsense"}, io.Discard); err == nil {
		t.Error("an unknown flag was taken")
	}
}
