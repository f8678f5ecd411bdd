package chaos

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Fault handles a request instead of the issuer. It may call answer, which writes the correct response.
type Fault func(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter))

// Slow returns a Fault that writes the correct response after a delay.
func Slow(by time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
			answer(w)
		case <-r.Context().Done():
		}
	}
}

// Hang is a [Fault] that writes no response.
func Hang(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) { <-r.Context().Done() }

// HangInBody is a [Fault] that writes the first half of the document and then hangs.
func HangInBody(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
	writeHalf(w, answer)
	<-r.Context().Done()
}

// CutOff is a [Fault] that closes the connection in the middle of the document.
func CutOff(w http.ResponseWriter, _ *http.Request, answer func(http.ResponseWriter)) {
	writeHalf(w, answer)
	panic(http.ErrAbortHandler) //nolint:forbidigo // the way to close a connection in net/http
}

func writeHalf(w http.ResponseWriter, answer func(http.ResponseWriter)) {
	document := captured(answer)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document[:len(document)/2])
	_ = http.NewResponseController(w).Flush()
}

// captured returns the document that answer writes.
func captured(answer func(http.ResponseWriter)) []byte {
	var body capture
	answer(&body)
	return body.Bytes()
}

// capture is an http.ResponseWriter that keeps the body.
type capture struct {
	bytes.Buffer
	header http.Header
}

func (c *capture) Header() http.Header {
	if c.header == nil {
		c.header = make(http.Header)
	}
	return c.header
}

func (*capture) WriteHeader(int) {}

// Status returns a Fault that responds with a status and no body. If retryAfter is not empty, it is sent as Retry-After.
func Status(status int, retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// HTML is a [Fault] that responds with 200 and an HTML page, as some gateways do if the server behind them is down.
func HTML(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html><body>We'll be back soon</body></html>")
}

// Empty is a [Fault] that responds with 200 and a JSON document that has neither keys nor an issuer.
func Empty(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	writeJSON(w, []byte(`{"keys":[]}`))
}

// Garbage is a [Fault] that responds with 200 and a body that is not JSON.
func Garbage(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	writeJSON(w, []byte("{\"keys\":[\x00\xff"))
}

// Huge is a [Fault] that responds with 200 and a body of 5 MiB.
func Huge(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"keys":[`)
	for range 5 << 10 {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<10)); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `]}`)
}

// Redirect is a [Fault] that redirects to another host.
func Redirect(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
	http.Redirect(w, r, "http://localhost:1/elsewhere", http.StatusFound)
}

// Flap returns a Fault that lets every n-th request succeed and handles the others with fault.
func Flap(n int64, fault Fault) Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
		if count.Add(1)%n == 0 {
			answer(w)
			return
		}
		fault(w, r, answer)
	}
}
