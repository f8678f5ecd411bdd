package client

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// Error is an error response of the authorization server, or a response that is not the expected OAuth response. It matches
// its own code: errors.Is(err, client.ErrInvalidGrant). It also matches [ErrBadResponse] if the server reported success, but
// its response is not valid.
//
// Description, URI, Challenge and Body are text from the server. They may repeat what was sent, and Body may contain a
// token. Do not log them. Error, fmt and slog print the code, the status, and the beginning of the description: quoted, and
// only if it contains nothing that looks like a secret.
type Error struct {
	// Code is the value of the member error (RFC 6749, Section 5.2, and its extensions). If the server reports errors in
	// another form, such as an object with a code, Code is the code in that form. It is empty if the response has no code,
	// for example the error page of a proxy. See Status and Body then.
	Code string

	// Description and URI are the members error_description and error_uri. If the server reports errors in another form,
	// Description is the text in that form.
	Description, URI string

	// Status is the HTTP status of the response. It is 0 if the error came through a redirect of the user's browser.
	Status int

	// RetryAfter is the value of the Retry-After header, at most 5 minutes. It is 0 if there is none.
	RetryAfter time.Duration

	// Challenge is the value of the WWW-Authenticate header.
	Challenge string

	// Body is the beginning of the body, at most 4 KiB. With a status of 2xx, it is the whole body unless that is a web
	// page, because the body may have a token in a member that this package does not know.
	Body []byte

	mfaToken string    // for MFARequiredError
	detail   string    // Description as Error shows it
	hint     string    // the settings that decide, for Error
	flaw     error     // why a response that reports success is not valid
	class    ErrorCode // a code that the error also matches
	hideCode bool      // Code may contain a secret
}

// explain sets the text with which Error shows the description. known are the secrets that must not be in it.
func (e *Error) explain(known secrets) {
	e.detail, e.hideCode = known.quote(e.Description), known.in(clip(e.Code))
}

// Error returns the code, the status, and the beginning of the description. For a client that was rejected, it names the
// fields of [Config] that decide.
func (e *Error) Error() string {
	text := e.summary()
	if e.detail != "" {
		text += ": " + e.detail
	}
	if e.hint != "" {
		text += "; " + e.hint
	}
	return text
}

// summary returns the code and the status.
func (e *Error) summary() string {
	code := strconv.Quote(clip(e.Code))
	if e.hideCode {
		code = "(the code is omitted: it may contain a credential)"
	}
	switch {
	case e.flaw != nil:
		return fmt.Sprintf("%v (status %d)", e.flaw, e.Status)
	case e.Code == "" && e.Status/100 == 2:
		return fmt.Sprintf("client: the authorization server reports an error (status %d)", e.Status)
	case e.Code == "" && e.Status != 0:
		return fmt.Sprintf("client: the authorization server responded with status %d %s", e.Status, http.StatusText(e.Status))
	case e.Status == 0:
		return "client: the authorization server returned error " + code
	}
	return fmt.Sprintf("client: the authorization server returned error %s (status %d)", code, e.Status)
}

// Unwrap returns an error that matches [ErrBadResponse] if the server reported success, but its response is not valid.
func (e *Error) Unwrap() error { return e.flaw }

// clip limits the length of text from outside in an error message.
func clip(word string) string {
	const longest = 100
	if len(word) > longest {
		return word[:longest] + "…"
	}
	return word
}

// Format implements [fmt.Formatter]. For every verb, it prints the text of [Error.Error].
func (e Error) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue implements [slog.LogValuer]. It has the text of [Error.Error].
func (e Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Is reports whether target is the [ErrorCode] of e. It also reports true for [ErrUnavailable] if e says that the server is
// unavailable, by a status of 429 or from 500 on, or by a code. An error of the userinfo endpoint that rejects the access
// token also matches [ErrInvalidToken].
func (e *Error) Is(target error) bool {
	if target == ErrUnavailable {
		return unavailable(e.Status) || slices.Contains(unavailableCodes(), e.Code)
	}
	code, ok := target.(ErrorCode)
	return ok && code != "" && (e.Code == string(code) || e.class == code)
}

// unavailableCodes returns the codes that say that a retry may succeed. Besides those of RFC 6749, it has codes that servers
// send with a status of 200 or 4xx.
func unavailableCodes() []string {
	return []string{
		string(ErrServerError), string(ErrTemporarilyUnavailable), "service_unavailable", "internal_error",
		"internal_server_error", "fatal_error", "request_timeout", "ratelimited", "rate_limited", "rate_limit_exceeded",
		"too_many_requests",
	}
}

// unavailable reports whether a status says that a later request may succeed.
func unavailable(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// ErrorCode is an OAuth error code: a value of the member error in an error response. Use it with [errors.Is]. For codes
// that are not listed here, convert a string: errors.Is(err, client.ErrorCode("login_required")).
//
//nolint:errname // the name of RFC 6749
type ErrorCode string

// Error returns the code after the prefix "client: ".
func (c ErrorCode) Error() string { return "client: " + string(c) }

// Error codes of the token endpoint (RFC 6749, Section 5.2; RFC 8628, Section 3.5; RFC 8707, Section 2; RFC 9449, Sections 5
// and 8; mfa_required is a code of Auth0), and of APIs (RFC 6750, Section 3.1).
const (
	ErrInvalidRequest       ErrorCode = "invalid_request"
	ErrInvalidClient        ErrorCode = "invalid_client"
	ErrInvalidGrant         ErrorCode = "invalid_grant"
	ErrUnauthorizedClient   ErrorCode = "unauthorized_client"
	ErrUnsupportedGrantType ErrorCode = "unsupported_grant_type"
	ErrInvalidScope         ErrorCode = "invalid_scope"
	ErrInvalidTarget        ErrorCode = "invalid_target"
	ErrAuthorizationPending ErrorCode = "authorization_pending"
	ErrSlowDown             ErrorCode = "slow_down"
	ErrAccessDenied         ErrorCode = "access_denied"
	ErrExpiredToken         ErrorCode = "expired_token"
	ErrMFARequired          ErrorCode = "mfa_required"
	ErrUseDPoPNonce         ErrorCode = "use_dpop_nonce"
	ErrInvalidDPoPProof     ErrorCode = "invalid_dpop_proof"
	ErrInvalidToken         ErrorCode = "invalid_token"
	ErrUnsupportedTokenType ErrorCode = "unsupported_token_type" // RFC 7009, Section 2.2.1

	// Codes for a status of 5xx, which a redirect cannot have (RFC 6749, Section 4.1.2.1). They match ErrUnavailable.
	ErrServerError            ErrorCode = "server_error"
	ErrTemporarilyUnavailable ErrorCode = "temporarily_unavailable"
)

// IncompleteError says that a token was received, but must not be used: the response or its ID token is not valid, or the
// token could not be stored.
//
// Do not use its access token. Do not discard its refresh token either, since it may be the only one that still works: a
// server that rotates refresh tokens does not accept the previous one. Check for an IncompleteError before other errors. It
// may also match [ErrUnavailable], although a retry would not help.
type IncompleteError struct {
	// Token has an access token, a refresh token, or both.
	Token *Token

	// Err says why the token must not be used. If the response is the reason, Err is or wraps an [*Error] with the whole
	// body of the response.
	Err error

	onTokenFailed bool // the token is valid, but Config.OnToken returned an error
}

// Error returns the text of Err after a prefix. It contains no part of Token.
func (e *IncompleteError) Error() string {
	return "client: a token was received, but a later step failed: " + e.Err.Error()
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }

// ErrUnavailable says that the server could not be reached, or that its response says that it is unavailable: a status of
// 429 or from 500 on, or an OAuth code with that meaning. A retry may succeed.
var ErrUnavailable = errors.New("client: the authorization server is unavailable")

// ErrBadResponse says that the response of the server is not valid according to the RFCs, or exceeds a limit.
var ErrBadResponse = errors.New("client: the response of the authorization server is not valid")

// ErrUnsupported says that the metadata of the server lacks what a call needs, such as an endpoint or a method of client
// authentication. For a missing endpoint, the error is a [*MissingMetadataError].
var ErrUnsupported = errors.New("client: not supported by the authorization server")

// MissingMetadataError says that the metadata of the server lacks an endpoint or its key set, and that the [Config] does not have
// it either. Find it with [errors.As]. It matches [ErrUnsupported]. If a document of the metadata could not be fetched, so that
// the member may be there, it matches [ErrUnavailable] in place of ErrUnsupported.
type MissingMetadataError struct {
	// Member is the name of the member of the metadata (RFC 8414, Section 2), such as "device_authorization_endpoint".
	Member string

	// Field is the field of Config that can have the value, such as Config.Endpoints["device_authorization_endpoint"].
	Field string

	// Err says why the metadata is incomplete: one of its documents could not be used. It is nil if all were read.
	Err error
}

// Error names the member, the field and the cause.
func (e *MissingMetadataError) Error() string {
	text := fmt.Sprintf("%v: the metadata has no %s (%s)", e.class(), e.Member, e.Field)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns [ErrUnsupported] or [ErrUnavailable], and Err if it is not nil.
func (e *MissingMetadataError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.class()}
	}
	return []error{e.class(), e.Err}
}

// class returns what the error matches besides Err.
func (e *MissingMetadataError) class() error {
	if errors.Is(e.Err, oidcdiscovery.ErrUnavailable) {
		return ErrUnavailable
	}
	return ErrUnsupported
}
