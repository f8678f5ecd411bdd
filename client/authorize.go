package client

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
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

	// Prompt, LoginHint and ACRValues are parameters of OpenID Connect Core §3.1.2.1. With the scope "openid" one of
	// ACRValues must be met.
	Prompt    []string
	LoginHint string
	ACRValues []string

	// MaxAge is how long ago the user may have signed in when this request is made, in whole seconds. With the scope
	// "openid" it is checked when they come back. Zero: any time.
	MaxAge time.Duration

	// IDTokenHint is the raw ID token of the user who is expected: another one is refused when they come back. It stands in
	// the URL, unless the request is pushed. Empty: anyone.
	IDTokenHint string

	// Display and UILocales are parameters of OpenID Connect Core §3.1.2.1, too.
	Display   string
	UILocales []string

	// Claims are what is asked for one by one (OpenID Connect Core §5.5), as encoding/json encodes them. What came of it is
	// for the caller to see; an `acr` that must be met belongs into ACRValues.
	Claims map[string]any

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
	// own. At most 2 KiB.
	ReturnTo string

	// Extra are further parameters, each with one value. They cannot replace any that has a field, whether that is set or
	// not.
	Extra url.Values

	// Lifetime is how long the user may take. Zero: 10 minutes.
	Lifetime time.Duration

	// InsecureNoPKCE leaves out the PKCE challenge, for servers that refuse the parameter: whoever gets hold of a code can
	// then redeem it at this client. A public client cannot do without.
	InsecureNoPKCE bool
}

// Format leaves the user's ID token out, whatever the verb.
func (o AuthorizationOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.AuthorizationOptions{"+scopeOf(o.Scopes)+"}")
}

// LogValue leaves the user's ID token out.
func (o AuthorizationOptions) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("scopes", slices.Clone(o.Scopes)))
}

const (
	pendingFor       = 10 * time.Minute
	maxReturnToBytes = 2 << 10 // it is kept for each sign-in that has begun
)

// AuthorizationURL begins the authorization code flow (RFC 6749 §4.1, OpenID Connect Core §3.1), with PKCE (RFC 7636): it
// returns where to send the user's browser, and what to keep until they come back.
func (c *Client) AuthorizationURL(ctx context.Context, o AuthorizationOptions) (*PendingAuthorization, error) {
	target, err := c.authorizationEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	p, err := c.newPending(o)
	if err != nil {
		return nil, err
	}
	params, err := c.authorizationParams(ctx, p, o)
	if err != nil {
		return nil, err
	}
	if params, err = c.wrap(ctx, params, o); err != nil {
		return nil, err
	}
	p.URL, err = withQuery(target, params)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *Client) authorizationEndpoint(ctx context.Context) (string, error) {
	if c.cfg.AuthorizeURL != "" {
		return c.cfg.AuthorizeURL, nil
	}
	return c.browserEndpoint(ctx, endpointAuthorization)
}

func (c *Client) newPending(o AuthorizationOptions) (*PendingAuthorization, error) {
	now := clock.Now().Time()
	p := &PendingAuthorization{
		State: RandomValue(c.cfg.StateLength), RedirectURI: cmp.Or(o.RedirectURI, c.cfg.RedirectURI),
		Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, ResponseMode: o.ResponseMode, Scopes: slices.Clone(c.scopes(o.Scopes)),
		Resource: slices.Clone(o.Resource), ACRValues: slices.Clone(o.ACRValues), MaxAge: o.MaxAge,
		ReturnTo: o.ReturnTo, StartedAt: now, ExpiresAt: now.Add(cmp.Or(o.Lifetime, pendingFor)),
	}
	if o.Resource == nil {
		p.Resource = slices.Clone(c.cfg.Resource)
	}
	if p.wantsIDToken() {
		p.Nonce = RandomValue(randomBytes)
	}
	if o.IDTokenHint != "" {
		claims, err := unverified(o.IDTokenHint)
		if err != nil {
			return nil, errors.New("client: AuthorizationOptions.IDTokenHint is no ID token")
		}
		p.Subject, _ = claims.OptionalText("sub")
	}
	return p, c.checkOptions(p, o)
}

func (p *PendingAuthorization) wantsIDToken() bool { return slices.Contains(p.Scopes, "openid") }

func (c *Client) checkOptions(p *PendingAuthorization, o AuthorizationOptions) error {
	modes := []string{"", "query", "form_post", "jwt", "query.jwt", "form_post.jwt"}
	problem := ""
	switch {
	case p.RedirectURI == "":
		problem = "RedirectURI is required, or Config.RedirectURI"
	case !isRedirectURI(p.RedirectURI):
		problem = "RedirectURI, or Config.RedirectURI, is not absolute, or has a fragment"
	case !slices.Contains(modes, o.ResponseMode):
		problem = "ResponseMode is unknown"
	case o.MaxAge < 0 || o.Lifetime < 0:
		problem = "MaxAge or Lifetime is negative"
	case o.MaxAge%time.Second != 0:
		problem = "MaxAge has no whole seconds"
	case len(o.ReturnTo) > maxReturnToBytes:
		problem = "ReturnTo is too long"
	case len(o.Prompt) > 1 && slices.Contains(o.Prompt, "none"):
		problem = `Prompt: "none" stands alone`
	case o.IDTokenHint != "" && p.Subject == "":
		problem = "IDTokenHint names nobody"
	case o.IDTokenHint != "" && !p.wantsIDToken():
		problem = "IDTokenHint needs the scope openid: nothing else says who came"
	default:
		return nil
	}
	return errors.New("client: AuthorizationOptions." + problem)
}

// isRedirectURI knows what is none (RFC 6749 §3.1.2). Whether it is the registered one the server sees.
func isRedirectURI(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.IsAbs() && !strings.Contains(raw, "#")
}

// authorizationParams are what RFC 6749 §4.1.1 has, and what was added since.
func (c *Client) authorizationParams(ctx context.Context, p *PendingAuthorization, o AuthorizationOptions) (url.Values, error) {
	params := url.Values{
		"response_type": {"code"}, "client_id": {c.cfg.ClientID}, "redirect_uri": {p.RedirectURI},
		"scope": {scopeOf(p.Scopes)}, "state": {p.State}, "nonce": {p.Nonce}, "resource": p.Resource,
		"audience": {c.cfg.Audience}, "prompt": {strings.Join(o.Prompt, " ")}, "login_hint": {o.LoginHint},
		"acr_values": {strings.Join(o.ACRValues, " ")}, "response_mode": {o.ResponseMode}, "display": {o.Display},
		"ui_locales": {strings.Join(o.UILocales, " ")}, "id_token_hint": {o.IDTokenHint}, "claims": nil, "max_age": nil,
		"code_challenge": nil, "code_challenge_method": nil, "dpop_jkt": nil,
	}
	if o.MaxAge > 0 {
		params.Set("max_age", strconv.Itoa(int(o.MaxAge.Seconds())))
	}
	if o.Claims != nil {
		claims, err := json.Marshal(o.Claims)
		if err != nil {
			return nil, fmt.Errorf("client: AuthorizationOptions.Claims: %w", err)
		}
		params.Set("claims", string(claims))
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
	if err := addExtra(params, o.Extra); err != nil {
		return nil, err
	}
	return withoutEmpty(params), nil
}

// addExtra lets nothing in that is sent already, that belongs to the request object around the parameters (RFC 9101 §4), or
// that is a credential (RFC 6749 §2.3.1).
func addExtra(params, extra url.Values) error {
	reserved := []string{
		"request", "request_uri", "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
		"client_secret", "client_assertion", "client_assertion_type", "code_verifier",
	}
	for name, values := range extra {
		_, taken := params[name]
		switch {
		case taken || slices.Contains(reserved, name):
			return fmt.Errorf("client: AuthorizationOptions.Extra: %q cannot be set here", name)
		case len(values) > 1: // RFC 6749 §3.1
			return fmt.Errorf("client: AuthorizationOptions.Extra: %q has several values", name)
		}
	}
	maps.Copy(params, extra)
	return nil
}

// addChallenge adds a PKCE challenge, and refuses a server that could only be given a weaker one (RFC 7636 §7.2).
func (c *Client) addChallenge(
	ctx context.Context, p *PendingAuthorization, o AuthorizationOptions, params url.Values,
) error {
	m, err := c.Metadata(ctx)
	if err != nil {
		return err
	}
	offered := m.CodeChallengeMethodsSupported
	pkce := newPKCE(c.cfg.VerifierLength, c.cfg.InsecurePlainPKCE && !slices.Contains(offered, "S256"))
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

// withQuery adds params to whatever query the endpoint has already (RFC 6749 §3.1). No parameter comes twice: which of the
// two counts, nobody could say.
func withQuery(endpoint string, params url.Values) (string, error) {
	_, query, has := strings.Cut(endpoint, "?")
	own, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("%w: the endpoint's query cannot be read", ErrBadAnswer)
	}
	for name := range params {
		if own.Has(name) {
			return "", fmt.Errorf("%w: the endpoint's query has %q, too", ErrBadAnswer, name)
		}
	}
	separator := "?"
	switch {
	case has && (query == "" || strings.HasSuffix(query, "&")):
		separator = ""
	case has:
		separator = "&"
	}
	return endpoint + separator + params.Encode(), nil
}
