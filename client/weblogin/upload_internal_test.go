package weblogin

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// connection is a ResponseWriter, and the body of a request whose client sends nothing. A Read ends at the read deadline.
type connection struct {
	http.ResponseWriter

	deadline chan struct{} // closed: the deadline is over
	begun    int           // Reads that have begun
	ended    int           // Reads that have ended
}

func (c *connection) SetReadDeadline(time.Time) error {
	close(c.deadline)
	return nil
}

func (c *connection) Read([]byte) (int, error) {
	c.begun++
	<-c.deadline
	time.Sleep(time.Second) // the goroutine continues late
	c.ended++
	return 0, os.ErrDeadlineExceeded
}

// over reports whether the deadline is over.
func (c *connection) over() bool {
	select {
	case <-c.deadline:
		return true
	default:
		return false
	}
}

func (c *connection) Close() error { return nil }

// net/http removes the read deadline if a Read is in progress after the handler has returned, or begins then. It then waits
// for the rest of the body without a limit.
func TestCaseX18_NoReadAfterTheHandler(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads    int
		duration time.Duration // of the handler, whose limit is an hour
		deadline bool          // the server must not wait for the body
	}{
		"a Read in progress": {1, time.Minute, true},
		"no Read":            {0, time.Minute, false},
		"too late":           {0, 2 * time.Hour, true},
		"both":               {1, 2 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &connection{httptest.NewRecorder(), make(chan struct{}), 0, 0}
				var body io.Reader
				withTimeout(time.Hour, func(_ http.ResponseWriter, r *http.Request) {
					body = r.Body
					for range test.reads {
						go func() { _, _ = io.ReadAll(body) }()
					}
					time.Sleep(test.duration)
				})(c, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", c))
				if c.begun != test.reads || c.ended != test.reads || c.over() != test.deadline {
					t.Errorf("when the handler returns, %d Reads have begun, %d have ended, deadline %v, want %+v", c.begun, c.ended, c.over(), test)
				}
				if n, err := body.Read(make([]byte, 10)); n != 0 || err == nil || c.begun != test.reads {
					t.Errorf("a late Read returns %d bytes and error %v, and %d Reads reached the connection, want %d", n, err, c.begun, test.reads)
				}
			})
		})
	}
}
