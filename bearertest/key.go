package bearertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"
)

// generateKey returns a private key, or for HMAC a secret as long as the hash. It returns nil for an unknown algorithm.
// It ignores errors: these functions fail only if the system has no random numbers, and then Go ends the program.
func generateKey(alg string) any {
	scheme := schemes[alg]
	switch scheme.family {
	case familyRSA, familyPSS:
		return rsaKeys.take()
	case familyECDSA:
		key, _ := ecdsa.GenerateKey(curve(alg), rand.Reader)
		return key
	case familyEdDSA:
		_, key, _ := ed25519.GenerateKey(rand.Reader)
		return key
	case familyHMAC:
		secret := make([]byte, scheme.hash.Size())
		_, _ = rand.Read(secret)
		return secret
	default:
		return nil
	}
}

// curve returns the curve of an ECDSA algorithm (RFC 7518 section 3.4).
func curve(alg string) elliptic.Curve {
	switch alg {
	case "ES384":
		return elliptic.P384()
	case "ES512":
		return elliptic.P521()
	default:
		return elliptic.P256()
	}
}

// rsaKeys is shared by all issuers of the process, so that no two have the same key.
var rsaKeys rsaPool //nolint:gochecknoglobals // keys must differ within the whole process

// rsaPool makes many RSA keys from few primes. Each key uses a different pair, so 45 primes give 990 keys. Generating
// primes takes nearly all the time that a key costs, and a test suite needs hundreds of keys.
type rsaPool struct {
	mu     sync.Mutex // guards the fields below
	primes []*big.Int
	p, q   int // the next pair, p < q
}

// take returns a key that it has not returned before. It generates two more primes if all pairs were used.
func (r *rsaPool) take() *rsa.PrivateKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	// All pairs with the larger prime at q are used up.
	if r.p == r.q {
		r.p, r.q = 0, r.q+1
	}
	for len(r.primes) <= r.q {
		key, _ := rsa.GenerateKey(rand.Reader, 2048)
		r.primes = append(r.primes, key.Primes...)
	}
	key := rsaFromPrimes(r.primes[r.p], r.primes[r.q])
	r.p++
	return key
}

// rsaFromPrimes returns the key of the primes p and q (RFC 8017 section 3). Two primes of crypto/rsa have a product of
// exactly 2048 bits, whichever they are, because both have their two highest bits set.
func rsaFromPrimes(p, q *big.Int) *rsa.PrivateKey {
	const e = 65537
	one := big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: e},
		D:         new(big.Int).ModInverse(big.NewInt(e), totient),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key
}
