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

func (c *connection) Close() error { return nil }

// net/http removes the read deadline if a Read is in progress after the handler has returned, or begins then. It then waits
// for the rest of the body without a limit.
func TestCaseX18_NoReadAfterTheHandler(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]int{"a Read in progress": 1, "no Read": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &connection{httptest.NewRecorder(), make(chan struct{}), 0, 0}
				var body io.Reader
				withTimeout(time.Hour, func(_ http.ResponseWriter, r *http.Request) {
					body = r.Body
					for range reads {
						go func() { _, _ = io.ReadAll(body) }()
						synctest.Wait()
					}
				})(c, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", c))
				if c.begun != reads || c.ended != reads {
					t.Errorf("%d Reads have begun and %d have ended when the handler returns, want %d", c.begun, c.ended, reads)
				}
				if n, err := body.Read(make([]byte, 10)); n != 0 || err == nil || c.begun != reads {
					t.Errorf("a late Read returns %d bytes and error %v, and %d Reads reached the connection, want %d", n, err, c.begun, reads)
				}
				synctest.Wait()
			})
		})
	}
}
