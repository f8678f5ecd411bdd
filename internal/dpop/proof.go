package dpop

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
)

const (
	// maxDepth is the number of levels of nested JSON in the header and in the claims.
	maxDepth = 16

	// maxIDBytes is the maximum length of a jti (RFC 9449 section 11.1).
	maxIDBytes = 256

	// farFuture is the first second of the year 10000.
	farFuture = 253402300800
)

// Proof is a proof that was read but not verified. It refers to the text from which it was read. It does not change, and
// is safe for concurrent use. The zero Proof never passes [Checker.Check].
type Proof struct {
	algorithm signature.Algorithm
	key       publicKey
	cached    *cachedKey // instead of key, if the header was cached; otherwise nil

	id, method, uri  string // jti, htm, htu
	tokenHash, nonce string // ath, nonce; empty: absent
	issued           time.Time
	expires, starts  time.Time // exp and nbf; zero: absent

	header    string // encoded
	input     string // what the signature covers
	signature string // encoded
}

// Read checks the form of raw, the value of a DPoP header: size, alphabet, header, public key and claims (RFC 9449
// section 4.2). It verifies nothing, so the result must be passed to [Checker.Check]. The error is an [*Error].
func (c *Checker) Read(raw string) (Proof, error) {
	if len(raw) > c.cfg.MaxBytes {
		return Proof{}, reject(fmt.Sprintf("the proof has %d bytes, expected at most %d", len(raw), c.cfg.MaxBytes))
	}
	parts, err := compact.Split(raw)
	if err != nil {
		return Proof{}, reject(err.Error())
	}
	if !isBase64url(parts.Signature) || parts.Signature == "" {
		return Proof{}, reject("the signature is empty or has a character outside the base64url alphabet")
	}
	p := Proof{header: parts.Header, input: parts.SigningInput, signature: parts.Signature}
	// A cached header was accepted before, so it is not read again. The claims differ in each proof.
	if known, ok := c.keys.Get(parts.Header); ok {
		p.cached, p.algorithm = known, known.algorithm
	} else if err := c.readHeader(&p, parts); err != nil {
		return Proof{}, err
	}
	if err := p.readClaims(parts); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// readHeader reads the header, which contains the public key.
func (c *Checker) readHeader(p *Proof, parts compact.Parts) error {
	o, err := readObject(parts.DecodeHeader())
	if err != nil {
		return reject("header: " + err.Error())
	}
	if typ, _ := o.OptionalText("typ"); !isProofType(typ) {
		return reject("typ is " + quoted(typ) + `, expected "dpop+jwt"`)
	}
	for _, name := range [...]string{"crit", "b64"} { // no extension is supported (RFC 7515 section 4.1.11, RFC 7797)
		if _, there := o.Get(name); there {
			return reject(name + " in the header is not supported")
		}
	}
	name, _ := o.OptionalText("alg")
	var known bool
	if p.algorithm, known = c.algorithms[name]; !known {
		return reject("alg is " + quoted(name) + ", expected one of " + strings.Join(c.cfg.Algorithms, ", ") + " (Config.DPoP.Algorithms)")
	}
	member, _ := o.Get("jwk")
	jwk, ok := member.Object()
	if !ok {
		return reject("jwk is missing or not an object")
	}
	p.key, err = readKey(jwk, name)
	return err
}

// isProofType reports whether typ is the media type of a proof. Media types are not case-sensitive, and "application/"
// may be omitted (RFC 7515 section 4.1.9).
func isProofType(typ string) bool {
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	return strings.EqualFold(typ, "dpop+jwt")
}

// readClaims reads the claims of a proof. Other claims have no meaning here, and are ignored.
func (p *Proof) readClaims(parts compact.Parts) error {
	o, err := readObject(parts.DecodePayload())
	if err != nil {
		return reject("claims: " + err.Error())
	}
	for _, claim := range [...]struct {
		name  string
		value *string
	}{{"jti", &p.id}, {"htm", &p.method}, {"htu", &p.uri}, {"ath", &p.tokenHash}, {"nonce", &p.nonce}} {
		v, _ := o.Get(claim.name)
		if v.IsAbsent() {
			continue
		}
		var ok bool
		if *claim.value, ok = v.Text(); !ok {
			return reject(claim.name + " is not a string")
		}
	}
	switch {
	case p.id == "" || len(p.id) > maxIDBytes:
		return reject(fmt.Sprintf("jti is missing or not a string of 1 to %d bytes", maxIDBytes))
	case p.method == "":
		return reject("htm is missing")
	case p.uri == "":
		return reject("htu is missing")
	}
	return p.readTimes(o)
}

// readTimes reads iat, which is required, and exp and nbf, which RFC 9449 does not mention but RFC 7519 defines.
func (p *Proof) readTimes(o compact.Object) error {
	for _, claim := range [...]struct {
		name  string
		value *time.Time
	}{{"iat", &p.issued}, {"exp", &p.expires}, {"nbf", &p.starts}} {
		v, _ := o.Get(claim.name)
		if v.IsAbsent() {
			continue
		}
		seconds, ok := v.Number()
		if !ok || seconds < 0 || seconds >= farFuture {
			return reject(claim.name + " is not a number of seconds since 1970")
		}
		whole, fraction := math.Modf(seconds)
		*claim.value = time.Unix(int64(whole), int64(fraction*float64(time.Second)))
	}
	if p.issued.IsZero() { // iat 0 is the year 1970, which is not the zero Time
		return reject("iat is missing")
	}
	return nil
}

// readObject parses the text of a decoded segment. Its parameters are the results of the function that decoded the
// segment, so that the calls can be nested.
func readObject(text string, err error) (compact.Object, error) {
	if err != nil {
		return compact.Object{}, err
	}
	return compact.ParseObject(text, maxDepth)
}

// isBase64url reports whether text has only characters of base64url (RFC 4648 section 5).
func isBase64url(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
