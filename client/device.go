package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

const grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"

// DeviceOptions say what a device asks for.
type DeviceOptions struct {
	// Scopes are asked for. Nil: Config.Scopes.
	Scopes []string

	// Extra are further parameters, with the rules of [Client.WithParams].
	Extra url.Values
}

// DeviceAuthorization is what a device shows its user, and what it asks for the token with (RFC 8628 §3.2). It holds a
// secret, which neither fmt nor slog prints.
type DeviceAuthorization struct {
	// DeviceCode is for the device alone.
	DeviceCode string

	// UserCode is what the user types at VerificationURI. Show it also beside VerificationURIComplete, which has it inside
	// (for a QR code): the user compares the two (RFC 8628 §3.3.1).
	UserCode, VerificationURI string
	VerificationURIComplete   string // empty: there is none

	// ExpiresIn is how long the user may take, from when it was received. Interval is the least time between two polls.
	ExpiresIn, Interval time.Duration

	scopes []string
	end    time.Time
}

// Format leaves the secrets out, whatever the verb.
func (d DeviceAuthorization) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.DeviceAuthorization{"+d.VerificationURI+"}")
}

// LogValue leaves the secrets out.
func (d DeviceAuthorization) LogValue() slog.Value { return slog.StringValue(d.VerificationURI) }

// StartDevice begins the device flow (RFC 8628 §3.1), for devices without a browser.
func (c *Client) StartDevice(ctx context.Context, o DeviceOptions) (*DeviceAuthorization, error) {
	target, err := c.endpoint(ctx, endpointDevice)
	if err != nil {
		return nil, err
	}
	scopes := c.scopes(o.Scopes)
	params := url.Values{"scope": {scopeOf(scopes)}, "resource": c.cfg.Resource, "audience": {c.cfg.Audience}}
	if err := checkExtra(o.Extra, params); err != nil {
		return nil, err
	}
	maps.Copy(params, o.Extra)
	a, err := c.post(ctx, target, params, http.StatusOK)
	if err != nil {
		return nil, err
	}
	d := &DeviceAuthorization{
		ExpiresIn: a.lifetimeOf("expires_in"), Interval: cmp.Or(a.lifetimeOf("interval"), defaultInterval), scopes: asked(params, scopes),
	}
	d.end = time.Now().Add(d.ExpiresIn)
	d.DeviceCode, _ = a.OptionalText("device_code")
	d.UserCode, _ = a.OptionalText("user_code")
	d.VerificationURI, _ = a.OptionalText("verification_uri")
	if d.VerificationURI == "" {
		d.VerificationURI, _ = a.OptionalText("verification_url") // a draft's name, which some servers kept
	}
	d.VerificationURIComplete, _ = a.OptionalText("verification_uri_complete")
	if err := c.checkDevice(d); err != nil {
		return nil, err
	}
	return d, nil
}

// checkDevice refuses what the user could not use, an address that could lead them astray, and what could command their
// terminal.
func (c *Client) checkDevice(d *DeviceAuthorization) error {
	if d.DeviceCode == "" || d.UserCode == "" || d.ExpiresIn == 0 {
		return fmt.Errorf("%w: device_code, user_code or expires_in is missing", ErrBadAnswer)
	}
	if len(d.UserCode) > maxUserCode || strings.ContainsFunc(d.UserCode, notGraphic) {
		return fmt.Errorf("%w: user_code is not to be shown", ErrBadAnswer)
	}
	for _, shown := range []string{d.VerificationURI, d.VerificationURIComplete} {
		if err := fetch.CheckURL(shown, c.cfg.InsecureAllowHTTP); err != nil && (shown != "" || d.VerificationURI == "") {
			return fmt.Errorf("%w: verification_uri: %w", ErrBadAnswer, err)
		}
	}
	return nil
}

const maxUserCode = 256 // nobody types more

func notGraphic(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }

// PollDevice asks once whether the user has decided. Until then the error is [ErrAuthorizationPending] or [ErrSlowDown].
func (c *Client) PollDevice(ctx context.Context, deviceCode string) (*Token, error) {
	return c.pollDevice(ctx, deviceCode, c.cfg.Scopes)
}

func (c *Client) pollDevice(ctx context.Context, deviceCode string, scopes []string) (*Token, error) {
	if deviceCode == "" {
		return nil, errors.New("client: there is no device code")
	}
	params := url.Values{"device_code": {deviceCode}, "scope": nil}
	return c.grantAs(ctx, grantDeviceCode, params, scopes, c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}

// WaitDevice asks until the user has decided, as often as the server allows (RFC 8628 §3.5). Outages are survived. The
// error is [ErrAccessDenied] if the user says no, [ErrExpiredToken] if they take too long, and ctx's when that ends.
func (c *Client) WaitDevice(ctx context.Context, d *DeviceAuthorization) (*Token, error) {
	end := d.end
	if end.IsZero() { // it was stored, or is another's
		end = time.Now().Add(d.ExpiresIn)
	}
	return poll(ctx, d.Interval, end, func(ctx context.Context) (*Token, error) {
		return c.pollDevice(ctx, d.DeviceCode, c.scopes(d.scopes))
	})
}

// DeviceConsent is what a crossauth server answers to the page on which a user types their code.
type DeviceConsent struct {
	ClientID                 string `json:"client_id"`
	Scope                    string `json:"scope"`
	ScopeAuthorizationNeeded bool   `json:"scope_authorization_needed"`
}
