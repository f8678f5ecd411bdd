package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// The two classes of errors, for [errors.Is]. Each error of a [Consumer] matches exactly one of them.
var (
	// ErrInvalidToken means that the token is not acceptable. An API responds with 401.
	ErrInvalidToken = errors.New("consumer: invalid token")

	// ErrUnavailable means that the token could not be checked, for example because the issuer's keys are not
	// available. An API responds with 503 and never with 401, because the token may be valid.
	ErrUnavailable = errors.New("consumer: unavailable")
)

// Error is the error of a failed verification.
//
// Its text is for logs. It quotes parts of the claims and of the settings. It contains neither the token nor a secret,
// unless a function of the application (Config.Check, Config.Status or GroupConfig.Resolve) returned an error with one.
// Do not send the text to a client: it says which check failed.
type Error struct {
	// Reason says which check failed.
	Reason Reason

	// Issuer is the configured issuer of the Consumer that checked the token. Empty: no Consumer was selected.
	Issuer string

	// Detail says what was expected and what was received, and names the field of Config. It may quote these parts of
	// the token, at most 100 bytes of each: `alg`, `typ`, `kid`, `iss`, each `aud`, the dates, the client, the tenant, or
	// the claim that shows the kind of token. It may be empty.
	Detail string

	// Err is the cause. Nil: there is no other error.
	Err error

	safe     safety
	consumer *Consumer // that checked the token; nil if none was selected
}

// safety says which texts of an [Error] may be logged. Other code can make an Error too, so the zero value is that
// nothing may.
type safety int

const (
	nothingSafe safety = iota
	detailSafe         // this package made Detail
	allSafe            // and this module made Err
)

// LogDetail returns the part of the text of e that this package made: what was expected, what was received, and the field
// of Config. It never contains the token, `sub`, an email address, a scope, a secret, or a text of the application, such
// as an error of Config.Check. The Guard of package middleware logs it. It is empty if other code made e.
func (e *Error) LogDetail() string {
	switch {
	case e == nil:
	case e.safe == allSafe && e.Err != nil:
		cause := strings.ReplaceAll(e.Err.Error(), "\n", "; ") // joined errors
		if e.Detail == "" {
			return cause
		}
		return e.Detail + ": " + cause
	case e.safe >= detailSafe:
		return e.Detail
	}
	return ""
}

// Error returns the Reason, the Detail and the text of Err. It is for logs: do not send it to a client.
func (e *Error) Error() string {
	if e == nil {
		return "consumer: nil *Error"
	}
	text := "consumer: " + string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err. It returns nil if Err matches the other class, so that an Error matches only one class, and if e is nil.
func (e *Error) Unwrap() error {
	if e == nil { // a function of the application may return a nil pointer as an error
		return nil
	}
	other := ErrUnavailable
	if e.Reason.unavailable() {
		other = ErrInvalidToken
	}
	if errors.Is(e.Err, other) {
		return nil
	}
	return e.Err
}

// Is reports whether target is the class of e, which is [ErrInvalidToken] or [ErrUnavailable]. Package errors calls it. A nil
// Error has no class.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnavailable:
		return e != nil && e.Reason.unavailable()
	case ErrInvalidToken:
		return e != nil && !e.Reason.unavailable()
	}
	return false
}

// unavailable reports whether r says that the token could not be checked, so that it may be good.
func (r Reason) unavailable() bool {
	return slices.Contains([]Reason{
		ReasonKeysUnavailable, ReasonStatusUnavailable, ReasonIntrospectionUnavailable, ReasonReplayUnavailable,
		ReasonCanceled, ReasonInternal,
	}, r)
}

// reject returns an error without a cause. reason says why the token is rejected.
func reject(reason Reason, detail string) error {
	return &Error{Reason: reason, Detail: detail, safe: detailSafe}
}

// rejectBecause is reject with a cause, which the application may have made and which is therefore not logged.
func rejectBecause(reason Reason, detail string, err error) error {
	return &Error{Reason: reason, Detail: detail, Err: err, safe: detailSafe}
}

// malformed returns the error for a token whose form is invalid. err is an error of package compact, whose texts are
// fixed. It says what is wrong with the token.
func malformed(err error) error {
	e := &Error{Reason: ReasonMalformed, Err: err, safe: allSafe}
	if errors.Is(err, compact.ErrParts) { // the access tokens of many issuers are opaque by default
		e.Detail = "expected a signed JWT; opaque tokens need GroupConfig.Opaque"
	}
	return e
}

// unavailable returns an error of class [ErrUnavailable]: see undecided.
func unavailable(ctx context.Context, reason Reason, err error) error {
	detail := "there are no usable keys of the issuer"
	if reason == ReasonStatusUnavailable {
		detail = "Config.Status could not decide"
	}
	return undecided(ctx, reason, detail, err)
}

// undecided returns an error of class [ErrUnavailable]. It has [ReasonCanceled] instead of reason if the caller has
// canceled ctx and does not wait for a response any more.
func undecided(ctx context.Context, reason Reason, detail string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return rejectBecause(ReasonCanceled, "the client canceled the request", err)
	}
	return rejectBecause(reason, detail, err)
}

// named sets the Issuer of err, which is an *Error. If err comes from a key source of this module, its cause may be
// logged.
func (c *Consumer) named(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	e.Issuer, e.consumer = c.cfg.Issuer, c
	if e.Reason == ReasonKeysUnavailable && e.safe == detailSafe && c.keys.Load().isOurs() {
		e.safe = allSafe
	}
	return err
}

// isOurs reports whether the texts of the errors of s come from this module and not from the application.
func (s *hiddenSource) isOurs() bool {
	switch s.Source.(type) {
	case *issuer.Remote, *jwks.Remote, *jwks.PEMEndpoint, *jwks.FileSource, jwks.Static:
		return true
	}
	return false
}

// tooLarge says that raw has more than limit bytes.
func tooLarge(raw string, limit int) error {
	return reject(ReasonTooLarge, fmt.Sprintf("the token has %d bytes, more than %d (Config.MaxTokenBytes)", len(raw), limit))
}

// keyError converts the error of a [jwks.Source].
func keyError(ctx context.Context, h *header, err error) error {
	switch {
	case errors.Is(err, jwks.ErrAlgorithm):
		return rejectBecause(ReasonAlgorithm, missingKey(h, err), jwks.ErrAlgorithm)
	case errors.Is(err, jwks.ErrKeyNotFound):
		return rejectBecause(ReasonUnknownKey, missingKey(h, err), jwks.ErrKeyNotFound)
	}
	// Every other error, including an unknown one of a custom Source, leaves open whether the token is good.
	return unavailable(ctx, ReasonKeysUnavailable, err)
}

// missingKey returns the detail of an error that matches jwks.ErrKeyNotFound. A custom source may give none.
func missingKey(h *header, err error) string {
	if e, ok := errors.AsType[*jwks.NotFoundError](err); ok {
		return e.Detail()
	}
	return string(newDetail("no key for kid ").quote(h.keyID).text(" and alg ").quote(h.algorithm))
}

// timeError says that the claim called name has a date that is not acceptable at the time now.
func (c *Consumer) timeError(reason Reason, name string, date time.Time, problem string, now time.Time) error {
	return reject(reason, fmt.Sprintf("%s %s %s at %s (Config.ClockSkew %v)", name,
		date.UTC().Format(time.RFC3339), problem, now.UTC().Format(time.RFC3339), c.cfg.ClockSkew))
}
