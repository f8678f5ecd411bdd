package registry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a stored or imported hash, so that verifying it cannot take an unlimited time. minKey, minSalt, maxKey and
// maxSalt are in bytes.
const (
	maxRounds = 10_000_000
	minKey    = 16
	maxKey    = 128
	minSalt   = 8
	maxSalt   = 128
)

// errHash is the error of parseHash. It does not contain the text, because that may be a hash.
var errHash = errors.New("registry: a stored hash is not in a supported format")

// hash is the parsed hash of a secret: the parameters of PBKDF2, and the derived key.
type hash struct {
	digest   string
	rounds   int
	salt     []byte
	key      []byte
	crossed  bool // in the format of crossauth
	peppered bool // the salt is combined with Config.Pepper
}

// String returns the hash in PHC string format: $pbkdf2-sha256$i=600000,l=32$<salt>$<hash>.
func (h hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s",
		h.digest, h.rounds, len(h.key), b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// cost returns the number of iterations that computing the hash takes. PBKDF2 does all of them for each block of the key.
func (h hash) cost() int {
	size := digestFunc(h.digest)().Size()
	return h.rounds * ((len(h.key) + size - 1) / size)
}

// parseHash parses a hash in PHC string format, which Ory Hydra writes too, or in the format of crossauth.
func parseHash(text string) (h hash, err error) {
	switch {
	case strings.HasPrefix(text, "$pbkdf2-"):
		h, err = parsePHC(text)
	case strings.HasPrefix(text, "pbkdf2:"):
		h, err = parseCrossauth(text)
	default:
		return hash{}, errHash
	}
	if err != nil || !h.inBounds() {
		return hash{}, errHash
	}
	return h, nil
}

// inBounds reports whether the digest is supported and all parameters are within the limits.
func (h hash) inBounds() bool {
	return digestFunc(h.digest) != nil && h.rounds >= 1 && h.rounds <= maxRounds &&
		len(h.key) >= minKey && len(h.key) <= maxKey && len(h.salt) >= minSalt && len(h.salt) <= maxSalt
}

// parsePHC parses a hash in PHC string format. It accepts only texts that String can write: package base64, for example,
// would ignore line feeds.
func parsePHC(text string) (hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return hash{}, errHash
	}
	rounds, _, _ := strings.Cut(strings.TrimPrefix(parts[2], "i="), ",")
	n, err1 := strconv.Atoi(rounds)
	salt, err2 := base64.RawStdEncoding.DecodeString(parts[3])
	key, err3 := base64.RawStdEncoding.DecodeString(parts[4])
	h := hash{digest: strings.TrimPrefix(parts[1], "pbkdf2-"), rounds: n, salt: salt, key: key}
	if err := errors.Join(err1, err2, err3); err != nil || h.String() != text {
		return hash{}, errHash
	}
	return h, nil
}

// parseCrossauth parses pbkdf2:<digest>:<key length>:<rounds>:<use_secret>:<salt>:<hash>. The salt is used as it is
// written, without decoding. The hash is base64url, with padding if Python wrote it and without if TypeScript did. Any
// other spelling is rejected.
func parseCrossauth(text string) (hash, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 7 || !isVisible(parts[5]) {
		return hash{}, errHash
	}
	rounds, err1 := strconv.Atoi(parts[3])
	key, err2 := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[6], "="))
	// The text has the key length too. The comparison with the spellings checks that it is the length of the key.
	h := hash{digest: parts[1], rounds: rounds, salt: []byte(parts[5]), key: key, crossed: true, peppered: parts[4] == "1"}
	if err := errors.Join(err1, err2); err != nil || !slices.Contains(h.crossauth(), text) {
		return hash{}, errHash
	}
	return h, nil
}

// crossauth returns the two spellings of the hash in the format of crossauth.
func (h hash) crossauth() []string {
	pepper := 0
	if h.peppered {
		pepper = 1
	}
	head := fmt.Sprintf("pbkdf2:%s:%d:%d:%d:%s:", h.digest, len(h.key), h.rounds, pepper, h.salt)
	return []string{
		head + base64.URLEncoding.EncodeToString(h.key),
		head + base64.RawURLEncoding.EncodeToString(h.key),
	}
}
