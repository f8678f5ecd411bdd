package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// UserInfo is what the userinfo endpoint says of a person (OpenID Connect Core §5.3.2). It is safe for concurrent use.
type UserInfo struct {
	claims  compact.Object
	subject string
}

// Subject is `sub`: the same as in the ID token.
func (u *UserInfo) Subject() string { return u.subject }

// Claim returns a claim as encoding/json decodes it.
func (u *UserInfo) Claim(name string) (value any, ok bool) {
	v, ok := u.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// EmailVerified reports whether the server says that the person's address is theirs. Some servers say so in a string.
func (u *UserInfo) EmailVerified() bool {
	v, _ := u.Claim("email_verified")
	return v == true || v == "true"
}

// Decode decodes all claims into v, a pointer as for [encoding/json.Unmarshal]; names are compared byte for byte.
func (u *UserInfo) Decode(v any) error {
	if err := u.claims.Decode(v); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// Format leaves the claims out, whatever the verb.
func (u UserInfo) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.UserInfo{}") }

// LogValue leaves the claims out.
func (u UserInfo) LogValue() slog.Value { return slog.StringValue("client.UserInfo{}") }

// UserInfo asks the userinfo endpoint whose accessToken it is. subject is `sub` of the ID token, with which the answer
// must agree: without that it might be about somebody else (OpenID Connect Core §5.3.2). A signed answer is verified, and
// with Config.SignedUserInfo no other is taken.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (*UserInfo, error) {
	if subject == "" {
		return nil, errors.New("client: user information: the subject is required")
	}
	target, err := c.endpoint(ctx, endpointUserInfo)
	if err != nil {
		return nil, err
	}
	resp, err := c.call(ctx, target, accessToken)
	if err != nil {
		return nil, err
	}
	claims, err := c.userClaims(ctx, resp)
	if err != nil {
		return nil, err
	}
	if got, _ := claims.OptionalText("sub"); got != subject {
		return nil, fmt.Errorf("%w: user information: it is about another subject", ErrBadAnswer)
	}
	return &UserInfo{claims, subject}, nil
}

// call gets target with an access token, once more where a nonce is asked for (RFC 9449 §9).
func (c *Client) call(ctx context.Context, target, accessToken string) (*fetch.Response, error) {
	for attempt := 0; ; attempt++ {
		header := http.Header{
			"Accept": {"application/json, application/jwt"}, "Authorization": {"Bearer " + accessToken},
		}
		var nonce string
		if c.cfg.DPoP != nil {
			proof, used, err := c.proof(http.MethodGet, target, accessToken)
			if err != nil {
				return nil, err
			}
			nonce = used
			header.Set("Authorization", "DPoP "+accessToken)
			header.Set("DPoP", proof)
		}
		resp, err := c.send(ctx, http.MethodGet, target, header, nil)
		if err != nil {
			return nil, err
		}
		fresh := c.keepNonce(target, accessToken, nonce, resp.Header)
		switch {
		case resp.Status == http.StatusOK:
			return resp, nil
		case attempt > 0 || c.cfg.DPoP == nil || !fresh || !strings.Contains(resp.Header.Get("WWW-Authenticate"), string(ErrUseDPoPNonce)):
			return nil, refusedCall(resp)
		}
	}
}

// refusedCall is an answer of RFC 6750 §3, which says in a challenge what others say in a body.
func refusedCall(resp *fetch.Response) *Error {
	object, _ := compact.ParseObject(string(resp.Body), maxDepth)
	code, _ := object.OptionalText("error")
	e := refusalOf(resp, object, code)
	if e.Code == "" && resp.Status == http.StatusUnauthorized {
		e.Code = string(ErrInvalidToken)
	}
	return e
}

func (c *Client) userClaims(ctx context.Context, resp *fetch.Response) (compact.Object, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	body := strings.TrimSpace(string(resp.Body))
	if mediaType == "application/jwt" {
		if _, err := c.verifyJWT(ctx, consumer.ProfileUserInfo, body); err != nil {
			return compact.Object{}, err
		}
		return unverified(body) // it is verified
	}
	switch {
	case c.cfg.SignedUserInfo:
		return compact.Object{}, fmt.Errorf("%w: user information: it is not signed", ErrBadAnswer)
	case mediaType != "application/json": // OpenID Connect Core §5.3.2
		return compact.Object{}, fmt.Errorf("%w: user information: it is no JSON", ErrBadAnswer)
	}
	claims, err := compact.ParseObject(body, maxDepth)
	if err != nil {
		return compact.Object{}, fmt.Errorf("%w: user information: %w", ErrBadAnswer, err)
	}
	return claims, nil
}
