package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"io"

	lru "github.com/hashicorp/golang-lru/v2"
)

// remembered is the cache of verified secrets. The key of an entry is an HMAC of the client id and the secret, so the
// cache contains no secret. The value is the hash that the secret matched. An entry is valid only while the client's
// record contains that hash, so an entry needs no removal when its secret is rotated, revoked or deleted. A nil
// *remembered is an empty cache.
type remembered struct {
	key    [sha256.Size]byte // random, unique to this Registry
	hashes *lru.Cache[[sha256.Size]byte, string]
}

// newRemembered returns a cache for size secrets, or nil if size is negative. It does not allocate memory for entries in
// advance.
func newRemembered(size int) *remembered {
	hashes, err := lru.New[[sha256.Size]byte, string](size)
	if err != nil { // size is not positive
		return nil
	}
	m := &remembered{hashes: hashes}
	_, _ = rand.Read(m.key[:]) // never returns an error
	return m
}

// find returns the element of secrets that text has matched before, or nil if there is none in the cache.
func (m *remembered) find(id, text string, secrets []secretRecord) *secretRecord {
	if m == nil {
		return nil
	}
	known, ok := m.hashes.Get(m.digest(id, text))
	if !ok {
		return nil
	}
	for i := range secrets {
		if secrets[i].Hash == known {
			return &secrets[i]
		}
	}
	return nil
}

func (m *remembered) add(id, text, hash string) {
	if m != nil {
		m.hashes.Add(m.digest(id, text), hash)
	}
}

// digest returns the key of an entry. A NUL byte separates id and text, because no id contains one.
func (m *remembered) digest(id, text string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, m.key[:])
	_, _ = io.WriteString(mac, id+"\x00"+text)
	mac.Sum(sum[:0])
	return sum
}
