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

// Grant types of Auth0 for second factors.
const (
	grantMFAOTP      = "http://auth0.com/oauth/grant-type/mfa-otp"
	grantMFAOOB      = "http://auth0.com/oauth/grant-type/mfa-oob"
	grantMFARecovery = "http://auth0.com/oauth/grant-type/mfa-recovery-code"
)

// MFARequiredError says that the password was correct, and that the server requires a second factor. It contains a secret,
// which neither fmt nor slog prints.
type MFARequiredError struct {
	// MFAToken is the MFA token that the MFA methods require. It is valid for a few minutes.
	MFAToken string

	// Issuer and ClientID name the server that issued the MFA token, and the client. Store them with the token, and pass the
	// token only to the methods of that client: the methods cannot check which server issued a token.
	Issuer, ClientID string

	err *Error
}

// Error returns a fixed text, without the MFA token.
func (e *MFARequiredError) Error() string { return "client: a second factor is required" }

// Format implements [fmt.Formatter]. For every verb, it omits the secret.
func (e MFARequiredError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue implements [slog.LogValuer]. It omits the secret.
func (e MFARequiredError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Unwrap returns the [*Error], which matches [ErrMFARequired].
func (e *MFARequiredError) Unwrap() error {
	if e.err == nil { // made by another package
		return ErrMFARequired
	}
	return e.err
}

// mfaRequired converts an error with an MFA token. It returns any other error unchanged.
func (c *Client) mfaRequired(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(e, ErrMFARequired) || e.mfaToken == "" {
		return err
	}
	return &MFARequiredError{MFAToken: e.mfaToken, Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, err: e}
}

// MFAAuthenticator is a second factor of a user.
type MFAAuthenticator struct {
	ID         string // for the methods that request a challenge
	Type       string // "otp", "oob" or "recovery-code"
	Active     bool   // false for a factor that the user has not confirmed
	Name       string // to show to the user; empty if the server sent none
	OOBChannel string // with Type "oob": "sms", "email", "auth0" (a push) and so on
}

// MFAAuthenticators returns the second factors of the user. There may be none.
func (c *Client) MFAAuthenticators(ctx context.Context, mfaToken string) ([]MFAAuthenticator, error) {
	if mfaToken == "" {
		return nil, errors.New("client: the MFA token is empty")
	}
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + mfaToken}}
	resp, err := c.send(ctx, http.MethodGet, destination{url: c.mfaURL("authenticators")}, header, nil)
	if err != nil {
		return nil, err
	}
	if resp.Status/100 != 2 {
		return nil, errorOfCall(resp, secretsSent(nil, header))
	}
	a := &answer{resp: resp, secrets: secretsSent(nil, header)}
	list, err := compact.ParseObject(`{"list":`+string(resp.Body)+`}`, maxDepth)
	if err != nil {
		return nil, a.because(fmt.Errorf("%w: authenticators: %w", ErrBadResponse, err))
	}
	value, _ := list.Get("list")
	if value.Kind() != compact.KindArray || list.Len() != 1 {
		return nil, a.flawed("authenticators: the body is not an array")
	}
	var all []MFAAuthenticator
	for element := range value.Elements() {
		object, ok := element.Object()
		if !ok {
			return nil, a.flawed("authenticators: an element is not an object")
		}
		all = append(all, authenticatorOf(object))
	}
	return all, nil
}

// authenticatorOf reads one element of the list of second factors. Members of another type are ignored.
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

// mfaURL returns the URL of a path of the MFA API. The issuer may end in a slash; the result has one slash before the path.
func (c *Client) mfaURL(path string) string {
	base := cmp.Or(c.cfg.MFAURL, strings.TrimSuffix(c.cfg.Issuer, "/")+"/mfa")
	return strings.TrimSuffix(base, "/") + "/" + path
}

// MFAChallenge says what the user has to do. It contains a secret, which neither fmt nor slog prints.
type MFAChallenge struct {
	Type string // "otp" or "oob"

	// OOBCode identifies an out-of-band challenge. Pass it to [Client.MFACompleteOOB]. It is a secret.
	OOBCode string

	// BindingMethod is "prompt" if the user receives a code to type. It is "none" or empty if the user confirms on another
	// device (a push).
	BindingMethod string

	// Issuer and ClientID name the server that issued the challenge, and the client. [Client.MFAWaitOOB] of any other client
	// returns an error. Store them with the other fields. Both are empty in a value that the program has made itself.
	Issuer, ClientID string
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (m MFAChallenge) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.MFAChallenge{"+m.Type+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (m MFAChallenge) LogValue() slog.Value { return slog.StringValue(m.Type) }

// NeedsCode reports whether the user has to type a code that the server sent.
func (m *MFAChallenge) NeedsCode() bool { return m.BindingMethod != "" && m.BindingMethod != "none" }

// MFARequestOTP requests a challenge for a one-time password of the user's authenticator app. authenticatorID is the one of
// [Client.MFARequest]. Auth0 does not require this call before [Client.MFACompleteOTP].
func (c *Client) MFARequestOTP(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "otp")
}

// MFARequestOOB requests an out-of-band challenge: the server sends a code or a push to the user. authenticatorID is the one
// of [Client.MFARequest].
func (c *Client) MFARequestOOB(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "oob")
}

// MFARequest requests a challenge of the type that the server chooses: a one-time password or an out-of-band challenge.
// MFAChallenge.Type says which one. authenticatorID is the ID of an [MFAAuthenticator]. If it is empty, the server chooses
// the factor.
func (c *Client) MFARequest(ctx context.Context, mfaToken, authenticatorID string) (*MFAChallenge, error) {
	return c.mfaChallenge(ctx, mfaToken, authenticatorID, "otp oob")
}

// mfaChallenge requests a challenge. kinds are the acceptable types, separated by spaces.
func (c *Client) mfaChallenge(ctx context.Context, mfaToken, authenticatorID, kinds string) (*MFAChallenge, error) {
	a, err := c.post(ctx, destination{url: c.mfaURL("challenge")}, url.Values{
		"mfa_token": {mfaToken}, "challenge_type": {kinds}, "authenticator_id": {authenticatorID},
	}, reply{
		name: "challenge response", rfc: "MFA API of Auth0", statuses: []int{http.StatusOK}, required: "challenge_type",
	})
	if err != nil {
		return nil, err
	}
	m := &MFAChallenge{Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID}
	m.Type, _ = a.OptionalText("challenge_type")
	m.OOBCode, _ = a.OptionalText("oob_code")
	m.BindingMethod, _ = a.OptionalText("binding_method")
	if !slices.Contains(strings.Fields(kinds), m.Type) || m.Type == "oob" && m.OOBCode == "" {
		return nil, a.flawed("challenge response: challenge_type is not one of those requested, or oob_code is missing")
	}
	return m, nil
}

// MFACompleteOTP gets the token for a one-time password. Without scopes, it requests Config.Scopes.
func (c *Client) MFACompleteOTP(ctx context.Context, mfaToken, otp string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFAOTP, url.Values{"mfa_token": {mfaToken}, "otp": {otp}}, scopes)
}

// MFACompleteOOB gets the token for an out-of-band challenge. bindingCode is the code that the user typed; it is empty if
// [MFAChallenge.NeedsCode] returns false. Until the user has confirmed a push, the error matches [ErrAuthorizationPending].
func (c *Client) MFACompleteOOB(ctx context.Context, mfaToken, oobCode, bindingCode string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFAOOB, url.Values{
		"mfa_token": {mfaToken}, "oob_code": {oobCode}, "binding_code": {bindingCode},
	}, scopes)
}

const mfaTokenFor = 10 * time.Minute

// MFAWaitOOB polls until the user has confirmed a push. It polls for at most ten minutes, which is the lifetime of an MFA
// token. Its errors are those of [Client.WaitDevice].
func (c *Client) MFAWaitOOB(ctx context.Context, mfaToken string, challenge *MFAChallenge, scopes ...string) (*Token, error) {
	if err := c.checkOwnerOf(owner{challenge.Issuer, challenge.ClientID}, "MFAChallenge"); err != nil {
		return nil, err
	}
	return poll(ctx, defaultInterval, time.Now().Add(mfaTokenFor), func(ctx context.Context) (*Token, error) {
		return c.MFACompleteOOB(ctx, mfaToken, challenge.OOBCode, "", scopes...)
	})
}

// MFACompleteRecoveryCode gets the token for a recovery code. The server accepts the code once and issues another one: show
// Token.Extra("recovery_code") to the user.
func (c *Client) MFACompleteRecoveryCode(ctx context.Context, mfaToken, recoveryCode string, scopes ...string) (*Token, error) {
	return c.mfaGrant(ctx, grantMFARecovery, url.Values{"mfa_token": {mfaToken}, "recovery_code": {recoveryCode}}, scopes)
}

// mfaGrant requests the token after a second factor. The password grant before it sent no nonce, so an ID token may have any.
func (c *Client) mfaGrant(ctx context.Context, grantType string, params url.Values, scopes []string) (*Token, error) {
	return c.grantAs(ctx, grantType, params, c.scopes(scopes), c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}
