package registry

import (
	"context"
	"slices"
	"time"
)

// RotateSecret gives a client one more secret. Those it has stay valid for overlap, or until their own end if that is
// sooner; with zero they end at once. A client that is not there is [ErrNotFound]; other errors are [ErrPublicClient],
// [ErrTooManySecrets], and a [*FieldError] for a negative overlap. After [ErrUnavailable] the client may have a secret that
// nobody knows: rotate again, and with an overlap, so that the old ones go on working meanwhile.
func (r *Registry) RotateSecret(ctx context.Context, id string, overlap time.Duration) (Registered, error) {
	if overlap < 0 {
		return Registered{}, &FieldError{"overlap", "is negative"}
	}
	if _, err := r.rotatable(ctx, id, overlap); err != nil { // before it costs a hash
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

func (r *Registry) rotatable(ctx context.Context, id string, overlap time.Duration) ([]secretRecord, error) {
	rec, err := r.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.ending(rec, overlap)
}

// ending returns the secrets that stay beside a new one.
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

// RevokeSecret ends one secret of a client at once. The client is left without one if it was the last, and cannot
// authenticate until RotateSecret. [ErrNotFound] says that there is no such client, or that it has no such secret.
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
