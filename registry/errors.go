package registry

import (
	"errors"
	"fmt"
)

// Errors for [errors.Is]. Invalid arguments are reported as [*FieldError] values.
var (
	// ErrInvalidClient means that the client was not authenticated. The error does not say whether the id or the secret was
	// wrong, or whether the secret has expired. Respond with 401 invalid_client (RFC 6749 section 5.2).
	ErrInvalidClient = errors.New("registry: client authentication failed")

	// ErrNotFound means that there is no client with that id, or that the client has no secret with that id.
	ErrNotFound = errors.New("registry: not found")

	// ErrExists means that there already is a client with that id.
	ErrExists = errors.New("registry: client already exists")

	// ErrPublicClient means that the client is public and therefore has no secrets.
	ErrPublicClient = errors.New("registry: client is public")

	// ErrTooManySecrets means that the client already has Config.MaxSecrets valid secrets. Revoke one.
	ErrTooManySecrets = errors.New("registry: too many valid secrets")

	// ErrConflict means that other calls changed the client during each attempt. Nothing was changed. Retry.
	ErrConflict = errors.New("registry: conflicting changes")

	// ErrUnavailable means that the operation could not be completed: the Store failed, a stored client could not be read,
	// too many calls were waiting to compute a hash, or the context ended. It wraps the cause. Respond with 503, not with
	// invalid_client. It does not say whether a change was stored, because a Store may store it and then fail.
	ErrUnavailable = errors.New("registry: unavailable")
)

// FieldError reports an invalid field of an argument. Several are joined by [errors.Join]. It does not contain the value
// of the field.
type FieldError struct {
	// Field names the field. An element of a list has an index: "RedirectURIs[1]".
	Field string

	// Problem says what is wrong. Field and Problem together are a sentence: "Page.Skip must not be negative".
	Problem string
}

// Error returns the package prefix, Field and Problem.
func (e *FieldError) Error() string { return "registry: " + e.Field + " " + e.Problem }

func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

// faults collects the invalid fields of an argument.
type faults []error

func (f *faults) check(ok bool, field, problem string) {
	if !ok {
		*f = append(*f, &FieldError{field, problem})
	}
}

func (f *faults) join() error { return errors.Join(*f...) }
