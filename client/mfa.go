package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Grant types of Auth0's second factors.
const (
	grantMFAOTP      = "http://auth0.com/oauth/grant-type/mfa-otp"
	grantMFAOOB      = "http://auth0.com/oauth/grant-type/mfa-oob"
	grantMFARecovery = "http://auth0.com/oauth/grant-type/mfa-recovery-code"
)

// MFARequiredError says that a password was right and a second factor is needed.
type MFARequiredError struct {
	// MFAToken is what the MFA methods want; it lives for some minutes.
	MFAToken string

	err *Error
}

func (e *MFARequiredError) Error() string { return "client: a second factor is required" }

// Format leaves the secret out, whatever the verb.
func (e MFARequiredError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue leaves the secret out.
func (e MFARequiredError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Unwrap returns the [*Error], which matches [ErrMFARequired].
func (e *MFARequiredError) Unwrap() error {
	if e.err == nil { // somebody else has made it
		return ErrMFARequired
	}
	return e.err
}

func mfaRequired(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(e, ErrMFARequired) || e.mfaToken == "" {
		return err
	}
	return &MFARequiredError{MFAToken: e.mfaToken, err: e}
}

// MFAAuthenticator is a second factor that a user has enrolled.
type MFAAuthenticator struct {
	ID         string
	Type       string // "otp", "oob" or "recovery-code"
	Active     bool
	Name       string
	OOBChannel string // of an "oob": "sms", "email", "auth0" (a push), …
}

// MFAAuthenticators lists the user's second factors, which may be none.
func (c *Client) MFAAuthenticators(ctx context.Context, mfaToken string) ([]MFAAuthenticator, error) {
	if mfaToken == "" {
		return nil, errors.New("client: there is no MFA token")
	}
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + mfaToken}}
	resp, err := c.send(ctx, http.MethodGet, c.mfaURL("authenticators"), header, nil)
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusOK {
		return nil, refusedCall(resp)
	}
	list, err := compact.ParseObject(`{"list":`+string(resp.Body)+`}`, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("%w: authenticators: %w", ErrBadAnswer, err)
	}
	value, _ := list.Get("list")
	if value.Kind() != compact.KindArray || list.Len() != 1 {
		return nil, fmt.Errorf("%w: authenticators: this is no list", ErrBadAnswer)
	}
	var all []MFAAuthenticator
	for element := range value.Elements() {
		object, ok := element.Object()
		if !ok {
			return nil, fmt.Errorf("%w: authenticators: an entry is no object", ErrBadAnswer)
		}
		all = append(all, authenticatorOf(object))
	}
	return all, nil
}

func authenticatorOf(object compact.Object) MFAAuthenticator {
	var m MFAAuthenticator
	m.ID, _ = object.OptionalText("id")
	m.Type, _ = object.OptionalText("authenticator_type")
	m.Name, _ = object.OptionalText("name")
	m.OOBChannel, _ = object.OptionalText("oob_channel")
	active, _ := object.Get("active")
	m.Active, _ = active.Bool()
	return m
}

// mfaURL puts exactly one slash between the issuer, which may end in one, and the path.
func (c *Client) mfaURL(path string) string {
	base := cmp.Or(c.cfg.MFAURL, strings.TrimSuffix(c.cfg.Issuer, "/")+"/mfa")
	return strings.TrimSuffix(base, "/") + "/" + path
}

// MFAChallenge is what a second factor was asked for.
type MFAChallenge struct {
	Type string // "otp" or "oob"

	// OOBCode names an out-of-band challenge at its completion.
	OOBCode string

	// BindingMethod is "prompt" where the user gets a code to type. Empty or "none": they confirm elsewhere (a push).
	BindingMethod string
}

// Format leaves the secrets out, whatever the verb.
func (m MFAChallenge) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.MFAChallenge{"+m.Type+"}")
}

// LogValue leaves the secrets out.
func (m MFAChallenge) LogValue() slog.Value { return slog.StringValue(m.Type) }

// NeedsCode reports whether the user has to type a code that they were sent.
func (m *MFAChallenge) NeedsCode() bool { return m.BindingMethod != "" && m.BindingMethod != "none" }

// MFARequestOTP announces a one-time password of the user's app. Auth0 does not need it.
func (c *Client) MFARequestOTP(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "otp")
}

// MFARequestOOB has a code sent to the user, or a push.
func (c *Client) MFARequestOOB(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "oob")
}

// MFARequest leaves to the server which of the two it is to be, see [MFAChallenge]; authenticatorID may be empty then.
func (c *Client) MFARequest(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "otp oob")
}

func (c *Client) mfaChallenge(ctx context.Context, mfaToken, authenticatorID, kinds string) (*MFAChallenge, error) {
	a, err := c.post(ctx, c.mfaURL("challenge"), url.Values{
		"mfa_token": {mfaToken}, "challenge_type": {kinds}, "authenticator_id": {authenticatorID},
	}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	m := new(MFAChallenge)
	m.Type, _ = a.OptionalText("challenge_type")
	m.OOBCode, _ = a.OptionalText("oob_code")
	m.BindingMethod, _ = a.OptionalText("binding_method")
	if !slices.Contains(strings.Fields(kinds), m.Type) || m.Type == "oob" && m.OOBCode == "" {
		return nil, fmt.Errorf("%w: the challenge is not the one that was asked for", ErrBadAnswer)
	}
	return m, nil
}

// MFACompleteOTP gets the token for a one-time password.
func (c *Client) MFACompleteOTP(ctx context.Context, mfaToken, otp string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFAOTP, url.Values{"mfa_token": {mfaToken}, "otp": {otp}}, scopes)
}

// MFACompleteOOB gets the token for an out-of-band challenge. bindingCode is what the user typed, and empty where
// [MFAChallenge.NeedsCode] says so. Until the user has confirmed a push, the error is [ErrAuthorizationPending].
func (c *Client) MFACompleteOOB(ctx context.Context, mfaToken, oobCode, bindingCode string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFAOOB, url.Values{
		"mfa_token": {mfaToken}, "oob_code": {oobCode}, "binding_code": {bindingCode},
	}, scopes)
}

const mfaTokenFor = 10 * time.Minute

// MFAWaitOOB asks until the user has confirmed a push, for ten minutes at most: so long an MFA token lives.
func (c *Client) MFAWaitOOB(ctx context.Context, mfaToken string, challenge *MFAChallenge, scopes ...string) (*Token, error) {
	return poll(ctx, defaultInterval, time.Now().Add(mfaTokenFor), func(ctx context.Context) (*Token, error) {
		return c.MFACompleteOOB(ctx, mfaToken, challenge.OOBCode, "", scopes...)
	})
}

// MFACompleteRecoveryCode gets the token for a recovery code. The server uses it up and gives another, in
// Token.Extra("recovery_code"), which the user must be shown.
func (c *Client) MFACompleteRecoveryCode(ctx context.Context, mfaToken, recoveryCode string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFARecovery, url.Values{"mfa_token": {mfaToken}, "recovery_code": {recoveryCode}}, scopes)
}

func (c *Client) mfaGrant(ctx context.Context, grantType string, params url.Values, scopes []string) (*Token, error) {
	return c.grantAs(ctx, grantType, params, c.scopes(scopes), c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}
