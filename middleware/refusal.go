package middleware

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

// What a Guard refuses a request for, besides its token: see [consumer.ErrInvalidToken] and [consumer.ErrUnavailable].
var (
	// ErrNoToken: the request has no token, or credentials of another scheme. 401 without an error code.
	ErrNoToken = errors.New("middleware: no token")

	// ErrInvalidRequest: the token is sent several times, or in a form that is none. 400 invalid_request.
	ErrInvalidRequest = errors.New("middleware: invalid request")

	// ErrInsufficientScope: the token is good, but lacks a scope. 403 insufficient_scope.
	ErrInsufficientScope = errors.New("middleware: insufficient scope")
)

// errForbidden: a rule is not met, and no scope would change that.
var errForbidden = errors.New("middleware: forbidden")

// Error codes of RFC 6750 §3.1.
const (
	codeInvalidRequest    = "invalid_request"
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
)

// statusCallerGone is for logs and metrics: hardly ever is somebody there to read it.
const statusCallerGone = 499

// Refusal is the answer to a request that may not pass: the error of [Guard.Authenticate], and what a DenyHandler gets.
// Applications may make their own, for [Guard.Deny] and in a [Check].
//
// Status, Code and Scopes are what the client is told. The rest is for operators and must not be sent; encoding/json
// leaves it out.
type Refusal struct { //nolint:errname // it is an answer first, and an error on the way to it
	// Status is the HTTP status: 400, 401, 403, 500 or 503, or 499 if the caller is gone. A status that is no error is
	// taken for 500.
	Status int `json:"status"`

	// Code is the error code of the challenge (RFC 6750 §3.1). Empty: the challenge has none.
	Code string `json:"error,omitempty"`

	// Scopes are those that the route needs, with insufficient_scope. Nil: none are named.
	Scopes []string `json:"scopes,omitempty"`

	// Reason is why. Empty, in one of the application's own: ReasonPolicy, or ReasonInternal if Status is 5xx.
	Reason consumer.Reason `json:"-"`

	// Issuer is the issuer of the token, once it is known to be a configured one.
	Issuer string `json:"-"`

	// Rule is the name of the rule that is not met: "scope", the path of a Role, the name of a Claim or a Check.
	Rule string `json:"-"`

	// Err is the cause, if there is one.
	Err error `json:"-"`
}

func (r *Refusal) Error() string {
	text := "middleware: refused: " + string(r.Reason)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// refusalOf is the one way from an error to an answer.
func refusalOf(ctx context.Context, err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.sound()
	}
	refusal, class := &Refusal{Err: err}, err
	if cause, ok := errors.AsType[*consumer.Error](err); ok {
		refusal.Reason, refusal.Issuer = cause.Reason, cause.Issuer
		class = classOf(cause)
	}
	switch {
	case errors.Is(class, ErrNoToken):
		return refusal.as(http.StatusUnauthorized, "", consumer.ReasonNoToken)
	case errors.Is(class, ErrInvalidRequest):
		return refusal.as(http.StatusBadRequest, codeInvalidRequest, consumer.ReasonInvalidRequest)
	case errors.Is(class, ErrInsufficientScope):
		return refusal.as(http.StatusForbidden, codeInsufficientScope, consumer.ReasonScope)
	case errors.Is(class, consumer.ErrInvalidToken):
		return refusal.as(http.StatusUnauthorized, codeInvalidToken, cmp.Or(refusal.Reason, consumer.ReasonInactive))
	case isCallerGone(ctx, class):
		return refusal.as(statusCallerGone, "", consumer.ReasonCanceled)
	case refusal.Reason == consumer.ReasonInternal:
		return refusal.as(http.StatusInternalServerError, "", consumer.ReasonInternal)
	case errors.Is(class, consumer.ErrUnavailable), errors.Is(class, context.DeadlineExceeded):
		return refusal.as(http.StatusServiceUnavailable, "", cmp.Or(refusal.Reason, consumer.ReasonInternal))
	case errors.Is(class, errForbidden): // last, since a Check's own error may say more
		return refusal.as(http.StatusForbidden, "", consumer.ReasonPolicy)
	}
	return refusal.as(http.StatusInternalServerError, "", consumer.ReasonInternal)
}

// classOf leaves out what caused err, which may be of another class.
func classOf(err *consumer.Error) error {
	if err.Is(consumer.ErrUnavailable) {
		return consumer.ErrUnavailable
	}
	return consumer.ErrInvalidToken
}

// isCallerGone believes a cancellation only if the request itself has ended: any other is a fault on this side, about
// which a caller who is still there is told.
func isCallerGone(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, consumer.ErrUnavailable))
}

func (r *Refusal) as(status int, code string, reason consumer.Reason) *Refusal {
	r.Status, r.Code, r.Reason = status, code, reason
	return r
}

// sound returns a copy that can be written, whoever made r.
func (r *Refusal) sound() *Refusal {
	s := *r
	if s.Status < 400 || s.Status > 599 {
		s.Status = http.StatusInternalServerError
	}
	if s.Reason == "" && s.Status >= http.StatusInternalServerError {
		s.Reason = consumer.ReasonInternal
	}
	s.Reason = cmp.Or(s.Reason, consumer.ReasonPolicy)
	if !isCode(s.Code) {
		s.Code = ""
	}
	s.Scopes = slices.DeleteFunc(slices.Clone(s.Scopes), func(scope string) bool { return !isScope(scope) })
	return &s
}
