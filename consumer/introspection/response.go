package introspection

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/quirk"
)

// check checks a response about an active token, and returns the token (RFC 7662 sections 2.2 and 4).
func (v *Verifier) check(ctx context.Context, response *client.Introspection) (*consumer.Token, error) {
	var claims json.RawMessage
	if err := response.Decode(&claims); err != nil { // an Introspection can always be decoded
		return nil, v.unavailable("the response cannot be read", err)
	}
	kind, err := v.kindOf(response)
	if err != nil {
		return nil, err
	}
	t, err := v.claims.Check(ctx, claims)
	if err != nil {
		return nil, err
	}
	return t, v.checkBinding(ctx, kind, t)
}

// tokenKind is the meaning of `token_type`.
type tokenKind int

const (
	kindAbsent tokenKind = iota
	kindBearer
	kindDPoP
	kindAccess // an access token, in another form than that of RFC 6749 section 5.1
)

// kindOf reads `token_type` (RFC 6749 section 7.1), whose values are not case-sensitive. It rejects values that are not a type
// of access token, such as refresh_token.
func (v *Verifier) kindOf(response *client.Introspection) (tokenKind, error) {
	value, ok := response.Claim("token_type")
	if !ok || value == nil || value == "" {
		if v.cfg.InsecureNoAudience && !v.cfg.InsecureNoTokenType && !hasAudience(response) {
			return 0, v.reject(consumer.ReasonType, "both aud and token_type are missing, expected one of them (Config.InsecureNoTokenType)")
		}
		return kindAbsent, nil
	}
	text, isText := value.(string)
	if !isText {
		return 0, v.reject(consumer.ReasonClaims, "token_type is not a string")
	}
	switch strings.ToLower(text) {
	case "bearer":
		return kindBearer, nil
	case "dpop":
		return kindDPoP, nil
	case "access_token", "urn:ietf:params:oauth:token-type:access_token": // names of RFC 7009 and RFC 8693
		return kindAccess, nil
	}
	return 0, v.reject(consumer.ReasonType, "token_type is neither Bearer nor DPoP")
}

// hasAudience reports whether `aud` is present. As in a token, null, an empty string and an empty list count as absent. The
// ClaimChecker rejects other types.
func hasAudience(response *client.Introspection) bool {
	value, _ := response.Claim("aud")
	list, isList := value.([]any)
	return value != nil && value != "" && (!isList || len(list) > 0)
}

// checkBinding compares `token_type` with `cnf`. If a response about a token with a key in `cnf` has `token_type`, its value
// must be DPoP (RFC 9449 section 6.2). Bearer and access_token are accepted and reported, because the binding applies in any
// case. A token of the type DPoP without such a key is rejected, because its proof could not be checked.
func (v *Verifier) checkBinding(ctx context.Context, kind tokenKind, t *consumer.Token) error {
	bound, _ := t.Confirmation()
	switch {
	case kind == kindDPoP && bound.JWKThumbprint == "":
		return v.reject(consumer.ReasonBinding, "token_type is DPoP, but cnf has no jkt")
	case kind == kindBearer && bound.JWKThumbprint != "":
		v.quirks.add(ctx, quirk.Quirk{Name: quirk.TokenType, Place: typePlace, RFC: "RFC 9449 section 6.2"})
	case kind == kindAccess:
		v.quirks.add(ctx, quirk.Quirk{Name: quirk.TokenType, Place: typePlace, RFC: "RFC 7662 section 2.2"})
	}
	return nil
}

const typePlace = "introspection response token_type"
