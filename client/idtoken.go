package client

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// IDToken is a verified ID token (OpenID Connect Core, Section 2). It is for this client only. Do not send it to anyone but
// the server that issued it, as an id_token_hint. It is safe for concurrent use.
type IDToken struct {
	*consumer.Token

	userInfo *UserInfo
}

// EmailVerified reports whether the claim email_verified is true: the server has verified that the user controls the email
// address. It also accepts the string "true", which some servers send, and no other value. With Config.UseUserInfo, it is
// about the address that [IDToken.Claims] returns.
func (t *IDToken) EmailVerified() bool { return isTrue(t.Claims()["email_verified"]) }

// PhoneNumberVerified is like [IDToken.EmailVerified], for the claim phone_number_verified.
func (t *IDToken) PhoneNumberVerified() bool { return isTrue(t.Claims()["phone_number_verified"]) }

// isTrue reports whether a claim is true, or "true" (OpenID Connect Core, Section 5.1, requires a boolean).
func isTrue(claim any) bool { return claim == true || claim == "true" }

// UserInfo returns the response of the userinfo endpoint about the same user. It returns nil unless Config.UseUserInfo is
// set.
func (t *IDToken) UserInfo() *UserInfo { return t.userInfo }

// Claims returns all claims of the ID token and, with Config.UseUserInfo, further claims of the userinfo endpoint. Claims of
// the userinfo endpoint never replace a signed claim, and those about the sign-in, such as acr, are omitted. If the two
// sources have different email addresses or phone numbers, the value of the userinfo endpoint is omitted, together with its
// claim email_verified or phone_number_verified. The caller may change the map.
func (t *IDToken) Claims() map[string]any {
	var signed map[string]any
	_ = t.Decode(&signed) // it was decoded before, when it was verified
	claims := make(map[string]any)
	if t.userInfo != nil {
		_ = t.userInfo.Decode(&claims) // likewise
		maps.DeleteFunc(claims, func(name string, _ any) bool { return slices.Contains(protocolClaims(), name) })
		keepApart(claims, signed, "email", "email_verified")
		keepApart(claims, signed, "phone_number", "phone_number_verified")
	}
	maps.Copy(claims, signed)
	return claims
}

// keepApart deletes an address and its verification from added if signed has either of the two, but not the same address.
// Otherwise an address that was not verified could get the verification of another one.
func keepApart(added, signed map[string]any, address, verified string) {
	_, hasAddress := signed[address]
	_, hasVerified := signed[verified]
	if (hasAddress || hasVerified) && !reflect.DeepEqual(added[address], signed[address]) {
		delete(added, address)
		delete(added, verified)
	}
}

// protocolClaims lists the claims about the sign-in, as opposed to those about the user.
func protocolClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "azp", "auth_time", "acr", "amr", "sid", "at_hash", "c_hash",
		"s_hash", "cnf", "events",
	}
}

// IDTokenOptions has further requirements for an ID token, in addition to those for every ID token. The zero value has
// none, but rejects an ID token with a nonce.
type IDTokenOptions struct {
	// Nonce is the nonce of the authorization request. Empty means that none was sent: an ID token with a nonce is then
	// rejected.
	Nonce string

	// MaxAge is the longest time that may have passed since the user signed in. With it, the claim auth_time is required.
	// Zero means that any sign-in is accepted.
	MaxAge time.Duration

	// ACR lists authentication context classes. The claim acr must be one of them. Nil means that it may be anything, and
	// may be absent.
	ACR []string

	// Subject is the required value of the claim sub. Empty means that any value is accepted.
	Subject string

	// AccessToken and Code were received together with the ID token. Its claims at_hash and c_hash must match them, if it
	// has these claims. Empty means that they are not compared.
	AccessToken, Code string

	issuer        string // of the authorization response (RFC 9207); empty: it did not name one
	subjectIssuer string // of Subject, with Config.Tenants; empty: it is not compared
	anyNonce      bool   // accept any nonce: the flow does not send one, or it was not stored
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (o IDTokenOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.IDTokenOptions{}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (o IDTokenOptions) LogValue() slog.Value { return slog.StringValue("client.IDTokenOptions{}") }

// VerifyIDToken verifies an ID token for this client (OpenID Connect Core, Section 3.1.3.7). An invalid ID token causes an
// error that matches [consumer.ErrInvalidToken]. If the keys of the server cannot be fetched, the error matches
// [ErrUnavailable].
func (c *Client) VerifyIDToken(ctx context.Context, raw string, o IDTokenOptions) (*IDToken, error) {
	token, err := c.verifyJWT(ctx, profileIDToken, raw)
	if err != nil {
		return nil, err
	}
	t := &IDToken{Token: token}
	for _, check := range []func() error{
		func() error { return t.checkIssuer(o) },
		func() error { return t.checkParty(c.cfg) },
		func() error { return t.checkSubject(o) },
		func() error { return t.checkNonce(c.cfg, o) },
		func() error { return t.checkSignIn(o, c.cfg.skew()) },
		func() error { return t.checkHash(raw, "at_hash", o.AccessToken) },
		func() error { return t.checkHash(raw, "c_hash", o.Code) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// algorithmOf returns the alg of a JWT that was verified.
func algorithmOf(raw string) string {
	parts, _ := compact.Split(raw)
	text, _ := parts.DecodeHeader()
	header, _ := compact.ParseObject(text, maxDepth)
	alg, _ := header.OptionalText("alg")
	return alg
}

// halfHash returns the left half of the hash of value, with the hash function of the signature algorithm. For Ed25519 that
// is SHA-512.
func halfHash(alg, value string) string {
	var hash []byte
	switch {
	case strings.HasSuffix(alg, "256"):
		sum := sha256.Sum256([]byte(value))
		hash = sum[:]
	case strings.HasSuffix(alg, "384"):
		sum := sha512.Sum384([]byte(value))
		hash = sum[:]
	default:
		sum := sha512.Sum512([]byte(value))
		hash = sum[:]
	}
	return base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2])
}

// signedIn returns a function for grantAs that completes the token of a user. It verifies the ID token, and reads the
// userinfo endpoint if Config.UseUserInfo is set. A token without an ID token is left as it is; callers that require one
// check that themselves.
func (c *Client) signedIn(ctx context.Context, o IDTokenOptions) func(*Token) error {
	return func(t *Token) error {
		if t.IDToken == "" {
			return nil
		}
		o.AccessToken = t.AccessToken
		id, err := c.VerifyIDToken(ctx, t.IDToken, o)
		if err != nil {
			return err
		}
		if c.cfg.UseUserInfo && !c.forResource {
			if id.userInfo, err = c.UserInfo(ctx, t.AccessToken, id.Subject()); err != nil {
				return err
			}
		}
		t.IDClaims = id
		return nil
	}
}
