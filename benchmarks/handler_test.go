package benchmarks_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkHandler sends a request with a token through the middleware of the library to a handler that responds with 204.
// The bare peer is that handler alone.
func BenchmarkHandler(b *testing.B) {
	for _, alg := range algorithms() {
		for _, way := range paths() {
			for _, p := range peers() {
				if p.handler == nil || !p.supports(alg) || !way.concerns(p, true) {
					continue
				}
				b.Run("alg="+alg+"/lib="+p.name+"/path="+way.name, func(b *testing.B) { benchHandler(b, p, alg, way) })
			}
		}
	}
}

func benchHandler(b *testing.B, p peer, alg string, way path) {
	c := corpusOf(alg)
	t := trustOf(c, way)
	h := p.handler(b, t, noContent())
	if p.name != "bare" {
		tell(b, requests(b, h, append(c.good(1), c.forged(1)...)))
	}
	raws := way.tokens(c, way.count)
	for _, a := range requests(b, h, raws) {
		_ = a()
	}
	if way.parallel {
		way.apart(b, func() []attempt { return requests(b, h, raws) })
		return
	}
	way.measure(b, requests(b, h, raws))
}

// apart does the same as path.together, but each goroutine has its own requests and writer.
func (way path) apart(b *testing.B, attempts func() []attempt) {
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for own := attempts(); pb.Next(); {
			if err := own[0](); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func noContent() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

// requests returns an attempt for each token. The attempts share a writer, so only one goroutine may use them.
func requests(tb testing.TB, h http.Handler, raws []string) []attempt {
	tb.Helper()
	ctx := tb.Context()
	w := &writer{header: make(http.Header)}
	attempts := make([]attempt, len(raws))
	for i, raw := range raws {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		attempts[i] = func() error {
			clear(w.header)
			w.status = 0
			h.ServeHTTP(w, r)
			if w.status != http.StatusNoContent {
				return statusError(w.status)
			}
			return nil
		}
	}
	return attempts
}

type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// writer keeps only the status, so that only the handler is measured.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}
