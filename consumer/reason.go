package consumer

// Reason says why a request was rejected. The set of reasons is small and fixed, so a Reason can be a log attribute and
// a metric label. It is for operators: the Guard of package middleware never sends it to a client.
type Reason string

// Reasons of [ErrInvalidToken]: the token is not acceptable.
const (
	ReasonMalformed      Reason = "malformed"        // not a JWT: wrong characters, parts, base64url, UTF-8 or JSON, a repeated name, or a kid that is too long
	ReasonTooLarge       Reason = "too_large"        // the token is longer than MaxTokenBytes, or its header is too long
	ReasonAlgorithm      Reason = "algorithm"        // alg is not accepted, or is not the algorithm of the key
	ReasonCritical       Reason = "critical"         // the header has crit or b64
	ReasonType           Reason = "type"             // typ or a claim shows another kind of token, such as an ID token
	ReasonIssuer         Reason = "issuer"           // iss is not accepted
	ReasonUnknownKey     Reason = "unknown_key"      // no key of the issuer fits the kid of the token
	ReasonSignature      Reason = "signature"        // the signature is wrong
	ReasonClaims         Reason = "claims"           // a claim is missing, has the wrong type, is out of range, or was rejected by a check
	ReasonAudience       Reason = "audience"         // aud is missing or does not contain this API
	ReasonExpired        Reason = "expired"          // exp has passed
	ReasonNotYetValid    Reason = "not_yet_valid"    // nbf is in the future
	ReasonIssuedInFuture Reason = "issued_in_future" // iat is in the future
	ReasonRevoked        Reason = "revoked"          // Config.Status reports that the token may not be used
	ReasonInactive       Reason = "inactive"         // introspection reports that the token is not active
	ReasonBinding        Reason = "binding"          // the proof of possession for cnf failed or cannot be checked
	ReasonProof          Reason = "proof"            // the DPoP proof is missing, malformed, does not fit the request, or was used before
	ReasonNonce          Reason = "nonce"            // the DPoP proof needs a nonce, or a newer one
)

// Reasons of [ErrUnavailable]: it is not known whether the token is acceptable.
const (
	ReasonKeysUnavailable          Reason = "keys_unavailable"          // there are no usable keys of the issuer
	ReasonStatusUnavailable        Reason = "status_unavailable"        // Config.Status or Config.Check could not decide
	ReasonIntrospectionUnavailable Reason = "introspection_unavailable" // the token could not be introspected
	ReasonReplayUnavailable        Reason = "replay_unavailable"        // it is not known whether the DPoP proof was used before
	ReasonCanceled                 Reason = "canceled"                  // the caller canceled the request
	ReasonInternal                 Reason = "internal"                  // a function or a Verifier of the application failed
)

// Reasons of a Guard: the request was rejected, not its token.
const (
	ReasonNoToken              Reason = "no_token"              // the request has no token
	ReasonInvalidRequest       Reason = "invalid_request"       // the request has several tokens, or one that is not a token68
	ReasonScope                Reason = "scope"                 // the token does not have the scopes of the route
	ReasonAuthorizationDetails Reason = "authorization_details" // authorization_details does not contain what the route requires
	ReasonStepUp               Reason = "step_up"               // the user must sign in again, or in a stronger way
	ReasonPolicy               Reason = "policy"                // another rule of the route rejected the token
)
