package registry

import (
	"cmp"
	"context"
	"time"
)

// Registry registers clients and authenticates them. It is safe for concurrent use. Several Registries, in one process or
// in many, can share one [Store].
type Registry struct {
	cfg        Config
	hasher     hasher
	remembered *remembered
	started    time.Time // see now
}

// New returns a Registry for cfg. It does no I/O. The error joins one [*FieldError] for each invalid field of cfg.
func New(cfg Config) (*Registry, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Registry{
		cfg:        cfg,
		hasher:     hasher{params: cfg.Hash, pepper: cfg.Pepper, gate: newGate(cfg.MaxConcurrent, cfg.MaxWaiting)},
		remembered: newRemembered(cfg.CacheSize),
		started:    time.Now(),
	}, nil
}

// now returns the time with which Authenticate compares the expiry of a secret. It never goes backward, so that an
// expired secret does not become valid again when the wall clock of this machine is set back.
func (r *Registry) now() time.Time {
	wall := time.Now()
	return later(wall, r.started, wall.Sub(r.started))
}

// later returns wall, or started plus elapsed if that is later. elapsed is measured by the monotonic clock, which stops
// while a machine sleeps. The result has no monotonic reading.
func later(wall, started time.Time, elapsed time.Duration) time.Time {
	wall, steady := wall.Round(0), started.Round(0).Add(elapsed)
	if steady.After(wall) {
		return steady
	}
	return wall
}

// Get returns the client with the given id. The error is [ErrNotFound] if there is none.
func (r *Registry) Get(ctx context.Context, id string) (Client, error) {
	rec, err := r.read(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return rec.client(), nil
}

// Page selects a part of the clients. The zero value selects the first 20.
type Page struct {
	// Owner selects the clients of one owner. Nil: the clients of every owner. A pointer to "": the clients without an
	// owner.
	Owner *string

	// Skip is the number of clients to leave out at the beginning.
	Skip int

	// Take is the maximum number of clients to return. Zero: 20; at most 1000.
	Take int
}

const (
	defaultTake = 20
	maxTake     = 1000
)

func (p Page) validate() error {
	var f faults
	f.check(p.Skip >= 0, "Page.Skip", "must not be negative")
	f.check(p.Take >= 0 && p.Take <= maxTake, "Page.Take", "must be from 0 to 1000")
	return f.join()
}

// isEmpty reports whether the page is empty because no client can have this Owner. The Store is not called then: some
// databases return an error for such texts.
func (p Page) isEmpty() bool { return p.Owner != nil && !isText(*p.Owner) }

// List returns a page of the clients, in ascending order of their ids. It fails if a stored client cannot be read.
func (r *Registry) List(ctx context.Context, page Page) ([]Client, error) {
	if err := page.validate(); err != nil || page.isEmpty() {
		return nil, err
	}
	rows, err := r.cfg.Store.List(ctx, page.Owner, page.Skip, cmp.Or(page.Take, defaultTake))
	return clients(rows, err)
}

// ByName returns a page of the clients with the given name, in ascending order of their ids. Names are not unique. It
// fails if a stored client cannot be read.
func (r *Registry) ByName(ctx context.Context, name string, page Page) ([]Client, error) {
	if err := page.validate(); err != nil || page.isEmpty() || !isText(name) {
		return nil, err
	}
	rows, err := r.cfg.Store.ByName(ctx, name, page.Owner, page.Skip, cmp.Or(page.Take, defaultTake))
	return clients(rows, err)
}

// clients decodes the rows that a Store has returned together with err.
func clients(rows []Row, err error) ([]Client, error) {
	if err != nil {
		return nil, unavailable(err)
	}
	found := make([]Client, len(rows))
	for i, row := range rows {
		if found[i], err = rowClient(row); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Delete deletes a client and its secrets. Authenticate rejects them from then on. The error is [ErrNotFound] if there is
// no client with that id.
func (r *Registry) Delete(ctx context.Context, id string) error {
	if !isID(id) {
		return ErrNotFound
	}
	deleted, err := r.cfg.Store.Delete(ctx, id)
	switch {
	case err != nil:
		return unavailable(err)
	case !deleted:
		return ErrNotFound
	}
	return nil
}
