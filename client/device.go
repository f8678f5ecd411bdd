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
	"github.com/bearerkit/bearerkit/quirk"
)

const grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"

// DeviceOptions describes a device authorization request. The zero value uses the values of the Config.
type DeviceOptions struct {
	// Scopes lists the requested scopes. Nil means Config.Scopes.
	Scopes []string

	// Extra has further parameters. The rules of [Client.WithParams] apply.
	Extra url.Values
}

// DeviceAuthorization is the response to a device authorization request (RFC 8628, Section 3.2): it has the texts to show
// to the user, and the code with which the device gets its token. It contains a secret, which neither fmt nor slog
// prints.
type DeviceAuthorization struct {
	// DeviceCode is the secret of the device. Do not show it.
	DeviceCode string

	// UserCode is what the user types at VerificationURI.
	UserCode, VerificationURI string

	// VerificationURIComplete includes UserCode, for a QR code. Show UserCode beside it, so that the user can compare the two
	// (RFC 8628, Section 3.3.1). It is empty if the server does not offer it.
	VerificationURIComplete string

	// ExpiresIn is the time that the user has, counted from the response. Interval is the minimum time between two polls.
	ExpiresIn, Interval time.Duration

	// Issuer and ClientID name the server that issued the codes, and the client. [Client.WaitDevice] of any other client
	// returns an error. Store them with the other fields. Both are empty in a value that the program has made itself.
	Issuer, ClientID string

	scopes []string
	end    time.Time // the response plus ExpiresIn; zero if StartDevice did not make this value
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (d DeviceAuthorization) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.DeviceAuthorization{"+d.VerificationURI+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (d DeviceAuthorization) LogValue() slog.Value { return slog.StringValue(d.VerificationURI) }

// StartDevice begins the device flow (RFC 8628, Section 3.1), for devices without a browser. Show the user what it returns,
// then call [Client.WaitDevice].
//
// If the metadata has no device_authorization_endpoint, set it in Config.Endpoints.
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
	a, err := c.post(ctx, destination{endpointDevice, target}, params, deviceReply())
	if err != nil {
		return nil, err
	}
	d := &DeviceAuthorization{
		ExpiresIn: a.lifetimeOf("expires_in"), Interval: cmp.Or(a.lifetimeOf("interval"), defaultInterval),
		Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, scopes: requestedScopes(params, scopes),
	}
	d.end = time.Now().Add(d.ExpiresIn)
	d.DeviceCode, _ = a.OptionalText("device_code")
	d.UserCode, _ = a.OptionalText("user_code")
	d.VerificationURI, _ = a.OptionalText("verification_uri")
	if old, _ := a.OptionalText("verification_url"); d.VerificationURI == "" && old != "" { // the name in a draft
		d.VerificationURI = old
		c.report(ctx, quirk.Quirk{Name: quirk.OldName, Place: "device response verification_url", RFC: deviceReply().rfc})
	}
	d.VerificationURIComplete, _ = a.OptionalText("verification_uri_complete")
	if err := c.checkDevice(d); err != nil {
		return nil, a.because(err)
	}
	return d, nil
}

// deviceReply describes a response of the device authorization endpoint.
func deviceReply() reply {
	return reply{
		name: "device response", rfc: "RFC 8628 section 3.2", statuses: []int{http.StatusOK}, required: "device_code",
		members: []string{
			"device_code", "user_code", "verification_uri", "verification_url", "verification_uri_complete", "error",
		},
	}
}

// checkDevice returns an error if a required member is missing, if the user would be sent to a URL that is not https, or if
// the user code has characters that could control a terminal.
func (c *Client) checkDevice(d *DeviceAuthorization) error {
	if d.DeviceCode == "" || d.UserCode == "" || d.ExpiresIn == 0 {
		return fmt.Errorf("%w: device_code, user_code or expires_in is missing or not valid", ErrBadResponse)
	}
	if len(d.UserCode) > maxUserCode || strings.ContainsFunc(d.UserCode, notGraphic) {
		return fmt.Errorf("%w: user_code is too long, or has characters that cannot be shown", ErrBadResponse)
	}
	for _, shown := range []string{d.VerificationURI, d.VerificationURIComplete} {
		if err := fetch.CheckURL(shown, c.cfg.InsecureAllowHTTP); err != nil && (shown != "" || d.VerificationURI == "") {
			return fmt.Errorf("%w: verification_uri: %w", ErrBadResponse, err)
		}
	}
	return nil
}

const maxUserCode = 256 // longer codes cannot be typed

// notGraphic reports whether r cannot be shown to a user.
func notGraphic(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }

// PollDevice sends one token request for deviceCode. Until the user has decided, the error matches
// [ErrAuthorizationPending] or [ErrSlowDown]. [Client.WaitDevice] polls at the intervals that the server requires.
func (c *Client) PollDevice(ctx context.Context, deviceCode string) (*Token, error) {
	return c.pollDevice(ctx, deviceCode, c.cfg.Scopes)
}

// pollDevice is PollDevice for a request with these scopes, which are the granted ones if the response does not list any.
func (c *Client) pollDevice(ctx context.Context, deviceCode string, scopes []string) (*Token, error) {
	if deviceCode == "" {
		return nil, errors.New("client: the device code is empty")
	}
	params := url.Values{"device_code": {deviceCode}, "scope": nil} // the scope was in the first request
	return c.grantAs(ctx, grantDeviceCode, params, scopes, c.signedIn(ctx, IDTokenOptions{anyNonce: true}))
}

// WaitDevice polls until the user has decided, as often as the server allows (RFC 8628, Section 3.5). It continues if the
// server is unavailable for a while. The error matches [ErrAccessDenied] if the user declined, [ErrExpiredToken] if the user
// took too long, and ctx.Err() if ctx ended first. d must come from [Client.StartDevice] of the same client, or be made by
// the caller from stored fields.
func (c *Client) WaitDevice(ctx context.Context, d *DeviceAuthorization) (*Token, error) {
	if err := c.checkOwnerOf(owner{d.Issuer, d.ClientID}, "DeviceAuthorization"); err != nil {
		return nil, err
	}
	end := d.end
	if end.IsZero() {
		end = time.Now().Add(d.ExpiresIn)
	}
	return poll(ctx, d.Interval, end, func(ctx context.Context) (*Token, error) {
		return c.pollDevice(ctx, d.DeviceCode, c.scopes(d.scopes))
	})
}

// DeviceConsent is the JSON that a crossauth server sends when the user types the code of a device. The page on which the
// user types it decodes the response into a DeviceConsent. No method of this package returns one.
type DeviceConsent struct {
	ClientID                 string `json:"client_id"`
	Scope                    string `json:"scope"` // separated by spaces
	ScopeAuthorizationNeeded bool   `json:"scope_authorization_needed"`
}
