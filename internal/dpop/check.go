package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Want is what a proof must fit: the request, and the token that was verified.
type Want struct {
	// Method is the method of the request. The htm of the proof must equal it, byte for byte.
	Method string

	// URL is the URL of the request, as its sender sees it: with https or http, host and path. A query and a fragment are
	// ignored (RFC 9449 section 4.3). Its path must have no dot segments.
	URL string

	// Token is the access token as it was sent. The ath of the proof must be its hash.
	Token string

	// Thumbprint is the cnf.jkt of the verified token: the thumbprint of the key that the token is bound to.
	Thumbprint string

	// Nonce returns when a server issued the nonce, and whether it accepts it now. Nil: proofs need no nonce, and one that
	// is present is ignored.
	Nonce func(nonce string) (issued time.Time, ok bool)

	// Now is the time of the request.
	Now time.Time
}

// Use is what must be recorded of a proof, so that it is not accepted again.
type Use struct {
	// Key is the thumbprint of the key.
	Key string

	// ID identifies the proof among those of the key. It is a hash of jti and htu, in base64url (RFC 9449 section 11.1).
	ID string

	// From is the earliest time at which any server may have accepted the proof, by its own clock.
	From time.Time

	// Until is the time after which no server accepts the proof. It includes 10 seconds for servers whose clock is behind.
	Until time.Time
}

// clockDifference is how far the clocks of two servers of one API may differ.
const clockDifference = 10 * time.Second

// Check checks that p was made for the request, the token and the time of want, by the owner of the key that the token is
// bound to (RFC 9449 section 4.3). Cheap checks come first, and the signature last. The token must have been verified
// before. The error is an [*Error].
func (c *Checker) Check(p *Proof, want Want) (Use, error) {
	if p.method != want.Method {
		return Use{}, reject("htm is " + quoted(p.method) + ", expected the method of the request, " + quoted(want.Method))
	}
	if err := checkURI(p.uri, want.URL); err != nil {
		return Use{}, err
	}
	if err := c.checkTimes(p, want.Now); err != nil {
		return Use{}, err
	}
	use := Use{Key: want.Thumbprint, From: p.issued.Add(-c.cfg.Window), Until: p.issued.Add(c.cfg.Window + clockDifference)}
	if want.Nonce != nil {
		issued, ok := want.Nonce(p.nonce)
		if !ok {
			return Use{}, &Error{Nonce: true, Detail: nonceDetail(p.nonce)}
		}
		if issued.After(use.From) {
			use.From = issued
		}
	}
	if err := checkTokenHash(p.tokenHash, want.Token); err != nil {
		return Use{}, err
	}
	if err := c.checkSignature(p, want.Thumbprint); err != nil {
		return Use{}, err
	}
	use.ID = p.digest()
	return use, nil
}

// nonceDetail says what is wrong with a nonce that was not accepted.
func nonceDetail(nonce string) string {
	if nonce == "" {
		return "nonce is missing"
	}
	return "nonce was not issued by this API, or is too old"
}

// checkTimes checks iat. It compares wall clocks, because iat comes from another machine. If exp and nbf are present,
// they have the meaning of RFC 7519, with the window as the tolerance.
func (c *Checker) checkTimes(p *Proof, now time.Time) error {
	window := c.cfg.Window
	switch age := now.Sub(p.issued); {
	case age > window:
		return reject(fmt.Sprintf("iat is %v in the past, expected at most %v (Config.DPoP.Window)", age.Truncate(time.Second), window))
	case age < -window:
		return reject(fmt.Sprintf("iat is %v in the future, expected at most %v (Config.DPoP.Window)", -age.Truncate(time.Second), window))
	case !p.expires.IsZero() && now.Sub(p.expires) >= window:
		return reject("exp is in the past")
	case !p.starts.IsZero() && p.starts.Sub(now) > window:
		return reject("nbf is in the future")
	}
	return nil
}

// checkTokenHash checks that ath is the hash of the token (RFC 9449 section 4.2). Neither is a secret to the caller, who
// sent both, so the comparison need not take constant time.
func checkTokenHash(hash, token string) error {
	if hash == "" {
		return reject("ath is missing")
	}
	var buffer [4 << 10]byte // most tokens fit; sha256 takes no string
	sum := sha256.Sum256(append(buffer[:0], token...))
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], sum[:])
	if token == "" || hash != string(text[:]) {
		return reject("ath is not the hash of the access token")
	}
	return nil
}

// checkSignature checks that the token is bound to the key of the proof, and that this key has signed the proof. It parses
// the key only after the first check.
func (c *Checker) checkSignature(p *Proof, bound string) error {
	own := p.cached
	if own == nil {
		own = &cachedKey{algorithm: p.algorithm, thumbprint: p.key.thumbprint()}
	}
	if bound == "" || own.thumbprint != bound {
		return reject("the key of the proof is not the key that the token is bound to (cnf.jkt)")
	}
	var buffer [1 << 10]byte
	received, err := compact.Parts{Signature: p.signature}.AppendSignature(buffer[:0])
	if err != nil {
		return reject("signature: " + err.Error())
	}
	if own != p.cached {
		if own.public, err = p.key.parse(); err != nil {
			return reject(err.Error())
		}
	}
	if !own.algorithm.Verify(own.public, p.input, received) {
		return reject("the signature does not match the key of the proof")
	}
	if own != p.cached && len(p.header) <= maxCachedHeader {
		c.keys.Add(strings.Clone(p.header), own) // a substring would keep the whole proof in memory
	}
	return nil
}

// digest returns [Use.ID]. The length before jti keeps two pairs of jti and htu from having the same text.
func (p *Proof) digest() string {
	var buffer [1 << 10]byte
	text := binary.BigEndian.AppendUint64(buffer[:0], uint64(len(p.id)))
	text = append(text, p.id...)
	text = append(text, withoutQuery(p.uri)...)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
