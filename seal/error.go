package seal

import (
	"errors"
	"fmt"
)

var (
	// ErrNotSealed says that a value does not begin like a sealed value. It may be plaintext that was stored before sealing was
	// introduced. But anyone who can write to the store can also put plaintext there, so do not use such a value, except during
	// a migration.
	ErrNotSealed = errors.New("seal: the value is not sealed")

	// ErrDamaged says that a value was changed or truncated, or that it was sealed with another binding or with another
	// secret. The cause cannot be determined.
	ErrDamaged = errors.New("seal: the value was changed, or was sealed for another place or with another secret")

	// ErrUnknownKey says that the value was sealed with a key that is not in Config.Keys. The error is an [*UnknownKeyError].
	ErrUnknownKey = errors.New("seal: the key of the value is not configured")

	// ErrTooLarge says that a value has more bytes than Config.MaxBytes allows.
	ErrTooLarge = errors.New("seal: the value is too large")
)

// UnknownKeyError is the error for a value whose key is not configured. It matches [ErrUnknownKey].
type UnknownKeyError struct {
	// ID is the id of the key in the value. It was not verified.
	ID string
}

// Error implements error.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("seal: the value was sealed with the key %q, which is not in Config.Keys", e.ID)
}

// Is reports whether target is [ErrUnknownKey].
func (e *UnknownKeyError) Is(target error) bool { return target == ErrUnknownKey }
