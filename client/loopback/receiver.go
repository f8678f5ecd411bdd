package loopback

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/bearerkit/bearerkit/client"
)

// receiver accepts one authorization response. Every web page in the user's browser and every program on the machine can
// send requests here. A request without the state of the sign-in changes nothing, and its handler takes no lock.
type receiver struct {
	exchange   func(url.Values) (*client.Token, error) // it continues if the browser is closed
	host, path string
	state      string
	form       bool // the response is a POST
	signed     bool // the response is a JWT, which contains the state

	mu       sync.Mutex // guards what follows, and is held during the exchange
	ended    bool
	token    *client.Token
	err      error
	rejected error         // why the last response was rejected that did not end the sign-in
	done     chan struct{} // closed when token and err are final
}

// newReceiver returns a receiver for the response to p. exchange is called at most once with a response that it accepts. How the
// response arrives depends on the response mode: by GET or POST, as parameters or as one JWT (JARM).
func newReceiver(redirect *url.URL, p *client.PendingAuthorization, exchange func(url.Values) (*client.Token, error)) *receiver {
	return &receiver{
		exchange: exchange, done: make(chan struct{}), path: redirect.EscapedPath(), state: p.State,
		host:   strings.TrimSuffix(redirect.Host, ":80"), // which browsers leave out
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
		page(w, status, notOurs)
		return
	}
	admit(req.Context())
	status, text := r.take(params)
	page(w, status, text)
}

// read returns the parameters of a request, or the status to reject it with. A Host other than that of the redirect URI is a
// foreign name that was made to point to this machine (DNS rebinding).
func (r *receiver) read(w http.ResponseWriter, req *http.Request) (url.Values, int) {
	method := http.MethodGet
	if r.form {
		method = http.MethodPost
	}
	switch {
	case strings.TrimSuffix(req.Host, ":80") != r.host:
		return nil, http.StatusMisdirectedRequest
	case req.URL.EscapedPath() != r.path:
		return nil, http.StatusNotFound
	case req.Method != method: // HEAD too: a program that only looks must not use up the code
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

// isOurs reports whether the parameters contain the state, which is secret. The signature of a signed response is verified
// later, by Callback.
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
	return r.state != "" && subtle.ConstantTimeCompare([]byte(state), []byte(r.state)) == 1
}

// take exchanges the code of the first valid response. A repeated response gets the same page.
func (r *receiver) take(params url.Values) (status int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		token, err := r.exchange(params)
		if errors.Is(err, client.ErrCallback) { // of another server, or incomplete: the right one may still arrive
			r.rejected = err
			return http.StatusBadRequest, notOurs
		}
		r.token, r.err, r.ended = token, err, true
		close(r.done)
	}
	if r.err != nil {
		return http.StatusOK, failed
	}
	return http.StatusOK, signedIn
}

// result ends the sign-in and returns its outcome. If a code is being exchanged, it waits.
func (r *receiver) result(ctx context.Context) (*client.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		err := errors.Join(ctx.Err(), r.rejected)
		r.ended, r.err = true, fmt.Errorf("loopback: waiting for the user: %w", err)
		close(r.done)
	}
	return r.token, r.err
}
