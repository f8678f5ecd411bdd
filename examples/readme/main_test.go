package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		URL:      "http://" + server.Listener.Addr().String(),
		Audience: "https://api.example.com",
	})
	server.Config.Handler = issuer
	server.Start()
	t.Cleanup(server.Close)
	api, err := newAPI(issuer.URL())
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name          string
		authorization string
		status        int
		body          string
		challenge     string
	}{
		{"no token", "", 401, `{"title":"Unauthorized","status":401}`, `Bearer realm="api"`},
		{"good token", "Bearer " + issuer.AccessToken().Sign(), 200, "hello alice", ""},
		{
			"without the scope", "Bearer " + issuer.AccessToken().Set("scope", "other").Sign(),
			403, `{"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:read"}`,
			`Bearer realm="api", error="insufficient_scope", scope="orders:read"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
			if test.authorization != "" {
				request.Header.Set("Authorization", test.authorization)
			}
			got := httptest.NewRecorder()
			api.ServeHTTP(got, request)
			body := strings.TrimSpace(got.Body.String())
			if got.Code != test.status || body != test.body || got.Header().Get("WWW-Authenticate") != test.challenge {
				t.Errorf("%d %q %q, want %d %q %q",
					got.Code, body, got.Header().Get("WWW-Authenticate"), test.status, test.body, test.challenge)
			}
		})
	}
}

func TestNoIssuer(t *testing.T) {
	t.Parallel()
	if _, err := newAPI(""); err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
		t.Errorf("got %v, want an error that names Config.Issuer", err)
	}
}

// TestReadmeShowsThisProgram: what README.md shows is what compiles here.
func TestReadmeShowsThisProgram(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := string(source[strings.Index(string(source), "func main()"):])
	if !strings.Contains(string(readme), "```go\n"+program+"```\n") {
		t.Errorf("README.md does not show this program:\n%s", program)
	}
}
