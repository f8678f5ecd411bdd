package consumer

import (
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// readClaims returns claims that the kit or a Rule reads, besides those that a profile or a Config names.
func readClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", // RFC 7519 section 4.1, RFC 7800
		"scope", "scp", "client_id", "azp", "cid", "appid", "idtyp", "tid",
		"nonce", "at_hash", "c_hash", "s_hash", "auth_time", "amr", "acr", "sid", "code", // OpenID Connect
		"events", "token_introspection", "htm", "htu", "typ", "type", "token_use", "token_type",
		"authorization_details", // RFC 9396
	}
}

// checkVariants rejects claims with names that differ only in case, if one of the names is that of a claim that the kit
// reads. The issuer may have checked one of them while the kit reads the other. It is only called if there are such names.
// Other claims of that kind are accepted: names are case-sensitive (RFC 7519 section 4), and all methods of [Token] compare
// them byte for byte.
func (r rules) checkVariants(claims compact.Object) error {
	for name, v := range claims.All() {
		read := r.reads(name)
		if read == "" {
			continue
		}
		if v.HasCaseVariants() {
			return reject(ReasonMalformed, read+" contains names that differ only in case")
		}
		for other := range claims.All() {
			if other != name && strings.EqualFold(other, name) {
				return reject(ReasonMalformed, "the names of several claims differ from "+read+" at most in case")
			}
		}
	}
	return nil
}

// reads returns the name of the claim that the kit reads and that equals name, ignoring case. It returns "" if there is
// none.
func (r rules) reads(name string) string {
	names := slices.Concat(readClaims(), r.RequiredClaims, r.ClientClaims, r.ScopeClaims, r.AccessClaims, r.ForeignClaims)
	for fixed := range r.FixedClaims {
		names = append(names, fixed)
	}
	for _, path := range r.RoleClaims {
		names = append(names, path[0])
	}
	for _, read := range names {
		if strings.EqualFold(read, name) {
			return read
		}
	}
	return ""
}
