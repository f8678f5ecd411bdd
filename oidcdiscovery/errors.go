package oidcdiscovery

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// ErrUnavailable says that a place did not answer in time, not completely, or with 429 or 5xx: trying again may help,
// and the configuration need not be wrong.
var ErrUnavailable = errors.New("oidcdiscovery: metadata unavailable")

// TimeoutError says that a request was not done within [Client.Timeout]. Its Limit is the one that held.
type TimeoutError = fetch.TimeoutError

// TooLargeError says that a document is longer than [Client.MaxBytes]. Its Limit is the one that held, in bytes.
type TooLargeError = fetch.TooLargeError

// IssuerMismatchError says that a document belongs to another issuer than the one asked for (RFC 8414 §3.3). Got is the
// other side's word, and empty if the document names no issuer.
type IssuerMismatchError struct {
	Want, Got string
}

// Error names both, and says so if the two differ in a way that is easily overlooked.
func (e *IssuerMismatchError) Error() string {
	return fmt.Sprintf("the document's issuer is %.200q, want %q%s", e.Got, e.Want, e.hint())
}

func (e *IssuerMismatchError) hint() string {
	switch {
	case strings.TrimSuffix(e.Got, "/") == strings.TrimSuffix(e.Want, "/"):
		return ": they differ by a trailing slash only"
	case strings.EqualFold(e.Got, e.Want):
		return ": they differ by letter case only"
	}
	return ""
}

// unavailableError adds [ErrUnavailable] to what happened, and not to its text.
type unavailableError struct{ error }

func (e unavailableError) Unwrap() error { return e.error }

func (e unavailableError) Is(target error) bool { return target == ErrUnavailable }

func classify(err error) error {
	var status *fetch.StatusError
	busy := errors.As(err, &status) && (status.Status == http.StatusTooManyRequests || status.Status >= 500)
	if busy || errors.Is(err, fetch.ErrNoResponse) {
		return unavailableError{err}
	}
	return err
}
