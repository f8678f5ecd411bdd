package registry

import (
	"context"
)

// Registry registers clients and authenticates them. It is safe for concurrent use, and so are several over one [Store],
// in one process or in many.
type Registry struct {
	cfg        Config
	hasher     hasher
	remembered *remembered
}

// New checks cfg and returns all that is wrong with it, joined, each a [*FieldError]. It does not touch the Store.
func New(cfg Config) (*Registry, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Registry{
		cfg:        cfg,
		hasher:     hasher{params: cfg.Hash, pepper: cfg.Pepper, gate: newGate(cfg.MaxConcurrent, cfg.MaxWaiting)},
		remembered: newRemembered(cfg.CacheSize),
	}, nil
}

// Get returns the client of that id, or [ErrNotFound].
func (r *Registry) Get(ctx context.Context, id string) (Client, error) {
	rec, err := r.read(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return rec.client(), nil
}

// Page is a part of the clients that are asked for.
type Page struct {
	// Owner is whose clients: nil for anybody's, empty for those of nobody.
	Owner *string

	// Skip is how many to leave out at the beginning.
	Skip int

	// Take is how many to return at most. Zero: 20; at most 1000.
	Take int
}

const (
	defaultTake = 20
	maxTake     = 1000
)

func (p Page) validate() error {
	var f faults
	f.check(p.Skip >= 0, "Page.Skip", "is negative")
	f.check(p.Take >= 0 && p.Take <= maxTake, "Page.Take", "is not from 0 to 1000")
	return f.join()
}

// isEmpty reports whether no client has such an owner. Not every store could look for it.
func (p Page) isEmpty() bool { return p.Owner != nil && !isText(*p.Owner) }

// List returns a page of the clients in the order of their ids.
func (r *Registry) List(ctx context.Context, page Page) ([]Client, error) {
	if err := page.validate(); err != nil || page.isEmpty() {
		return nil, err
	}
	rows, err := r.cfg.Store.List(ctx, page.Owner, page.Skip, orDefault(page.Take, defaultTake))
	return clients(rows, err)
}

// ByName returns a page of the clients of that name in the order of their ids: several may have one name.
func (r *Registry) ByName(ctx context.Context, name string, page Page) ([]Client, error) {
	if err := page.validate(); err != nil || page.isEmpty() || !isText(name) {
		return nil, err
	}
	rows, err := r.cfg.Store.ByName(ctx, name, page.Owner, page.Skip, orDefault(page.Take, defaultTake))
	return clients(rows, err)
}

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

// Delete drops a client and its secrets, which end at that moment. A client that is not there is [ErrNotFound].
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
