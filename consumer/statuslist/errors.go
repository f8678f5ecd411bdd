package statuslist

import (
	"errors"
	"fmt"
)

var (
	// ErrRejected means that the token has no status: its claim `status` is missing or not valid, or names a list that is not
	// allowed or an index that the list does not have. Another attempt has the same result, so the token must be rejected.
	ErrRejected = errors.New("statuslist: the token has no status")

	// ErrUnavailable means that the status is not known now. The token may be valid. Retry later.
	ErrUnavailable = errors.New("statuslist: status unavailable")
)

// rejection is why a token has no status. The log has at most one line per minute for each.
type rejection int

const (
	unlisted   rejection = iota // the token has no reference
	malformed                   // its reference is not valid
	notAllowed                  // its list is not at one of Config.URLs
	outOfRange                  // its list has no such index
	rejections                  // the number of the above
)

// rejectedError says why a token has no status. Its text contains nothing of the token but the server of the list.
type rejectedError struct {
	kind    rejection
	problem string
}

func reject(kind rejection, format string, args ...any) error {
	return &rejectedError{kind, fmt.Sprintf(format, args...)}
}

// Error returns the text of ErrRejected and the problem.
func (e *rejectedError) Error() string { return ErrRejected.Error() + ": " + e.problem }

// Is reports whether target is ErrRejected.
func (e *rejectedError) Is(target error) bool { return target == ErrRejected }

// unavailable returns an error that matches ErrUnavailable and wraps err.
func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
