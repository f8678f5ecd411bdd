//go:build unix

package consumer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// crowd has many issuers, each with its own key and `kid`, and one token of each.
type crowd struct {
	issuers []*bearertest.Issuer
	raws    []string
	network *network
}

func newCrowd(n int) *crowd {
	c := &crowd{network: newNetwork()}
	for i := range n {
		issuer := newTenant(fmt.Sprintf("https://issuer-%05d.example.com", i))
		c.network.connect(issuer.URL(), issuer)
		c.issuers = append(c.issuers, issuer)
		c.raws = append(c.raws, lasting(issuer).Sign())
	}
	return c
}

// group returns a Group of all issuers, with given or with discovered keys.
func (c *crowd) group(t testing.TB, discovered bool, cacheSize int) *consumer.Group {
	t.Helper()
	cfg := consumer.GroupConfig{CacheSize: cacheSize}
	client := c.network.client()
	for _, issuer := range c.issuers {
		one := consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}}
		if discovered {
			one.HTTPClient = client
		} else {
			one.Keys = publishedKeys(t, issuer)
		}
		cfg.Consumers = append(cfg.Consumers, newConsumer(t, one))
	}
	return newGroup(t, cfg)
}

// Bounds of docs/bounds.md for the memory of an issuer.
const (
	bytesPerGivenIssuer      = 6 << 10
	bytesPerDiscoveredIssuer = 16 << 10
)

// An issuer in a Group needs memory for its settings and keys, and for its metadata if that is fetched. It has no goroutine, and
// forged tokens add little.
func TestMemoryOfAnIssuer(t *testing.T) { //nolint:paralleltest // the heap is measured
	if testing.Short() {
		t.Skip("measures the heap")
	}
	const n = 1000
	c := newCrowd(n)
	for _, test := range []struct {
		name       string
		discovered bool
		ceiling    int64
	}{
		{"given keys", false, bytesPerGivenIssuer}, {"discovered keys", true, bytesPerDiscoveredIssuer},
	} {
		goroutines, before := runtime.NumGoroutine(), heapBytes()
		each := func() int64 { return (heapBytes() - before) / n }
		g := c.group(t, test.discovered, -1)
		idle := each()
		for _, raw := range c.raws {
			accept(t, g, raw)
		}
		used := each()
		for i, issuer := range c.issuers {
			for range 5 {
				kid := fmt.Sprint(strings.Repeat("k", 240), rand.N(1<<30))
				reject(t, g, lasting(issuer).SetHeader("kid", kid).Sign(), consumer.ReasonUnknownKey)
			}
			reject(t, g, lasting(c.issuers[i]).EditSignature(flipped).Sign(), consumer.ReasonSignature)
		}
		attacked := each()
		t.Logf("%s: %d bytes, %d after a token, %d after forged tokens", test.name, idle, used, attacked)
		if max(idle, used, attacked) > test.ceiling {
			t.Errorf("%s: more than %d bytes", test.name, test.ceiling)
		}
		if more := runtime.NumGoroutine() - goroutines; more > 0 {
			t.Errorf("%s: %d goroutines", test.name, more)
		}
		runtime.KeepAlive(g)
	}
}

// BenchmarkTenThousandIssuers compares a Group of 10 000 issuers with a Group of one. Both verify 10 000 tokens, in turns, so
// that the load of the machine is the same for both. It reports the time of one verification in each, and the ratio.
func BenchmarkTenThousandIssuers(b *testing.B) {
	const n = 10_000
	many, one := newCrowd(n), newCrowd(1)
	for len(one.raws) < n {
		one.raws = append(one.raws, lasting(one.issuers[0]).Sign())
	}
	for _, bench := range []struct {
		name       string
		discovered bool
		cacheSize  int
		batch      int // verifications before the other Group has its turn
		workers    int
	}{
		{"cold", false, -1, 500, 1},
		{"cold_parallel", false, -1, 500, runtime.GOMAXPROCS(0)},
		{"cached", false, 2 * n, n, 1},
		{"cached_parallel", false, 2 * n, n, runtime.GOMAXPROCS(0)},
		{"cached_discovered", true, 2 * n, n, 1},
		{"cached_discovered_parallel", true, 2 * n, n, runtime.GOMAXPROCS(0)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			groups := [2]*consumer.Group{one.group(b, bench.discovered, bench.cacheSize), many.group(b, bench.discovered, bench.cacheSize)}
			raws := [2][]string{slices.Clone(one.raws), slices.Clone(many.raws)}
			for i, g := range groups {
				rand.Shuffle(n, func(x, y int) { raws[i][x], raws[i][y] = raws[i][y], raws[i][x] })
				for _, raw := range raws[i] {
					accept(b, g, raw)
				}
			}
			var took [2][]time.Duration
			at := 0
			for b.Loop() {
				for i, g := range groups {
					began := processorTime()
					verifyAll(b, g, raws[i][at:at+bench.batch], bench.workers)
					took[i] = append(took[i], processorTime()-began)
				}
				at = (at + bench.batch) % n
			}
			perOne, perMany := median(took[0])/float64(bench.batch), median(took[1])/float64(bench.batch)
			b.ReportMetric(perOne, "ns/one")
			b.ReportMetric(perMany, "ns/many")
			b.ReportMetric(perMany/perOne, "ratio")
			b.ReportMetric(0, "ns/op") // it is the time of two batches
		})
	}
}

// BenchmarkTenThousandIssuers_Requests compares the requests that an API can serve: a Guard with a Group of 10 000 issuers, and one
// with a Group of one issuer. Each request comes over a loopback connection, with a token that is in the cache. The time includes
// the server of net/http and a client that does little more than reading the status.
func BenchmarkTenThousandIssuers_Requests(b *testing.B) {
	const n, batch = 10_000, 1000
	many, one := newCrowd(n), newCrowd(1)
	for len(one.raws) < n {
		one.raws = append(one.raws, lasting(one.issuers[0]).Sign())
	}
	for _, discovered := range []bool{false, true} {
		b.Run(fmt.Sprintf("discovered=%t", discovered), func(b *testing.B) {
			apis := [2]*caller{newCaller(b, one.group(b, discovered, 2*n)), newCaller(b, many.group(b, discovered, 2*n))}
			raws := [2][]string{slices.Clone(one.raws), slices.Clone(many.raws)}
			for i, api := range apis {
				rand.Shuffle(n, func(x, y int) { raws[i][x], raws[i][y] = raws[i][y], raws[i][x] })
				api.send(b, raws[i])
			}
			var took [2][]time.Duration
			at := 0
			for b.Loop() {
				for i, api := range apis {
					began := processorTime()
					api.send(b, raws[i][at:at+batch])
					took[i] = append(took[i], processorTime()-began)
				}
				at = (at + batch) % n
			}
			perOne, perMany := median(took[0])/batch, median(took[1])/batch
			b.ReportMetric(perOne, "ns/one")
			b.ReportMetric(perMany, "ns/many")
			b.ReportMetric(perMany/perOne, "ratio")
			b.ReportMetric(0, "ns/op") // it is the time of two batches
		})
	}
}

// caller is a connection to a guarded API.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
}

// newCaller starts an API that accepts the tokens of g, and connects to it.
func newCaller(b *testing.B, g *consumer.Group) *caller {
	b.Helper()
	guard, err := middleware.New(middleware.Config{Verifier: g})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})))
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(); server.Close() })
	return &caller{conn: conn, in: bufio.NewReader(conn)}
}

// send sends one request for each token, and waits for each response.
func (c *caller) send(b *testing.B, raws []string) {
	b.Helper()
	for _, raw := range raws {
		if _, err := io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer "+raw+"\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		response, err := http.ReadResponse(c.in, nil)
		if err != nil {
			b.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			b.Fatalf("status %d", response.StatusCode)
		}
	}
}

// processorTime returns the time for which the process has run. Unlike the wall time, it does not count the time of other
// processes.
func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// verifyAll divides raws among workers.
func verifyAll(b *testing.B, g *consumer.Group, raws []string, workers int) {
	b.Helper()
	var all sync.WaitGroup
	for part := range slices.Chunk(raws, (len(raws)+workers-1)/workers) {
		all.Go(func() {
			for _, raw := range part {
				if _, err := g.Verify(context.Background(), raw); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2])
}
