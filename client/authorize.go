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

// AuthorizationOptions describes an authorization request. The zero value uses the values of the Config.
type AuthorizationOptions struct {
	// RedirectURI is where the server sends the user back to. It must be registered. Empty means Config.RedirectURI.
	RedirectURI string

	// Scopes lists the requested scopes. With "openid", the response has an ID token. Nil means Config.Scopes.
	Scopes []string

	// Resource lists the APIs for which the token is requested (RFC 8707). Nil means Config.Resource.
	Resource []string

	// Prompt, LoginHint and ACRValues are parameters of OpenID Connect Core, Section 3.1.2.1. With the scope "openid", the
	// claim acr of the ID token must be one of the ACRValues. Empty means that a parameter is not sent.
	Prompt    []string
	LoginHint string
	ACRValues []string

	// MaxAge is the longest time that may have passed since the user signed in, in whole seconds. With the scope "openid",
	// the ID token must confirm it. Zero means that any sign-in is accepted. To make the user sign in again, set it to one
	// second, or Prompt to "login".
	MaxAge time.Duration

	// IDTokenHint is a raw ID token of the user who must sign in. A response about another user is rejected. The hint is
	// part of the URL unless the request is pushed. Empty means any user.
	IDTokenHint string

	// Subject is the claim sub of the user who must sign in. A response about another user is rejected. It is not sent, so
	// the server may still let the user choose an account. It requires the scope "openid". With Config.Tenants, also compare
	// the issuer of Token.IDClaims afterwards, because another tenant may have a user with the same subject. Empty means any
	// user, or the one of IDTokenHint.
	Subject string

	// Display and UILocales are also parameters of OpenID Connect Core, Section 3.1.2.1. Empty means that a parameter is not
	// sent.
	Display   string
	UILocales []string

	// Claims is encoded as JSON and sent as the parameter claims (OpenID Connect Core, Section 5.5). The response is not
	// compared with it. If an acr is required, use ACRValues. Nil means that the parameter is not sent.
	Claims map[string]any

	// ResponseMode says how the response is sent: "query", "form_post", or one of the signed modes "jwt", "query.jwt" and
	// "form_post.jwt" (JARM). Empty means the default of the server, which is query.
	ResponseMode string

	// Push sends the parameters directly to the server, so that the browser carries only a reference to them (RFC 9126).
	// False means that they are pushed only if the metadata requires it.
	Push bool

	// Sign sends the parameters as a JWT that is signed with Config.Key (RFC 9101). Unless the request is pushed, the URL
	// also has client_id, response_type and scope, which OpenID Connect Core, Section 6.1, requires. False means that the
	// parameters are signed only if the metadata requires it.
	Sign bool

	// ReturnTo is stored in the PendingAuthorization for the application. It has at most 2 KiB, and is not sent. Before you
	// redirect a user there, check that it is a path of your own application.
	ReturnTo string

	// Extra has further parameters, each with one value. A parameter that this package sends itself, or that has a field
	// above, is an error. Nil means none.
	Extra url.Values

	// Lifetime is the time that the user has for the sign-in. Zero means 10 minutes.
	Lifetime time.Duration

	// InsecureNoPKCE omits the PKCE challenge, for servers that reject it. Anyone who obtains an authorization code can then
	// redeem it at this client. It is an error for a public client. False means that the challenge is sent.
	InsecureNoPKCE bool
}

// Format implements [fmt.Formatter]. For every verb, it omits the user's ID token.
func (o AuthorizationOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.AuthorizationOptions{"+scopeOf(o.Scopes)+"}")
}

// LogValue implements [slog.LogValuer]. It omits the user's ID token.
func (o AuthorizationOptions) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("scopes", slices.Clone(o.Scopes)))
}

const (
	pendingFor       = 10 * time.Minute
	maxReturnToBytes = 2 << 10 // it is stored for each sign-in
)

// AuthorizationURL begins the authorization code flow (RFC 6749, Section 4.1; OpenID Connect Core, Section 3.1). The request
// always has a state, and PKCE (RFC 7636) unless InsecureNoPKCE is set. Store the result, and redirect the user's browser to
// its URL. When the browser comes back to the redirect URI, call [Client.Callback].
func (c *Client) AuthorizationURL(ctx context.Context, o AuthorizationOptions) (*PendingAuthorization, error) {
	target, err := c.authorizationEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.checkDocumentSupport(ctx); err != nil {
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

// authorizationEndpoint returns the URL of the authorization endpoint as the user's browser reaches it.
func (c *Client) authorizationEndpoint(ctx context.Context) (string, error) {
	if c.cfg.AuthorizeURL != "" {
		return c.cfg.AuthorizeURL, nil
	}
	return c.browserEndpoint(ctx, endpointAuthorization)
}

// newPending returns the PendingAuthorization of a request. AuthorizationURL adds the URL and the PKCE verifier.
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
	p.Subject = o.Subject
	if o.IDTokenHint != "" {
		claims, err := unverified(o.IDTokenHint)
		if err != nil {
			return nil, errors.New("client: AuthorizationOptions.IDTokenHint is not a JWT")
		}
		hinted, _ := claims.OptionalText("sub")
		if hinted == "" {
			return nil, errors.New("client: AuthorizationOptions.IDTokenHint has no sub")
		}
		if o.Subject != "" && o.Subject != hinted {
			return nil, errors.New("client: AuthorizationOptions.Subject is not the sub of IDTokenHint")
		}
		p.Subject = hinted
		p.SubjectIssuer, _ = claims.OptionalText("iss")
		if err := c.checkHint(o.IDTokenHint, "AuthorizationOptions.IDTokenHint"); err != nil {
			return nil, err
		}
	}
	return p, c.checkOptions(p, o)
}

// wantsIDToken reports whether the request has the scope openid, so that the response must have an ID token.
func (p *PendingAuthorization) wantsIDToken() bool { return slices.Contains(p.Scopes, "openid") }

// checkOptions returns an error that names the first option that is not valid.
func (c *Client) checkOptions(p *PendingAuthorization, o AuthorizationOptions) error {
	modes := []string{"", "query", "form_post", "jwt", "query.jwt", "form_post.jwt"}
	problem := ""
	switch {
	case p.RedirectURI == "":
		problem = "RedirectURI or Config.RedirectURI is required"
	case !isRedirectURI(p.RedirectURI):
		problem = "RedirectURI (or Config.RedirectURI) must be an absolute URI without a fragment"
	case !slices.Contains(modes, o.ResponseMode):
		problem = "ResponseMode is unknown"
	case o.MaxAge < 0 || o.Lifetime < 0:
		problem = "MaxAge or Lifetime is negative"
	case o.MaxAge%time.Second != 0:
		problem = "MaxAge is not a whole number of seconds"
	case len(o.ReturnTo) > maxReturnToBytes:
		problem = "ReturnTo is longer than 2 KiB"
	case len(o.Prompt) > 1 && slices.Contains(o.Prompt, "none"):
		problem = `Prompt: "none" must be the only value`
	case p.Subject != "" && !p.wantsIDToken():
		problem = "IDTokenHint and Subject require the scope openid: without it, the response does not name the user"
	default:
		return nil
	}
	return errors.New("client: AuthorizationOptions." + problem)
}

// isRedirectURI reports whether raw can be a redirect URI (RFC 6749, Section 3.1.2). The server checks that it is
// registered.
func isRedirectURI(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.IsAbs() && !strings.Contains(raw, "#")
}

// authorizationParams returns the parameters of the request: those of RFC 6749, Section 4.1.1, and of its extensions. A name
// without a value is not sent, but Extra cannot set it.
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
	if c.cfg.DPoP != nil { // this binds the code too (RFC 9449, Section 10)
		thumbprint, err := jwtsign.Thumbprint(c.cfg.DPoP.Private.(crypto.Signer).Public()) //nolint:errcheck,forcetypeassert // New has checked it
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

// addExtra adds the parameters of AuthorizationOptions.Extra. It rejects those that are set already, those that are claims
// of a request object (RFC 9101, Section 4), and credentials (RFC 6749, Section 2.3.1).
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
		case len(values) > 1: // RFC 6749, Section 3.1
			return fmt.Errorf("client: AuthorizationOptions.Extra: %q has several values", name)
		}
	}
	maps.Copy(params, extra)
	return nil
}

// addChallenge adds a PKCE challenge. It returns an error if the server offers only a weaker method (RFC 7636, Section
// 7.2).
func (c *Client) addChallenge(
	ctx context.Context, p *PendingAuthorization, o AuthorizationOptions, params url.Values,
) error {
	m, err := c.signInFacts(ctx, p.Scopes)
	if err != nil {
		return err
	}
	if err := requireUsable(m, "code_challenge_methods_supported"); err != nil {
		return err
	}
	offered := m.CodeChallengeMethodsSupported
	pkce := newPKCE(c.cfg.VerifierLength, c.cfg.InsecurePlainPKCE && !slices.Contains(offered, "S256"))
	switch {
	case o.InsecureNoPKCE && c.isPublic():
		return errors.New("client: AuthorizationOptions.InsecureNoPKCE: a public client requires PKCE")
	case o.InsecureNoPKCE:
		return nil
	case len(offered) > 0 && !slices.Contains(offered, pkce.Method):
		return fmt.Errorf("%w: code_challenge_methods_supported lists only %s, expected %s (Config.InsecurePlainPKCE, AuthorizationOptions.InsecureNoPKCE)",
			ErrUnsupported, quoted(offered), pkce.Method)
	case len(offered) == 0 && c.cfg.listedPKCE:
		return fmt.Errorf("%w: the metadata has no code_challenge_methods_supported, expected %s (ResourceTransportConfig.InsecureUnlistedPKCE)",
			ErrUnsupported, pkce.Method)
	}
	p.CodeVerifier = pkce.Verifier
	params.Set("code_challenge", pkce.Challenge)
	params.Set("code_challenge_method", pkce.Method)
	return nil
}

// withQuery adds params to the endpoint, which may already have a query (RFC 6749, Section 3.1). A parameter that would
// occur twice is an error, because servers disagree on which of the two counts.
func withQuery(endpoint string, params url.Values) (string, error) {
	_, query, has := strings.Cut(endpoint, "?")
	own, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("%w: the query of the endpoint cannot be parsed", ErrBadResponse)
	}
	for name := range params {
		if own.Has(name) {
			return "", fmt.Errorf("%w: the query of the endpoint already has %q", ErrBadResponse, name)
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
