package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"io"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

// remembered knows which secret fitted which hash, by an HMAC with a key of its own, so that no secret stays in memory.
// What it says is worth nothing by itself: the hash must still stand in the client's record. So a secret that was
// rotated away, revoked or deleted, in this process or another, is forgotten at that moment. A nil one remembers nothing.
type remembered struct {
	key    [sha256.Size]byte
	hashes *bounded.Map[[sha256.Size]byte, string]
}

func newRemembered(size int) *remembered {
	if size < 0 {
		return nil
	}
	m := &remembered{hashes: bounded.New[[sha256.Size]byte, string](size)}
	_, _ = rand.Read(m.key[:]) // never fails
	return m
}

// find returns the one of secrets that this text is known to fit, or nil.
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

// digest parts the two by a byte that no id holds.
func (m *remembered) digest(id, text string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, m.key[:])
	_, _ = io.WriteString(mac, id+"\x00"+text)
	mac.Sum(sum[:0])
	return sum
}
