package resourcemetadata

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/hint"
)

// ErrUnavailable reports that the server sent no complete response, or responded with 429 or 5xx. A retry may succeed without
// a change of the configuration.
var ErrUnavailable = errors.New("resourcemetadata: metadata unavailable")

// ErrNotFound reports that there is no document at the URL: the server responded with 404 or 410.
var ErrNotFound = errors.New("resourcemetadata: metadata not found")

// TimeoutError reports a request that exceeded its time limit. Limit is the limit that applied: [Client.Timeout], or the
// shorter Timeout of [Client.HTTPClient].
type TimeoutError = fetch.TimeoutError

// TooLargeError reports a document longer than [Client.MaxBytes]. Limit is the limit that applied, in bytes.
type TooLargeError = fetch.TooLargeError

// MismatchError reports the document of another resource (RFC 9728 section 3.3). Want is the identifier of the resource, or
// the URL of the request if FetchFor requested the document. Got is the value of `resource` in the document. It is empty if
// there is none, and may have any length.
type MismatchError struct {
	Want, Got string
}

// Error returns a text with both identifiers and at most 200 characters of Got. It adds a hint if they differ only by a
// trailing slash, case, scheme or white space.
func (e *MismatchError) Error() string {
	text := fmt.Sprintf("the document's resource is %.200q, expected %q", e.Got, e.Want)
	if difference := hint.Difference(e.Got, e.Want); difference != "" {
		return text + ": " + difference
	}
	return text
}

// classError adds an error for errors.Is, such as [ErrNotFound], to an error. The text does not change.
type classError struct {
	error
	class error
}

// Unwrap returns the error that e wraps.
func (e classError) Unwrap() error { return e.error }

// Is reports whether target is the class of e.
func (e classError) Is(target error) bool { return target == e.class }

// classify makes err match [ErrUnavailable] if a retry may succeed, and [ErrNotFound] if there is no document.
func classify(err error) error {
	var status *fetch.StatusError
	isStatus := errors.As(err, &status)
	switch {
	case isStatus && (status.Status == http.StatusNotFound || status.Status == http.StatusGone):
		return classError{err, ErrNotFound}
	case isStatus && (status.Status == http.StatusTooManyRequests || status.Status >= http.StatusInternalServerError),
		errors.Is(err, fetch.ErrNoResponse):
		return classError{err, ErrUnavailable}
	}
	return err
}
