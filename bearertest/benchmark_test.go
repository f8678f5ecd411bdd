package bearertest_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// BenchmarkGuard measures the Guard with net/http.
func BenchmarkGuard(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{alg}})
			handler := guarded(b, issuer, middleware.Config{}, middleware.Scopes("orders:read"))
			bearertest.Benchmark(b, handler, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
		})
	}
}

// once runs each benchmark of the process once.
func once(t *testing.T) {
	t.Helper()
	before := flag.Lookup("test.benchtime").Value.String()
	if err := flag.Set("test.benchtime", "1x"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("test.benchtime", before) })
}

//nolint:paralleltest // it changes a flag of the process
func TestBenchmark(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("runs benchmarks, whose rows depend neither on the platform nor on goroutines")
	}
	once(t)
	want := []string{
		"cached", "cold", "parallel", "rejected/expired", "rejected/garbage", "rejected/no_token", "rejected/signature", "signature",
	}
	for _, alg := range []string{"ES256", "RS256", "PS256", "EdDSA", "ES512"} {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{alg}})
		rows, problem := bearertest.RowsOfBenchmark(guarded(t, issuer, middleware.Config{}), issuer, bearertest.Target{URL: "/orders"})
		if problem != "" {
			t.Fatal(problem)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(rows))); diff != "" {
			t.Errorf("%s: sub-benchmarks (-want +got):\n%s", alg, diff)
		}
		for name, run := range rows {
			if result := testing.Benchmark(run); result.N < 1 || result.Extra["x-signature"] <= 0 {
				t.Errorf("%s %s: %d requests, %v", alg, name, result.N, result.Extra)
			}
		}
	}
}

// cold sends each token once, and its tokens are all valid.
//
//nolint:paralleltest // it changes a flag of the process
func TestBenchmarkColdSendsNewTokens(t *testing.T) {
	once(t)
	if err := flag.Set("test.benchtime", "700x"); err != nil {
		t.Fatal(err)
	}
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"EdDSA"}})
	api := guarded(t, issuer, middleware.Config{})
	seen := make(map[string]int)
	rows, problem := bearertest.RowsOfBenchmark(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen[r.Header.Get("Authorization")]++
		api.ServeHTTP(w, r)
	}), issuer, bearertest.Target{URL: "/orders"})
	if problem != "" {
		t.Fatal(problem)
	}
	clear(seen)
	if result := testing.Benchmark(rows["cold"]); result.N != 700 {
		t.Errorf("%d requests, want 700", result.N)
	}
	for _, times := range seen {
		if times != 1 {
			t.Fatalf("a token was sent %d times", times)
		}
	}
	if len(seen) < 700 {
		t.Errorf("%d tokens, want at least 700", len(seen))
	}
}

// A benchmark that measures something else than its name says ends.
//
//nolint:paralleltest // it changes a flag of the process
func TestBenchmarkStopsAtUnexpectedResponses(t *testing.T) {
	once(t)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"EdDSA"}})
	api := guarded(t, issuer, middleware.Config{})
	broken := false
	rows, problem := bearertest.RowsOfBenchmark(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken == strings.HasPrefix(r.Header.Get("Authorization"), "Bearer e") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if broken {
			fmt.Fprint(w, "open")
			return
		}
		api.ServeHTTP(w, r)
	}), issuer, bearertest.Target{URL: "/orders", Optional: true})
	if problem != "" {
		t.Fatal(problem)
	}
	broken = true
	for name, run := range rows {
		unaffected := name == "signature" || name == "rejected/expired" || name == "rejected/signature"
		if result := testing.Benchmark(run); (result.N > 0) != unaffected {
			t.Errorf("%s: %d requests", name, result.N)
		}
	}
	_, problem = bearertest.RowsOfBenchmark(http.NotFoundHandler(), issuer, bearertest.Target{})
	if !strings.Contains(problem, "Target.URL") {
		t.Errorf("problem %q does not name the field", problem)
	}
}
