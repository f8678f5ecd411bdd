package seal

import (
	"bytes"
	"fmt"
)

// The parts of a sealed value. The package comment describes the format.
const (
	magic       = "bkseal\x00" // neither text nor JSON can contain the last byte
	version     = 1
	saltBytes   = 32
	nonceBytes  = 12
	tagBytes    = 16
	maxOverhead = len(magic) + 2 + maxKeyID + saltBytes + nonceBytes + tagBytes
)

// appendHeader appends all fields before the salt.
func appendHeader(b []byte, keyID string) []byte {
	b = append(b, magic...)
	b = append(b, version, byte(len(keyID))) //nolint:gosec // G115: New limits the length
	return append(b, keyID...)
}

// envelope is a sealed value that has been split. Nothing in it has been verified.
type envelope struct {
	keyID string
	head  []byte // all bytes before the nonce
	salt  []byte
	body  []byte // nonce, ciphertext and tag
}

// split parses a sealed value. The error matches ErrNotSealed or ErrDamaged.
func split(sealed []byte) (envelope, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte(magic))
	if !ok {
		return envelope{}, ErrNotSealed
	}
	if len(rest) < 2 {
		return envelope{}, ErrDamaged
	}
	if rest[0] != version {
		return envelope{}, fmt.Errorf("%w: its format has version %d, expected %d", ErrDamaged, rest[0], version)
	}
	n := int(rest[1])
	rest = rest[2:]
	if len(rest) < n+saltBytes+nonceBytes+tagBytes || !isKeyID(string(rest[:min(n, maxKeyID+1)])) {
		return envelope{}, ErrDamaged
	}
	body := rest[n+saltBytes:]
	return envelope{
		keyID: string(rest[:n]),
		head:  sealed[:len(sealed)-len(body)],
		salt:  rest[n : n+saltBytes],
		body:  body,
	}, nil
}

// IsSealed reports whether value begins like a value that a [Keyring] has sealed. It verifies nothing.
func IsSealed(value []byte) bool { return bytes.HasPrefix(value, []byte(magic)) }

// KeyID returns the id of the key with which a [Keyring] has sealed the value. It is meant for counting how many values still
// need a key. ok is false if the value does not have the format of a sealed value. Nothing in the value is verified.
func KeyID(sealed []byte) (id string, ok bool) {
	e, err := split(sealed)
	return e.keyID, err == nil
}
