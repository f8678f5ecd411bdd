package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// token reads a successful response of the token endpoint (RFC 6749, Section 5.1):
//
//	{"access_token": "…", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "…", "scope": "openid orders:read"}
//
// requested are the requested scopes, which are also the granted ones if the response does not say. With an error, the
// Token has whatever could be read of the response, so that the caller can return it in an IncompleteError. The ID token is
// not verified here; see signedIn.
func (c *Client) token(a *answer, grantType string, requested []string) (*Token, error) {
	now := clock.Now()
	t := &Token{
		Scopes: requested, Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, ReceivedAt: now.Time(), received: now, response: a.Object,
	}
	for name, field := range map[string]*string{
		"access_token": &t.AccessToken, "token_type": &t.TokenType, "refresh_token": &t.RefreshToken, "id_token": &t.IDToken,
	} {
		*field, _ = a.OptionalText(name) // some servers send null
	}
	if granted := a.scopes(); granted != nil {
		t.Scopes = granted
	}
	if lifetime, ok := a.Get("expires_in"); ok {
		t.Expiry = expiryOf(lifetime, now.Time())
	}
	switch {
	case t.AccessToken == "" || t.TokenType == "":
		return t, fmt.Errorf("%w: access_token or token_type is missing or not a string", ErrBadResponse)
	case strings.ContainsFunc(t.AccessToken, notVSCHAR):
		return t, fmt.Errorf("%w: access_token has characters that RFC 6749 does not allow", ErrBadResponse)
	}
	return t, c.checkType(t, grantType)
}

// notVSCHAR reports whether r cannot occur in a token (RFC 6749, Appendix A.12), and so must not get into a header.
func notVSCHAR(r rune) bool { return r < ' ' || r > '~' }

// scopes returns the granted scopes: a string (RFC 6749, Section 3.3), or an array, which some servers send. Nil means that
// the response does not say.
func (a *answer) scopes() []string {
	value, _ := a.Get("scope")
	if list, ok := value.Strings(); ok {
		return append([]string{}, list...) // an empty list is not nil
	}
	text, _ := value.Text()
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

// checkType rejects a token of an unknown type, which the client would not know how to use (RFC 6749, Section 7.1). With
// Config.DPoP, it also rejects one that is not bound to the key (RFC 9449, Section 5).
func (c *Client) checkType(t *Token, grantType string) error {
	switch {
	case strings.EqualFold(t.TokenType, "DPoP") && c.cfg.DPoP != nil:
		t.TokenType = "DPoP"
	case strings.EqualFold(t.TokenType, "Bearer") && c.cfg.DPoP == nil:
		t.TokenType = "Bearer"
	case strings.EqualFold(t.TokenType, tokenTypeNone) && grantType == grantTokenExchange && t.isNoAccessToken():
		t.TokenType = tokenTypeNone
	case strings.EqualFold(t.TokenType, "Bearer"):
		return fmt.Errorf("%w: token_type is Bearer, but Config.DPoP requires a token that is bound to the key", ErrBadResponse)
	default:
		return fmt.Errorf("%w: token_type is not Bearer or DPoP", ErrBadResponse)
	}
	return nil
}

// tokenTypeNone is the token_type of something that is not an access token (RFC 8693, Section 2.2.1).
const tokenTypeNone = "N_A"

// isNoAccessToken reports whether a token exchange returned something other than an access token.
func (t *Token) isNoAccessToken() bool {
	issued, _ := t.response.OptionalText("issued_token_type")
	return issued != "" && issued != TokenTypeAccessToken
}

const maxLifetime = 100 * 365 * 24 * time.Hour // a longer one is treated as unknown

// expiryOf reads a lifetime such as expires_in, and returns the time at which it ends. It returns the zero time for a value
// that is not a lifetime; that alone must not cause a token to be lost.
func expiryOf(lifetime compact.Value, now time.Time) time.Time {
	seconds, ok := secondsOf(lifetime)
	if !ok || seconds < 0 || seconds > maxLifetime.Seconds() {
		return time.Time{}
	}
	return now.Add(time.Duration(seconds * float64(time.Second)))
}

// secondsOf reads a number, which some servers send as a string: 3600, "3600" and 3.6e3 are the same. ok is false for
// everything else, including NaN.
func secondsOf(value compact.Value) (seconds float64, ok bool) {
	text, ok := value.Text()
	if !ok {
		text = value.Raw()
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return seconds, err == nil && !math.IsNaN(seconds)
}

// lifetimeOf reads the member name, a number of seconds. It returns 0 if the member is absent or is not a lifetime.
func (a *answer) lifetimeOf(name string) time.Duration {
	value, _ := a.Get(name)
	now := time.Now()
	end := expiryOf(value, now)
	if end.IsZero() {
		return 0
	}
	return end.Sub(now)
}

// salvaged reads the important members of a body that is not valid JSON: it may have duplicate names, invalid UTF-8, or
// text behind the object. The caller gets them together with an error, so that a token is not lost.
func salvaged(body []byte) compact.Object {
	var loose map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\uFEFF")))).Decode(&loose) != nil {
		return compact.Object{}
	}
	kept := make(map[string]string)
	for _, name := range []string{
		"error", "error_description", "error_uri", "mfa_token",
		"access_token", "token_type", "refresh_token", "id_token", "scope", "recovery_code",
		"client_id", "client_secret", "registration_access_token", "registration_client_uri",
	} {
		var value string
		if json.Unmarshal(loose[name], &value) == nil && value != "" {
			kept[name] = value
		}
	}
	strict, _ := json.Marshal(kept) // strings in maps can always be encoded
	object, _ := compact.ParseObject(string(strict), maxDepth)
	return object
}
