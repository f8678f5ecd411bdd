package middleware

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

// HealthSource reports whether a part of the API is ready. [*consumer.Consumer] and [*consumer.Group] implement it, and
// so can anything else that the API needs.
type HealthSource interface {
	// Health returns the current state. It must return at once and be safe for concurrent use. Readiness uses only the
	// field Ready.
	Health() consumer.Health
}

// Readiness returns a handler for readiness probes, which decide whether this process receives requests. It responds with
// 200 if every source is ready and with 503 otherwise. It serves GET and HEAD without a token. Without sources, or if one
// of them is nil or a nil pointer, it always responds with 503.
//
// If a source is not ready and has a method Warm(context.Context) error, as Consumer and Group have, the probe calls
// it. So a process that receives no requests before it is ready can still fetch its keys. Only one probe at a time
// calls Warm, and it waits at most 0.5 s; other probes respond at once. The fetch continues after the probe has
// responded. Probes and requests share one fetch and one back-off after failures, so frequent probes do not increase
// the load on the issuer. A ready source causes no fetch.
//
// A Consumer stays ready for KeyCache.StaleFor while its issuer is down, because its keys can still be used. Do not list a
// source that the API can do without, such as one of many issuers: while it is not ready, the process receives no
// requests at all.
//
// The response contains neither errors nor the names of issuers, because probe endpoints are often public and issuers may
// be customers. Use Health and metrics to find out what is not ready.
//
// Do not use Readiness as a liveness probe. A restart does not repair an issuer, and it discards the cached keys. For
// liveness, a handler that responds with 200 is enough.
func Readiness(sources ...HealthSource) http.Handler {
	if slices.ContainsFunc(sources, func(s HealthSource) bool { return nilcheck.IsNil(s) }) {
		sources = nil // never ready
	}
	return &readiness{sources: slices.Clone(sources)}
}

// probePatience is less than the timeout of common probes, which is one second.
const probePatience = 500 * time.Millisecond

type readiness struct {
	sources []HealthSource
	warming sync.Mutex // held by the probe that calls Warm
}

// ServeHTTP implements [http.Handler].
func (p *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	status, body := http.StatusServiceUnavailable, `{"ready":false}`
	if p.ready() || p.becomesReady(r.Context()) {
		status, body = http.StatusOK, `{"ready":true}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, body+"\n")
	}
}

func (p *readiness) ready() bool {
	isNot := func(s HealthSource) bool { return !s.Health().Ready }
	return len(p.sources) > 0 && !slices.ContainsFunc(p.sources, isNot)
}

// becomesReady calls Warm of the sources that are not ready, one after the other. If one of them uses up the time, the
// others have to wait for a later probe: the response is 503 in any case.
func (p *readiness) becomesReady(ctx context.Context) bool {
	if !p.warming.TryLock() {
		return false
	}
	defer p.warming.Unlock()
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	for _, source := range p.sources {
		warmer, ok := source.(interface{ Warm(context.Context) error })
		if ok && !source.Health().Ready {
			_ = warmer.Warm(ctx) // Health has the result
		}
	}
	return p.ready()
}
