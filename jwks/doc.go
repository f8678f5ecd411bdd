// Package jwks holds the keys that verify an issuer's tokens. A [Source] answers with the one key a token names, or
// says why there is none; [ErrKeyNotFound] refuses the token, [ErrUnavailable] is an outage.
//
// [Remote] reads a JWK Set (RFC 7517 §5) from a URL and follows the issuer's rotation. What it does about time:
//
//   - The set is fresh for what the answer's Cache-Control or Expires says, within 1 minute and 1 hour. Near the end of
//     that a request starts the next fetch and does not wait for it.
//   - Past that, requests wait for the next fetch, until it has taken half a second. If it brings nothing they are served
//     by the old set, until that is older than [Config].StaleFor. Then there are no keys, and requests wait for 3 seconds
//     at most.
//   - A set from [Config].Snapshot is served at once, within the same bounds of age, while the first fetch runs.
//   - A kid that the set does not have causes one fetch for all who ask, and at most one per [Config].MinRefetch,
//     whatever was asked for. Nobody waits for a permit. A token without a kid causes none, nor does a key that does
//     not serve the token's algorithm.
//   - An answer replaces the set as a whole, and only if it has at least one usable key. Everything else is a failure,
//     after which the issuer is left alone for a while.
//   - A key that cannot be used spoils no other key. It is reported to [Config].OnRefresh.
//
// [Static] holds keys that the operator has: from PEM, JWK and JWKS documents or an HMAC secret. [FileSource] reads
// them from a file and follows its changes.
//
// A key is usable if it is public, meant for verifying signatures and strong: RSA of 2048 to 8192 bits, P-256, P-384,
// P-521 and Ed25519. It serves its own `alg`, or without one the algorithms of its type and curve; never any other.
// Members that point to a key elsewhere or certify one (x5u, x5c) are ignored. Secrets come from [Secret] and [File]
// only, and never stand beside public keys: a secret in a set that is fetched is refused.
package jwks
