package client

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Error is an answer of the authorization server that says no, or that is none. It matches, by [errors.Is], the code it
// carries: errors.Is(err, client.ErrInvalidGrant).
//
// Description, URI, Challenge and Body are the server's own words. They may quote what was sent to it, and Body may hold a
// token that came under a status that is none for it, so the text has the code and the status alone, whatever the verb.
type Error struct {
	// Code is the value of `error` (RFC 6749 §5.2 and the RFCs that add to it). Empty: the answer was not one of OAuth, a
	// proxy's page for example; see Status and Body.
	Code string

	// Description and URI are `error_description` and `error_uri`.
	Description, URI string

	// Status is that of the HTTP answer. Zero: the error came by a redirect of the user's browser.
	Status int

	// RetryAfter is how long the server asks to stay away. Zero: it did not say.
	RetryAfter time.Duration

	// Challenge is the WWW-Authenticate header.
	Challenge string

	// Body is the beginning of what was answered, at most 4 KiB of it.
	Body []byte

	mfaToken string // of a second factor that is needed
}

func (e *Error) Error() string {
	switch {
	case e.Code == "" && e.Status != 0:
		return fmt.Sprintf("client: the authorization server answered %d %s", e.Status, http.StatusText(e.Status))
	case e.Status == 0:
		return fmt.Sprintf("client: the authorization server said %q", clip(e.Code))
	}
	return fmt.Sprintf("client: the authorization server said %q (%d)", clip(e.Code), e.Status)
}

// clip bounds what a server's word can take of a text.
func clip(word string) string {
	const longest = 100
	if len(word) > longest {
		return word[:longest] + "…"
	}
	return word
}

// Format leaves the server's own words out, whatever the verb.
func (e Error) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue leaves the server's own words out.
func (e Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Is matches the ErrorCode that e carries, and [ErrUnavailable].
func (e *Error) Is(target error) bool {
	if target == ErrUnavailable {
		return unavailable(e.Status) || e.Code == string(ErrServerError) || e.Code == string(ErrTemporarilyUnavailable)
	}
	code, ok := target.(ErrorCode)
	return ok && e.Code == string(code)
}

func unavailable(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// ErrorCode is a value of `error`, to be matched by errors.Is. Codes that are not listed here are matched by one of one's
// own: errors.Is(err, client.ErrorCode("login_required")).
type ErrorCode string //nolint:errname // it is the RFCs' word

func (c ErrorCode) Error() string { return "client: " + string(c) }

// Codes of the token endpoint (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §8).
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
	ErrUnsupportedTokenType ErrorCode = "unsupported_token_type" // RFC 7009 §2.2.1

	// Those of RFC 6749 §4.1.2.1 that stand for a status, which a redirect cannot carry. They match ErrUnavailable.
	ErrServerError            ErrorCode = "server_error"
	ErrTemporarilyUnavailable ErrorCode = "temporarily_unavailable"
)

// IncompleteError says that a token was received, and something is wrong with it, or a later step failed: its type is not
// known, the answer around it was bad, the ID token that came along is not good, it could not be kept. The Token must not be
// used before that is cleared up, and must not be lost either: its refresh token may be the only one that still works. Only
// one of AccessToken and RefreshToken may be there. Look for it before other errors: it may match [ErrUnavailable], and to
// ask again would be in vain.
type IncompleteError struct {
	Token *Token
	Err   error

	untold bool // it is good, and Config.OnToken did not take it
}

func (e *IncompleteError) Error() string {
	return "client: a token was received, but: " + e.Err.Error()
}

// Unwrap returns what failed.
func (e *IncompleteError) Unwrap() error { return e.Err }

// ErrUnavailable says that the authorization server could not be asked, or gave no answer of OAuth for a reason of its
// own (a status from 500 on, or 429, or a code that says the same): it may help to try again.
var ErrUnavailable = errors.New("client: the authorization server is unavailable")

// ErrBadAnswer says that the server's answer is not what the RFCs allow.
var ErrBadAnswer = errors.New("client: the answer of the authorization server cannot be used")

// ErrUnsupported says that the server's metadata names no endpoint, or no method, for what was asked.
var ErrUnsupported = errors.New("client: the authorization server does not offer this")
