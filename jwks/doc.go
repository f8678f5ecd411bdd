// Package jwks provides the keys that verify an issuer's tokens. A [Source] returns the keys that may have signed a
// token, at most 4, according to the kid (RFC 7515 §4.1.4) and the alg in its header. If it has usable keys and none of
// them fits, its error matches [ErrKeyNotFound], and the token must be rejected. If it has no usable keys, its error
// matches [ErrUnavailable].
//
// [Remote] reads a JWK Set (RFC 7517 §5) from a URL and follows the rotation of its keys:
//
//   - A set is fresh for as long as the Cache-Control or Expires header of the response says, limited to between 1
//     minute and 1 hour. Without these headers, it is fresh for [Config].FreshFor. Near the end of that time, a lookup
//     starts the next fetch in the background.
//   - After that time, the set is stale. Lookups wait at most half a second for the next fetch. If it fails or takes
//     longer, they use the stale set, until its age is [Config].StaleFor. Then there are no usable keys, and lookups
//     wait at most 3 seconds for a fetch.
//   - A set from [Config].Snapshot is used at once, within the same age limits, while the first fetch runs.
//   - A lookup for a token that no key fits starts a fetch, which concurrent lookups share. So does [Remote.KeysAfter],
//     for a token whose signature no key verifies. [Config].MinRefetch limits the rate of these fetches, whatever the
//     kids are. If the limit allows no fetch, the lookup returns [ErrKeyNotFound] at once. Otherwise it waits at most
//     half a second for the fetch.
//   - A response with at least one usable key replaces the whole set. Every other response is a failure. After a
//     failure, the next fetch waits for a back-off of at most 1 minute, or 5 minutes if the issuer requests a pause
//     with Retry-After.
//   - An unusable key does not affect the other keys. [Config].OnRefresh receives the unusable keys, and also the
//     harmless deviations from the specifications that were accepted; see package quirk.
//
// Ages include the time during which the machine sleeps. They do not become smaller if its clock is set back.
//
// [PEMEndpoint] reads keys one by one from an endpoint that serves a PEM document for each kid, within the same limits.
//
// [Static] holds keys from PEM, JWK or JWKS documents, or an HMAC secret. [FileSource] reads such keys from a file, and
// reads the file again when it changes. [PEMEndpoint] fetches keys one by one, for load balancers that publish them in this
// way. [Join] combines several sources.
//
// A kid selects the keys with that ID. If no key has it, it selects the keys without an ID. A token without a kid selects
// all keys. The selected keys that serve the token's algorithm are tried in the order of the set.
//
// A key is usable if it is public, intended for verifying signatures, and strong: RSA with 2048 to 8192 bits, P-256,
// P-384, P-521 or Ed25519. A key serves an algorithm if signatures of that algorithm may be verified with it: the
// algorithm in its alg member or, without alg, all algorithms of its type and curve. Members that point to another copy
// of the key or certify it (x5u, x5c) are ignored. Only [Secret] and [File] return secrets. Only a source made by
// [Join] contains both secrets and public keys. A secret in a fetched set is not used and is reported.
package jwks
