package serve

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
)

// service responds to the proxy. All requests use the current state.
type service struct {
	state    atomic.Pointer[state]
	logger   *slog.Logger
	warnings *limiter
}

// ServeHTTP implements [http.Handler]. It does not use [http.ServeMux], which would redirect Envoy's requests to a clean path.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.state.Load()
	switch {
	case !now.isTrusted(r.RemoteAddr):
		s.warn(r, notTrusted())
		http.Error(w, "forbidden", http.StatusForbidden)
	case isDecision(r, now.config.Proxy):
		s.decide(w, r, now)
	case now.guard.Resource() != "" && strings.TrimSuffix(r.URL.Path, "/") == strings.TrimSuffix(now.guard.MetadataPath(), "/"):
		now.guard.MetadataHandler().ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// notTrusted returns the detail about a connection from another network.
func notTrusted() slog.Attr {
	return slog.String("detail", "the connection comes from an address that is not listed (trusted_proxies)")
}

// isDecision reports whether r asks for a decision.
func isDecision(r *http.Request, proxy string) bool {
	if proxy == proxyEnvoy { // the path of the client's request follows
		return strings.HasPrefix(r.RequestURI, authPath+"/")
	}
	path, _, _ := strings.Cut(r.RequestURI, "?") // Caddy appends the query of the client's request
	return path == authPath
}

// credentialFields are the header fields with the token and its proof.
func credentialFields() []string { return []string{"authorization", "dpop"} }

// decide responds with the decision about the request that r describes.
func (s *service) decide(w http.ResponseWriter, r *http.Request, now *state) {
	result := newResponse()
	o, err := now.convention.read(r)
	if err == nil {
		err = now.decide(r.Context(), result, o)
	} else {
		now.guard.Deny(result, r, invalid(err))
	}
	if now.config.RemoveToken && result.status == http.StatusOK {
		result.header.Set("X-Envoy-Auth-Headers-To-Remove", strings.Join(credentialFields(), ","))
	}
	if err != nil {
		s.warn(r, slog.String("detail", err.Error()))
	}
	if now.config.Proxy == proxyNginx || now.config.Proxy == proxyEnvoy {
		result.joinChallenges()
	}
	if result.header.Get("Cache-Control") == "" {
		result.header.Set("Cache-Control", "no-store") // a cache in the proxy must not answer for another token
	}
	result.writeTo(w)
}
