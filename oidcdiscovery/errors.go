package oidcdiscovery

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/hint"
)

// ErrUnavailable reports that a location sent no complete response, or responded with 429 or 5xx. A retry may succeed
// without a change of the configuration.
var ErrUnavailable = errors.New("oidcdiscovery: metadata unavailable")

// TimeoutError reports a request that exceeded its time limit. Limit is the limit that applied: [Client.Timeout], or the
// shorter Timeout of [Client.HTTPClient].
type TimeoutError = fetch.TimeoutError

// TooLargeError reports a document longer than [Client.MaxBytes]. Limit is the limit that applied, in bytes.
type TooLargeError = fetch.TooLargeError

// IssuerMismatchError reports the document of another issuer (RFC 8414 §3.3). Want is the requested issuer, or
// [Client.IssuerTemplate]. Got is the value of `issuer` in the document. It is empty if there is none, and may have any
// length.
type IssuerMismatchError struct {
	Want, Got string
}

// Error returns a text with both issuers and at most 200 characters of Got. It adds a hint if they differ only by a
// trailing slash, case, scheme or white space.
func (e *IssuerMismatchError) Error() string {
	return fmt.Sprintf("the document's issuer is %.200q, expected %q%s", e.Got, e.Want, e.hint())
}

// hint says how the issuers differ if the difference is easy to overlook, and returns "" otherwise.
func (e *IssuerMismatchError) hint() string {
	if difference := hint.Difference(e.Got, e.Want); difference != "" {
		return ": " + difference
	}
	return ""
}

// unavailableError makes an error match [ErrUnavailable] without a change of its text.
type unavailableError struct{ error }

// Unwrap returns the error that e wraps.
func (e unavailableError) Unwrap() error { return e.error }

// Is reports whether target is [ErrUnavailable].
func (e unavailableError) Is(target error) bool { return target == ErrUnavailable }

// classify makes err match [ErrUnavailable] if a retry may succeed.
func classify(err error) error {
	var status *fetch.StatusError
	busy := errors.As(err, &status) && (status.Status == http.StatusTooManyRequests || status.Status >= 500)
	if busy || errors.Is(err, fetch.ErrNoResponse) {
		return unavailableError{err}
	}
	return err
}
