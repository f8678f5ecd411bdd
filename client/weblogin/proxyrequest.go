package weblogin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// errSlow is the cause of a request context that withTimeout has canceled.
var errSlow = errors.New("weblogin: the API's response did not begin within Config.APITimeout")

// withTimeout limits the time until the response of an API begins. The time starts when the request arrives, and includes
// the upload of the body. At its end, the context of the request is canceled with errSlow, and a Read of the body
// returns.
func withTimeout(timeout time.Duration, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		fired := make(chan struct{})
		timer := time.AfterFunc(timeout, func() {
			defer close(fired)
			cancel(errSlow)
		})
		stop := sync.OnceValue(func() bool {
			if timer.Stop() {
				return true
			}
			<-fired // w must not be used after the handler has returned
			return false
		})
		defer stop()
		r = r.WithContext(context.WithValue(ctx, inTimeKey{}, stop))
		if r.Body != nil && r.Body != http.NoBody {
			body := &upload{ctx: ctx, body: r.Body}
			defer func() { body.end(http.NewResponseController(w)) }()
			r.Body = body
		}
		next(w, r)
	}
}

// inTimeKey is the context key under which withTimeout stores the function that inTime calls.
type inTimeKey struct{}

// inTime stops the timer of withTimeout, because the response has begun. It returns false if the time limit was exceeded
// before.
func inTime(ctx context.Context) bool {
	stop, ok := ctx.Value(inTimeKey{}).(func() bool)
	return !ok || stop()
}

// upload is the body of a request. Its Read returns when ctx ends, even if the client sends nothing.
type upload struct {
	ctx  context.Context //nolint:containedctx // the context of the request that has this body
	body io.ReadCloser

	mu      sync.Mutex    // guards the fields below: a transport may call Close during a Read
	reading chan struct{} // closed at the end of the Read of body that is in progress; nil: there is none
	unread  []byte        // what the last Read of body returned and the caller has not received yet
	err     error         // after unread
}

const maxRead = 32 << 10 // bytes that are read ahead

// Read implements io.Reader. It reads in a goroutine, into a buffer of its own, because the caller may use its buffer again
// after Read has returned.
func (u *upload) Read(into []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.unread) == 0 && u.err == nil && len(into) > 0 {
		reading := u.startLocked(min(len(into), maxRead))
		u.mu.Unlock()
		select {
		case <-reading:
			u.mu.Lock()
		case <-u.ctx.Done():
			u.mu.Lock()
			return 0, context.Cause(u.ctx)
		}
	}
	return u.takeLocked(into)
}

// takeLocked copies unread data into into. It returns the error of the last Read only together with the last byte, or
// after it.
func (u *upload) takeLocked(into []byte) (int, error) {
	n := copy(into, u.unread)
	u.unread = u.unread[n:]
	if len(u.unread) > 0 {
		return n, nil
	}
	return n, u.err
}

// startLocked starts a Read of body, unless one is in progress that an earlier caller did not wait for. The returned channel
// is closed when the result is in unread and err.
func (u *upload) startLocked(size int) <-chan struct{} {
	if u.reading != nil {
		return u.reading
	}
	reading := make(chan struct{})
	u.reading = reading
	go func() {
		data := make([]byte, size)
		n, err := u.body.Read(data)
		u.mu.Lock()
		defer u.mu.Unlock()
		u.reading, u.unread, u.err = nil, data[:n], cmp.Or(err, u.err)
		close(reading)
	}()
	return reading
}

// errUploadEnded is the error of a Read after end.
var errUploadEnded = errors.New("weblogin: the request has ended")

// end ends the use of the body when the handler returns. No Read of the body is in progress afterwards, and none begins,
// although a transport may still call Read.
//
// A server waits for the rest of a small body after the handler has returned. If the response did not wait for the body,
// or came too late, a deadline ends that. A Read at the same time would make the server remove the deadline again. If the
// ResponseWriter does not support deadlines, only the connection remains open for longer.
func (u *upload) end(connection *http.ResponseController) {
	u.mu.Lock()
	u.err = cmp.Or(u.err, errUploadEnded)
	reading := u.reading
	u.mu.Unlock()
	if reading == nil && !errors.Is(context.Cause(u.ctx), errSlow) {
		return
	}
	if err := connection.SetReadDeadline(time.Now()); err == nil && reading != nil {
		<-reading
	}
}

// isReading reports whether a Read of body is in progress.
func (u *upload) isReading() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reading != nil
}

// Close implements io.Closer. While a Read is in progress it does nothing, because Close of the body would wait for that
// Read. The server closes the body later.
func (u *upload) Close() error {
	if u.isReading() {
		return nil
	}
	return u.body.Close()
}

// withToken is the RoundTripper of a Proxy. It adds the token of the user in the context of the request.
type withToken struct {
	origin string
	base   http.RoundTripper // nil: http.DefaultTransport
}

// RoundTrip implements http.RoundTripper.
func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	u, err := requestUser(r)
	if err != nil {
		return nil, err
	}
	if r, err = withBody(r); err != nil {
		return nil, err
	}
	// The Transport adds the token of this user, and refreshes it once if the API rejects it.
	with, err := client.NewTransport(client.TransportConfig{Source: u.source.TokenSource, Origins: []string{t.origin}, Base: t.base})
	if err != nil {
		return nil, err
	}
	resp, err := with.RoundTrip(r)
	if err != nil {
		return nil, u.endIfRejected(r.Context(), err)
	}
	if err := t.check(r, resp, u); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	// The transport adds trailers to its own Response when the body ends. They do not reach this copy, so they are not sent
	// to the browser.
	final := *resp
	final.Trailer = nil
	return &final, nil
}

// errNotFinal says that an API has sent 101 Switching Protocols, or an invalid status. The Proxy never requests another
// protocol. After a 101, ReverseProxy would connect the browser to the API, which could then write whole responses with
// headers that clean does not see.
var errNotFinal = errors.New("weblogin: the API's response has a status below 200")

// check returns an error for a response that came too late, and for one that is not final. It also returns one if the user
// must sign in again: the API has rejected the access token, and the authorization server has rejected the refresh token, or
// the API requires another sign-in. The browser could not read that from the response, which has no WWW-Authenticate header.
func (withToken) check(r *http.Request, resp *http.Response, u *User) error {
	switch {
	case !inTime(r.Context()):
		return errSlow
	case resp.StatusCode < http.StatusOK:
		return errNotFinal
	}
	if err := u.source.Err(); resp.StatusCode == http.StatusUnauthorized && mustSignIn(err) {
		return u.endIfRejected(r.Context(), err)
	}
	return u.app.stepUpIn(resp, u)
}

// maxReplayed limits the memory for one request. A larger body is forwarded as it arrives, and cannot be sent twice.
const maxReplayed = 64 << 10 // bytes

// withBody keeps a small body in memory, so that the request can be sent once more if the API rejects the token.
func withBody(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxReplayed {
		return r, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, r.ContentLength))
	if err == nil && int64(len(body)) < r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("weblogin: the request body cannot be read: %w", err)
	}
	r = r.Clone(r.Context())
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	return r, nil
}
