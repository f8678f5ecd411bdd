package doctor

import (
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// recorder is a transport that records what the findings about clocks and TLS need: when a response came, and what its header and
// its connection say.
type recorder struct {
	base http.RoundTripper

	mu        sync.Mutex
	exchanges []exchange
}

// exchange is one response.
type exchange struct {
	scheme, host, path string
	sent, received     time.Time
	date               string // the header Date
	contentType        string
	status             int
	tls                *tls.ConnectionState // nil: no TLS
	body               *countingBody
}

// countingBody counts the bytes of a body as they are read, and says when. Only one goroutine reads it, before the next request is sent.
type countingBody struct {
	io.ReadCloser
	read int64
	done time.Time // when the last bytes were read
}

// Read implements [io.Reader].
func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.done = time.Now()
	return n, err
}

// maxExchanges limits the record. A run of doctor sends fewer requests.
const maxExchanges = 200

// newRecorder returns a recorder in front of the transport of client, which may be nil.
func newRecorder(client *http.Client) *recorder {
	if client != nil && client.Transport != nil {
		return &recorder{base: client.Transport}
	}
	return &recorder{base: http.DefaultTransport}
}

// client returns a client that records.
func (r *recorder) client() *http.Client { return &http.Client{Transport: r} }

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body := &countingBody{ReadCloser: resp.Body}
	resp.Body = body
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exchanges) < maxExchanges {
		r.exchanges = append(r.exchanges, exchange{
			scheme: req.URL.Scheme, host: req.URL.Host, path: req.URL.EscapedPath(), sent: sent, received: time.Now(),
			date: resp.Header.Get("Date"), contentType: resp.Header.Get("Content-Type"), status: resp.StatusCode, tls: resp.TLS,
			body: body,
		})
	}
	return resp, nil
}

// all returns the responses so far.
func (r *recorder) all() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.exchanges)
}

// last returns the last response for a URL without its query.
func (r *recorder) last(url string) (exchange, bool) {
	url, _, _ = strings.Cut(url, "?")
	for _, e := range slices.Backward(r.all()) {
		if url == e.scheme+"://"+e.host+e.path {
			return e, true
		}
	}
	return exchange{}, false
}

// size returns the length of the last response for a URL.
func (r *recorder) size(url string) int64 {
	e, ok := r.last(url)
	if !ok {
		return 0
	}
	return e.body.read
}
