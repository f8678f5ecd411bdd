// Package seal encrypts what an application stores, such as refresh tokens and sessions, with keys of the application. Somebody
// who reads the database, or a copy of it, cannot read a sealed value. A value that was changed, or moved to another row, cannot
// be opened.
//
//	keys, err := seal.KeysFromEnv("APP_SEAL_KEYS")
//	ring, err := seal.New(seal.Config{Keys: keys})
//	sealed, err := ring.Seal(ctx, plaintext, seal.Bind("invoice", id))
//	plaintext, err := ring.Open(ctx, sealed, seal.Bind("invoice", id))
//
// A [Keyring] has one or more keys. The first key seals, and all of them open, so that keys can be changed while the
// application runs. [Keyring.NeedsReseal] finds values that were sealed with an older key, and [Reseal] seals them again. To use a
// key management service instead of keys in memory, implement [Sealer].
//
// [Sessions] wraps a session store of github.com/alexedwards/scs. It seals the sessions and hashes their ids.
//
// # What sealing does not do
//
// A sealed value says nothing about when it was written. Somebody who can write to the database can put an older value of the
// same row back, and can delete rows. The length of a value, the id of its key, and the times of writes are visible.
//
// # Format
//
// A sealed value consists of these fields. Another program can open it with HKDF (RFC 5869) and AES-256-GCM (NIST SP
// 800-38D). Folder testdata has test vectors.
//
//	length  content
//	7       the bytes "bkseal" and 0x00
//	1       the version, 0x01
//	1       the length n of the key id, 1 to 32
//	n       the key id: ASCII letters, digits, "-", "_" and "."
//	32      salt: random
//	12      nonce: random
//	any     ciphertext, as long as the plaintext
//	16      tag of AES-GCM
//
// Each value is encrypted with a key of its own. HKDF-SHA-256 derives it from the Secret of the [Key], the salt, and the info
// "bearerkit seal 1". The derived key has 32 bytes. The additional data of AES-256-GCM are all bytes before the nonce, followed by
// the binding. All of these algorithms are approved by FIPS 140-3.
//
// Because of the salt, one secret can seal any practical number of values. The probability that two of 2^64 values have the same
// salt is below 2^-128. Each value also has a random nonce.
package seal
