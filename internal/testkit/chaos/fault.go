package chaos

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Fault is what happens instead of a good answer, which it may give after all by calling answer.
type Fault func(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter))

// Slow answers after a while.
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

// Hang never answers.
func Hang(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) { <-r.Context().Done() }

// HangInBody answers with half of the document, and never with the rest.
func HangInBody(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
	writeHalf(w, answer)
	<-r.Context().Done()
}

// CutOff ends the connection in the middle of the document.
func CutOff(w http.ResponseWriter, _ *http.Request, answer func(http.ResponseWriter)) {
	writeHalf(w, answer)
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to end a connection
}

func writeHalf(w http.ResponseWriter, answer func(http.ResponseWriter)) {
	document := captured(answer)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document[:len(document)/2])
	_ = http.NewResponseController(w).Flush()
}

// captured is the document that answer writes.
func captured(answer func(http.ResponseWriter)) []byte {
	var body capture
	answer(&body)
	return body.Bytes()
}

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

// Status answers with a status, and with a Retry-After header unless that is empty.
func Status(status int, retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// HTML answers 200 with a page, as a gateway does for whatever is behind it.
func HTML(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html><body>We'll be back soon</body></html>")
}

// Empty answers 200 with a JSON document that says nothing: no keys, no issuer.
func Empty(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	writeJSON(w, []byte(`{"keys":[]}`))
}

// Garbage answers 200 with what is no JSON.
func Garbage(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
	writeJSON(w, []byte("{\"keys\":[\x00\xff"))
}

// Huge answers 200 with 5 MiB.
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

// Redirect points to another host.
func Redirect(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) {
	http.Redirect(w, r, "http://localhost:1/elsewhere", http.StatusFound)
}

// Flap lets one request in n succeed.
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
