package consumer

// Reason says why a request was refused. The set is closed and small, so a Reason serves as a log attribute and as a
// metric label. It is for operators: a client is told no more than the code of its challenge.
type Reason string

// Reasons of [ErrInvalidToken]: the token was looked at and is not good.
const (
	ReasonMalformed      Reason = "malformed"        // alphabet, parts, base64url, JSON, UTF-8, duplicate member
	ReasonTooLarge       Reason = "too_large"        // longer than MaxTokenBytes, or a header that is too long
	ReasonAlgorithm      Reason = "algorithm"        // alg is not on the list, or is not the key's
	ReasonCritical       Reason = "critical"         // crit or b64 in the header
	ReasonType           Reason = "type"             // another kind of token: typ, or the marks of an ID token, a refresh token …
	ReasonIssuer         Reason = "issuer"           // iss is not accepted
	ReasonUnknownKey     Reason = "unknown_key"      // the issuer has no such key
	ReasonSignature      Reason = "signature"        // the signature is wrong
	ReasonClaims         Reason = "claims"           // a claim is missing, of the wrong type, out of range, or refused by a check
	ReasonAudience       Reason = "audience"         // aud is missing or names others
	ReasonExpired        Reason = "expired"          // exp is reached
	ReasonNotYetValid    Reason = "not_yet_valid"    // nbf lies ahead
	ReasonIssuedInFuture Reason = "issued_in_future" // iat lies ahead
	ReasonRevoked        Reason = "revoked"          // Config.Status says no
	ReasonInactive       Reason = "inactive"         // introspection says no
	ReasonBinding        Reason = "binding"          // cnf asks for a proof that failed or cannot be checked
)

// Reasons of [ErrUnavailable]: nothing is known against the token.
const (
	ReasonKeysUnavailable          Reason = "keys_unavailable"
	ReasonStatusUnavailable        Reason = "status_unavailable"
	ReasonIntrospectionUnavailable Reason = "introspection_unavailable"
	ReasonCanceled                 Reason = "canceled" // the caller went away
	ReasonInternal                 Reason = "internal" // a function of the user's failed
)

// Reasons of a guard: the request, not its token, decided.
const (
	ReasonNoToken        Reason = "no_token"
	ReasonInvalidRequest Reason = "invalid_request"
	ReasonScope          Reason = "scope"
	ReasonPolicy         Reason = "policy"
)
