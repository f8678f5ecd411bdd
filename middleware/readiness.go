package middleware

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// HealthSource is what [Readiness] asks: a [consumer.Consumer], a [consumer.Group], or something else that the API
// cannot do without. Health must not wait.
type HealthSource interface {
	Health() consumer.Health
}

// Readiness answers probes with 200 if every source is ready, and with 503 if one is not: whether requests should be
// sent here. It is for GET and HEAD, and needs no token. Without a source, or with one that is nil, it never says yes.
//
// A source that is not ready and has a method Warm(context.Context) error, as a Consumer and a Group have, is warmed by
// the probe, for a process that gets no requests before it is ready must get its keys without them. The probe waits for
// half a second of that at most, and one probe at a time; others are answered at once. What it started goes on when it
// has left, and is the fetch that requests would share, under the same back-off after a failure. So however often
// anybody probes, the issuer is not asked more often. A source that is ready causes no fetch.
//
// Keys that were held once count while they may be used, so an issuer that is down makes nobody unready for
// KeyCache.StaleFor. A source that the API can do without, say one of many issuers, should not be among the sources: while
// it is not ready, no request gets here at all.
//
// The answer says yes or no and no more, since such an endpoint is often open to all of a network: neither an error nor
// which issuers there are, who may be somebody's customers. An operator has Health and metrics for those.
//
// It must not serve as a liveness probe, which decides whether to restart the process. A restart brings no issuer back, and
// takes the keys that are held away. A handler that answers 200 is all that liveness needs.
func Readiness(sources ...HealthSource) http.Handler {
	return &readiness{sources: slices.Clone(sources)}
}

// probePatience is less than the second after which common probes give up.
const probePatience = 500 * time.Millisecond

type readiness struct {
	sources []HealthSource
	warming sync.Mutex // held by the probe that warms
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
	isNot := func(s HealthSource) bool { return s == nil || !s.Health().Ready }
	return len(p.sources) > 0 && !slices.ContainsFunc(p.sources, isNot)
}

// becomesReady warms what is not ready, one source after the other: a source that takes all the time keeps the answer at
// no, so that it does not matter when the next one is warmed.
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
			_ = warmer.Warm(ctx) // Health says what became of it
		}
	}
	return p.ready()
}
