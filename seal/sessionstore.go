package seal

import (
	"context"
	"errors"
	"time"
)

// The optional methods of a SessionStore.
type (
	sessionCtxStore interface { // scs.CtxStore
		FindCtx(ctx context.Context, id string) (value []byte, found bool, err error)
		CommitCtx(ctx context.Context, id string, value []byte, expiry time.Time) error
		DeleteCtx(ctx context.Context, id string) error
	}
	sessionIterator interface { // scs.IterableStore
		All() (map[string][]byte, error)
	}
	sessionCtxIterator interface { // scs.IterableCtxStore
		AllCtx(ctx context.Context) (map[string][]byte, error)
	}
)

// read, write, removeAll and readAll are the operations of the wrapped store. They pass the context on if the store takes one.

// read returns the value of a row, and false if there is no such row.
func (s *Sessions) read(ctx context.Context, row string) (value []byte, found bool, err error) {
	if store, ok := s.cfg.Store.(sessionCtxStore); ok {
		return store.FindCtx(ctx, row)
	}
	return s.cfg.Store.Find(row)
}

// write stores the value of a row until expiry.
func (s *Sessions) write(ctx context.Context, row string, value []byte, expiry time.Time) error {
	if store, ok := s.cfg.Store.(sessionCtxStore); ok {
		return store.CommitCtx(ctx, row, value, expiry)
	}
	return s.cfg.Store.Commit(row, value, expiry)
}

// removeAll deletes rows one after the other, and stops at the first error.
func (s *Sessions) removeAll(ctx context.Context, rows []string) error {
	store, ok := s.cfg.Store.(sessionCtxStore)
	for _, row := range rows {
		var err error
		if ok {
			err = store.DeleteCtx(ctx, row)
		} else {
			err = s.cfg.Store.Delete(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readAll returns the values of all rows by their names. It returns an error if the store cannot list its rows.
func (s *Sessions) readAll(ctx context.Context) (map[string][]byte, error) {
	switch store := s.cfg.Store.(type) {
	case sessionCtxIterator:
		return store.AllCtx(ctx)
	case sessionIterator:
		return store.All()
	default:
		return nil, errors.New("seal: SessionsConfig.Store does not implement scs.IterableStore or scs.IterableCtxStore")
	}
}
