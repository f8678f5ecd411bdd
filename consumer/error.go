package consumer

import (
	"errors"
	"slices"
)

// The two classes of error, for [errors.Is]. Every error of a [Verifier] of this package matches exactly one.
var (
	// ErrInvalidToken: the token is not good, and will not become good. A resource server answers 401.
	ErrInvalidToken = errors.New("consumer: invalid token")

	// ErrUnavailable: what is needed to decide could not be had. A resource server answers 503, never 401: the client
	// holds a good token, as far as anyone can tell.
	ErrUnavailable = errors.New("consumer: unavailable")
)

// Error is what verification fails with. Its text is for operators: it holds neither the token nor a secret, yet it
// must not be sent to a client, who would learn which check to try next.
type Error struct {
	// Reason is why.
	Reason Reason

	// Issuer is the configured issuer that judged the token. Empty when none had been chosen yet.
	Issuer string

	// Detail completes the Reason, for example with the name of the missing claim.
	Detail string

	// Err is the cause, if there is one.
	Err error
}

func (e *Error) Error() string {
	text := "consumer: " + string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, unless that is of the other class: an error has one.
func (e *Error) Unwrap() error {
	other := ErrUnavailable
	if e.Reason.unavailable() {
		other = ErrInvalidToken
	}
	if errors.Is(e.Err, other) {
		return nil
	}
	return e.Err
}

// Is puts the error into one of the two classes.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnavailable:
		return e.Reason.unavailable()
	case ErrInvalidToken:
		return !e.Reason.unavailable()
	}
	return false
}

func (r Reason) unavailable() bool {
	return slices.Contains([]Reason{
		ReasonKeysUnavailable, ReasonStatusUnavailable, ReasonIntrospectionUnavailable, ReasonCanceled, ReasonInternal,
	}, r)
}

func refuse(reason Reason, detail string) error {
	return &Error{Reason: reason, Detail: detail}
}
