// Package jwks provides the keys that verify an issuer's tokens. A [Source] returns the key that a token names. If it has
// none, the error says why: [ErrKeyNotFound] means that the token must be rejected, [ErrUnavailable] means an outage.
//
// [Remote] reads a JWK Set (RFC 7517 §5) from a URL and follows the rotation of its keys:
//
//   - A set is fresh for as long as the response's Cache-Control or Expires header allows, but for 1 minute at least and 1
//     hour at most. Near the end of that time, a lookup starts the next fetch in the background.
//   - After that time, lookups wait for the next fetch for half a second. If it fails or takes longer, they use the old
//     set, until it is older than [Config].StaleFor. Then there are no keys, and lookups wait for 3 seconds at most.
//   - A set from [Config].Snapshot is used at once, within the same age limits, while the first fetch runs.
//   - A kid that is not in the set causes one fetch for all lookups together. Such fetches are limited by
//     [Config].MinRefetch, whatever the kids are. A lookup never waits until the limit allows a fetch, and it waits for
//     the fetch itself for half a second. A token without a kid causes no fetch, and neither does a key that does not
//     serve the token's algorithm.
//   - A response replaces the whole set, if it has at least one usable key. Every other response is a failure. After a
//     failure, the issuer is not contacted for a while.
//   - An unusable key does not affect the other keys. It is reported to [Config].OnRefresh.
//
// Ages include the time that the machine sleeps, and do not shrink when its clock is set back.
//
// [Static] holds keys from PEM, JWK or JWKS documents, or an HMAC secret. [FileSource] reads such keys from a file and
// follows its changes.
//
// A key is usable if it is public, intended for verifying signatures, and strong: RSA with 2048 to 8192 bits, P-256, P-384,
// P-521 or Ed25519. It serves the algorithm in its alg member. Without alg, it serves all algorithms of its type and curve.
// Members that point to a key elsewhere or certify it (x5u, x5c) are ignored. Secrets come from [Secret] and [File] only,
// and never together with public keys. A secret in a fetched set is rejected.
package jwks
