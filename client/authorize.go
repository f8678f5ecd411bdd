package client

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// AuthorizationOptions say what the user is asked for. The zero value asks for what the Config says.
type AuthorizationOptions struct {
	// RedirectURI is where the user comes back to, as it was registered. Empty: Config.RedirectURI.
	RedirectURI string

	// Scopes are asked for. Nil: Config.Scopes. With "openid" an ID token comes, too.
	Scopes []string

	// Resource are the APIs that the token is for (RFC 8707). Nil: Config.Resource.
	Resource []string

	// Prompt, LoginHint and ACRValues are parameters of OpenID Connect Core §3.1.2.1. One of ACRValues must be met.
	Prompt    []string
	LoginHint string
	ACRValues []string

	// MaxAge is how long ago the user may have signed in, in whole seconds; it is checked when they come back. Zero: any time.
	MaxAge time.Duration

	// ResponseMode is how the answer comes back: "query", "form_post", or, signed by the server (JARM), "jwt", "query.jwt",
	// "form_post.jwt". Empty: the server's default, which is query.
	ResponseMode string

	// Push sends the request from here to there, so that the browser carries only a reference (RFC 9126). It is done in any
	// case where the metadata demands it.
	Push bool

	// Sign puts the request into a JWT that Config.Key signs (RFC 9101). It is done in any case where the metadata demands
	// it.
	Sign bool

	// ReturnTo is not sent: it is kept with the PendingAuthorization, for the application. Check that it is a place of one's
	// own.
	ReturnTo string

	// Extra are further parameters. They cannot replace any that are sent already.
	Extra url.Values

	// Lifetime is how long the user may take. Zero: 10 minutes.
	Lifetime time.Duration

	// InsecureNoPKCE leaves out the PKCE challenge, for servers that refuse the parameter: whoever gets hold of a code can
	// then redeem it at this client. A public client cannot do without.
	InsecureNoPKCE bool
}

// PendingAuthorization is a sign-in that has begun. Keep it where only the user's own browser can bring it back, in a
// session or by [PendingCookies], use it once, and give it to [Client.Callback]. It holds secrets, which neither fmt nor
// slog prints; encoding it as JSON writes them.
type PendingAuthorization struct {
	// URL is where the user's browser is to be sent.
	URL string `json:"-"`

	// State finds the PendingAuthorization again: the answer carries it.
	State string `json:"state"`

	Nonce        string        `json:"nonce,omitzero"`
	CodeVerifier string        `json:"code_verifier,omitzero"`
	RedirectURI  string        `json:"redirect_uri,omitzero"`
	Issuer       string        `json:"issuer"`
	ResponseMode string        `json:"response_mode,omitzero"`
	Scopes       []string      `json:"scopes,omitzero"`
	Resource     []string      `json:"resource,omitzero"`
	ACRValues    []string      `json:"acr_values,omitzero"`
	MaxAge       time.Duration `json:"max_age,omitzero"`
	ReturnTo     string        `json:"return_to,omitzero"`

	// ExpiresAt is when the answer is too late.
	ExpiresAt time.Time `json:"expires_at"`
}

// Format leaves the secrets out, whatever the verb.
func (p PendingAuthorization) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingAuthorization{"+p.Issuer+"}")
}

// LogValue leaves the secrets out.
func (p PendingAuthorization) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", p.Issuer), slog.Time("expires_at", p.ExpiresAt))
}

const pendingFor = 10 * time.Minute

// AuthorizationURL begins the authorization code flow (RFC 6749 §4.1, OpenID Connect Core §3.1), with PKCE (RFC 7636): it
// returns where to send the user's browser, and what to keep until they come back.
func (c *Client) AuthorizationURL(ctx context.Context, o AuthorizationOptions) (*PendingAuthorization, error) {
	target, err := c.authorizationEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	p := c.newPending(o)
	params, err := c.authorizationParams(ctx, p, o)
	if err != nil {
		return nil, err
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if o.Sign || m.RequireSignedRequestObject {
		if params, err = c.signRequest(params); err != nil {
			return nil, err
		}
	}
	if o.Push || m.RequirePushedAuthorizationRequests {
		if params, err = c.push(ctx, p, params); err != nil {
			return nil, err
		}
	}
	p.URL = withQuery(target, params)
	return p, nil
}

func (c *Client) authorizationEndpoint(ctx context.Context) (string, error) {
	if c.cfg.AuthorizeURL != "" {
		return c.cfg.AuthorizeURL, nil
	}
	if own := c.cfg.Endpoints[endpointAuthorization]; own != "" {
		return own, nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return "", err
	}
	if m.AuthorizationEndpoint == "" {
		return "", fmt.Errorf("%w: the metadata has no %s", ErrUnsupported, endpointAuthorization)
	}
	if err := fetch.CheckURL(m.AuthorizationEndpoint, c.cfg.InsecureAllowHTTP); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrBadAnswer, endpointAuthorization, err)
	}
	return m.AuthorizationEndpoint, nil
}

func (c *Client) newPending(o AuthorizationOptions) *PendingAuthorization {
	p := &PendingAuthorization{
		State: RandomValue(c.cfg.StateLength), RedirectURI: cmp.Or(o.RedirectURI, c.cfg.RedirectURI),
		Issuer: c.cfg.Issuer, ResponseMode: o.ResponseMode, Scopes: slices.Clone(c.scopes(o.Scopes)),
		Resource: slices.Clone(o.Resource), ACRValues: slices.Clone(o.ACRValues), MaxAge: o.MaxAge,
		ReturnTo:  o.ReturnTo,
		ExpiresAt: time.Now().Add(cmp.Or(o.Lifetime, pendingFor)).Round(0),
	}
	if o.Resource == nil {
		p.Resource = c.cfg.Resource
	}
	if p.wantsIDToken() {
		p.Nonce = RandomValue(randomBytes)
	}
	return p
}

func (p *PendingAuthorization) wantsIDToken() bool { return slices.Contains(p.Scopes, "openid") }

// authorizationParams are what RFC 6749 §4.1.1 has, and what was added since.
func (c *Client) authorizationParams(ctx context.Context, p *PendingAuthorization, o AuthorizationOptions) (url.Values, error) {
	modes := []string{"", "query", "form_post", "jwt", "query.jwt", "form_post.jwt"}
	switch {
	case p.RedirectURI == "":
		return nil, errors.New("client: AuthorizationOptions.RedirectURI is required, or Config.RedirectURI")
	case !slices.Contains(modes, o.ResponseMode):
		return nil, errors.New("client: AuthorizationOptions.ResponseMode is unknown")
	case o.MaxAge < 0 || o.Lifetime < 0:
		return nil, errors.New("client: AuthorizationOptions.MaxAge or Lifetime is negative")
	}
	params := url.Values{
		"response_type": {"code"}, "client_id": {c.cfg.ClientID}, "redirect_uri": {p.RedirectURI},
		"scope": {scopeOf(p.Scopes)}, "state": {p.State}, "nonce": {p.Nonce}, "resource": p.Resource,
		"audience": {c.cfg.Audience}, "prompt": {strings.Join(o.Prompt, " ")}, "login_hint": {o.LoginHint},
		"acr_values": {strings.Join(o.ACRValues, " ")}, "response_mode": {o.ResponseMode},
	}
	if o.MaxAge > 0 {
		params.Set("max_age", strconv.Itoa(int(o.MaxAge.Seconds())))
	}
	if err := c.addChallenge(ctx, p, o, params); err != nil {
		return nil, err
	}
	if c.cfg.DPoP != nil { // the code, too, is bound (RFC 9449 §10)
		thumbprint, err := jwtsign.Thumbprint(c.cfg.DPoP.Private.(crypto.Signer).Public()) //nolint:errcheck,forcetypeassert // New has looked
		if err != nil {
			return nil, fmt.Errorf("client: DPoP: %w", err)
		}
		params.Set("dpop_jkt", thumbprint)
	}
	for name, values := range o.Extra {
		if _, taken := params[name]; taken || slices.Contains([]string{"request", "request_uri"}, name) {
			return nil, fmt.Errorf("client: AuthorizationOptions.Extra: %q has a field of its own", name)
		}
		params[name] = values
	}
	return withoutEmpty(params), nil
}

// addChallenge adds a PKCE challenge, and refuses a server that could only be given a weaker one (RFC 7636 §7.2).
func (c *Client) addChallenge(
	ctx context.Context, p *PendingAuthorization, o AuthorizationOptions, params url.Values,
) error {
	m, err := c.Metadata(ctx)
	if err != nil {
		return err
	}
	pkce := newPKCE(c.cfg.VerifierLength, c.cfg.InsecurePlainPKCE)
	offered := m.CodeChallengeMethodsSupported
	switch {
	case o.InsecureNoPKCE && c.isPublic():
		return errors.New("client: AuthorizationOptions.InsecureNoPKCE: a public client cannot do without PKCE")
	case o.InsecureNoPKCE:
		return nil
	case len(offered) > 0 && !slices.Contains(offered, pkce.Method):
		return fmt.Errorf("%w: PKCE by %s", ErrUnsupported, pkce.Method)
	}
	p.CodeVerifier = pkce.Verifier
	params.Set("code_challenge", pkce.Challenge)
	params.Set("code_challenge_method", pkce.Method)
	return nil
}

func (c *Client) isPublic() bool {
	return c.cfg.AuthMethod == AuthNone || c.cfg.AuthMethod == "" && c.cfg.Key == nil && c.cfg.ClientSecret == ""
}

const requestObjectFor = 5 * time.Minute

// signRequest puts all parameters into a request object. The URL has just what says who sent it (RFC 9101 §5).
func (c *Client) signRequest(params url.Values) (url.Values, error) {
	if c.cfg.Key == nil {
		return nil, errors.New("client: Config.Key is required for signed authorization requests")
	}
	now := time.Now()
	claims := map[string]any{
		"iss": c.cfg.ClientID, "aud": c.cfg.Issuer, "iat": now.Unix(), "nbf": now.Unix(),
		"exp": now.Add(requestObjectFor).Unix(), "jti": RandomValue(randomBytes),
	}
	for name, values := range params {
		claims[name] = values[0]
		if len(values) > 1 {
			claims[name] = values
		}
	}
	request, err := c.cfg.Key.key().JWT(map[string]any{"typ": "oauth-authz-req+jwt"}, claims)
	if err != nil {
		return nil, fmt.Errorf("client: the authorization request could not be signed: %w", err)
	}
	return url.Values{"client_id": {c.cfg.ClientID}, "request": {request}}, nil
}

// push leaves the request with the server. The reference ends earlier than the user's time does.
func (c *Client) push(ctx context.Context, p *PendingAuthorization, params url.Values) (url.Values, error) {
	reference, lifetime, err := c.PushAuthorization(ctx, params)
	if err != nil {
		return nil, err
	}
	if end := time.Now().Add(lifetime + pendingFor).Round(0); end.Before(p.ExpiresAt) {
		p.ExpiresAt = end
	}
	return url.Values{"client_id": {c.cfg.ClientID}, "request_uri": {reference}}, nil
}

// PushAuthorization sends the parameters of an authorization request to the server, which keeps them for lifetime under
// requestURI (RFC 9126). [Client.AuthorizationURL] does it with AuthorizationOptions.Push.
func (c *Client) PushAuthorization(ctx context.Context, params url.Values) (requestURI string, lifetime time.Duration, err error) {
	if params.Has("request_uri") { // RFC 9126 §2.1
		return "", 0, errors.New("client: a pushed authorization request has no request_uri")
	}
	target, err := c.endpoint(ctx, endpointPAR)
	if err != nil {
		return "", 0, err
	}
	a, err := c.post(ctx, target, params, http.StatusCreated)
	if err != nil {
		return "", 0, err
	}
	requestURI, _ = a.OptionalText("request_uri")
	expiresIn, _ := a.Get("expires_in")
	end := expiryOf(expiresIn, time.Now())
	if requestURI == "" || end.IsZero() {
		return "", 0, fmt.Errorf("%w: request_uri or expires_in is missing", ErrBadAnswer)
	}
	return requestURI, time.Until(end), nil
}

// withQuery adds params to whatever query the endpoint has already (RFC 6749 §3.1).
func withQuery(endpoint string, params url.Values) string {
	separator := "?"
	if strings.Contains(endpoint, "?") {
		separator = "&"
	}
	if strings.HasSuffix(endpoint, "?") || strings.HasSuffix(endpoint, "&") {
		separator = ""
	}
	return endpoint + separator + params.Encode()
}
