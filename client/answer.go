package client

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// tokenReply describes a response of the token endpoint.
func tokenReply() reply {
	return reply{
		name: "token response", rfc: sectionOfSuccess, statuses: []int{http.StatusOK}, required: "access_token",
		members: []string{"access_token", "token_type", "refresh_token", "id_token", "issued_token_type", "error", "mfa_token"},
	}
}

const sectionOfSuccess = "RFC 6749 section 5.1"

// token reads a successful response of the token endpoint (RFC 6749, Section 5.1):
//
//	{"access_token": "…", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "…", "scope": "openid orders:read"}
//
// requested are the requested scopes, which are also the granted ones if the response does not say. With an error, the
// Token has whatever could be read of the response, so that the caller can return it in an IncompleteError. The ID token is
// not verified here; see signedIn.
func (c *Client) token(a *answer, grantType string, requested []string) (t *Token, quirks []quirk.Quirk, err error) {
	now := clock.Now()
	t = &Token{
		Scopes: requested, Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID, ReceivedAt: now.Time(), received: now, response: a.Object,
	}
	note := func(name quirk.Name, member string) {
		quirks = append(quirks, quirk.Quirk{Name: name, Place: "token response " + member, RFC: sectionOfSuccess})
	}
	for name, field := range map[string]*string{
		"access_token": &t.AccessToken, "token_type": &t.TokenType, "refresh_token": &t.RefreshToken, "id_token": &t.IDToken,
	} {
		value, _ := a.Get(name)
		if *field, _ = value.Text(); value.Kind() == compact.KindNull {
			note(quirk.NullMember, name)
		}
	}
	if granted, isArray := a.scopes(c.cfg.CommaScopes); granted != nil {
		if t.Scopes = granted; isArray {
			note(quirk.WrongType, "scope")
		}
	}
	if lifetime, ok := a.Get("expires_in"); ok {
		t.Expiry = tokenExpiry(lifetime, now.Time(), t.RefreshToken != "" || grantType == grantRefreshToken)
		if lifetime.Kind() == compact.KindString && !a.form {
			note(quirk.WrongType, "expires_in")
		}
	}
	switch {
	case t.AccessToken == "":
		return t, nil, a.flawed("token response: access_token is missing, or is not a string")
	case strings.ContainsFunc(t.AccessToken, notVSCHAR):
		return t, nil, a.flawed("token response: access_token has characters that RFC 6749 does not allow")
	}
	if isAbsent(a, "token_type") {
		note(quirk.MissingMember, "token_type")
		return t, quirks, c.assumeType(t, a, grantType)
	}
	return t, quirks, c.checkType(t, a, grantType)
}

// isAbsent reports whether a member is missing, or has a value that counts as missing, such as null or an empty string.
func isAbsent(a *answer, name string) bool {
	value, _ := a.Get(name)
	return value.IsAbsent(compact.KindString)
}

// tokenExpiry returns the time at which an access token expires, or the zero time if that is unknown. A lifetime of 0 means
// unknown if the token cannot be refreshed: servers send it for tokens that do not expire.
func tokenExpiry(lifetime compact.Value, now time.Time, refreshable bool) time.Time {
	if expiry := expiryOf(lifetime, now); refreshable || expiry.After(now) {
		return expiry
	}
	return time.Time{}
}

// notVSCHAR reports whether r cannot occur in a token (RFC 6749, Appendix A.12), and so must not get into a header.
func notVSCHAR(r rune) bool { return r < ' ' || r > '~' }

// scopes returns the granted scopes: a string (RFC 6749, Section 3.3), or an array, which some servers send. Nil means that
// the response does not say. With commas, a string without a space is split at commas (Config.CommaScopes).
func (a *answer) scopes(commas bool) (scopes []string, isArray bool) {
	value, _ := a.Get("scope")
	if list, ok := value.Strings(); ok {
		return append([]string{}, list...), true // an empty list is not nil
	}
	text, _ := value.Text()
	switch {
	case text == "":
		return nil, false
	case commas && !strings.ContainsFunc(text, unicode.IsSpace):
		return slices.DeleteFunc(strings.Split(text, ","), func(scope string) bool { return scope == "" }), false
	}
	return strings.Fields(text), false
}

// assumeType sets the type of a token whose token_type is missing, although RFC 6749 requires it. Servers that omit it issue
// bearer tokens. With Config.DPoP, the token is rejected: nothing says that it is bound to the key.
func (c *Client) assumeType(t *Token, a *answer, grantType string) error {
	switch {
	case grantType == grantTokenExchange && t.isNoAccessToken():
		t.TokenType = tokenTypeNone
	case c.cfg.DPoP != nil:
		return a.flawed(`token response: token_type is missing, but Config.DPoP requires "DPoP", a token that is bound to the key`)
	default:
		t.TokenType = "Bearer"
	}
	return nil
}

// checkType rejects a token of an unknown type, which the client would not know how to use (RFC 6749, Section 7.1). With
// Config.DPoP, it also rejects one that is not bound to the key (RFC 9449, Section 5).
func (c *Client) checkType(t *Token, a *answer, grantType string) error {
	is := func(name string) bool { return strings.EqualFold(strings.TrimSpace(t.TokenType), name) }
	isBearer := is("Bearer") || slices.ContainsFunc(c.cfg.BearerTypes, is)
	switch {
	case is("DPoP") && c.cfg.DPoP != nil:
		t.TokenType = "DPoP"
	case isBearer && c.cfg.DPoP == nil:
		t.TokenType = "Bearer"
	case is(tokenTypeNone) && grantType == grantTokenExchange && t.isNoAccessToken():
		t.TokenType = tokenTypeNone
	case isBearer:
		return a.flawed("token response: token_type is Bearer, but Config.DPoP requires a token that is bound to the key")
	case is(tokenTypeNone):
		return a.flawed("token response: token_type is N_A, so this is not an access token")
	case is("DPoP"):
		return a.flawed("token response: token_type is DPoP, but Config.DPoP is nil, so the client has no key for it")
	default:
		return a.flawed("token response: token_type is " + a.shownType(t) + `, expected "Bearer"; list it in Config.BearerTypes if it is one`)
	}
	return nil
}

// shownType returns a token_type for an error text.
func (a *answer) shownType(t *Token) string {
	if t.TokenType == "" {
		return "not a string"
	}
	return a.secrets.with(t.AccessToken, t.RefreshToken, t.IDToken).quote(clip(t.TokenType))
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
func salvaged(text string) compact.Object {
	var loose map[string]json.RawMessage
	if json.NewDecoder(strings.NewReader(text)).Decode(&loose) != nil {
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
