package explain

import (
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
)

// fixOfKind returns what to do about a credential that is not an access token in the form of a JWT, or "" for one that may be one.
func fixOfKind(k inspect.Kind) string {
	switch k {
	case inspect.KindAccessToken, inspect.KindJWT: // the failed check says more
		return ""
	case inspect.KindIDToken:
		return "The client sent its ID token. It must send its access token."
	case inspect.KindRefreshToken:
		return "The client sent its refresh token, which is for the token endpoint only. It must send its access token."
	case inspect.KindProof:
		return "This is a DPoP proof, which belongs in the header field DPoP. The access token belongs in Authorization, with the scheme DPoP."
	case inspect.KindOpaque:
		return "Only the authorization server can read an opaque token. Let the client request a token for the API, so that the server " +
			"creates a JWT, or introspect the token with package consumer/introspection."
	case inspect.KindEncrypted:
		return "The kit does not decrypt tokens. Configure the authorization server to sign access tokens for this API without encryption."
	case inspect.KindMalformed:
		return "The text was changed or cut. Copy the token again, from the first character to the last."
	case inspect.KindNothing:
		return "Pass the token alone: as an argument, in a file, or on the standard input."
	default:
		return "The client must send its access token."
	}
}

// fixOfCheck returns what to do about a failed check. name is that of the check in [consumer.Explanation]. The reason decides first,
// because the check of one name, such as the times of a token, can fail for several reasons.
func fixOfCheck(name string, reason consumer.Reason) string {
	fixes := map[string]string{
		"size":      "Let the authorization server put fewer claims into the token, or increase MaxTokenBytes.",
		"form":      "The text was changed or cut, or the authorization server creates tokens that are not valid JWTs.",
		"algorithm": "Configure the authorization server to sign with an asymmetric algorithm, or set Algorithms to what it uses.",
		"type":      "The client must send its access token. If it is one, set --profile to the product of the authorization server.",
		"kind":      "The client must send its access token. If it is one, set --profile to the product of the authorization server.",
		"issuer":    "Compare the two values character by character. If the issuer is the right one, copy its iss into Config.Issuer.",
		"claims":    "Configure the authorization server to add the claim, or set --profile to its product.",
		"audience":  "The client must request a token for this API. If aud contains a name of this API only, add the name to Config.Audience.",
		"client":    "If the client may call the API, add it to Config.ClientIDs.",
		"key":       "The token was signed with a key that is not in the key set. Check that --issuer or --keys-file belongs to the issuer of the token.",
		"signature": "The token was changed, or another issuer has a key with the same kid. Copy the token again, and check the keys.",
	}
	switch reason { //nolint:exhaustive // the names of the checks cover the other reasons
	case consumer.ReasonExpired:
		return "The client must renew its token. If the token is new, correct the clock of the issuer or of this machine."
	case consumer.ReasonNotYetValid, consumer.ReasonIssuedInFuture:
		return "Correct the clock of the issuer or of this machine."
	case consumer.ReasonKeysUnavailable:
		return "There are no usable keys. 'bearerkit keys' says why."
	}
	if fix, ok := fixes[name]; ok {
		return fix + " 'bearerkit doctor' examines the issuer and the API too."
	}
	return "'bearerkit doctor' examines the issuer and the API too."
}
