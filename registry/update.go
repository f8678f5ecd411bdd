package registry

import (
	"context"
	"sync"
)

// Patch says what to change of a client. What is nil stays; what is empty but not nil is cleared. Lists are replaced as a
// whole. The rules are those of [NewClient].
type Patch struct {
	Name         *string
	RedirectURIs []string
	Flows        []Flow
	Owner        *string
	Extra        map[string]any

	// Confidential makes the client confidential or public. A client that becomes confidential gets a secret; one that
	// becomes public loses all it has.
	Confidential *bool

	// ResetSecret puts a new secret in the place of all there are, at once. [Registry.RotateSecret] does it gently.
	ResetSecret bool

	// Secret does the same with a given secret, of 16 to 1024 visible characters. Zero: none is given.
	Secret Secret
}

// Updated is a client after a change.
type Updated struct {
	Client Client

	// Secret is the new secret, if one was made. This is the only time it can be seen.
	Secret Secret

	// NewSecret is true if a secret was made.
	NewSecret bool
}

// Update changes a client. Changes that others make at the same time are not lost: where two set the same field, the
// later one wins. A client that is not there is [ErrNotFound]; what is wrong with p is a [*FieldError].
func (r *Registry) Update(ctx context.Context, id string, p Patch) (Updated, error) {
	if err := p.validate(); err != nil {
		return Updated{}, err
	}
	var made *issued
	issue := sync.OnceValues(func() (issued, error) { return r.issue(ctx, p.Secret) }) // hashing is not repeated
	c, err := r.change(ctx, id, func(rec *record) error {
		made = nil
		fresh := p.ResetSecret || !p.Secret.IsZero() || !rec.Confidential
		p.apply(rec)
		if err := rec.validate(r.cfg.InsecureAllowLocalhost); err != nil {
			return err
		}
		if !rec.Confidential {
			rec.Secrets = nil
			return p.wantsNoSecret()
		}
		if !fresh {
			return nil
		}
		s, err := issue()
		rec.Secrets, made = []secretRecord{s.record}, &s
		return err
	})
	if err != nil {
		return Updated{}, err
	}
	if made == nil || !p.Secret.IsZero() {
		return Updated{Client: c}, nil
	}
	return Updated{Client: c, Secret: made.plain, NewSecret: true}, nil
}

func (p Patch) validate() error {
	var f faults
	f.check(!p.ResetSecret || p.Secret.IsZero(), "ResetSecret", "is set, and Secret too")
	if given := p.Secret.Reveal(); given != "" {
		f.check(len(given) >= minSecret && isSecret(given), "Secret", "is not 16 to 1024 visible characters")
	}
	return f.join()
}

func (p Patch) wantsNoSecret() error {
	if p.ResetSecret || !p.Secret.IsZero() {
		return ErrPublicClient
	}
	return nil
}

func (p Patch) apply(rec *record) {
	set(&rec.name, p.Name)
	set(&rec.owner, p.Owner)
	set(&rec.Confidential, p.Confidential)
	if p.RedirectURIs != nil {
		rec.RedirectURIs = p.RedirectURIs
	}
	if p.Flows != nil {
		rec.Flows = canonical(p.Flows)
	}
	if p.Extra != nil {
		rec.Extra = p.Extra
	}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
