package middleware

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

// Errors that say why a Guard rejected a request. The others are [consumer.ErrInvalidToken] and
// [consumer.ErrUnavailable]. Match them with errors.Is.
var (
	// ErrNoToken means that the request has no token, or credentials of another scheme. The response is 401 without an
	// error code.
	ErrNoToken = errors.New("middleware: no token")

	// ErrInvalidRequest means that the request has more than one token, or that its credentials are malformed: the
	// token is not a token68 (RFC 9110 section 11.2). The response is 400 with the code invalid_request.
	ErrInvalidRequest = errors.New("middleware: invalid request")

	// ErrInsufficientScope means that the token is valid but lacks a scope that a rule requires. The response is 403
	// with the code insufficient_scope.
	ErrInsufficientScope = errors.New("middleware: insufficient scope")
)

// errForbidden means that a rule is not met and that no scope would help.
var errForbidden = errors.New("middleware: forbidden")

// Error codes of RFC 6750 section 3.1 and RFC 9449 sections 7.1 and 9.
const (
	codeInvalidRequest    = "invalid_request"
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
	codeInvalidProof      = "invalid_dpop_proof"
	codeUseNonce          = "use_dpop_nonce"

	codeInsufficientAuthentication = "insufficient_user_authentication" // RFC 9470 section 3
)

// statusCallerGone is the status of requests that the client canceled. It is for logs and metrics: usually no client is
// left to read it.
const statusCallerGone = 499

// Refusal describes the response to a rejected request. It is the error of [Guard.Authenticate] and the argument of a
// DenyHandler. Applications may return one from a [Check] or pass one to [Guard.Deny].
//
// Status, Code, Scopes, ACRValues and MaxAge are sent to the client. The other fields are for operators and must not be
// sent; encoding/json omits them.
type Refusal struct { //nolint:errname // it describes a response and is an error only on the way to Deny
	// Status is the HTTP status: 400, 401, 403, 500 or 503, or 499 if the client canceled the request. A Guard replaces
	// a status outside of 400 to 599 by 500.
	Status int `json:"status"`

	// Code is the error code of the challenge (RFC 6750 section 3.1, RFC 9449 section 7.1). With Config.DPoP, a response
	// has one challenge for each scheme, and only the one of the scheme that the request used contains Code. A Guard omits
	// a Code that is not valid in a challenge. Empty: the challenge has no error code.
	Code string `json:"error,omitempty"`

	// Scopes lists the scopes in the challenge. With the code insufficient_scope, and with the status 401, they are the scopes
	// that the route needs; if a rule returns such a Refusal without Scopes, the Guard adds them. With the code
	// insufficient_user_authentication, it adds them only if the token lacks one. A Guard omits scopes that are not valid. Nil:
	// the challenge has no scopes.
	Scopes []string `json:"scopes,omitempty"`

	// ACRValues lists the authentication context classes that the API accepts, in order of preference, for the parameter
	// acr_values of the challenge (RFC 9470 section 3). Use it with the code insufficient_user_authentication. The Guard
	// then combines it with the StepUp rules of the route. A Guard omits values that are not valid. Nil: no parameter.
	ACRValues []string `json:"acr_values,omitempty"`

	// MaxAge is the longest acceptable time since the sign-in of the user, in seconds, for the parameter max_age of the
	// challenge (RFC 9470 section 3). Use it like ACRValues. Zero or less: no parameter.
	MaxAge int `json:"max_age,omitempty"`

	// Reason says why the request is rejected. A Guard replaces an empty Reason by ReasonInternal if Status is 5xx, and
	// otherwise by ReasonPolicy.
	Reason consumer.Reason `json:"-"`

	// Issuer is the issuer of the token. Empty: the request has no token, or its token does not name a configured
	// issuer.
	Issuer string `json:"-"`

	// Rule is the name of the rule that is not met: "scope", "role", "step_up", "authorization_details",
	// "sender_constrained", "principal", "also_verified_by", the path of a Role or RolePath, the name of a Claim or Check, or
	// "any of" and the names of the rules of an Any. Empty: the request was rejected before the rules were applied.
	Rule string `json:"-"`

	// Token is the verified token that a rule rejected, for a DenyHandler or an audit log. [Guard.Authenticate] sets it,
	// and replaces a Token that the application has set. Nil: no token was verified.
	Token *consumer.Token `json:"-"`

	// Detail says what was expected and what was received, and names the field that decides, if there is one. The Guard
	// logs it. It contains neither the token nor `sub`, an email address or a scope of the token. An application that sets
	// Detail must not include them either. Empty: only Reason and Rule are known.
	Detail string `json:"-"`

	// Err is the cause. Nil: the application made this Refusal without a cause.
	Err error `json:"-"`
}

// Error returns the reason and the cause, for operators. Do not send it to a client.
func (r *Refusal) Error() string {
	if r == nil { // see errNilError
		return "middleware: nil *Refusal"
	}
	text := "middleware: request rejected: " + string(r.Reason)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns r.Err. It returns nil if r is nil.
func (r *Refusal) Unwrap() error {
	if r == nil {
		return nil
	}
	return r.Err
}

// refusalOf maps an error to a response. It is the only function that does. The order of the cases matters, because an
// error may match several of them.
func refusalOf(ctx context.Context, err error) *Refusal {
	own, isRefusal := errors.AsType[*Refusal](err)
	cause, isError := errors.AsType[*consumer.Error](err)
	switch {
	case isRefusal && own == nil, isError && cause == nil:
		refusal := &Refusal{Err: errNilError, Detail: errNilError.detail}
		return refusal.as(http.StatusInternalServerError, "", consumer.ReasonInternal)
	case isRefusal:
		return own.sound()
	}
	refusal, class := &Refusal{Err: err, Detail: detailOf(err)}, err
	if isError {
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
		return refusal.as(http.StatusUnauthorized, codeOf(refusal.Reason), cmp.Or(refusal.Reason, consumer.ReasonInactive))
	case isCallerGone(ctx, class):
		return refusal.as(statusCallerGone, "", consumer.ReasonCanceled)
	case refusal.Reason == consumer.ReasonInternal:
		return refusal.as(http.StatusInternalServerError, "", consumer.ReasonInternal)
	case errors.Is(class, consumer.ErrUnavailable), errors.Is(class, context.DeadlineExceeded):
		return refusal.as(http.StatusServiceUnavailable, "", cmp.Or(refusal.Reason, consumer.ReasonInternal))
	case errors.Is(class, errForbidden): // last, because an error of a Check may also match a case above
		return refusal.as(http.StatusForbidden, "", consumer.ReasonPolicy)
	}
	return refusal.as(http.StatusInternalServerError, "", consumer.ReasonInternal)
}

// errNilError is for an error of the application that contains a nil pointer, as a variable of a pointer type without a value
// does.
var errNilError = &detailed{errVerifier, "an error is a nil *middleware.Refusal or *consumer.Error, expected nil or an error"}

// codeOf returns the error code of a rejected token or proof.
func codeOf(reason consumer.Reason) string {
	switch reason { //nolint:exhaustive // all other reasons have one code, which does not say which check failed
	case consumer.ReasonProof:
		return codeInvalidProof
	case consumer.ReasonNonce:
		return codeUseNonce
	}
	return codeInvalidToken
}

// classOf returns the class of err itself. The cause of err may have another class.
func classOf(err *consumer.Error) error {
	if err.Is(consumer.ErrUnavailable) {
		return consumer.ErrUnavailable
	}
	return consumer.ErrInvalidToken
}

// isCallerGone reports whether err is a consequence of a canceled request. An error of a canceled context is a fault of
// this API if the request itself was not canceled. The client then receives a response.
func isCallerGone(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, consumer.ErrUnavailable))
}

func (r *Refusal) as(status int, code string, reason consumer.Reason) *Refusal {
	r.Status, r.Code, r.Reason = status, code, reason
	return r
}

// sound returns a copy of r with valid fields. The application may have made r.
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
	s.Scopes, s.ACRValues, s.MaxAge = validOnly(s.Scopes), validOnly(s.ACRValues), max(s.MaxAge, 0)
	return &s
}

// validOnly returns a copy of names with those that are valid in a parameter with several names.
func validOnly(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isScope(name) })
}
