package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key is a secret with a name. Create the secret with a random generator, for example with "openssl rand -base64 32" or with
// [NewKey]. A password is not a key.
//
// A Key that is printed with package fmt, logged with log/slog, or encoded as JSON or XML shows only its ID. There is one
// exception: do not print a struct that has a Key in an unexported field, because package fmt cannot call the methods of such a
// field and prints the secret.
type Key struct {
	// ID names the key. It is visible in every value that the key has sealed. 1 to 32 ASCII letters, digits, "-", "_" and ".".
	// Use a date, such as "2026-11", and never use the ID of a removed key for a new key.
	ID string

	// Secret has 32 random bytes. [New] rejects text, zeros and repeated patterns.
	Secret []byte
}

const (
	secretBytes = 32
	maxKeyID    = 32
)

// ParseKey reads a key from text of the form ID:SECRET. SECRET is 32 bytes in base64 (with the standard or the URL alphabet,
// with or without padding) or in hex. Errors never contain a part of the secret.
func ParseKey(text string) (Key, error) {
	key, err := parseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("seal: %w", err)
	}
	return key, nil
}

// ParseKeys reads keys of the form ID:SECRET, separated by white space or commas. See [ParseKey]. The errors of all keys are
// joined, and each gives the number of its key.
func ParseKeys(text string) ([]Key, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' })
	if len(fields) == 0 {
		return nil, errors.New("seal: no key found, expected keys of the form ID:SECRET")
	}
	if len(fields) > maxKeys {
		return nil, fmt.Errorf("seal: %d keys, expected at most %d", len(fields), maxKeys)
	}
	keys := make([]Key, 0, len(fields))
	var faults []error
	for i, field := range fields {
		key, err := parseKey(field)
		if err != nil {
			faults = append(faults, fmt.Errorf("seal: key %d: %w", i+1, err))
		}
		keys = append(keys, key)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return keys, nil
}

// parseKey is [ParseKey] without the prefix in errors. An ID that is not valid is never quoted, because it may be a secret in
// the wrong place.
func parseKey(text string) (Key, error) {
	id, encoded, found := strings.Cut(text, ":")
	if !found {
		return Key{}, errors.New("the text does not contain a colon, expected the form ID:SECRET")
	}
	if !isKeyID(id) {
		return Key{}, errKeyID
	}
	secret, err := decodeSecret(encoded)
	if err == nil {
		err = checkSecret(secret)
	}
	if err != nil {
		return Key{}, fmt.Errorf("the secret of %q %w", id, err)
	}
	return Key{ID: id, Secret: secret}, nil
}

var errKeyID = fmt.Errorf(`the ID is not valid, expected 1 to %d ASCII letters, digits, "-", "_" and "."`, maxKeyID)

// decodeSecret decodes hex or base64. The length says which of them the text is.
func decodeSecret(text string) (secret []byte, err error) {
	switch n := len(strings.TrimRight(text, "=")); {
	case len(text) == hex.EncodedLen(secretBytes):
		secret, err = hex.DecodeString(text)
	case n == base64.RawStdEncoding.EncodedLen(secretBytes) && len(text) <= n+1:
		text = strings.NewReplacer("-", "+", "_", "/").Replace(text[:n])
		secret, err = base64.RawStdEncoding.Strict().DecodeString(text)
	default:
		return nil, fmt.Errorf("has %d characters, expected 32 bytes in base64 (44 characters) or hex (64 characters)", len(text))
	}
	if err != nil { // the error of the decoder is dropped, because it names a character of the secret and its position
		return nil, errors.New("is not valid base64 or hex, expected 32 bytes in base64 (44 characters) or hex (64 characters)")
	}
	return secret, nil
}

// isKeyID reports whether id can name a key.
func isKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// The limits of checkSecret. The probabilities that 32 random bytes are rejected are below 2^-60 for minDifferent, 2^-45 for
// maxEqual, and 2^-58 for maxPeriod.
const (
	minDifferent = 12 // different bytes that a secret has at least
	maxEqual     = 9  // times that one byte occurs at most
	maxPeriod    = 24 // the longest pattern, in bytes, whose repetition is detected
)

// checkSecret rejects what cannot be the output of a random generator, such as zeros, a repeated pattern, or a password. It
// cannot find every weak secret.
func checkSecret(secret []byte) error {
	switch {
	case isText(secret):
		return errors.New(`is text, expected 32 random bytes: decode it if it is base64 or hex, and create a key with "openssl rand -base64 32" if it is a password`)
	case len(secret) != secretBytes:
		return fmt.Errorf("has %d bytes, expected %d", len(secret), secretBytes)
	case isPattern(secret):
		return errors.New(`is not random: create a key with "openssl rand -base64 32"`)
	}
	return nil
}

// isText reports whether secret is text in UTF-8, possibly with zeros before or after it, as in an array into which a password
// was copied. For 32 random bytes, the probability is below 2^-34.
func isText(secret []byte) bool {
	text := bytes.Trim(secret, "\x00")
	isBinary := func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }
	return len(text) > 0 && utf8.Valid(text) && bytes.IndexFunc(text, isBinary) < 0
}

// isPattern reports whether a secret of 32 bytes has too few different bytes, too many equal ones, a constant difference between
// its bytes, or a part that is repeated.
func isPattern(secret []byte) bool {
	counts := make(map[byte]int, secretBytes)
	most, sequence := 0, true
	for i, b := range secret {
		counts[b]++
		most = max(most, counts[b])
		sequence = sequence && (i == 0 || b-secret[i-1] == secret[1]-secret[0])
	}
	if sequence || len(counts) < minDifferent || most > maxEqual {
		return true
	}
	for period := 1; period <= maxPeriod; period++ {
		if bytes.Equal(secret[period:], secret[:secretBytes-period]) {
			return true
		}
	}
	return false
}

// describe returns what a Key shows.
func (k Key) describe() string {
	if !isKeyID(k.ID) {
		return "seal.Key{}"
	}
	return fmt.Sprintf("seal.Key{ID: %q}", k.ID)
}

// String returns the key without its secret.
func (k Key) String() string { return k.describe() }

// Format implements [fmt.Formatter]. For every verb, it omits the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.describe()) }

// LogValue implements [slog.LogValuer]. It omits the secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalText implements [encoding.TextMarshaler], which JSON, XML and other encodings use. It omits the secret, so the result
// cannot be decoded to a Key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.describe()), nil }

// GobEncode implements GobEncoder of package encoding/gob. It always returns an error, because gob would write the secret.
func (k Key) GobEncode() ([]byte, error) {
	return nil, errors.New("seal: a Key cannot be encoded")
}
