package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Token types for an [IdentityAssertion]. TokenTypeIDJAG is the type of the identity assertion that the provider issues
// (draft-ietf-oauth-identity-assertion-authz-grant). TokenTypeSAML2 is the type of a SAML 2.0 assertion, which may be the
// subject token (RFC 8693, Section 3).
//
//nolint:gosec // G101: names of specifications
const (
	TokenTypeIDJAG = "urn:ietf:params:oauth:token-type:id-jag"
	TokenTypeSAML2 = "urn:ietf:params:oauth:token-type:saml2"
)

const (
	headerIDJAG   = "oauth-id-jag+jwt" // the typ of such a JWT
	maxIDJAGBytes = 64 << 10
)

// IdentityAssertionConfig describes an [IdentityAssertion]. Provider, Client, Resource and SubjectToken are required.
type IdentityAssertionConfig struct {
	// Provider is the client of this program at the identity provider where its users sign in. The program chooses it: it
	// must not come from the metadata of a resource.
	Provider *Client

	// Client is the client of this program at the authorization server of the resource.
	Client *Client

	// Resource is the identifier of the API (RFC 9728), such as Resource.ID. Config.Resource of Client is usually the same.
	Resource string

	// SubjectToken returns the token that identifies the user: the raw ID token that Provider received, or a token of another
	// SubjectTokenType. It is called for each call of Token, and must be safe for concurrent use. Token returns its error,
	// which must not contain the token.
	SubjectToken func(ctx context.Context) (string, error)

	// SubjectTokenType is TokenTypeIDToken or TokenTypeSAML2. Empty means TokenTypeIDToken.
	SubjectTokenType string
}

// IdentityAssertion gets access tokens for an API of another organization, without a sign-in at the authorization server of
// that API (draft-ietf-oauth-identity-assertion-authz-grant). The identity provider of the user's organization decides who gets
// a token. The Model Context Protocol calls this Enterprise-Managed Authorization. Make one with [NewIdentityAssertion]; the
// zero value returns an error for each call. It is safe for concurrent use.
//
// The method value Token has the type of TokenSourceConfig.Grant:
//
//	assertion, err := client.NewIdentityAssertion(client.IdentityAssertionConfig{…})
//	source, err := c.TokenSource(client.TokenSourceConfig{Grant: assertion.Token})
type IdentityAssertion struct{ cfg IdentityAssertionConfig }

// NewIdentityAssertion checks cfg and returns an IdentityAssertion. It reports all faults of cfg together. It does no I/O.
func NewIdentityAssertion(cfg IdentityAssertionConfig) (*IdentityAssertion, error) {
	var faults []error
	check := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New("client: IdentityAssertionConfig."+problem))
		}
	}
	if cfg.SubjectTokenType == "" {
		cfg.SubjectTokenType = TokenTypeIDToken
	}
	check(cfg.Provider != nil, "Provider is required")
	check(cfg.Client != nil, "Client is required")
	check(cfg.SubjectToken != nil, "SubjectToken is required")
	u, err := url.Parse(cfg.Resource)
	check(err == nil && u.IsAbs() && isRedirectURI(cfg.Resource), "Resource must be an absolute URI without a fragment (RFC 8707, Section 2)")
	check(slices.Contains([]string{TokenTypeIDToken, TokenTypeSAML2}, cfg.SubjectTokenType),
		"SubjectTokenType is unknown, expected TokenTypeIDToken or TokenTypeSAML2")
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &IdentityAssertion{cfg}, nil
}

// Token gets an access token for the resource in two steps. It exchanges the subject token for an assertion at the identity
// provider (RFC 8693), and sends the assertion to the authorization server of the resource (RFC 7523). Without scopes, it
// requests Config.Scopes of Client.
//
// The subject token is sent only to the provider. The assertion is sent to the authorization server only if it has the type
// [TokenTypeIDJAG], and if its only audience is the issuer of Client. So no other token of the provider reaches the
// authorization server. Token does not verify the signature of the assertion: the authorization server does. Config.OnToken of
// Provider is not called for the assertion.
//
// If the provider returns anything else, the error matches [ErrBadResponse]. Errors of [Client.ExchangeToken] and
// [Client.JWTBearer] are returned too.
func (a *IdentityAssertion) Token(ctx context.Context, scopes ...string) (*Token, error) {
	if a.cfg.Client == nil {
		return nil, errors.New("client: IdentityAssertion: the zero value cannot be used; call NewIdentityAssertion")
	}
	scopes = a.cfg.Client.scopes(scopes)
	assertion, err := a.assertion(ctx, scopes)
	if err != nil {
		return nil, err
	}
	return a.cfg.Client.JWTBearer(ctx, assertion, scopes...)
}

// assertion gets an assertion for the authorization server of the resource.
func (a *IdentityAssertion) assertion(ctx context.Context, scopes []string) (string, error) {
	subject, err := a.cfg.SubjectToken(ctx)
	if err != nil {
		return "", fmt.Errorf("client: IdentityAssertionConfig.SubjectToken: %w", err)
	}
	provider := *a.cfg.Provider
	provider.forResource = true // an assertion is not a token that Config.OnToken stores
	issued, err := provider.ExchangeToken(ctx, TokenExchange{
		SubjectToken: subject, SubjectTokenType: a.cfg.SubjectTokenType, RequestedTokenType: TokenTypeIDJAG,
		Scopes: scopes, Resource: []string{a.cfg.Resource}, Audience: []string{a.cfg.Client.Issuer()},
	})
	if err != nil {
		return "", fmt.Errorf("client: identity assertion: %w", err)
	}
	if err := checkIDJAG(issued, a.cfg.Client.Issuer()); err != nil {
		return "", fmt.Errorf("%w: identity assertion: %w", ErrBadResponse, err)
	}
	return issued.AccessToken, nil
}

// checkIDJAG requires the result of a token exchange to be an assertion for audience. Its signature is not verified.
func checkIDJAG(issued *Token, audience string) error {
	if got, _ := issued.response.OptionalText("issued_token_type"); got != TokenTypeIDJAG {
		return fmt.Errorf("issued_token_type is %q, expected %q", clip(got), TokenTypeIDJAG)
	}
	if len(issued.AccessToken) > maxIDJAGBytes {
		return fmt.Errorf("longer than %d bytes", maxIDJAGBytes)
	}
	parts, err := compact.Split(issued.AccessToken)
	if err != nil {
		return errors.New("not a JWT")
	}
	header, err := parts.DecodeHeader()
	if err != nil {
		return errors.New("its header cannot be decoded")
	}
	named, err := compact.ParseObject(header, maxDepth)
	if err != nil {
		return errors.New("its header is not a JSON object")
	}
	typ, _ := named.OptionalText("typ") // a media type, which may omit "application/" (RFC 7515, Section 4.1.9)
	if strings.TrimPrefix(fetch.LowerASCII(typ), "application/") != headerIDJAG {
		return fmt.Errorf("typ is %q, expected %q", clip(typ), headerIDJAG)
	}
	claims, err := unverified(issued.AccessToken)
	if err != nil {
		return errors.New("its payload is not a JSON object")
	}
	aud, _ := claims.Get("aud")
	text, single := aud.Text()
	if list, ok := aud.Strings(); !single && ok && len(list) == 1 {
		text = list[0]
	}
	if text != audience {
		return fmt.Errorf("aud is not %q, the authorization server of the resource", clip(audience))
	}
	return nil
}
