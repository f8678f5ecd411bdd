package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// simulated returns a target whose connections are in memory. respond receives the connection after each request.
func simulated(t *testing.T, respond func(c net.Conn)) (*target, *atomic.Int64) {
	t.Helper()
	target, err := parseTarget("http://127.0.0.1:8080/orders", "")
	if err != nil {
		t.Fatal(err)
	}
	requests := new(atomic.Int64)
	target.connect = func(context.Context, netip.AddrPort) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close() //nolint:errcheck // a test
			reader := bufio.NewReader(server)
			for {
				if _, err := http.ReadRequest(reader); err != nil {
					return
				}
				requests.Add(1)
				respond(server)
			}
		}()
		return client, nil
	}
	return target, requests
}

// send writes a response.
func send(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

const rejected = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"

// noToken runs the kind none.
func noToken(ctx context.Context, t *testing.T, target *target, o Options) *measurement {
	t.Helper()
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	all, err := loads([]Kind{KindNone}, Tokens{}, target, o)
	if err != nil {
		t.Fatal(err)
	}
	m := newMeasurement(all[0])
	run(ctx, target, o, all[0], m)
	return m
}

// TestLimits checks how many requests are sent, and how long that takes, with each limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		options  Options
		takes    time.Duration // each response
		requests int64
		elapsed  time.Duration
	}{
		{"number", Options{Requests: 17, Concurrency: 4}, 10 * time.Millisecond, 17, 50 * time.Millisecond},
		{"fewer requests than connections", Options{Requests: 2, Concurrency: 4}, 10 * time.Millisecond, 2, 10 * time.Millisecond},
		{"time", Options{Duration: time.Second, Concurrency: 2}, 100 * time.Millisecond, 20, time.Second},
		{"default time", Options{Concurrency: 1}, time.Second, 5, 5 * time.Second},
		{"both, number first", Options{Duration: time.Second, Requests: 3, Concurrency: 1}, 100 * time.Millisecond, 3, 300 * time.Millisecond},
		{"both, time first", Options{Duration: time.Second, Requests: 30, Concurrency: 1}, 100 * time.Millisecond, 10, time.Second},
		{"a request at the end is completed", Options{Duration: time.Second, Concurrency: 1}, 700 * time.Millisecond, 2, 1400 * time.Millisecond},
		{"rate", Options{Duration: 2 * time.Second, Rate: 10, Concurrency: 4}, time.Millisecond, 20, 1901 * time.Millisecond},
		{"rate and number", Options{Requests: 5, Rate: 2, Concurrency: 4}, time.Millisecond, 5, 2001 * time.Millisecond},
		{"rate that the API does not reach", Options{Duration: time.Second, Rate: 100, Concurrency: 1}, 100 * time.Millisecond, 10, time.Second},
		{"a slow rate", Options{Duration: 10 * time.Second, Rate: 1, Concurrency: 1}, time.Millisecond, 10, 9001 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				target, requests := simulated(t, func(c net.Conn) {
					time.Sleep(test.takes)
					send(rejected)(c)
				})
				m := noToken(t.Context(), t, target, test.options)
				if requests.Load() != test.requests || m.elapsed != test.elapsed || int64(m.sent) != test.requests || !m.ok() {
					t.Errorf("%d requests in %v (%d reported), want %d in %v; failure: %v",
						requests.Load(), m.elapsed, m.sent, test.requests, test.elapsed, m.failure)
				}
				synctest.Wait()
			})
		})
	}
}

// TestLatency checks the percentiles. With a rate, the latency counts from the time at which a request was due, so that requests that
// had to wait for a slow API are not reported as fast.
func TestLatency(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		options  Options
		p50, max time.Duration
	}{
		{"without a rate", Options{Requests: 10, Concurrency: 1}, 10 * time.Millisecond, time.Second},
		// The response to the first request takes a second. The others, due every 100 ms, wait for it.
		{"with a rate", Options{Requests: 10, Rate: 10, Concurrency: 1}, 550 * time.Millisecond, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := true
				target, _ := simulated(t, func(c net.Conn) {
					if time.Sleep(10 * time.Millisecond); first {
						time.Sleep(990 * time.Millisecond)
					}
					first = false
					send(rejected)(c)
				})
				m := noToken(t.Context(), t, target, test.options)
				near := func(got, want time.Duration) bool { return (got - want).Abs() < want/100 }
				if p50, most := m.quantile(50), m.quantile(100); !near(p50, test.p50) || !near(most, test.max) {
					t.Errorf("p50 %v, max %v, want %v and %v", p50, most, test.p50, test.max)
				}
				synctest.Wait()
			})
		})
	}
}

// TestResponses checks which responses count, and that a hostile server can neither occupy memory nor a connection without limit.
func TestResponses(t *testing.T) {
	t.Parallel()
	endless := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}
	}
	for _, test := range []struct {
		name    string
		respond func(net.Conn)
		want    string // a part of the error; "": the response counts
	}{
		{"a body", send(rejected), ""},
		{"chunks", send("HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"), ""},
		{"interim responses", send(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 5) + rejected), ""},
		{"the connection ends", func(c net.Conn) { send("HTTP/1.1 401 No\r\nConnection: close\r\n\r\nno")(c); _ = c.Close() }, ""},
		{"two responses", send(rejected + rejected), ""},
		{"nothing", func(c net.Conn) { _ = c.Close() }, "ended before the end"},
		{"a part of the body", func(c net.Conn) { send("HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nno")(c); _ = c.Close() }, "ended before the end"},
		{"silence", func(net.Conn) { time.Sleep(time.Hour) }, "timeout"},
		{"another protocol", send("SSH-2.0-\x1b[2J\r\n\r\n"), "not an HTTP/1.1 response"},
		{"an upgrade", send("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "no final response"},
		{"many interim responses", send(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 6)), "no final response"},
		{"an endless header line", func(c net.Conn) { send("HTTP/1.1 401 No\r\nX: ")(c); endless("xxxxxxxxxxxxxxxx")(c) }, "more than 1048576 bytes"},
		{"an endless header", func(c net.Conn) { send("HTTP/1.1 401 No\r\n")(c); endless("X: yyyyyyyyyyyy\r\n")(c) }, "more than 1048576 bytes"},
		{"an endless body", func(c net.Conn) { send("HTTP/1.1 401 No\r\n\r\n")(c); endless("xxxxxxxxxxxxxxxx")(c) }, "more than 1048576 bytes"},
		{"an endless trickle", func(c net.Conn) {
			send("HTTP/1.1 401 No\r\n\r\n")(c)
			for {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, "timeout"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				target, requests := simulated(t, test.respond)
				m := noToken(t.Context(), t, target, Options{Requests: 3, Concurrency: 1})
				switch {
				case requests.Load() != 3:
					t.Errorf("%d requests, want 3", requests.Load())
				case test.want == "" && !m.ok():
					t.Errorf("rejected: %v", m.failure)
				case test.want != "" && (m.failure == nil || m.failures != 3 || !strings.Contains(m.failure.Error(), test.want)):
					t.Errorf("%d failures, the first one is %v, want 3 and %q", m.failures, m.failure, test.want)
				}
				if m.failure != nil && strings.Contains(m.failure.Error(), "\x1b") {
					t.Errorf("the error repeats text of the server: %q", m.failure)
				}
				synctest.Wait()
				time.Sleep(time.Hour) // the server's goroutines end
			})
		})
	}
}

// TestEarlyStop checks the number of requests if the API is unavailable: at most 20, and one for each further connection.
func TestEarlyStop(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 8, 256} {
		synctest.Test(t, func(t *testing.T) {
			target, requests := simulated(t, send("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"))
			m := noToken(t.Context(), t, target, Options{Duration: time.Minute, Concurrency: connections})
			if most := int64(maxFailuresInARow + connections); requests.Load() > most || !m.stopped || !m.transient {
				t.Errorf("%d connections: %d requests, want at most %d; stopped: %v", connections, requests.Load(), most, m.stopped)
			}
			if connections == 1 && m.elapsed < 19*pause {
				t.Errorf("20 failures within %v, want a pause of %v after each", m.elapsed, pause)
			}
			synctest.Wait()
		})
	}
}

// TestIdleConnection checks that a connection is not used again after more than a second, because the server may have closed it.
func TestIdleConnection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ connections, dials int }{
		{1, 1}, // with one request per second
		{2, 4}, // with one request every two seconds on each connection
	} {
		synctest.Test(t, func(t *testing.T) {
			target, _ := simulated(t, func(c net.Conn) {
				time.Sleep(time.Millisecond)
				send(rejected)(c)
			})
			inner, dials := target.connect, 0
			target.connect = func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
				dials++
				return inner(ctx, address)
			}
			m := noToken(t.Context(), t, target, Options{Requests: 4, Rate: 1, Concurrency: test.connections})
			if dials != test.dials || !m.ok() {
				t.Errorf("%d connections were opened for 4 requests, want %d; failure: %v", dials, test.dials, m.failure)
			}
			synctest.Wait()
		})
	}
}
