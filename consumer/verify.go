package consumer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/jwks"
)

// verify takes the short way for a remembered token.
func (c *Consumer) verify(ctx context.Context, raw string) (*Token, error) {
	if len(raw) > c.cfg.MaxTokenBytes {
		return nil, refuse(ReasonTooLarge, "token")
	}
	known, d, ok := c.cache.get(raw)
	if ok {
		if err := c.recheck(ctx, known); !errors.Is(err, errKeyReplaced) {
			return known, err
		}
		c.cache.remove(d)
	}
	return c.verifyNew(ctx, raw, d)
}

// verifyNew takes the long way. It is apart from verify so that a hit needs little stack: what a connection's goroutine
// has grown for one request, the garbage collector takes away again.
func (c *Consumer) verifyNew(ctx context.Context, raw string, d digest) (*Token, error) {
	var buffer signatureBuffer
	u, signature, err := parse(raw, &c.headers, &buffer)
	if err != nil {
		return nil, err
	}
	t, err := c.prove(ctx, u, signature)
	if err != nil {
		return nil, err
	}
	t.header = c.headers.add(u.Header, u.header)
	c.cache.add(d, t)
	return t, nil
}

// recheck looks at what may have changed since t was remembered: the time, the issuer's keys and the token's status. A
// hit is worth as much as a verification.
func (c *Consumer) recheck(ctx context.Context, t *Token) error {
	if err := c.checkTimes(t, time.Now()); err != nil {
		return err
	}
	key, err := c.findKey(ctx, t.header)
	if err != nil {
		return err
	}
	if !key.Equal(*t.key) {
		return errKeyReplaced
	}
	return c.checkStatus(ctx, t)
}

// errKeyReplaced says that another key now stands where the one stood that verified a remembered token.
var errKeyReplaced = errors.New("consumer: key replaced")

// unproven is a token that was read and is not trusted. Its signature is kept elsewhere, so as not to go to the heap
// with what becomes of the rest.
type unproven struct {
	compact.Parts
	header header
	claims compact.Object
}

// signatureBuffer has room for what RSA keys of up to 4096 bits sign.
type signatureBuffer [4096 / 8]byte

// parse reads a token without believing it. All that is wrong with a token's form is found here, before any network and
// whatever the issuer. The signature lies in buffer, if it fits.
func parse(raw string, headers *headerMemo, buffer *signatureBuffer) (u unproven, signature []byte, err error) {
	if u.Parts, err = compact.Split(raw); err != nil {
		return unproven{}, nil, malformed(err)
	}
	payload, err := u.DecodePayload()
	if err != nil {
		return unproven{}, nil, malformed(err)
	}
	if signature, err = u.AppendSignature(buffer[:0]); err != nil {
		return unproven{}, nil, malformed(err)
	}
	if u.header, err = headers.read(u.Parts); err != nil {
		return unproven{}, nil, err
	}
	if u.claims, err = readObject(payload, nil); err != nil {
		return unproven{}, nil, err
	}
	return u, signature, nil
}

// prove takes a token through every check. The cheap ones come first: what can be refused without a key is refused
// without one, so that a forged token causes no fetch and an outage is only reported for a token that may be good.
func (c *Consumer) prove(ctx context.Context, u unproven, signature []byte) (*Token, error) {
	algorithm, err := c.checkHeader(u.header)
	if err != nil {
		return nil, err
	}
	if err := c.checkIssuer(u.claims); err != nil {
		return nil, err
	}
	key, err := c.findKey(ctx, &u.header)
	if err != nil {
		return nil, err
	}
	if !algorithm.isSignature(key.Public, u.SigningInput, signature) {
		return nil, refuse(ReasonSignature, "")
	}
	t, err := c.readToken(u)
	if err != nil {
		return nil, err
	}
	t.key = c.lasting(key)
	if err := c.checkToken(ctx, t); err != nil {
		return nil, err
	}
	return t, c.checkStatus(ctx, t)
}

// checkHeader holds `alg` against the list and `typ` against the profile (RFC 8725bis §3.1, §3.11).
func (c *Consumer) checkHeader(h header) (algorithm, error) {
	accepted, ok := c.algorithms[h.algorithm]
	if !ok {
		return algorithm{}, refuse(ReasonAlgorithm, "alg is not on the list")
	}
	return accepted, c.rules.checkType(h.mediaType)
}

// checkIssuer compares `iss` before its keys are asked for, so that a token can only be verified by keys of the issuer
// it names (RFC 8725bis §3.8).
func (c *Consumer) checkIssuer(claims compact.Object) error {
	if textOf(claims, "iss") != c.cfg.Issuer {
		return refuse(ReasonIssuer, "iss is not the configured issuer")
	}
	return nil
}

func (c *Consumer) findKey(ctx context.Context, h *header) (jwks.Key, error) {
	key, err := c.keys.Key(ctx, h.keyID, h.algorithm)
	switch {
	case err == nil && key.Algorithm != "" && key.Algorithm != h.algorithm: // each key has one (RFC 8725bis §3.1)
		return jwks.Key{}, refuse(ReasonAlgorithm, "the key is for another algorithm")
	case err == nil:
		return key, nil
	case errors.Is(err, jwks.ErrAlgorithm):
		return jwks.Key{}, &Error{Reason: ReasonAlgorithm, Err: err}
	case errors.Is(err, jwks.ErrKeyNotFound):
		return jwks.Key{}, &Error{Reason: ReasonUnknownKey, Err: err}
	}
	return jwks.Key{}, unavailable(ctx, ReasonKeysUnavailable, err)
}

// lasting returns a copy of key for tokens to keep. An issuer signs with one key for a long time, and all its tokens keep
// the same copy.
func (c *Consumer) lasting(key jwks.Key) *jwks.Key {
	if last := c.lastKey.Load(); last != nil && last.Equal(key) {
		return last
	}
	last := key
	c.lastKey.Store(&last)
	return &last
}

// readToken reads the claims of a token whose signature was verified.
func (c *Consumer) readToken(u unproven) (*Token, error) {
	t := &Token{consumer: c, issuer: c.cfg.Issuer, claims: u.claims, verifiedAt: time.Now()}
	r := claimReader{Object: u.claims}
	r.fill(t)
	if !slices.Contains(c.rules.optional, "exp") {
		r.require(t, "exp")
	}
	for _, name := range c.rules.required {
		r.require(t, name)
	}
	t.clientID = c.rules.clientOf(&r)
	t.principal = r.principal(t)
	if t.clientID == "" && len(c.rules.clientID) > 0 {
		r.fail(c.rules.clientID[0], "is missing")
	}
	return t, r.fault
}

// checkToken applies this API's policy to the claims.
func (c *Consumer) checkToken(ctx context.Context, t *Token) error {
	if err := c.checkAudience(t); err != nil {
		return err
	}
	if err := c.checkTimes(t, t.verifiedAt); err != nil {
		return err
	}
	if err := c.rules.checkKind(t.claims, c.cfg.InsecureAcceptIDToken); err != nil {
		return err
	}
	if len(c.cfg.ClientIDs) > 0 && !slices.Contains(c.cfg.ClientIDs, t.clientID) {
		return refuse(ReasonClaims, "the client is not on the list")
	}
	if c.cfg.Check == nil {
		return nil
	}
	err := c.cfg.Check(ctx, t)
	switch {
	case errors.Is(err, ErrUnavailable):
		return unavailable(ctx, ReasonStatusUnavailable, err)
	case err != nil:
		return &Error{Reason: ReasonClaims, Detail: "Config.Check", Err: err}
	}
	return nil
}

// checkAudience wants one of this API's names among those of the token (RFC 7519 §4.1.3, RFC 9068 §4).
func (c *Consumer) checkAudience(t *Token) error {
	if c.cfg.InsecureNoAudience || slices.Contains(c.rules.optional, "aud") {
		if _, there := t.claims.Get("aud"); !there {
			return nil
		}
	}
	for _, name := range c.cfg.Audience {
		if slices.Contains(t.audience, name) {
			return nil
		}
	}
	return refuse(ReasonAudience, "aud does not name this API")
}

// checkTimes grants the clock skew in both directions (RFC 7519 §4.1.4 to §4.1.6).
func (c *Consumer) checkTimes(t *Token, now time.Time) error {
	if now.Sub(t.expiry) >= c.cfg.ClockSkew && !t.expiry.IsZero() { // zero only where the profile allows it
		return refuse(ReasonExpired, "")
	}
	if t.notBefore.Sub(now) > c.cfg.ClockSkew {
		return refuse(ReasonNotYetValid, "")
	}
	if t.issuedAt.Sub(now) > c.cfg.ClockSkew {
		return refuse(ReasonIssuedInFuture, "")
	}
	return nil
}

// unavailable classes a failure to find something out. A caller who is gone is told apart, since nobody waits for an
// answer.
func unavailable(ctx context.Context, reason Reason, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		reason = ReasonCanceled
	}
	return &Error{Reason: reason, Err: err}
}
