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

// start runs the program and returns its address.
func start(t *testing.T) (site string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, said); _ = said.Close() }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	var text strings.Builder
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop") {
		line := strings.TrimSpace(lines.Text())
		_, _ = text.WriteString(line + "\n")
		if strings.HasPrefix(line, "http") {
			site = strings.TrimSuffix(line, "/")
		}
	}
	if site == "" || !strings.Contains(text.String(), signin.User+" with the password "+signin.Password) {
		t.Fatal(text.String())
	}
	return site
}

// TestWebapp signs a user in at the demonstration provider, calls the API, and signs the user out.
func TestWebapp(t *testing.T) {
	t.Parallel()
	site := start(t)
	user, err := signin.Browser()
	if err != nil {
		t.Fatal(err)
	}
	visit := func(path string, wants ...string) {
		t.Helper()
		page, err := signin.Visit(t.Context(), user, site+path)
		for _, want := range wants {
			if err != nil || !strings.Contains(page, want) {
				t.Errorf("%s: %v, expected %q in %s", path, err, want, page)
			}
		}
		if strings.Contains(page, "eyJ") {
			t.Errorf("%s: the page contains a token: %s", path, page)
		}
	}
	visit("/api/orders", "login_required")
	visit("/auth/callback?state=x&code=y", "The sign-in has failed", "Please start again")
	visit("/nothing", "There is no such page")
	visit("/auth/login?return_to=/app.css", ":root {")
	visit("/auth/session", `"signed_in":true`)
	visit("/profile", "test-user2@zitadel.ch", "Bearer", "orders:read", " UTC")
	visit("/auth/login?prompt=login+none", "The sign-in has failed") // the link is not valid
	visit("/auth/login?prompt=login&return_to=/profile", "test-user2@zitadel.ch")
	visit("/auth/callback?state=x&code=y", "The shop") // a stale callback leads to the application
	visit("/api/orders", `"subject":"id2"`, "Teapot")
	if status := get(t, user, http.MethodGet, site, "/api/report"); status != http.StatusForbidden {
		t.Error(status)
	}
	if status := get(t, user, http.MethodPost, site, "/auth/logout"); status != http.StatusOK {
		t.Error(status)
	}
	visit("/auth/session", `"signed_in":false`)
}

// get sends one request as a page of the site would, and follows redirects: after a logout, to the provider and back.
func get(t *testing.T, user *http.Client, method, site, path string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, site+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", site)
	resp, err := user.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if method == http.MethodPost && resp.Request.URL.Path != "/signed-out" {
		t.Errorf("the logout ends at %s, expected /signed-out", resp.Request.URL)
	}
	return resp.StatusCode
}

// TestPages checks that each page has a Content-Security-Policy, and nothing inline.
func TestPages(t *testing.T) {
	t.Parallel()
	site := start(t)
	for _, path := range []string{"/", "/signed-out", "/nothing", "/auth/callback", "/app.js", "/icon.svg"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %q", path, policy)
		}
		for _, inline := range []string{"<script>", "<style", "style=", "onclick="} {
			if strings.Contains(string(text), inline) {
				t.Errorf("%s contains %s", path, inline)
			}
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"-nonsense"}, io.Discard); err == nil {
		t.Error("an unknown flag was accepted")
	}
}
