package serve

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// current is the health of the current verifier, for probes and metrics.
type current struct{ service *service }

// Health implements [middleware.HealthSource].
func (c current) Health() consumer.Health { return c.service.state.Load().issuers.verifier.Health() }

// admin returns the handler of the admin address. /readyz fails as soon as the process drains.
func (s *server) admin(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	ready := middleware.Readiness(current{&s.service})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		ready.ServeHTTP(w, r)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
