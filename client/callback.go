package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

const grantAuthorizationCode = "authorization_code"

// ErrCallback says that what came to the redirect URI is not the answer to the request that is pending: it came too late,
// twice, from another server, or an attacker made it up. Nothing was sent to the server. Its text quotes nothing of it.
var ErrCallback = errors.New("client: this is not the answer to the authorization request")

// Callback takes what the browser brought to the redirect URI, which is the query of a GET or the form of a POST, and
// returns the token (RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.5). With the scope openid the ID token is verified and
// stands in Token.IDClaims. If the user or the server said no, the error is an [*Error] with Status 0; if the answer is
// not the one that is pending it is [ErrCallback], and [ErrNotPending] if it was answered before: whatever comes of it, one
// Client takes one answer to each request, and sends one code. What other processes took, only the place knows where the
// PendingAuthorization was kept.
func (c *Client) Callback(ctx context.Context, p *PendingAuthorization, params url.Values) (*Token, error) {
	if p == nil {
		return nil, ErrNotPending
	}
	code, err := c.readCallback(ctx, p, params)
	if err != nil {
		return nil, err
	}
	return c.ExchangeCode(ctx, code, CodeExchange{
		RedirectURI: p.RedirectURI, CodeVerifier: p.CodeVerifier, Scopes: p.Scopes, Resource: p.Resource,
		IDToken: IDTokenOptions{Nonce: p.Nonce, MaxAge: p.maxAge(time.Now()), ACR: p.ACRValues, Subject: p.Subject},
	})
}

// maxAge counts from the request on, which is when the server did: whoever takes their time after that has not signed in
// too long ago.
func (p *PendingAuthorization) maxAge(now time.Time) time.Duration {
	if p.MaxAge == 0 || p.StartedAt.IsZero() {
		return p.MaxAge
	}
	return p.MaxAge + max(now.Sub(p.StartedAt), 0)
}

// CodeExchange belong to a code.
type CodeExchange struct {
	// RedirectURI and CodeVerifier are those of the authorization request. Empty: there was none.
	RedirectURI, CodeVerifier string

	// Scopes were asked for. With "openid" an ID token must come.
	Scopes []string

	// Resource is a part of what was asked for (RFC 8707 §2.2). Nil: Config.Resource.
	Resource []string

	// IDToken is what the ID token is held against. Code is filled in.
	IDToken IDTokenOptions
}

// Format leaves the secrets out, whatever the verb.
func (o CodeExchange) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.CodeExchange{"+scopeOf(o.Scopes)+"}")
}

// LogValue leaves the secrets out.
func (o CodeExchange) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("scopes", slices.Clone(o.Scopes)))
}

// ExchangeCode gets the token for an authorization code (RFC 6749 §4.1.3). It looks at nothing that came with the code:
// [Client.Callback] does. A code is never sent twice.
func (c *Client) ExchangeCode(ctx context.Context, code string, o CodeExchange) (*Token, error) {
	if code == "" {
		return nil, errors.New("client: a code is required")
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
			return fmt.Errorf("%w: there is no ID token", ErrBadAnswer)
		}
		return c.signedIn(ctx, o.IDToken)(t)
	})
}

// readCallback checks the answer in an order in which nothing is believed before its sender is known (RFC 9207 §2.4, RFC
// 9700 §4.4): form, issuer, state, and only then what it says.
func (c *Client) readCallback(ctx context.Context, p *PendingAuthorization, params url.Values) (code string, err error) {
	answer, err := single(params)
	if err != nil {
		return "", err
	}
	if p.Issuer != c.cfg.Issuer || p.ClientID != c.cfg.ClientID {
		return "", fmt.Errorf("%w: the pending request is of another issuer or client", ErrCallback)
	}
	if strings.HasSuffix(p.ResponseMode, "jwt") {
		if answer, err = c.openResponse(ctx, answer["response"]); err != nil {
			return "", err
		}
	}
	if err := c.checkResponseIssuer(ctx, answer); err != nil {
		return "", err
	}
	if err := p.checkState(answer["state"]); err != nil {
		return "", err
	}
	if !c.answered.first(p.State) {
		return "", ErrNotPending
	}
	if answer["error"] != "" {
		return "", c.refusedSignIn(answer)
	}
	if answer["code"] == "" {
		return "", fmt.Errorf("%w: there is no code", ErrCallback)
	}
	return answer["code"], nil
}

// single refuses what comes twice (RFC 6749 §3.1): who reads which of them, an attacker may know better.
func single(params url.Values) (map[string]string, error) {
	answer := make(map[string]string, len(params))
	for name, values := range params {
		switch {
		case len(values) > 1:
			return nil, fmt.Errorf("%w: a parameter comes twice", ErrCallback)
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

// refusedSignIn is what the server said by way of the browser (RFC 6749 §4.1.2.1), which may have been made up on the way:
// a code of the RFC's characters, a text of one line, and a link that can do nothing else than be opened.
func (c *Client) refusedSignIn(answer map[string]string) error {
	e := &Error{Code: answer["error"], Description: oneLine(answer["error_description"]), URI: answer["error_uri"]}
	isOther := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
	if len(e.Code) > maxErrorCode || strings.ContainsFunc(e.Code, isOther) {
		return fmt.Errorf("%w: error is none of OAuth", ErrCallback)
	}
	if len(e.URI) > maxErrorText || fetch.CheckURL(e.URI, c.cfg.InsecureAllowHTTP) != nil {
		e.URI = ""
	}
	return e
}

func oneLine(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// openResponse verifies an answer that is signed (JARM §2.4). What stands beside it in the query is not looked at.
func (c *Client) openResponse(ctx context.Context, response string) (map[string]string, error) {
	if _, err := c.verifyJWT(ctx, consumer.ProfileAuthorizationResponse, response); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrCallback, err)
	}
	claims, err := unverified(response) // it is verified
	if err != nil {
		return nil, err
	}
	return texts(claims), nil
}

func texts(claims compact.Object) map[string]string {
	all := make(map[string]string)
	for name, value := range claims.All() {
		if text, ok := value.Text(); ok {
			all[name] = text
		}
	}
	return all
}

// checkResponseIssuer wants the answer to come from the server that was asked (RFC 9207 §2.4). A signed one has said so.
func (c *Client) checkResponseIssuer(ctx context.Context, answer map[string]string) error {
	m, err := c.Metadata(ctx)
	if err != nil {
		return err
	}
	issuer, there := answer["iss"]
	switch {
	case there && issuer != c.cfg.Issuer:
		return fmt.Errorf("%w: it comes from another issuer", ErrCallback)
	case !there && m.AuthorizationResponseIssParameterSupported:
		return fmt.Errorf("%w: it does not say where it comes from", ErrCallback)
	}
	return nil
}

func (p *PendingAuthorization) checkState(state string) error {
	switch {
	case p.State == "" || subtle.ConstantTimeCompare([]byte(state), []byte(p.State)) != 1:
		return fmt.Errorf("%w: state is not the one that was sent", ErrCallback)
	case p.isOver(clock.Now().Time()):
		return fmt.Errorf("%w: it comes too late", ErrCallback)
	}
	return nil
}
