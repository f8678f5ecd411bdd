package loopback

import (
	"errors"
	"net/http"
	"net/url"
	"sync"

	"github.com/bearerkit/bearerkit/client"
)

// receiver takes one answer. Every web page in the user's browser can send requests here: one that is not the answer
// changes nothing.
type receiver struct {
	exchange   func(url.Values) (*client.Token, error) // which goes on when the browser is closed
	form       bool                                    // the answer is a POST
	host, path string

	mu        sync.Mutex // guards what follows, and lets one answer in at a time
	strangers int
	ended     bool
	token     *client.Token
	err       error
	done      chan struct{} // closed when token and err stand
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	params, status := r.read(w, req)
	if status != http.StatusOK {
		page(w, status, "This is not the answer that was waited for.")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		page(w, http.StatusGone, "The sign-in has ended already.")
		return
	}
	token, err := r.exchange(params)
	switch {
	case errors.Is(err, client.ErrCallback) && r.strangers < maxStrangers:
		r.strangers++
		page(w, http.StatusBadRequest, "This is not the answer that was waited for.")
		return
	case errors.Is(err, client.ErrCallback):
		err = errors.Join(ErrStrangers, err)
		page(w, http.StatusBadRequest, "The sign-in has failed. You can close this window.")
	case err != nil:
		page(w, http.StatusOK, "The sign-in has failed. You can close this window.")
	default:
		page(w, http.StatusOK, "You are signed in. You can close this window.")
	}
	r.token, r.err, r.ended = token, err, true
	close(r.done)
}

// read takes a request of the right form. Another Host is a name that somebody has made to point here (DNS rebinding).
func (r *receiver) read(w http.ResponseWriter, req *http.Request) (url.Values, int) {
	switch {
	case req.Host != r.host:
		return nil, http.StatusMisdirectedRequest
	case req.URL.EscapedPath() != r.path:
		return nil, http.StatusNotFound
	case !r.form && req.Method == http.MethodGet:
		return req.URL.Query(), http.StatusOK
	case r.form && req.Method == http.MethodPost:
		req.Body = http.MaxBytesReader(w, req.Body, maxHeader)
		if err := req.ParseForm(); err != nil {
			return nil, http.StatusBadRequest
		}
		return req.PostForm, http.StatusOK
	}
	return nil, http.StatusMethodNotAllowed
}

// page has no script, no secret, and nothing of the request in it.
func page(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><title>Sign-in</title><p>" + text + "</p>\n"))
}
