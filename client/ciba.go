package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const grantCIBA = "urn:openid:params:grant-type:ciba"

// CIBAOptions describes a backchannel authentication request (OpenID Connect CIBA, Section 7.1).
type CIBAOptions struct {
	// LoginHint, LoginHintToken and IDTokenHint identify the user, whom the server then contacts on the user's own device.
	// Exactly one of them is required.
	LoginHint, LoginHintToken, IDTokenHint string

	// Scopes lists the requested scopes. CIBA requires "openid" among them. Nil means Config.Scopes.
	Scopes []string

	// BindingMessage is shown on both devices, so that the user can compare them. UserCode is a code that only the user
	// knows. Empty means that they are not sent.
	BindingMessage, UserCode string

	// ACRValues lists the requested authentication context classes. Nil means none.
	ACRValues []string

	// RequestedExpiry is the requested time that the user has. It is rounded up to seconds. Zero means the server's default.
	RequestedExpiry time.Duration

	// Extra has further parameters. The rules of [Client.WithParams] apply.
	Extra url.Values
}

// hasOneHint reports whether exactly one of the three hints is set (OpenID Connect CIBA, Section 7.1).
func (o CIBAOptions) hasOneHint() bool {
	hints := 0
	for _, hint := range []string{o.LoginHint, o.LoginHintToken, o.IDTokenHint} {
		if hint != "" {
			hints++
		}
	}
	return hints == 1
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (o CIBAOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.CIBAOptions{}") }

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (o CIBAOptions) LogValue() slog.Value { return slog.StringValue("client.CIBAOptions{}") }

// CIBAAuthentication is an authentication that is in progress on a user's device. It contains a secret, which neither fmt
// nor slog prints.
type CIBAAuthentication struct {
	// AuthReqID identifies the request. It is a secret.
	AuthReqID string

	// ExpiresIn is the time that the user has, counted from the response. Interval is the minimum time between two polls.
	ExpiresIn, Interval time.Duration

	// Issuer and ClientID name the server that received the request, and the client. [Client.WaitCIBA] of any other client
	// returns an error. Store them with the other fields. Both are empty in a value that the program has made itself.
	Issuer, ClientID string

	scopes []string
	end    time.Time // the response plus ExpiresIn; zero if StartCIBA did not make this value
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (a CIBAAuthentication) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.CIBAAuthentication{}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (a CIBAAuthentication) LogValue() slog.Value {
	return slog.StringValue("client.CIBAAuthentication{}")
}

// StartCIBA starts the authentication of a user on the user's own device (OpenID Connect CIBA, Section 7, poll mode). Then
// call [Client.WaitCIBA].
func (c *Client) StartCIBA(ctx context.Context, o CIBAOptions) (*CIBAAuthentication, error) {
	if !o.hasOneHint() {
		return nil, errors.New("client: CIBAOptions: exactly one of LoginHint, LoginHintToken and IDTokenHint is required")
	}
	if err := c.checkHint(o.IDTokenHint, "CIBAOptions.IDTokenHint"); err != nil {
		return nil, err
	}
	target, err := c.endpoint(ctx, endpointBackchannel)
	if err != nil {
		return nil, err
	}
	scopes := c.scopes(o.Scopes)
	params := url.Values{
		"scope": {scopeOf(scopes)}, "login_hint": {o.LoginHint}, "login_hint_token": {o.LoginHintToken},
		"id_token_hint": {o.IDTokenHint}, "binding_message": {o.BindingMessage}, "user_code": {o.UserCode},
		"acr_values": {strings.Join(o.ACRValues, " ")}, "resource": c.cfg.Resource,
	}
	if o.RequestedExpiry > 0 {
		params.Set("requested_expiry", strconv.FormatFloat(math.Ceil(o.RequestedExpiry.Seconds()), 'f', -1, 64))
	}
	if err := checkExtra(o.Extra, params); err != nil {
		return nil, err
	}
	maps.Copy(params, o.Extra)
	a, err := c.post(ctx, destination{endpointBackchannel, target}, params, cibaReply())
	if err != nil {
		return nil, err
	}
	started := &CIBAAuthentication{
		ExpiresIn: a.lifetimeOf("expires_in"), Interval: cmp.Or(a.lifetimeOf("interval"), defaultInterval),
		Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, scopes: requestedScopes(params, scopes),
	}
	started.AuthReqID, _ = a.OptionalText("auth_req_id")
	if started.AuthReqID == "" || started.ExpiresIn == 0 {
		return nil, a.flawed("authentication response: auth_req_id or expires_in is missing or not valid")
	}
	started.end = time.Now().Add(started.ExpiresIn)
	return started, nil
}

// cibaReply describes a response of the backchannel authentication endpoint.
func cibaReply() reply {
	return reply{
		name: "authentication response", rfc: "OpenID Connect CIBA section 7.3", statuses: []int{http.StatusOK},
		required: "auth_req_id", members: []string{"auth_req_id", "error"},
	}
}

// PollCIBA sends one token request for authReqID. Until the user has decided, the error matches [ErrAuthorizationPending]
// or [ErrSlowDown]. [Client.WaitCIBA] polls at the intervals that the server requires.
func (c *Client) PollCIBA(ctx context.Context, authReqID string) (*Token, error) {
	return c.pollCIBA(ctx, authReqID, c.cfg.Scopes)
}

// pollCIBA is PollCIBA for a request with these scopes, which are the granted ones if the response does not list any.
func (c *Client) pollCIBA(ctx context.Context, authReqID string, scopes []string) (*Token, error) {
	if authReqID == "" {
		return nil, errors.New("client: the auth_req_id is empty")
	}
	params := url.Values{"auth_req_id": {authReqID}, "scope": nil} // the scope was in the first request
	return c.grantAs(ctx, grantCIBA, params, scopes, c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}

// WaitCIBA polls until the user has decided, like [Client.WaitDevice], and returns the same errors. a must come from
// [Client.StartCIBA] of the same client, or be made by the caller from stored fields.
func (c *Client) WaitCIBA(ctx context.Context, a *CIBAAuthentication) (*Token, error) {
	if err := c.checkOwnerOf(owner{a.Issuer, a.ClientID}, "CIBAAuthentication"); err != nil {
		return nil, err
	}
	end := a.end
	if end.IsZero() {
		end = time.Now().Add(a.ExpiresIn)
	}
	return poll(ctx, a.Interval, end, func(ctx context.Context) (*Token, error) {
		return c.pollCIBA(ctx, a.AuthReqID, c.scopes(a.scopes))
	})
}
