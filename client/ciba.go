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

// CIBAOptions say who is to be asked, on a device of their own (OpenID Connect CIBA §7.1). Exactly one of the hints is
// set.
type CIBAOptions struct {
	LoginHint, LoginHintToken, IDTokenHint string

	// Scopes are asked for; "openid" must be among them. Nil: Config.Scopes.
	Scopes []string

	// BindingMessage is shown on both devices. UserCode is a code that only the user knows.
	BindingMessage, UserCode string

	// ACRValues are asked for.
	ACRValues []string

	// RequestedExpiry is how long the user may take, in whole seconds. Zero: as the server likes.
	RequestedExpiry time.Duration

	// Extra are further parameters, with the rules of [Client.WithParams].
	Extra url.Values
}

func (o CIBAOptions) hasOneHint() bool {
	hints := 0
	for _, hint := range []string{o.LoginHint, o.LoginHintToken, o.IDTokenHint} {
		if hint != "" {
			hints++
		}
	}
	return hints == 1
}

// Format leaves the secrets out, whatever the verb.
func (o CIBAOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.CIBAOptions{}") }

// LogValue leaves the secrets out.
func (o CIBAOptions) LogValue() slog.Value { return slog.StringValue("client.CIBAOptions{}") }

// CIBAAuthentication is a user being asked. It holds a secret, which neither fmt nor slog prints.
type CIBAAuthentication struct {
	AuthReqID           string
	ExpiresIn, Interval time.Duration

	scopes []string
	end    time.Time
}

// Format leaves the secrets out, whatever the verb.
func (a CIBAAuthentication) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.CIBAAuthentication{}")
}

// LogValue leaves the secrets out.
func (a CIBAAuthentication) LogValue() slog.Value {
	return slog.StringValue("client.CIBAAuthentication{}")
}

// StartCIBA has the server ask a user on their own device (OpenID Connect CIBA, poll mode).
func (c *Client) StartCIBA(ctx context.Context, o CIBAOptions) (*CIBAAuthentication, error) {
	if !o.hasOneHint() {
		return nil, errors.New("client: CIBAOptions: exactly one hint is required")
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
		params.Set("requested_expiry", strconv.Itoa(int(math.Ceil(o.RequestedExpiry.Seconds()))))
	}
	if err := checkExtra(o.Extra, params); err != nil {
		return nil, err
	}
	maps.Copy(params, o.Extra)
	a, err := c.post(ctx, target, params, http.StatusOK)
	if err != nil {
		return nil, err
	}
	started := &CIBAAuthentication{
		ExpiresIn: a.lifetimeOf("expires_in"), Interval: cmp.Or(a.lifetimeOf("interval"), defaultInterval), scopes: asked(params, scopes),
	}
	started.AuthReqID, _ = a.OptionalText("auth_req_id")
	if started.AuthReqID == "" || started.ExpiresIn == 0 {
		return nil, fmt.Errorf("%w: auth_req_id or expires_in is missing", ErrBadAnswer)
	}
	started.end = time.Now().Add(started.ExpiresIn)
	return started, nil
}

// PollCIBA asks once whether the user has decided. Until then the error is [ErrAuthorizationPending] or [ErrSlowDown].
func (c *Client) PollCIBA(ctx context.Context, authReqID string) (*Token, error) {
	return c.pollCIBA(ctx, authReqID, c.cfg.Scopes)
}

func (c *Client) pollCIBA(ctx context.Context, authReqID string, scopes []string) (*Token, error) {
	if authReqID == "" {
		return nil, errors.New("client: there is no auth_req_id")
	}
	params := url.Values{"auth_req_id": {authReqID}, "scope": nil}
	return c.grantAs(ctx, grantCIBA, params, scopes, c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}

// WaitCIBA asks until the user has decided. Its errors are those of [Client.WaitDevice].
func (c *Client) WaitCIBA(ctx context.Context, a *CIBAAuthentication) (*Token, error) {
	end := a.end
	if end.IsZero() {
		end = time.Now().Add(a.ExpiresIn)
	}
	return poll(ctx, a.Interval, end, func(ctx context.Context) (*Token, error) {
		return c.pollCIBA(ctx, a.AuthReqID, c.scopes(a.scopes))
	})
}
