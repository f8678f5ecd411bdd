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

// receiver takes one answer. Every web page in the user's browser, and every program on the machine, can send requests
// here: one that does not know the state changes nothing, and waits for nobody.
type receiver struct {
	exchange   func(url.Values) (*client.Token, error) // which goes on when the browser is closed
	host, path string
	state      string
	form       bool // the answer is a POST
	signed     bool // the state is inside a JWT

	mu      sync.Mutex // guards what follows, and lets one answer in at a time
	ended   bool
	token   *client.Token
	err     error
	refused error         // what was wrong with the last answer that did not end it
	done    chan struct{} // closed when token and err stand
}

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
	status, text := r.take(params)
	page(w, status, text)
}

// read takes a request of the right form. Another Host is a name that somebody has made to point here (DNS rebinding).
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
	case req.Method != method: // a HEAD, too: whoever only looks does not redeem a code
		w.Header().Set("Allow", method)
		return nil, http.StatusMethodNotAllowed
	case !r.form:
		return req.URL.Query(), http.StatusOK
	}
	req.Body = http.MaxBytesReader(w, req.Body, maxRequest)
	if err := req.ParseForm(); err != nil {
		return nil, http.StatusBadRequest
	}
	return req.PostForm, http.StatusOK
}

// isOurs reports whether the sender knows the state, which is secret. What a signed answer says is not believed yet.
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

// take redeems the first answer that is one. Whoever brings it again is told how it went.
func (r *receiver) take(params url.Values) (status int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		token, err := r.exchange(params)
		if errors.Is(err, client.ErrCallback) { // from another server, or torn: the right one may still come
			r.refused = err
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

// result ends the waiting. An answer that is being redeemed is waited for.
func (r *receiver) result(ctx context.Context) (*client.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		err := errors.Join(ctx.Err(), r.refused)
		r.ended, r.err = true, fmt.Errorf("loopback: waiting for the user: %w", err)
		close(r.done)
	}
	return r.token, r.err
}
