package ssf

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/consumer"
)

// Error means that a SET is not acceptable. It will not be acceptable later, so the transmitter should not send it again.
//
// Its text is for logs. It may quote the header and some claims of the SET, such as `iss` and `aud`, but no subject.
type Error struct {
	// Code is a registered error code of RFC 8935 section 2.4, or "invalid_state" (SSF section 8.1.4.1). Handlers send it to
	// the transmitter.
	Code string

	// Detail says what was expected and what was received.
	Detail string

	// Err is the cause, such as a [*consumer.Error]. Nil: there is no other error.
	Err error
}

// Error returns the code, the detail and the text of Err.
func (e *Error) Error() string {
	text := "ssf: SET is rejected (" + e.Code + ")"
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// The error codes of RFC 8935 section 2.4 and SSF section 8.1.4.1 that this package sends.
const (
	errorRequest        = "invalid_request"
	errorKey            = "invalid_key"
	errorIssuer         = "invalid_issuer"
	errorAudience       = "invalid_audience"
	errorAuthentication = "authentication_failed"
	errorState          = "invalid_state"
)

// describe returns the description that is sent with a code. It is the same for every SET, so that it shows nothing about the
// checks.
func describe(code string) string {
	switch code {
	case errorKey:
		return "The signature of the SET cannot be verified with the keys of its issuer."
	case errorIssuer:
		return "The issuer of the SET is not accepted."
	case errorAudience:
		return "The SET is not for this receiver."
	case errorAuthentication:
		return "The Authorization header is not accepted."
	case errorState:
		return "The state of the verification event is not expected."
	default:
		return "The request does not contain an acceptable SET."
	}
}

func reject(code, detail string, err error) error {
	return &Error{Code: code, Detail: detail, Err: err}
}

// rejectedBy returns the error for a SET that package consumer rejects.
func rejectedBy(err error) error {
	code := errorRequest
	if e, ok := errors.AsType[*consumer.Error](err); ok {
		switch e.Reason { //nolint:exhaustive // all other reasons are about the form and the claims
		case consumer.ReasonIssuer:
			code = errorIssuer
		case consumer.ReasonAudience:
			code = errorAudience
		case consumer.ReasonUnknownKey, consumer.ReasonSignature, consumer.ReasonAlgorithm:
			code = errorKey
		}
	}
	return reject(code, "", err)
}

// unavailable returns the error of a SET that has not taken effect and must be delivered again.
func unavailable(problem string, err error) error { return fmt.Errorf("ssf: %s: %w", problem, err) }
