package registry

import (
	"errors"
	"fmt"
)

// What can go wrong, for [errors.Is]. What is wrong with a value that was given is a [*FieldError].
var (
	// ErrInvalidClient: the client could not be authenticated. Whether the id, the secret or its age was wrong is not
	// said, to nobody. An authorization server answers invalid_client (RFC 6749 §5.2).
	ErrInvalidClient = errors.New("registry: client authentication failed")

	// ErrNotFound: there is no client of that id, or no secret of that id in it.
	ErrNotFound = errors.New("registry: not found")

	// ErrExists: there is a client of that id already.
	ErrExists = errors.New("registry: client exists")

	// ErrPublicClient: a public client has no secrets to rotate or revoke.
	ErrPublicClient = errors.New("registry: client is public")

	// ErrTooManySecrets: the client has as many valid secrets as it may have. Revoke one.
	ErrTooManySecrets = errors.New("registry: too many valid secrets")

	// ErrConflict: others kept changing the client. Nothing was changed; try again.
	ErrConflict = errors.New("registry: conflicting changes")

	// ErrUnavailable: it could not be found out, because the store failed, too many wait for a hash, or the context
	// ended. The cause is wrapped. A server answers 503, never invalid_client. Whether a change was made is not known then:
	// a store may have made it before it failed.
	ErrUnavailable = errors.New("registry: unavailable")
)

// FieldError says that a given value cannot be accepted. Several are joined. It never holds the value.
type FieldError struct {
	// Field is the field, with an index where it is a list: "RedirectURIs[1]".
	Field string

	// Problem completes the sentence that Field begins.
	Problem string
}

func (e *FieldError) Error() string { return "registry: " + e.Field + " " + e.Problem }

func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

// faults collects what is wrong with what was given.
type faults []error

func (f *faults) check(ok bool, field, problem string) {
	if !ok {
		*f = append(*f, &FieldError{field, problem})
	}
}

func (f *faults) join() error { return errors.Join(*f...) }
