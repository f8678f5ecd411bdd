package interop_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/bearerkit/bearerkit/middleware"
)

// TestG4_Browser calls an API from a page of another origin, with npm's dpop and oauth4webapi in the browser. The page can read
// the challenge and the nonce only if the API exposes them.
func TestG4_Browser(t *testing.T) {
	t.Parallel()
	s := &sender{oidcProvider: startScript(t, "server.mjs")}
	site := s.servePage(t)
	page := startChromium(t, findChromium(t))
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		want   string
	}{
		{"without nonces", nil, "200 dpop, 200 dpop; 0 nonces"},
		{"nonces, exposed", func(cfg *middleware.Config) {
			cfg.DPoP.RequireNonce, cfg.DPoP.ExposeHeaders = true, true
		}, "200 dpop, 200 dpop; 1 nonces"},
		{"nonces, not exposed", withNonces, "401, 401; 0 nonces"},
	} {
		for _, f := range frameworks {
			api := s.guarded(t, framework{f.name, func(g *middleware.Guard, rules ...middleware.Rule) http.Handler {
				return allowOrigin(site, f.handler(g, rules...))
			}}, row.change)
			query := url.Values{"api": {api.server.URL + "/orders"}, "tokens": {s.tokenEndpoint}}
			page.open(t, site+"/?"+query.Encode(), "#result:not(:empty)")
			page.shows(t, "#result", row.want)
		}
	}
}

// servePage serves the page of testdata and the npm packages. POST /token sends the proof to the authorization server.
func (s *sender) servePage(t *testing.T) (site string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "dpop.html"))
	})
	for _, name := range []string{"dpop", "oauth4webapi"} {
		mux.HandleFunc("GET /npm/"+name+".js", func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join("oidcprovider", "node_modules", name, "build", "index.js"))
		})
	}
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		g, err := s.ask(r.Context(), "dpop", clientCredentials(apiRS256, "api:read"), http.Header{"Dpop": r.Header.Values("DPoP")})
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, g.AccessToken)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// allowOrigin is a CORS middleware that exposes no header.
func allowOrigin(origin string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, DPoP")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
