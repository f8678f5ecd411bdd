package loopback

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/client"
)

// receiver is the HTTP handler that accepts the authorization response of one sign-in. Every web page in the user's browser
// and every program on the machine can send requests to it. A request without the state of the sign-in cannot end the
// sign-in. The handler takes no lock for such a request, so the request cannot delay the response. If it has an error
// parameter, the error of a timeout quotes that parameter.
type receiver struct {
	exchange   func(url.Values) (*client.Token, error) // exchanges the code; it continues if the browser is closed
	host, path string
	port       string // the default port of the scheme with a colon, which browsers omit
	state      string
	form       bool // the response is a POST
	signed     bool // the response is a JWT, which contains the state

	reported atomic.Pointer[report] // the last error response that may be of another sign-in; nil if there is none

	mu       sync.Mutex // guards the fields below, and is held during the exchange
	ended    bool
	token    *client.Token
	err      error
	rejected error         // of the last response with the right state that was rejected; nil if there is none
	done     chan struct{} // closed when token and err are final
}

// newReceiver returns a receiver for the response to p, which the browser sends to redirect. exchange is called for each
// response with the right state, until it returns something other than client.ErrCallback. How the response arrives
// depends on the response mode: by GET or POST, as parameters or as one JWT (JARM).
func newReceiver(redirect *url.URL, p *client.PendingAuthorization, exchange func(url.Values) (*client.Token, error)) *receiver {
	port := ":80"
	if redirect.Scheme == "https" {
		port = ":443"
	}
	return &receiver{
		exchange: exchange, done: make(chan struct{}), state: p.State,
		path: cmp.Or(redirect.EscapedPath(), "/"), // browsers send a slash if there is no path
		host: strings.TrimSuffix(redirect.Host, port), port: port,
		form:   strings.HasPrefix(p.ResponseMode, "form_post"),
		signed: strings.HasSuffix(p.ResponseMode, "jwt"),
	}
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	params, status := r.read(w, req)
	if status == http.StatusOK && !r.isOurs(params) {
		status = http.StatusBadRequest
	}
	if status != http.StatusOK {
		page(w, status, r.reject(req, params))
		return
	}
	// The request has the right state, so its connection must not be closed in favor of others.
	admit(req.Context())
	status, text := r.take(params)
	page(w, status, text)
}

// read returns the parameters of a request and http.StatusOK, or the status with which to reject it. It rejects a Host
// other than that of the redirect URI, because an attacker can make a name of their own resolve to this machine (DNS
// rebinding).
func (r *receiver) read(w http.ResponseWriter, req *http.Request) (url.Values, int) {
	method := http.MethodGet
	if r.form {
		method = http.MethodPost
	}
	switch {
	case strings.TrimSuffix(req.Host, r.port) != r.host:
		return nil, http.StatusMisdirectedRequest
	case req.URL.EscapedPath() != r.path:
		return nil, http.StatusNotFound
	case req.Method != method: // this includes HEAD: a link preview must not use up the code
		w.Header().Set("Allow", method)
		return nil, http.StatusMethodNotAllowed
	case !r.form:
		return req.URL.Query(), http.StatusOK
	}
	// A form_post response: the parameters are in the body, and not in the URL.
	req.Body = http.MaxBytesReader(w, req.Body, maxRequest)
	if err := req.ParseForm(); err != nil {
		return nil, http.StatusBadRequest
	}
	return req.PostForm, http.StatusOK
}

// isOurs reports whether the parameters contain the state of the sign-in, which only its browser and the authorization
// server have. In a signed response the state is in the JWT; Callback verifies the signature later.
func (r *receiver) isOurs(params url.Values) bool {
	state := params.Get("state")
	if r.signed {
		var inner struct {
			State string `json:"state"`
		}
		if client.InsecureDecode(params.Get("response"), &inner) != nil {
			return false
		}
		state = inner.State
	}
	return r.isState(state)
}

// isState reports whether state is that of the sign-in.
func (r *receiver) isState(state string) bool {
	return r.state != "" && subtle.ConstantTimeCompare([]byte(state), []byte(r.state)) == 1
}

// take exchanges the code of the first valid response, and returns the status and text of the page. If the browser sends the
// response again, it receives the same page.
func (r *receiver) take(params url.Values) (status int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		token, err := r.exchange(params)
		if errors.Is(err, client.ErrCallback) { // not valid although it has the state; a valid response may still arrive
			r.rejected = err
			return http.StatusBadRequest, notOurs
		}
		// This is final, even if the exchange failed: the code is used up.
		r.token, r.err, r.ended = token, err, true
		close(r.done)
	}
	// The page does not say why. The program gets the error from result.
	if r.err != nil {
		return http.StatusOK, failed
	}
	return http.StatusOK, signedIn
}

// result ends the sign-in and returns its result. If take is exchanging a code at this moment, result waits for it,
// because take holds the lock.
func (r *receiver) result(ctx context.Context) (*client.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		// No valid response has arrived. Later ones get the page of a failed sign-in.
		err := errors.Join(ctx.Err(), r.rejected, r.reported.Load().err())
		r.ended, r.err = true, fmt.Errorf("loopback: no valid authorization response arrived: %w", err)
		close(r.done)
	}
	return r.token, r.err
}
