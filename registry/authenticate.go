package registry

import (
	"context"
	"errors"
	"slices"
	"time"
)

// lastUsedEvery is how often the use of a secret is stored: a write for each request would be too many.
const lastUsedEvery = time.Minute

// Authentication is what [Config.OnAuthenticate] is told. It holds no secret.
type Authentication struct {
	// ClientID and SecretID are who came with what. Empty if it failed: an id that anybody may invent is no label.
	ClientID, SecretID string

	// Cached is true if the secret was remembered, so that nothing was hashed.
	Cached bool

	// Rehashed is true if the stored hash was below [Config.Hash] and has been replaced.
	Rehashed bool

	// Rounds is how many iterations of the hash were computed to decide, for each block of its length. A client that does
	// not exist costs what one that does exist costs with a wrong secret.
	Rounds int

	// Duration is how long it took, waiting included.
	Duration time.Duration

	// Err is what Authenticate returned.
	Err error

	// Fault is what did not work but decided nothing: a stored hash that could not be read, or a use that could not be
	// recorded.
	Fault error
}

// Authenticate checks the secret of a confidential client, by HTTP Basic or in the body (RFC 6749 §2.3.1). Whatever is
// wrong, the error is [ErrInvalidClient], and it takes about as long to find out: for a client that does not exist, a
// public one, or one whose hash is cheap, a hash is computed for nothing. One with several valid secrets costs a wrong
// guess as many hashes. Texts that are not 1 to 1024 visible characters fit no secret.
//
// The secret stands when Authenticate returns, not only when it began: one that ends, is revoked or rotated away while its
// hash is computed or waited for is refused.
//
// [ErrUnavailable] says that it could not be found out. That the client was authenticated stands even if its use could
// not be stored; [Config.OnAuthenticate] is told.
func (r *Registry) Authenticate(ctx context.Context, id, secret string) (Client, error) {
	start := time.Now()
	a := attempt{Registry: r, id: id, secret: secret}
	c, err := a.run(ctx)
	if r.cfg.OnAuthenticate != nil {
		a.told.Err, a.told.Duration = err, time.Since(start)
		if err != nil {
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
	paid       int // the iterations of Config.Hash.Digest that were computed
}

func (a *attempt) run(ctx context.Context) (Client, error) {
	rec, err := a.read(ctx, a.id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Client{}, err
	}
	living := rec.living(time.Now()) // none if there is no such client, or it is public
	if !isSecret(a.secret) {         // it costs the same however long it is
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

// match returns the secret that fits, or nil.
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

// pay computes for nothing what is left of the cost of one hash, so that a refusal costs the same whatever its reason.
func (a *attempt) pay(ctx context.Context) error {
	due := a.hasher.rest(a.paid)
	if due.rounds <= 0 {
		return nil
	}
	a.told.Rounds += due.rounds
	_, err := a.hasher.derive(ctx, a.secret, due)
	return err
}

// accept lets in whoever came with s, if s still stands: to hash takes time, and to wait for it more. It records the use,
// and replaces the hash if that is below what it should be.
func (a *attempt) accept(ctx context.Context, rec record, s secretRecord) (Client, error) {
	a.told.ClientID, a.told.SecretID = rec.id, s.ID
	if a.told.Cached && !s.isDue(time.Now()) { // rec was read just now
		return rec.client(), nil
	}
	u := use{of: s, fresh: a.rehash(ctx, s.Hash)}
	c, err := a.change(ctx, a.id, u.note)
	switch {
	case errors.Is(err, ErrInvalidClient), errors.Is(err, ErrNotFound):
		return Client{}, ErrInvalidClient
	case err != nil && u.client == nil:
		return Client{}, err
	case errors.Is(err, errNothing):
		c = *u.client
	case err != nil: // that the use could not be stored makes nobody a stranger
		a.told.Fault = errors.Join(a.told.Fault, err)
		return *u.client, nil
	}
	a.told.Rehashed = u.fresh != "" && u.stands == u.fresh
	a.remember(u.stands)
	return c, nil
}

// use is the use of a secret that fitted.
type use struct {
	of     secretRecord
	fresh  string  // the hash to store instead, or ""
	stands string  // the hash that stands afterwards
	client *Client // nil until the secret has been found to stand
}

// note is an edit for change.
func (u *use) note(rec *record) error {
	now := time.Now().UTC()
	at := slices.IndexFunc(rec.Secrets, func(other secretRecord) bool { return other.ID == u.of.ID })
	if at < 0 || !rec.Secrets[at].lives(now) {
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

// errNothing ends a change that has nothing to store.
var errNothing = errors.New("registry: nothing to store")

// rehash returns a hash in the current form, or "" if there is no need or no way.
func (a *attempt) rehash(ctx context.Context, old string) string {
	stored, err := parseHash(old)
	if err != nil || !a.hasher.isBelow(stored) {
		return ""
	}
	fresh, err := a.hasher.hash(ctx, a.secret)
	a.told.Fault = errors.Join(a.told.Fault, err)
	return fresh
}

// remember leaves out what is below the current form, so that it is hashed anew as soon as that works.
func (a *attempt) remember(text string) {
	if stored, err := parseHash(text); err == nil && !a.hasher.isBelow(stored) {
		a.remembered.add(a.id, a.secret, text)
	}
}

func (s secretRecord) isDue(now time.Time) bool { return now.Sub(s.LastUsed) >= lastUsedEvery }

// used returns the hash that stands afterwards. Another one than old was put there by someone who came with the same
// secret, and stays.
func (s *secretRecord) used(now time.Time, old, fresh string) string {
	if fresh != "" && s.Hash == old {
		s.Hash = fresh
	}
	if now.After(s.LastUsed) {
		s.LastUsed = now
	}
	return s.Hash
}
