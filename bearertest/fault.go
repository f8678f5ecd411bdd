package bearertest

import (
	"net/http"
	"time"
)

// Fault handles a request in place of the [Issuer]. It may call next, which writes the response of the Issuer. The functions
// [Respond], [Delay] and [Disconnect] return common ones. A test can write its own:
//
//	issuer.Fail("/token", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
//		w.Header().Set("Retry-After", "10")
//		w.WriteHeader(http.StatusTooManyRequests)
//	})
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Respond returns a Fault that responds with a status and a body. The content type is application/json. An error response
// of a token endpoint, for example, is Respond(400, `{"error":"invalid_grant"}`).
func Respond(status int, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// Delay returns a Fault that waits before the Issuer responds, in virtual time within a bubble of testing/synctest. If the
// request is canceled first, the Issuer does not see it.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Disconnect returns a Fault that closes the connection without a response. The client gets a network error.
func Disconnect() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // the way to close a connection in net/http
	}
}

// Fail makes f handle all requests for path from now on. path is as in [Issuer.Requests]; if it is empty, f handles requests for all
// paths that have no Fault of their own. If f is nil, the Issuer handles the requests again. [Issuer.Requests] also counts the
// requests that a Fault handles.
func (i *Issuer) Fail(path string, f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f == nil {
		delete(i.faults, path)
		return
	}
	i.faults[path] = f
}

// FailNext makes each of the faults handle one of the next requests for path, in order. A nil Fault lets the Issuer handle its
// request. Faults of earlier calls come first. Afterwards, the Fault of [Issuer.Fail] applies again. path is as in
// [Issuer.Requests]; if it is empty, the faults handle the next requests for any path.
func (i *Issuer) FailNext(path string, faults ...Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.nextFaults[path] = append(i.nextFaults[path], faults...)
}

// fault returns the fault for a request, or nil.
func (i *Issuer) fault(path string) Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, place := range []string{path, ""} {
		if next := i.nextFaults[place]; len(next) > 0 {
			i.nextFaults[place] = next[1:]
			return next[0]
		}
	}
	if f := i.faults[path]; f != nil {
		return f
	}
	return i.faults[""]
}
