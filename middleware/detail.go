package middleware

import (
	"errors"

	"github.com/bearerkit/bearerkit/consumer"
)

// detailed is an error whose detail is safe to log: it consists of constants and settings, and of values of a proof that package
// dpop has quoted and cut.
// errors.Is matches it with class.
type detailed struct {
	class  error
	detail string
}

func (e *detailed) Error() string { return e.class.Error() + ": " + e.detail }

func (e *detailed) Unwrap() error { return e.class }

// detailOf returns the text of err that is safe to log, or "" if there is none. Errors of the application may quote a
// token, so their texts are not returned.
func detailOf(err error) string {
	if cause, ok := errors.AsType[*consumer.Error](err); ok && cause.LogDetail() != "" {
		return cause.LogDetail()
	}
	if own, ok := errors.AsType[*detailed](err); ok {
		return own.detail
	}
	return ""
}
