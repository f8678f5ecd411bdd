package consumer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// digest stands for a token in the cache. Two tokens have the same one with a probability below 2⁻¹¹⁰, whatever their
// author knows, since the secret it is made with never leaves the process and no digest does.
type digest [16]byte

// digester makes digests with a secret of its own.
type digester struct {
	gmac   cipher.AEAD // nil where FIPS 140 rules: GCM with a nonce of the caller's is not approved
	secret [sha256.Size]byte
}

func newDigester() digester { return makeDigester(!fips140.Enabled()) }

func makeDigester(fast bool) (d digester) {
	_, _ = rand.Read(d.secret[:]) // never fails
	if !fast {
		return d
	}
	block, _ := aes.NewCipher(d.secret[:16]) // fails for no key of that size
	d.gmac, _ = cipher.NewGCM(block)         // nor this for AES
	return d
}

// sum is GMAC (NIST SP 800-38D) with one nonce for all tokens. A second use of a nonce betrays the secret to someone who
// sees two tags; nobody sees one. It takes a fifth of the time of SHA-256.
func (d *digester) sum(raw string) digest {
	if d.gmac == nil {
		return d.slowSum(raw)
	}
	s := scratches.Get().(*scratch) //nolint:errcheck // nothing else is put there
	sum := s.sumWith(d.gmac, raw)
	scratches.Put(s)
	return sum
}

// slowSum needs no HMAC: nothing can be appended to what is cut off, and nobody sees it.
func (d *digester) slowSum(raw string) digest {
	var buffer [2 << 10]byte // most tokens fit, and need no allocation
	sum := sha256.Sum256(append(append(buffer[:0], d.secret[:]...), raw...))
	return digest(sum[:])
}

// scratch is what a call of Seal would otherwise allocate.
type scratch struct {
	nonce [12]byte
	sum   [16]byte
	text  []byte
}

func (s *scratch) sumWith(gmac cipher.AEAD, raw string) digest {
	s.text = append(s.text[:0], raw...)
	sum := digest(gmac.Seal(s.sum[:0], s.nonce[:], nil, s.text))
	clear(s.text) // no token stays in memory
	return sum
}

var scratches = sync.Pool{New: func() any { return new(scratch) }} //nolint:gochecknoglobals // memory without content
