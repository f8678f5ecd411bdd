package registry

import (
	"context"
	"errors"
	"time"
)

// Registered is the result of [Registry.Create] and [Registry.RotateSecret].
type Registered struct {
	// Client is the client after the change.
	Client Client

	// Secret is the new secret: 43 letters and digits. It cannot be read again later. Zero: the client is public.
	Secret Secret
}

// Create registers a client with a random id of 22 letters and digits, and generates a secret unless the client is public.
// If n is invalid, the error joins one [*FieldError] for each fault.
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
	// If a client has this id already, which practically never happens, try another one.
	for range maxAtCreate {
		rec.id = randomText(idLength)
		c, err := r.insert(ctx, rec)
		if !errors.Is(err, ErrExists) {
			return registered(c, s.plain, err)
		}
	}
	return Registered{}, ErrExists
}

// registered returns the result of Create and RotateSecret. With an error, it does not return the secret.
func registered(c Client, plain Secret, err error) (Registered, error) {
	if err != nil {
		return Registered{}, err
	}
	return Registered{Client: c, Secret: plain}, nil
}

// insert stores a new client, which must be valid. The error is ErrExists if the id is already used.
func (r *Registry) insert(ctx context.Context, rec record) (Client, error) {
	row, err := rec.encode()
	if err != nil {
		return Client{}, err
	}
	c, err := rowClient(row) // never store a row that cannot be read
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

// Imported describes a client of another system.
type Imported struct {
	NewClient

	// ID is the existing client_id. Required; at most 255 printable ASCII characters.
	ID string

	// SecretHash is the hash of the client's secret, in one of two formats. Ory Hydra writes the PHC string format:
	// $pbkdf2-sha256$i=25000,l=32$<salt>$<hash>. Crossauth writes pbkdf2:sha256:32:40000:0:<salt>:<hash>. The digest is
	// sha1, sha256 or sha512. With GODEBUG=fips140=only, SHA-1 and salts of less than 16 bytes are rejected. When the
	// client next authenticates, the hash is replaced unless it is in PHC string format and at least as strong as
	// [Config].Hash. Zero: the client has no secret until [Registry.RotateSecret] generates one.
	SecretHash Secret
}

// Import registers a client that has an id, and possibly the hash of a secret. The error is [ErrExists] if there already is
// a client with that id, which is not changed. If old is invalid, the error joins one [*FieldError] for each fault.
func (r *Registry) Import(ctx context.Context, old Imported) (Client, error) {
	now := time.Now()
	rec := old.record(old.ID, now)
	var f faults
	f.check(isID(old.ID), "ID", "must have 1 to 255 printable ASCII characters")
	if !old.SecretHash.IsZero() {
		f.check(rec.Confidential, "SecretHash", "must be zero for a public client")
		h, err := parseHash(old.SecretHash.Reveal())
		f.check(err == nil, "SecretHash", "must be a PBKDF2 hash in PHC string format or in the format of crossauth")
		f.check(err != nil || !h.forbiddenByFIPS(), "SecretHash", "must not use SHA-1 or a salt of less than 16 bytes in FIPS 140-only mode")
		f.check(!h.peppered || !r.cfg.Pepper.IsZero(), "SecretHash", "needs Config.Pepper")
		rec.Secrets = []secretRecord{r.secretRecord(old.SecretHash.Reveal(), now)}
	}
	if err := errors.Join(f.join(), rec.validate(r.cfg.InsecureAllowLocalhost)); err != nil {
		return Client{}, err
	}
	return r.insert(ctx, rec)
}

// issued is a new secret and its record.
type issued struct {
	plain  Secret
	record secretRecord
}

// issue hashes the given secret, or generates one if given is zero.
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

// secretRecord returns a record with a new id for the given hash. The secret expires after Config.SecretLifetime.
func (r *Registry) secretRecord(hash string, now time.Time) secretRecord {
	s := secretRecord{ID: randomText(secretIDLength), Hash: hash, Created: now.UTC()}
	if r.cfg.SecretLifetime > 0 {
		s.NotAfter = s.Created.Add(r.cfg.SecretLifetime)
	}
	return s
}
