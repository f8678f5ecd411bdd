package consumer

import (
	"maps"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// readClaims returns claims that the kit or a Rule reads, besides those that a profile or a Config names.
func readClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", // RFC 7519 section 4.1, RFC 7800
		"scope", "scp", "client_id", "azp", "cid", "appid", "idtyp", "tid",
		"nonce", "at_hash", "c_hash", "s_hash", "auth_time", "amr", "acr", "sid", // OpenID Connect
		"code", "error", "access_token", "id_token", // JARM section 2.1
		"events", "token_introspection", "htm", "htu", "typ", "type", "token_use", "token_type", "tokenType",
		"authorization_details", "act", // RFC 9396, RFC 8693
		"status", // package statuslist
	}
}

// checkVariants rejects claims with names that differ only in case, if one of the names is that of a claim that the kit
// reads. The issuer may have checked one of them while the kit reads the other. It is only called if there are such names.
// Other claims of that kind are accepted: names are case-sensitive (RFC 7519 section 4), and all methods of [Token] compare
// them byte for byte.
func (r *rules) checkVariants(claims compact.Object) error {
	read, seen := r.readNames(), make(map[string]bool)
	for name, v := range claims.All() {
		folded := compact.Fold(name)
		switch canonical, ok := read[folded]; {
		case !ok:
		case seen[folded]:
			return reject(ReasonMalformed, "the names of several claims differ from "+canonical+" at most in case")
		case v.HasCaseVariants():
			return reject(ReasonMalformed, canonical+" contains names that differ only in case")
		default:
			seen[folded] = true
		}
	}
	return nil
}

// readNames returns the names of all claims that the kit reads with these rules, by their folded names. It is made for each
// token that needs it, because few tokens do.
func (r *rules) readNames() map[string]string {
	names := slices.Concat(readClaims(), r.RequiredClaims, r.ClientClaims, r.ScopeClaims, r.AccessClaims, r.ForeignClaims,
		slices.Collect(maps.Keys(r.FixedClaims)))
	for _, path := range r.RoleClaims {
		names = append(names, path[0])
	}
	read := make(map[string]string, len(names))
	for _, name := range names {
		read[compact.Fold(name)] = name
	}
	return read
}
