package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// IDToken is a verified ID token (OpenID Connect Core, Section 2). It is for this client only. Do not send it anywhere,
// except as a hint to the server that issued it. It is safe for concurrent use.
type IDToken struct {
	*consumer.Token

	userInfo *UserInfo
}

// UserInfo returns what the userinfo endpoint says about the same user. It is nil without Config.UseUserInfo.
func (t *IDToken) UserInfo() *UserInfo { return t.userInfo }

// Claims returns all claims of the ID token and, with Config.UseUserInfo, further claims of the userinfo endpoint. Those
// never replace a signed claim, and never include a claim about the sign-in, such as acr. If the two name different email
// addresses or phone numbers, the one of the userinfo endpoint is omitted, together with the claim that it is verified. The
// caller may change the map.
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

	anyNonce bool // accept any nonce: the flow does not send one, or it was not stored
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
		func() error { return t.checkParty(c.cfg) },
		func() error { return t.checkSubject(o) },
		func() error { return t.checkNonce(o) },
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

// badIDToken returns an error that matches consumer.ErrInvalidToken. detail says which check failed. The program may log
// it, so it contains no claim value.
func badIDToken(reason consumer.Reason, detail string) error {
	return fmt.Errorf("client: ID token: %w", &consumer.Error{Reason: reason, Detail: detail})
}

// checkParty requires the ID token to be issued to this client, and not only to name it as one audience among others. If
// there are other audiences, the claim azp must name this client (OpenID Connect Core, Section 3.1.3.7, steps 3 to 5), and
// Config.ExtraAudiences may limit them.
func (t *IDToken) checkParty(cfg Config) error {
	party, there := t.Claim("azp")
	others := slices.DeleteFunc(t.Audience(), func(name string) bool { return name == cfg.ClientID })
	switch {
	case there && party != cfg.ClientID:
		return badIDToken(consumer.ReasonAudience, "azp is not this client")
	case len(others) > 0 && !there:
		return badIDToken(consumer.ReasonAudience, "azp is missing, although aud has other audiences")
	case cfg.ExtraAudiences == nil:
		return nil
	}
	for _, other := range others {
		if !slices.Contains(cfg.ExtraAudiences, other) {
			return badIDToken(consumer.ReasonAudience, "aud has an audience that is not in Config.ExtraAudiences")
		}
	}
	return nil
}

const maxSubject = 255 // OpenID Connect Core, Section 2

// checkSubject requires the expected user, if there is one. It also limits the length of sub, which programs use as a key
// (OpenID Connect Core, Section 2).
func (t *IDToken) checkSubject(o IDTokenOptions) error {
	switch {
	case len(t.Subject()) > maxSubject:
		return badIDToken(consumer.ReasonClaims, "sub is too long")
	case o.Subject != "" && t.Subject() != o.Subject:
		return badIDToken(consumer.ReasonClaims, "sub is not the expected user")
	}
	return nil
}

// checkNonce requires the nonce of the authorization request, which ties the ID token to that request. If none was sent, an
// ID token with a nonce belongs to another request, and is rejected too (OpenID Connect Core, Section 3.1.3.7, step 11).
func (t *IDToken) checkNonce(o IDTokenOptions) error {
	nonce, there := t.Claim("nonce")
	text, _ := nonce.(string)
	switch {
	case o.Nonce == "" && (!there || o.anyNonce):
		return nil
	case o.Nonce == "":
		return badIDToken(consumer.ReasonClaims, "nonce is present, but none was sent")
	case subtle.ConstantTimeCompare([]byte(text), []byte(o.Nonce)) != 1:
		return badIDToken(consumer.ReasonClaims, "nonce is missing or not the one that was sent")
	}
	return nil
}

// checkSignIn requires the user to have signed in as requested: by acr and auth_time.
func (t *IDToken) checkSignIn(o IDTokenOptions, skew time.Duration) error {
	if acr, _ := t.Claim("acr"); len(o.ACR) > 0 && !slices.ContainsFunc(o.ACR, func(one string) bool { return acr == one }) {
		return badIDToken(consumer.ReasonClaims, "acr is missing or not one of those requested")
	}
	if o.MaxAge <= 0 {
		return nil
	}
	claim, _ := t.Claim("auth_time")
	seconds, ok := claim.(float64)
	age := float64(time.Now().Unix()) - seconds // a float64, since the claim may be any number
	if !ok || age > (o.MaxAge+skew).Seconds() || age < -skew.Seconds() {
		return badIDToken(consumer.ReasonClaims, "auth_time is missing or too long ago")
	}
	return nil
}

// checkHash requires the claim name, if the ID token has it, to be the hash of value (OpenID Connect Core, Sections 3.1.3.6
// and 3.3.2.11).
func (t *IDToken) checkHash(raw, name, value string) error {
	claim, there := t.Claim(name)
	if !there || value == "" {
		return nil
	}
	want, _ := claim.(string)
	if subtle.ConstantTimeCompare([]byte(want), []byte(halfHash(algorithmOf(raw), value))) != 1 {
		return badIDToken(consumer.ReasonClaims, name+" does not match")
	}
	return nil
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
		if c.cfg.UseUserInfo {
			if id.userInfo, err = c.UserInfo(ctx, t.AccessToken, id.Subject()); err != nil {
				return err
			}
		}
		t.IDClaims = id
		return nil
	}
}

// sameSignIn returns an error if t, from a refresh, is not about the same sign-in as the previous ID token (OpenID Connect
// Core, Section 12.2). Issuer, subject, audiences and azp must be the same. auth_time must be the same if both have it.
// nonce should be absent, and must be the same if it is present. iat must not be earlier.
//
// previous was verified when it was received. It may have expired since, so only its claims are read.
func (t *IDToken) sameSignIn(previous string) error {
	before, err := unverified(previous)
	if err != nil {
		return err
	}
	for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time", "nonce"} {
		old, was := before.Get(name)
		now, is := t.Claim(name)
		mayBeMissing := name == "nonce" && !is || name == "auth_time" && (!was || !is)
		if mayBeMissing || !was && !is {
			continue
		}
		if !equalClaims(old.Any(), now) {
			return badIDToken(consumer.ReasonClaims, name+" differs from the previous ID token")
		}
	}
	issued, _ := before.Get("iat")
	if seconds, ok := issued.Number(); ok && float64(t.IssuedAt().Unix()) < math.Floor(seconds) {
		return badIDToken(consumer.ReasonClaims, "iat is earlier than in the previous ID token")
	}
	return nil
}

// equalClaims compares two claims. A single audience equals a list of one, and the order of a list does not matter.
func equalClaims(a, b any) bool {
	list := func(v any) []any {
		all, ok := v.([]any)
		if !ok {
			return []any{v}
		}
		all = slices.Clone(all)
		slices.SortFunc(all, func(x, y any) int { return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
		return all
	}
	return reflect.DeepEqual(list(a), list(b))
}
