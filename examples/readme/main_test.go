package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
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
		{"good token", "Bearer " + issuer.AccessToken().Set("scope", "orders:read").Sign(), 200, "hello alice", ""},
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

// A service that calls the API: its token is got at the first call, and goes to the API alone.
func TestCaller(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		URL:      "http://" + server.Listener.Addr().String(),
		Audience: "https://api.example.com",
	})
	mux := http.NewServeMux()
	mux.Handle("/", issuer)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%[1]s/jwks","token_endpoint":"%[1]s/token"}`, issuer.URL())
	})
	var asked atomic.Int32
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if id, secret, _ := r.BasicAuth(); id != "billing" || secret != "s3cret" || r.FormValue("scope") != "orders:read" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":300}`, issuer.AccessToken().Set("scope", "orders:read").Sign())
	})
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	api, err := newAPI(issuer.URL())
	if err != nil {
		t.Fatal(err)
	}
	orders := httptest.NewServer(api)
	t.Cleanup(orders.Close)
	caller, err := newCaller(issuer.URL(), "billing", "s3cret", orders.URL)
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if got, err := call(t, caller, orders.URL+"/orders"); got != "hello alice" || err != nil {
			t.Errorf("the API said %q, %v", got, err)
		}
	}
	if _, err := call(t, caller, "https://other.example.com/orders"); !errors.Is(err, client.ErrOrigin) {
		t.Errorf("a call of another API: %v, want ErrOrigin", err)
	}
	if asked.Load() != 1 {
		t.Errorf("%d tokens were asked for", asked.Load())
	}
	if _, err := newCaller("", "", "", orders.URL); err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
		t.Errorf("got %v, want an error that names Config.Issuer", err)
	}
}

func call(t *testing.T, c *http.Client, url string) (body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(text)), err
}

// TestReadmeShowsThese: what README.md shows is what compiles here.
func TestReadmeShowsThese(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, beginning := range map[string]string{"main.go": "func main()", "client.go": "func newCaller("} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		program := string(source[strings.Index(string(source), beginning):])
		if !strings.Contains(string(readme), "```go\n"+program+"```\n") {
			t.Errorf("README.md does not show this program:\n%s", program)
		}
	}
}
