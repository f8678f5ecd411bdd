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

// ByName returns all clients of that name in the order of their ids; there may be none or several. A nil owner means
// anybody's clients, an empty one those of nobody, any other those of that owner.
func (r *Registry) ByName(ctx context.Context, name string, owner *string) ([]Client, error) {
	if !isText(name) || owner != nil && !isText(*owner) {
		return nil, nil // no client has such a name, and not every store could look for it
	}
	rows, err := r.cfg.Store.ByName(ctx, name, owner)
	return clients(rows, err)
}

// Page is a part of all clients.
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

// List returns a page of the clients in the order of their ids.
func (r *Registry) List(ctx context.Context, page Page) ([]Client, error) {
	var f faults
	f.check(page.Skip >= 0, "Page.Skip", "is negative")
	f.check(page.Take >= 0 && page.Take <= maxTake, "Page.Take", "is not from 0 to 1000")
	if err := f.join(); err != nil {
		return nil, err
	}
	if page.Owner != nil && !isText(*page.Owner) {
		return nil, nil // no client has such an owner
	}
	rows, err := r.cfg.Store.List(ctx, page.Owner, page.Skip, orDefault(page.Take, defaultTake))
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
