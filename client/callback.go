package client

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

const grantAuthorizationCode = "authorization_code"

// ErrCallback says that the parameters of a callback are not the response to the pending request. They may be late,
// repeated, from another server, or made up by an attacker. The authorization code was not sent to the server. The error
// text contains none of the parameters.
var ErrCallback = errors.New("client: the callback is not the response to the pending authorization request")

// Callback handles the response of the server, which the user's browser brings to the redirect URI, and returns the token
// (RFC 6749, Section 4.1.2; OpenID Connect Core, Section 3.1.2.5). params is the query of a GET request or the form of a
// POST request. p is the pending request with the same state. With the scope "openid", the ID token is verified, and
// Token.IDClaims has its claims.
//
// If the user or the server declined, the error is an [*Error] whose Status is 0. If params is not the response to p, the
// error matches [ErrCallback].
//
// A Client handles only the first response to each request, even if that response leads to an error. For each further
// one, the error matches [ErrNotPending]. It remembers the last 10 000 requests whose responses it handled. If several
// processes handle callbacks, store p in a place that returns it only once.
func (c *Client) Callback(ctx context.Context, p *PendingAuthorization, params url.Values) (*Token, error) {
	if p == nil {
		return nil, ErrNotPending
	}
	answer, err := c.readCallback(ctx, p, params)
	if err != nil {
		return nil, err
	}
	return c.ExchangeCode(ctx, answer["code"], CodeExchange{
		RedirectURI: p.RedirectURI, CodeVerifier: p.CodeVerifier, Scopes: p.Scopes, Resource: p.Resource,
		IDToken: IDTokenOptions{
			Nonce: p.Nonce, MaxAge: p.maxAge(time.Now()), ACR: p.ACRValues, Subject: p.Subject, subjectIssuer: p.SubjectIssuer,
			issuer: answer["iss"],
		},
	})
}

// maxAge returns the longest time that may have passed since the user signed in. MaxAge counts from the start of the
// request, so maxAge adds the time since then. Otherwise a user who takes long to come back would be rejected.
func (p *PendingAuthorization) maxAge(now time.Time) time.Duration {
	if p.MaxAge == 0 || p.StartedAt.IsZero() {
		return p.MaxAge
	}
	return p.MaxAge + max(now.Sub(p.StartedAt), 0)
}

// CodeExchange describes a token request for an authorization code.
type CodeExchange struct {
	// RedirectURI and CodeVerifier are the values of the authorization request. Empty means that the request had none.
	RedirectURI, CodeVerifier string

	// Scopes lists the scopes of the authorization request. With "openid", the response must have an ID token.
	Scopes []string

	// Resource is a subset of the resources in the authorization request (RFC 8707, Section 2.2). Nil means
	// Config.Resource.
	Resource []string

	// IDToken has further requirements for the ID token. ExchangeCode sets its field Code.
	IDToken IDTokenOptions
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (o CodeExchange) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.CodeExchange{"+scopeOf(o.Scopes)+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (o CodeExchange) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("scopes", slices.Clone(o.Scopes)))
}

// ExchangeCode gets the token for an authorization code (RFC 6749, Section 4.1.3). It does not check the state or anything
// else that came with the code; [Client.Callback] does that. For a token exchange see [Client.ExchangeToken].
//
// The code is sent once, or twice if the server requires a DPoP nonce. It is not sent again after any other failure.
func (c *Client) ExchangeCode(ctx context.Context, code string, o CodeExchange) (*Token, error) {
	if code == "" {
		return nil, errors.New("client: the authorization code is empty")
	}
	o.IDToken.Code = code
	params := url.Values{
		"code": {code}, "redirect_uri": {o.RedirectURI}, "code_verifier": {o.CodeVerifier}, "scope": nil,
	}
	if o.Resource != nil {
		params["resource"] = o.Resource
	}
	pending := PendingAuthorization{Scopes: o.Scopes}
	return c.grantAs(ctx, grantAuthorizationCode, params, o.Scopes, func(t *Token) error {
		if t.IDToken == "" && pending.wantsIDToken() {
			return fmt.Errorf("%w: the response has no ID token, but the scope openid was requested", ErrBadResponse)
		}
		return c.signedIn(ctx, o.IDToken)(t)
	})
}

// readCallback checks a response and returns its parameters, among them the code. The order matters: nothing in a response
// is used before its sender is known (RFC 9207, Section 2.4; RFC 9700, Section 4.4). It checks the form, then the issuer,
// then the state, and only then reads the result.
func (c *Client) readCallback(ctx context.Context, p *PendingAuthorization, params url.Values) (map[string]string, error) {
	answer, err := single(params)
	if err != nil {
		return nil, err
	}
	if p.Issuer != c.cfg.Issuer || p.ClientID != c.cfg.ClientID {
		return nil, fmt.Errorf("%w: the pending request is of another issuer or client", ErrCallback)
	}
	if p.isSigned() {
		if answer, err = c.openResponse(ctx, answer["response"]); err != nil {
			return nil, err
		}
	}
	if err := c.checkResponseIssuer(ctx, p, answer); err != nil {
		return nil, err
	}
	if err := p.checkState(answer["state"]); err != nil {
		return nil, err
	}
	if !c.answered.first(p.State) {
		return nil, ErrNotPending
	}
	if f := failureIn(answer); f.failed {
		return nil, c.errorInCallback(p, f)
	}
	if answer["code"] == "" {
		return nil, fmt.Errorf("%w: the response has no code", ErrCallback)
	}
	return answer, nil
}

// isSigned reports whether the response is a signed JWT (JARM, Section 2.3).
func (p *PendingAuthorization) isSigned() bool { return strings.HasSuffix(p.ResponseMode, "jwt") }

// single returns each parameter by its name. A parameter that occurs twice is an error (RFC 6749, Section 3.1): an attacker
// could make different programs read different values.
func single(params url.Values) (map[string]string, error) {
	answer := make(map[string]string, len(params))
	for name, values := range params {
		switch {
		case len(values) > 1:
			return nil, fmt.Errorf("%w: a parameter occurs twice", ErrCallback)
		case len(values) == 1 && len(values[0]) > maxJWTBytes:
			return nil, fmt.Errorf("%w: a parameter is too long", ErrCallback)
		case len(values) == 1:
			answer[name] = values[0]
		}
	}
	return answer, nil
}

const (
	maxErrorCode = 128
	maxErrorText = 1 << 10
)

// failureIn reads the error in the parameters of a response. Some servers send other parameters than those of the RFC, such
// as error_code and error_message. They count only if there is neither an error nor a code.
func failureIn(answer map[string]string) failure {
	if answer["error"] != "" || answer["code"] != "" {
		code := answer["error"]
		return failure{failed: code != "", code: code, description: answer["error_description"], uri: answer["error_uri"]}
	}
	text, _ := json.Marshal(answer) // strings in maps can always be encoded
	object, _, _ := compact.ParseDocument(string(text), maxDepth)
	return failureOf(object)
}

// errorInCallback returns an error response (RFC 6749, Section 4.1.2.1) as an *Error. The browser may have changed the
// response, so the code must have only the characters of the RFC, the description is reduced to one line of printable text,
// and the URI must be one to fetch from. The error text has the description only if the response is signed.
func (c *Client) errorInCallback(p *PendingAuthorization, f failure) error {
	e := &Error{Code: f.code, Description: oneLine(f.description), URI: f.uri}
	isOther := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
	if len(e.Code) > maxErrorCode || strings.ContainsFunc(e.Code, isOther) {
		return fmt.Errorf("%w: error is not an OAuth error code", ErrCallback)
	}
	if len(e.URI) > maxErrorText || fetch.CheckURL(e.URI, c.cfg.InsecureAllowHTTP) != nil {
		e.URI = ""
	}
	e.explain(secrets{}.with(p.State, p.Nonce, p.CodeVerifier, p.Subject))
	if !p.isSigned() {
		e.detail = "" // anybody can write the description
	}
	return e
}

// oneLine returns the beginning of text, with each character that cannot be printed replaced by a space.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// openResponse verifies a signed response (JARM, Section 2.4) and returns its claims. Parameters beside it in the query are
// ignored.
func (c *Client) openResponse(ctx context.Context, response string) (map[string]string, error) {
	if _, err := c.verifyJWT(ctx, profileAuthorizationResponse, response); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrCallback, err)
	}
	claims, err := unverified(response) // it was verified above
	if err != nil {
		return nil, err
	}
	return texts(claims), nil
}

// texts returns the claims that are strings.
func texts(claims compact.Object) map[string]string {
	all := make(map[string]string)
	for name, value := range claims.All() {
		if text, ok := value.Text(); ok {
			all[name] = text
		}
	}
	return all
}

// checkResponseIssuer requires the response to come from the server of this client (RFC 9207, Section 2.4). In a signed
// response, the claim iss was verified before.
func (c *Client) checkResponseIssuer(ctx context.Context, p *PendingAuthorization, answer map[string]string) error {
	m, err := c.signInFacts(ctx, p.Scopes)
	if err != nil {
		return err
	}
	issuer, there := answer["iss"]
	switch {
	case there && !c.cfg.accepts(issuer):
		return fmt.Errorf("%w: iss is not the issuer of the pending request", ErrCallback)
	case !there && m.AuthorizationResponseIssParameterSupported:
		return fmt.Errorf("%w: iss is missing", ErrCallback)
	case !there: // it may be missing only if the metadata does not say that the server sends it
		return requireUsable(m, "authorization_response_iss_parameter_supported")
	}
	return nil
}

// checkState requires the state that was sent, and a response that arrives before ExpiresAt.
func (p *PendingAuthorization) checkState(state string) error {
	switch {
	case p.State == "" || subtle.ConstantTimeCompare([]byte(state), []byte(p.State)) != 1:
		return fmt.Errorf("%w: state does not match the pending request", ErrCallback)
	case p.isOver(clock.Now().Time()):
		return fmt.Errorf("%w: the response arrived too late", ErrCallback)
	}
	return nil
}
