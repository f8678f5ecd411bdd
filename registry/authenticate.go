package registry

import (
	"context"
	"errors"
	"slices"
	"time"
)

// lastUsedEvery is the minimum time between two writes of SecretInfo.LastUsed for a secret. Without it, each request
// would cost a write.
const lastUsedEvery = time.Minute

// Authentication is the argument of [Config].OnAuthenticate. It describes one call of [Registry.Authenticate]. It
// contains no secret.
type Authentication struct {
	// ClientID and SecretID identify the client and the secret that matched. They are empty if the call failed: a caller
	// can send any id, so ids of failed calls would make an unbounded metric label.
	ClientID, SecretID string

	// Cached is true if the secret was found in the cache, so that no hash was computed.
	Cached bool

	// Rehashed is true if the stored hash was weaker than [Config].Hash and was replaced.
	Rehashed bool

	// Rounds is the number of PBKDF2 iterations that were computed to accept or reject the secret, counted for each block
	// of the derived key. Replacing a hash is not counted.
	Rounds int

	// Duration is how long the call took, including the time it waited.
	Duration time.Duration

	// Err is the error that Authenticate returned.
	Err error

	// Fault is an error that did not change the result: a stored hash could not be verified, or the use of a secret or
	// its new hash could not be stored. Nil: there was none.
	Fault error
}

// Authenticate verifies the secret of a confidential client. id and secret are the decoded credentials from HTTP Basic
// authentication or from the request body (RFC 6749 section 2.3.1). A secret that does not consist of 1 to 1024 printable
// ASCII characters matches nothing.
//
// The error is [ErrInvalidClient] if the credentials are wrong, and [ErrUnavailable] if that could not be determined.
// Authenticate still succeeds if only the use of the secret could not be stored; [Config].OnAuthenticate receives that
// error as Fault.
//
// Authenticate reads the client again after it has computed a hash, which takes time. It rejects a secret that expired,
// was revoked, or was replaced by a rotation before that second read.
//
// To reject a secret that does not match, Authenticate never computes fewer PBKDF2 iterations than one hash in the format of
// [Config].Hash takes. It computes exactly that many if the client does not exist, is public, has no valid secret, or has one valid secret whose hash uses the same
// digest and not more iterations. It computes more, and so takes longer, in two cases: the client has several valid
// secrets, or an imported hash has another digest or more iterations than Config.Hash. In these cases the response time
// can reveal that the client exists. The time to read the client from the Store is not equalized either.
func (r *Registry) Authenticate(ctx context.Context, id, secret string) (Client, error) {
	start := time.Now()
	a := attempt{Registry: r, id: id, secret: secret}
	c, err := a.run(ctx)
	if r.cfg.OnAuthenticate != nil {
		a.told.Err, a.told.Duration = err, time.Since(start)
		if err != nil {
			// accept may have set them before it found out that the secret is not valid any more.
			a.told.ClientID, a.told.SecretID = "", ""
		}
		r.cfg.OnAuthenticate(ctx, a.told)
	}
	return c, err
}

// attempt is one call of Authenticate.
type attempt struct {
	*Registry
	id, secret string
	told       Authentication
	paid       int // the computed iterations with the digest of Config.Hash
}

// run is Authenticate without the call of OnAuthenticate. It fills in told.
func (a *attempt) run(ctx context.Context) (Client, error) {
	rec, err := a.read(ctx, a.id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Client{}, err
	}
	living := rec.living(a.now()) // empty if the client is unknown or public
	if !isSecret(a.secret) {      // compute a hash anyway, so that the response takes the same time
		living, a.secret = nil, ""
	}
	if known := a.remembered.find(a.id, a.secret, living); known != nil {
		a.told.Cached = true
		return a.accept(ctx, rec, *known)
	}
	fitting, err := a.match(ctx, living)
	switch {
	case err != nil:
		return Client{}, err
	case fitting == nil:
		return Client{}, ErrInvalidClient
	}
	return a.accept(ctx, rec, *fitting)
}

// match returns the element of secrets that a.secret matches, or nil.
func (a *attempt) match(ctx context.Context, secrets []secretRecord) (*secretRecord, error) {
	for i := range secrets {
		fits, err := a.fits(ctx, secrets[i].Hash)
		switch {
		case errors.Is(err, ErrUnavailable):
			return nil, err
		case err != nil:
			a.told.Fault = errors.Join(a.told.Fault, err)
		case fits:
			return &secrets[i], nil
		}
	}
	return nil, a.pay(ctx)
}

// fits reports whether the secret matches the stored hash text, and counts the iterations that this took.
func (a *attempt) fits(ctx context.Context, text string) (bool, error) {
	stored, err := parseHash(text)
	if err != nil {
		return false, err
	}
	fits, err := a.hasher.verify(ctx, a.secret, stored)
	if err == nil {
		a.told.Rounds += stored.cost()
		a.paid += a.hasher.worth(stored)
	}
	return fits, err
}

// pay computes the iterations that are missing from the cost of one hash in the current format, so that a rejection never
// costs less than that.
func (a *attempt) pay(ctx context.Context) error {
	due := a.hasher.rest(a.paid)
	if due.rounds <= 0 {
		return nil
	}
	a.told.Rounds += due.rounds
	_, err := a.hasher.derive(ctx, a.secret, due)
	return err
}

// accept returns the client after its secret s has matched. Computing the hash took time, so accept reads the client
// again and returns ErrInvalidClient if s is not valid any more. It also stores the time of use, and replaces the hash if
// it is weaker than the current format.
func (a *attempt) accept(ctx context.Context, rec record, s secretRecord) (Client, error) {
	a.told.ClientID, a.told.SecretID = rec.id, s.ID
	if a.told.Cached && !s.isDue(time.Now()) { // no hash was computed, so rec was read just now
		return rec.client(), nil
	}
	u := use{of: s, fresh: a.rehash(ctx, s.Hash), now: a.now}
	c, err := a.change(ctx, a.id, u.note)
	switch {
	case errors.Is(err, ErrInvalidClient), errors.Is(err, ErrNotFound):
		return Client{}, ErrInvalidClient
	case err != nil && u.client == nil:
		return Client{}, err
	case errors.Is(err, errNothing):
		c = *u.client
	case err != nil: // the secret is valid, but its use could not be stored
		a.told.Fault = errors.Join(a.told.Fault, err)
		return *u.client, nil
	}
	a.told.Rehashed = u.fresh != "" && u.stands == u.fresh
	a.remember(u.stands)
	return c, nil
}

// use is the change of a record after a secret has matched: the time of use, and possibly a new hash.
type use struct {
	of     secretRecord
	fresh  string           // the hash that replaces the stored one, or ""
	now    func() time.Time // see Registry.now
	stands string           // the stored hash afterwards
	client *Client          // nil until note has found that the secret is still valid
}

// note is the edit function that accept passes to change. It returns ErrInvalidClient if the secret is not valid any
// more, and errNothing if there is nothing to store.
func (u *use) note(rec *record) error {
	now := time.Now().UTC()
	at := slices.IndexFunc(rec.Secrets, func(other secretRecord) bool { return other.ID == u.of.ID })
	if at < 0 || !rec.Secrets[at].lives(u.now()) {
		return ErrInvalidClient
	}
	c, s := rec.client(), &rec.Secrets[at]
	u.client, u.stands = &c, s.Hash
	if u.fresh == "" && !s.isDue(now) {
		return errNothing
	}
	u.stands = s.used(now, u.of.Hash, u.fresh)
	return nil
}

// errNothing makes change stop without storing anything.
var errNothing = errors.New("registry: nothing to store")

// rehash returns a hash in the current format. It returns "" if the old hash is in that format, or if hashing fails.
func (a *attempt) rehash(ctx context.Context, old string) string {
	stored, err := parseHash(old)
	if err != nil || !a.hasher.isBelow(stored) {
		return ""
	}
	fresh, err := a.hasher.hash(ctx, a.secret)
	a.told.Fault = errors.Join(a.told.Fault, err)
	return fresh
}

// remember caches the secret only if its hash is in the current format. Otherwise the next call tries to replace the hash.
func (a *attempt) remember(text string) {
	if stored, err := parseHash(text); err == nil && !a.hasher.isBelow(stored) {
		a.remembered.add(a.id, a.secret, text)
	}
}

// isDue reports whether the last stored use is at least lastUsedEvery ago.
func (s secretRecord) isDue(now time.Time) bool { return now.Sub(s.LastUsed) >= lastUsedEvery }

// used sets the time of use, and replaces the hash old by fresh if fresh is not empty. If the hash in s is not old,
// another call has already replaced it for the same secret, and used keeps it. It returns the hash in s.
func (s *secretRecord) used(now time.Time, old, fresh string) string {
	if fresh != "" && s.Hash == old {
		s.Hash = fresh
	}
	if now.After(s.LastUsed) {
		s.LastUsed = now
	}
	return s.Hash
}
