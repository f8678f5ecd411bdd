package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/internal/challenge"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/quirk"
)

// UserInfo is the response of the userinfo endpoint about a user (OpenID Connect Core, Section 5.3.2). It is safe for
// concurrent use.
type UserInfo struct {
	claims  compact.Object
	subject string
}

// Subject returns the claim sub, which is the same as in the ID token.
func (u *UserInfo) Subject() string { return u.subject }

// Claim returns the claim name, decoded as encoding/json decodes into an any.
func (u *UserInfo) Claim(name string) (value any, ok bool) {
	v, ok := u.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// EmailVerified reports whether the claim email_verified is true: the server has verified that the user controls the email
// address. It also accepts the string "true", which some servers send.
func (u *UserInfo) EmailVerified() bool {
	v, _ := u.Claim("email_verified")
	return isTrue(v)
}

// PhoneNumberVerified is like [UserInfo.EmailVerified], for the claim phone_number_verified.
func (u *UserInfo) PhoneNumberVerified() bool {
	v, _ := u.Claim("phone_number_verified")
	return isTrue(v)
}

// Decode decodes all claims into v, a pointer as for [encoding/json.Unmarshal]. Names are compared exactly.
func (u *UserInfo) Decode(v any) error {
	if err := u.claims.Decode(v); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// Format implements [fmt.Formatter]. For every verb, it omits the claims.
func (u UserInfo) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.UserInfo{}") }

// LogValue implements [slog.LogValuer]. It omits the claims.
func (u UserInfo) LogValue() slog.Value { return slog.StringValue("client.UserInfo{}") }

// UserInfo returns the claims of the userinfo endpoint about the user of accessToken. subject is the claim sub of the
// verified ID token. The response must have the same sub, because otherwise it may be about another user (OpenID Connect
// Core, Section 5.3.2). A signed response is verified. With Config.SignedUserInfo, an unsigned response is rejected.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (*UserInfo, error) {
	if subject == "" {
		return nil, errors.New("client: user information: subject is empty, expected the sub of the ID token")
	}
	target, err := c.endpoint(ctx, endpointUserInfo)
	if err != nil {
		return nil, err
	}
	resp, err := c.call(ctx, target, accessToken)
	if err != nil {
		return nil, err
	}
	a, err := c.userClaims(ctx, resp, secrets{}.with(accessToken))
	if err != nil {
		return nil, err
	}
	if got, _ := a.OptionalText("sub"); got != subject {
		return nil, a.flawed("user information: sub is not that of the ID token")
	}
	return &UserInfo{a.Object, subject}, nil
}

// call sends a GET request with an access token, and with a proof if Config.DPoP is set. It sends the request a second time
// if the server requires a DPoP nonce (RFC 9449, Section 9). Any status but 2xx is an error. One that rejects the access
// token matches ErrInvalidToken, whatever its code is.
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
		resp, err := c.send(ctx, http.MethodGet, destination{endpointUserInfo, target}, header, nil)
		if err != nil {
			return nil, err
		}
		fresh := c.keepNonce(target, accessToken, nonce, resp.Header)
		switch {
		case resp.Status/100 == 2:
			return resp, nil
		case attempt > 0 || c.cfg.DPoP == nil || !fresh || !strings.Contains(resp.Header.Get("WWW-Authenticate"), string(ErrUseDPoPNonce)):
			e := errorOfCall(resp, secretsSent(nil, header))
			if resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden {
				e.class = ErrInvalidToken
			}
			if e.Is(ErrUseDPoPNonce) || e.Is(ErrInvalidDPoPProof) { // the proof was rejected, and not the token
				e.class = ""
			}
			return nil, e
		}
	}
}

// errorOfCall returns the error response to a request with a bearer token as an *Error. Such a response may have its code
// in a challenge instead of its body (RFC 6750, Section 3); a 401 without a code is treated as invalid_token.
//
// sent are the secrets in the request.
func errorOfCall(resp *fetch.Response, sent secrets) *Error {
	object := readBody(resp, reply{}).object
	f := failureOf(object)
	f.code = cmp.Or(f.code, firstText(object, "code"))
	if f.code == "" || f.other {
		challenges, _ := challenge.Parse(resp.Header.Values("WWW-Authenticate"))
		for _, c := range challenges {
			f.code = cmp.Or(c.Params["error"], f.code)
			f.description = cmp.Or(f.description, c.Params["error_description"])
		}
	}
	if f.code == "" && resp.Status == http.StatusUnauthorized {
		f.code = string(ErrInvalidToken)
	}
	return errorOf(resp, object, f, sent.with(secretsIn(object, maxProblemDepth)...))
}

// userClaims returns the claims of a response. The Content-Type says whether it is a signed JWT or a JSON object (OpenID
// Connect Core, Section 5.3.2). JSON that is called text, or that has a type of its own, is a quirk. A response of another
// type is rejected.
func (c *Client) userClaims(ctx context.Context, resp *fetch.Response, sent secrets) (*answer, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	want := reply{name: "user information", rfc: "OpenID Connect Core section 5.3.2", statuses: []int{http.StatusOK}, required: "sub"}
	a := &answer{resp: resp, secrets: sent}
	switch {
	case mediaType == "application/jwt":
		signed := strings.TrimSpace(string(resp.Body))
		if _, err := c.verifyJWT(ctx, profileUserInfo, signed); err != nil {
			return nil, err
		}
		claims, err := unverified(signed) // it was verified above
		a.Object = claims
		return a, err
	case c.cfg.SignedUserInfo:
		return nil, a.flawed("user information: not signed, but Config.SignedUserInfo is set")
	case mediaType != "application/json" && mediaType != "text/plain" && mediaType != "text/json" && !strings.HasSuffix(mediaType, "+json"):
		return nil, a.flawed("user information: received " + described(resp) + ", expected application/json or application/jwt")
	}
	a, err := c.read(ctx, want, resp, sent)
	if err == nil && mediaType != "application/json" {
		c.report(ctx, quirk.Quirk{Name: quirk.ContentType, Place: want.name + " Content-Type", RFC: want.rfc})
	}
	return a, err
}
