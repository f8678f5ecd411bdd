package registry

import (
	"context"
	"slices"
	"time"
)

// RotateSecret adds a new secret to a client. The existing secrets stay valid for overlap, or until their own expiry if
// that is sooner. If overlap is zero, they expire at once. The error is [ErrNotFound] if there is no client with that id,
// [ErrPublicClient], [ErrTooManySecrets], [ErrConflict], or a [*FieldError] if overlap is negative.
//
// If the error is [ErrUnavailable], the new secret may have been stored, although it was not returned. Call RotateSecret
// again, with an overlap, so that the secret in use stays valid.
func (r *Registry) RotateSecret(ctx context.Context, id string, overlap time.Duration) (Registered, error) {
	if overlap < 0 {
		return Registered{}, &FieldError{"overlap", "must not be negative"}
	}
	if _, err := r.rotatable(ctx, id, overlap); err != nil { // check first, because computing a hash is expensive
		return Registered{}, err
	}
	s, err := r.issue(ctx, Secret{})
	if err != nil {
		return Registered{}, err
	}
	c, err := r.change(ctx, id, func(rec *record) error {
		old, err := r.ending(*rec, overlap)
		rec.Secrets = append([]secretRecord{s.record}, old...)
		return err
	})
	return registered(c, s.plain, err)
}

// rotatable returns what ending returns for the client as it is stored now.
func (r *Registry) rotatable(ctx context.Context, id string, overlap time.Duration) ([]secretRecord, error) {
	rec, err := r.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.ending(rec, overlap)
}

// ending returns the secrets that stay valid after a rotation, with their new expiry.
func (r *Registry) ending(rec record, overlap time.Duration) ([]secretRecord, error) {
	if !rec.Confidential {
		return nil, ErrPublicClient
	}
	now := time.Now().UTC()
	end := now.Add(overlap)
	old := rec.living(now)
	for i := range old {
		if old[i].NotAfter.IsZero() || end.Before(old[i].NotAfter) {
			old[i].NotAfter = end
		}
	}
	old = slices.DeleteFunc(old, func(s secretRecord) bool { return !s.lives(now) })
	if len(old) >= r.cfg.MaxSecrets {
		return nil, ErrTooManySecrets
	}
	return old, nil
}

// RevokeSecret deletes one secret of a client. secretID is the ID of a [SecretInfo]. If it was the last secret, the client
// cannot authenticate until RotateSecret generates one. The error is [ErrNotFound] if there is no such client or secret,
// [ErrPublicClient], or [ErrConflict].
func (r *Registry) RevokeSecret(ctx context.Context, id, secretID string) (Client, error) {
	return r.change(ctx, id, func(rec *record) error {
		if !rec.Confidential {
			return ErrPublicClient
		}
		had := len(rec.Secrets)
		rec.Secrets = slices.DeleteFunc(rec.Secrets, func(s secretRecord) bool { return s.ID == secretID })
		if len(rec.Secrets) == had {
			return ErrNotFound
		}
		return nil
	})
}
