package registry

import (
	"context"
	"errors"
	"time"
)

// Registered is a client with a new secret.
type Registered struct {
	Client Client

	// Secret is the new secret: 43 letters and digits. This is the only time it can be seen. Zero for a public client.
	Secret Secret
}

// Create registers a client under a random id of 22 letters and digits. Unless it is public it gets a secret. All that is
// wrong with n is joined, each a [*FieldError].
func (r *Registry) Create(ctx context.Context, n NewClient) (Registered, error) {
	rec := n.record("", time.Now())
	if err := rec.validate(r.cfg.InsecureAllowLocalhost); err != nil {
		return Registered{}, err
	}
	var s issued
	if rec.Confidential {
		var err error
		if s, err = r.issue(ctx, Secret{}); err != nil {
			return Registered{}, err
		}
		rec.Secrets = []secretRecord{s.record}
	}
	for range maxAtCreate {
		rec.id = randomText(idLength)
		c, err := r.insert(ctx, rec)
		if !errors.Is(err, ErrExists) {
			return registered(c, s.plain, err)
		}
	}
	return Registered{}, ErrExists
}

func registered(c Client, plain Secret, err error) (Registered, error) {
	if err != nil {
		return Registered{}, err
	}
	return Registered{Client: c, Secret: plain}, nil
}

func (r *Registry) insert(ctx context.Context, rec record) (Client, error) {
	row, err := rec.encode()
	if err != nil {
		return Client{}, err
	}
	c, err := rowClient(row) // what cannot be read is not stored
	if err != nil {
		return Client{}, err
	}
	created, err := r.cfg.Store.Create(ctx, row)
	switch {
	case err != nil:
		return Client{}, unavailable(err)
	case !created:
		return Client{}, ErrExists
	}
	return c, nil
}

// Imported is a client that comes from another system.
type Imported struct {
	NewClient

	// ID is the client_id it had. Required; at most 255 visible characters.
	ID string

	// SecretHash is the hash of its secret: $pbkdf2-sha256$i=25000,l=32$<salt>$<hash>, which Ory Hydra has too, or
	// pbkdf2:sha256:32:40000:0:<salt>:<hash>, which the seed system has. The digest is sha256 or sha512, or sha1. When the
	// client next authenticates its secret is hashed anew as [Config.Hash] says. Zero: the client has no secret, until
	// [Registry.RotateSecret] makes one.
	SecretHash Secret
}

// Import registers a client that has an id, and perhaps a secret of which only the hash is known. [ErrExists] says that
// there is a client of that id, which is left as it is.
func (r *Registry) Import(ctx context.Context, old Imported) (Client, error) {
	now := time.Now()
	rec := old.record(old.ID, now)
	var f faults
	f.check(isID(old.ID), "ID", "is empty, too long or not made of visible characters")
	if !old.SecretHash.IsZero() {
		f.check(rec.Confidential, "SecretHash", "is given, and the client is public")
		h, err := parseHash(old.SecretHash.Reveal())
		f.check(err == nil, "SecretHash", "is in no known form")
		f.check(err != nil || !h.forbiddenByFIPS(), "SecretHash", "uses SHA-1 or a salt of less than 16 bytes, which FIPS 140-only mode forbids")
		f.check(!h.peppered || !r.cfg.Pepper.IsZero(), "SecretHash", "needs Config.Pepper")
		rec.Secrets = []secretRecord{r.secretRecord(old.SecretHash.Reveal(), now)}
	}
	if err := errors.Join(f.join(), rec.validate(r.cfg.InsecureAllowLocalhost)); err != nil {
		return Client{}, err
	}
	return r.insert(ctx, rec)
}

// issued is a secret and what is stored of it.
type issued struct {
	plain  Secret
	record secretRecord
}

// issue hashes the given secret, or a new one.
func (r *Registry) issue(ctx context.Context, given Secret) (issued, error) {
	plain := given
	if plain.IsZero() {
		plain = NewSecret(randomText(secretLength))
	}
	hash, err := r.hasher.hash(ctx, plain.Reveal())
	if err != nil {
		return issued{}, err
	}
	return issued{plain, r.secretRecord(hash, time.Now())}, nil
}

func (r *Registry) secretRecord(hash string, now time.Time) secretRecord {
	s := secretRecord{ID: randomText(secretIDLength), Hash: hash, Created: now.UTC()}
	if r.cfg.SecretLifetime > 0 {
		s.NotAfter = s.Created.Add(r.cfg.SecretLifetime)
	}
	return s
}
