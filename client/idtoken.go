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

// IDToken is a verified ID token (OpenID Connect Core §2). It is safe for concurrent use. It is for this client and no
// API: do not send it anywhere, except as a hint to the server that made it.
type IDToken struct {
	*consumer.Token

	userInfo *UserInfo
}

// UserInfo is what the userinfo endpoint said of the same person. Nil without Config.UseUserInfo.
func (t *IDToken) UserInfo() *UserInfo { return t.userInfo }

// Claims returns all claims of the ID token, and besides, with Config.UseUserInfo, what the userinfo endpoint added. It
// never replaces a claim that is signed, nor adds one that says how the person signed in, nor calls an address verified
// that stands in the other of the two. The caller may change the map.
func (t *IDToken) Claims() map[string]any {
	var signed map[string]any
	_ = t.Decode(&signed) // it was read as an object before
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

// keepApart drops an address of added and its verification where signed has either and means another address.
func keepApart(added, signed map[string]any, address, verified string) {
	_, hasAddress := signed[address]
	_, hasVerified := signed[verified]
	if (hasAddress || hasVerified) && !reflect.DeepEqual(added[address], signed[address]) {
		delete(added, address)
		delete(added, verified)
	}
}

// protocolClaims say something of the sign-in, and not of the person.
func protocolClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "azp", "auth_time", "acr", "amr", "sid", "at_hash", "c_hash",
		"s_hash", "cnf", "events",
	}
}

// IDTokenOptions are what an ID token is held against, beyond what every one must be.
type IDTokenOptions struct {
	// Nonce is the one that was sent. Empty: none was sent, and an ID token with one is refused.
	Nonce string

	// MaxAge is how long ago the user may have proved who they are; `auth_time` is required then. Zero: any time.
	MaxAge time.Duration

	// ACR are the authentication contexts of which one must have been met. Nil: any, and none.
	ACR []string

	// Subject is the user who must have signed in. Empty: anyone.
	Subject string

	// AccessToken and Code came together with the ID token; its at_hash and c_hash, where it has them, must match. Empty:
	// not compared.
	AccessToken, Code string

	anyNonce bool // nobody knows what was sent: the sign-in began elsewhere, or long ago
}

// Format leaves the secrets out, whatever the verb.
func (o IDTokenOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.IDTokenOptions{}")
}

// LogValue leaves the secrets out.
func (o IDTokenOptions) LogValue() slog.Value { return slog.StringValue("client.IDTokenOptions{}") }

// VerifyIDToken proves an ID token that was made for this client (OpenID Connect Core §3.1.3.7). An ID token that is not
// good is an error that matches [consumer.ErrInvalidToken]; one whose keys cannot be had matches [ErrUnavailable].
func (c *Client) VerifyIDToken(ctx context.Context, raw string, o IDTokenOptions) (*IDToken, error) {
	token, err := c.verifyJWT(ctx, consumer.ProfileIDToken, raw)
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

func badIDToken(reason consumer.Reason, detail string) error {
	return fmt.Errorf("client: ID token: %w", &consumer.Error{Reason: reason, Detail: detail})
}

// checkParty wants the ID token to have been made at this client's request.
func (t *IDToken) checkParty(cfg Config) error {
	party, there := t.Claim("azp")
	others := slices.DeleteFunc(t.Audience(), func(name string) bool { return name == cfg.ClientID })
	switch {
	case there && party != cfg.ClientID:
		return badIDToken(consumer.ReasonAudience, "azp is another client")
	case len(others) > 0 && !there:
		return badIDToken(consumer.ReasonAudience, "azp is missing beside several audiences")
	case cfg.ExtraAudiences == nil:
		return nil
	}
	for _, other := range others {
		if !slices.Contains(cfg.ExtraAudiences, other) {
			return badIDToken(consumer.ReasonAudience, "aud names a stranger")
		}
	}
	return nil
}

const maxSubject = 255 // OpenID Connect Core §2

func (t *IDToken) checkSubject(o IDTokenOptions) error {
	switch {
	case len(t.Subject()) > maxSubject:
		return badIDToken(consumer.ReasonClaims, "sub is too long")
	case o.Subject != "" && t.Subject() != o.Subject:
		return badIDToken(consumer.ReasonClaims, "sub is another user")
	}
	return nil
}

func (t *IDToken) checkNonce(o IDTokenOptions) error {
	nonce, there := t.Claim("nonce")
	text, _ := nonce.(string)
	switch {
	case o.Nonce == "" && (!there || o.anyNonce):
		return nil
	case o.Nonce == "":
		return badIDToken(consumer.ReasonClaims, "nonce was not sent")
	case subtle.ConstantTimeCompare([]byte(text), []byte(o.Nonce)) != 1:
		return badIDToken(consumer.ReasonClaims, "nonce is not the one that was sent")
	}
	return nil
}

// checkSignIn wants the user to have signed in as was asked for.
func (t *IDToken) checkSignIn(o IDTokenOptions, skew time.Duration) error {
	if acr, _ := t.Claim("acr"); len(o.ACR) > 0 && !slices.ContainsFunc(o.ACR, func(one string) bool { return acr == one }) {
		return badIDToken(consumer.ReasonClaims, "acr is none that was asked for")
	}
	if o.MaxAge <= 0 {
		return nil
	}
	claim, _ := t.Claim("auth_time")
	seconds, ok := claim.(float64)
	age := float64(time.Now().Unix()) - seconds // it may be any number
	if !ok || age > (o.MaxAge+skew).Seconds() || age < -skew.Seconds() {
		return badIDToken(consumer.ReasonClaims, "auth_time is missing or too long ago")
	}
	return nil
}

// checkHash compares a hash of what came together with the ID token (OpenID Connect Core §3.1.3.6, §3.3.2.11).
func (t *IDToken) checkHash(raw, name, value string) error {
	claim, there := t.Claim(name)
	if !there || value == "" {
		return nil
	}
	want, _ := claim.(string)
	if subtle.ConstantTimeCompare([]byte(want), []byte(halfHash(algorithmOf(raw), value))) != 1 {
		return badIDToken(consumer.ReasonClaims, name+" is that of something else")
	}
	return nil
}

// algorithmOf reads `alg` of a JWT that was verified.
func algorithmOf(raw string) string {
	parts, _ := compact.Split(raw)
	text, _ := parts.DecodeHeader()
	header, _ := compact.ParseObject(text, maxDepth)
	alg, _ := header.OptionalText("alg")
	return alg
}

// halfHash is the left half of the hash that goes with the signature. Ed25519 goes with SHA-512.
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

// signedIn completes a token that came for a user: its ID token is verified, and the userinfo endpoint is asked if the
// Config wants that.
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

// sameSignIn compares a refreshed ID token with the one before (OpenID Connect Core §12.2). previous was verified when it
// came; it may have ended since.
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
			return badIDToken(consumer.ReasonClaims, name+" is not that of the ID token before")
		}
	}
	issued, _ := before.Get("iat")
	if seconds, ok := issued.Number(); ok && float64(t.IssuedAt().Unix()) < math.Floor(seconds) {
		return badIDToken(consumer.ReasonClaims, "iat is before that of the ID token before")
	}
	return nil
}

// equalClaims takes one audience for a list of one, and lists in any order.
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
