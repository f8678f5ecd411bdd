package ssf

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	defaultConcurrent = 16
	maxConcurrent     = 1000
	maxAuthorizations = 10
	retryAfter        = 5 * time.Second // for a SET that has not taken effect
)

// PushConfig configures [Receiver.PushHandler].
type PushConfig struct {
	// Authorization lists the accepted values of the Authorization header, such as "Bearer " and a random secret. Pass one of
	// them as [Delivery].AuthorizationHeader when you create the stream. List two values while you replace one by the other.
	// PushHandler rejects more than 10, and values of less than 16 bytes. Empty: the header is not checked, and only the
	// signature of a SET shows who has issued it. Anyone can then make the handler verify signatures, write a
	// line to Config.Logger for each request, and occupy it with slow requests, so that the transmitter receives 503 and events
	// take effect later.
	Authorization []string

	// MaxConcurrent is how many SETs are handled at the same time. Further requests receive 503. PushHandler rejects more
	// than 1000. Zero: 16.
	MaxConcurrent int
}

// Format implements [fmt.Formatter]. For every verb, it omits the values of Authorization.
func (cfg PushConfig) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ssf.PushConfig{MaxConcurrent: %d}", cfg.MaxConcurrent)
}

// LogValue implements [slog.LogValuer]. It omits the values of Authorization.
func (cfg PushConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(cfg)) }

// PushHandler returns the handler for the endpoint_url of a stream with push delivery (RFC 8935, SSF section 6.1.1). It accepts POST
// requests with the media type application/secevent+jwt, of at most 64 KiB. Serve it with TLS.
//
// The status of the response is 202 if the events of the SET have taken effect, now or before. It is 400 with a JSON object if the
// SET is not acceptable: the transmitter must not send it again. The member err is a registered error code, and description is the
// same for every SET. The status is 503 with Retry-After if the SET has not taken effect and must be sent again, 405 for another
// method, 413 for a longer body, and 415 for another media type.
//
// Reading a request body takes at most Config.Timeout, if the server supports [http.ResponseController.SetReadDeadline].
func (r *Receiver) PushHandler(cfg PushConfig) (http.Handler, error) {
	var faults faults
	faults.check(len(cfg.Authorization) <= maxAuthorizations, "PushConfig.Authorization has %d values, expected at most %d",
		len(cfg.Authorization), maxAuthorizations)
	faults.check(!slices.ContainsFunc(cfg.Authorization, func(value string) bool { return len(value) < 16 }),
		"PushConfig.Authorization has a value of less than 16 bytes")
	faults.check(cfg.MaxConcurrent >= 0 && cfg.MaxConcurrent <= maxConcurrent, "PushConfig.MaxConcurrent is %d, expected 0 to %d",
		cfg.MaxConcurrent, maxConcurrent)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if cfg.MaxConcurrent == 0 {
		cfg.MaxConcurrent = defaultConcurrent
	}
	p := &pushHandler{receiver: r, places: make(chan struct{}, cfg.MaxConcurrent)}
	for _, value := range cfg.Authorization {
		p.authorizations = append(p.authorizations, sha256.Sum256([]byte(value)))
	}
	return p, nil
}

// pushHandler is the handler of PushHandler.
type pushHandler struct {
	receiver       *Receiver
	authorizations [][sha256.Size]byte // hashes have the same length, so that the time of a comparison shows nothing
	places         chan struct{}       // has an element for each SET that is being handled
}

// ServeHTTP implements [http.Handler].
func (p *pushHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	counters := &p.receiver.counters
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	// Authorization is checked before the body is read, so that only the transmitter can make the handler do more work than this.
	switch {
	case r.Method != http.MethodPost:
		counters.malformed.Add(1)
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !p.authorized(r):
		counters.unauthorized.Add(1)
		writeError(w, errorAuthentication)
		return
	case mediaType != "application/secevent+jwt":
		counters.malformed.Add(1)
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		counters.busy.Add(1)
		writeUnavailable(w)
		return
	}
	set, err := p.read(w, r)
	if err != nil {
		counters.malformed.Add(1)
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		w.WriteHeader(status)
		return
	}
	err = p.receiver.Receive(r.Context(), set)
	rejected, ok := errors.AsType[*Error](err)
	switch {
	case ok:
		writeError(w, rejected.Code)
	case err != nil:
		writeUnavailable(w)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// authorized reports whether the request has one of the accepted Authorization headers, and no other one.
func (p *pushHandler) authorized(r *http.Request) bool {
	if len(p.authorizations) == 0 {
		return true
	}
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	got, found := sha256.Sum256([]byte(values[0])), 0
	for _, want := range p.authorizations {
		found |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return found == 1
}

// read reads the SET within limits of size and time. The deadline is removed afterwards, so that it does not end the context of the
// request.
func (p *pushHandler) read(w http.ResponseWriter, r *http.Request) (string, error) {
	connection := http.NewResponseController(w)
	limited := connection.SetReadDeadline(time.Now().Add(p.receiver.cfg.Timeout)) == nil
	set, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSETBytes))
	if limited && err == nil {
		err = connection.SetReadDeadline(time.Time{})
	}
	return string(set), err
}

// errorBody is the body of a response with an error (RFC 8935 section 2.3), and an error in setErrs (RFC 8936 section 2.6).
type errorBody struct {
	Code        string `json:"err"`
	Description string `json:"description"`
}

// writeError writes a response with an error code. The status is 400 for all codes, also for authentication_failed (RFC 8935
// section 2.3).
func writeError(w http.ResponseWriter, code string) {
	body, err := json.Marshal(errorBody{code, describe(code)})
	if err != nil { // two strings can always be encoded
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body)
}

// writeUnavailable writes the response to a SET that must be sent again.
func writeUnavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	w.WriteHeader(http.StatusServiceUnavailable)
}
