package client

import (
	"errors"
)

// MFARequiredError says that a password was right and a second factor is needed.
type MFARequiredError struct {
	// MFAToken is what the MFA methods want; it lives for some minutes.
	MFAToken string

	err *Error
}

func (e *MFARequiredError) Error() string { return e.err.Error() }

// Unwrap returns the [*Error], which matches [ErrMFARequired].
func (e *MFARequiredError) Unwrap() error { return e.err }

func mfaRequired(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(e, ErrMFARequired) {
		return err
	}
	return &MFARequiredError{MFAToken: e.mfaToken, err: e}
}
