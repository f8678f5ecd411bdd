package registry

import (
	"context"
	"sync"
)

// Patch describes a change of a client. A nil field is not changed. A field that is empty but not nil is cleared. Lists and
// Extra are replaced as a whole. Each field must satisfy the rules of [NewClient].
type Patch struct {
	Name         *string        // the new display name
	RedirectURIs []string       // all redirect URIs
	Flows        []Flow         // all flows
	Owner        *string        // the new owner; a pointer to "" removes the owner
	Extra        map[string]any // all additional data

	// Confidential makes the client confidential or public. A client that becomes confidential gets a new secret. A client
	// that becomes public loses all its secrets. Nil: not changed.
	Confidential *bool

	// ResetSecret replaces all secrets by a new one at once. [Registry.RotateSecret] keeps the old ones for an overlap.
	ResetSecret bool

	// Secret replaces all secrets by this one, which has 16 to 1024 printable ASCII characters. Zero: not changed.
	Secret Secret
}

// Updated is the result of [Registry.Update].
type Updated struct {
	// Client is the client after the change.
	Client Client

	// Secret is the new secret, if one was generated. It cannot be read again later.
	Secret Secret

	// NewSecret is true if a secret was generated.
	NewSecret bool
}

// Update changes a client. Concurrent calls lose no change: if two set the same field, the later one takes effect. The error
// is [ErrNotFound] if there is no client with that id, [ErrPublicClient] if p sets a secret of a public client, or
// [ErrConflict]. If p is invalid, or if the client would be, the error joins one [*FieldError] for each fault.
func (r *Registry) Update(ctx context.Context, id string, p Patch) (Updated, error) {
	if err := p.validate(); err != nil {
		return Updated{}, err
	}
	var made *issued
	issue := sync.OnceValues(func() (issued, error) { return r.issue(ctx, p.Secret) }) // a retry does not hash again
	c, err := r.change(ctx, id, func(rec *record) error {
		// change may call this function several times, with a newer record each time.
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

// validate checks the secrets in p. The other fields are checked as part of the changed client.
func (p Patch) validate() error {
	var f faults
	f.check(!p.ResetSecret || p.Secret.IsZero(), "ResetSecret", "must not be set together with Secret")
	if given := p.Secret.Reveal(); given != "" {
		f.check(len(given) >= minSecret && isSecret(given), "Secret", "must have 16 to 1024 printable ASCII characters")
	}
	return f.join()
}

// wantsNoSecret returns ErrPublicClient if p sets a secret, which a public client cannot have.
func (p Patch) wantsNoSecret() error {
	if p.ResetSecret || !p.Secret.IsZero() {
		return ErrPublicClient
	}
	return nil
}

// apply changes the fields of rec that p sets, except for the secrets.
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

// set sets *field to *value, unless value is nil.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
