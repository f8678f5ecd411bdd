package weblogin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// errStore says that the store of the sessions has failed.
var errStore = errors.New("weblogin: the session store")

// finalStore is a store in which what was deleted stays so. Without it a logout can be undone: whoever read a session
// before, and writes it as a whole at the end of a slow request, would bring it back, and so would a refresh that was under
// way with the token. So a deletion leaves a note, and whoever writes looks for one afterwards: either the writer sees the
// note, or the deletion came later and has seen what was written. No lock is held, and processes need not know each other.
//
// It also keeps the App's own entries out of reach: a session id comes from a cookie, and a browser can send any.
type finalStore struct {
	inner    scs.Store
	sessions *scs.SessionManager // for Codec and Lifetime
}

var (
	_ scs.CtxStore         = (*finalStore)(nil)
	_ scs.IterableStore    = (*finalStore)(nil)
	_ scs.IterableCtxStore = (*finalStore)(nil)
)

const (
	goneEntry = "gone."
	noteField = "note"
)

// isPrivate tells the App's entries from sessions, whose ids are base64url and have no dot.
func isPrivate(id string) bool { return strings.Contains(id, ".") }

// finalStoreOf puts itself before the store of sessions, once.
func finalStoreOf(sessions *scs.SessionManager) *finalStore {
	if s, ok := sessions.Store.(*finalStore); ok {
		return s
	}
	s := &finalStore{inner: sessions.Store, sessions: sessions}
	sessions.Store = s
	return s
}

// Find implements scs.Store.
func (s *finalStore) Find(id string) (b []byte, found bool, err error) {
	return s.FindCtx(context.Background(), id)
}

// Commit implements scs.Store.
func (s *finalStore) Commit(id string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), id, b, expiry)
}

// Delete implements scs.Store.
func (s *finalStore) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// All implements scs.IterableStore.
func (s *finalStore) All() (map[string][]byte, error) { return s.AllCtx(context.Background()) }

// FindCtx implements scs.CtxStore.
func (s *finalStore) FindCtx(ctx context.Context, id string) (b []byte, found bool, err error) {
	if id == "" || isPrivate(id) {
		return nil, false, nil
	}
	return s.find(ctx, id)
}

// CommitCtx implements scs.CtxStore. To write a session that is gone is no error: nobody needs to know.
func (s *finalStore) CommitCtx(ctx context.Context, id string, b []byte, expiry time.Time) error {
	if isPrivate(id) {
		return fmt.Errorf("%w: this is no id of a session", errStore)
	}
	_, _, err := s.commit(ctx, id, b, expiry)
	return err
}

// DeleteCtx implements scs.CtxStore.
func (s *finalStore) DeleteCtx(ctx context.Context, id string) error {
	if id == "" || isPrivate(id) {
		return nil
	}
	return s.bury(ctx, id, "")
}

// AllCtx implements scs.IterableCtxStore: the sessions, and nothing else. It fails for a store that cannot list.
func (s *finalStore) AllCtx(ctx context.Context) (all map[string][]byte, err error) {
	switch store := s.inner.(type) {
	case scs.IterableCtxStore:
		all, err = store.AllCtx(ctx)
	case scs.IterableStore:
		all, err = store.All()
	default:
		err = errors.New("it cannot list what it has")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	sessions := make(map[string][]byte, len(all))
	for id, b := range all {
		_, gone := all[goneEntry+id]
		if !isPrivate(id) && !gone {
			sessions[id] = b
		}
	}
	return sessions, nil
}

// find looks at the note as well: between a late write and its end nobody may see it.
func (s *finalStore) find(ctx context.Context, name string) (b []byte, found bool, err error) {
	b, found, err = s.read(ctx, name)
	if err != nil || !found {
		return nil, false, err
	}
	_, gone, err := s.note(ctx, name)
	if err != nil || gone {
		return nil, false, err
	}
	return b, true, nil
}

// commit writes an entry, unless it was buried: then it says so, and with which note.
func (s *finalStore) commit(ctx context.Context, name string, b []byte, expiry time.Time) (note string, gone bool, err error) {
	if err := s.write(ctx, name, b, expiry); err != nil {
		return "", false, err
	}
	note, gone, err = s.note(ctx, name)
	if err != nil || !gone {
		return "", false, err
	}
	return note, true, s.remove(ctx, name)
}

// bury deletes an entry for good. The note comes first, and lasts as long as a session can that began today.
func (s *finalStore) bury(ctx context.Context, name, note string) error {
	if err := s.put(ctx, goneEntry+name, noteField, []byte(note)); err != nil {
		return err
	}
	return s.remove(ctx, name)
}

func (s *finalStore) note(ctx context.Context, name string) (note string, gone bool, err error) {
	text, found, err := s.get(ctx, goneEntry+name, noteField)
	return string(text), found, err
}

// put writes a private entry. It reads like a session, for those who list the store itself.
func (s *finalStore) put(ctx context.Context, name, field string, text []byte) error {
	b, end, err := s.encode(field, text)
	if err != nil {
		return err
	}
	return s.write(ctx, name, b, end)
}

func (s *finalStore) encode(field string, text []byte) (b []byte, end time.Time, err error) {
	end = time.Now().Add(s.sessions.Lifetime)
	b, err = s.sessions.Codec.Encode(end, map[string]any{field: text})
	if err != nil {
		return nil, end, fmt.Errorf("%w: %w", errStore, err)
	}
	return b, end, nil
}

func (s *finalStore) get(ctx context.Context, name, field string) (text []byte, found bool, err error) {
	b, found, err := s.read(ctx, name)
	if err != nil || !found {
		return nil, false, err
	}
	text, err = s.decode(b, field)
	return text, true, err
}

func (s *finalStore) decode(b []byte, field string) ([]byte, error) {
	_, values, err := s.sessions.Codec.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	text, _ := values[field].([]byte)
	return text, nil
}

// The store's own operations, with a context where it takes one.

func (s *finalStore) read(ctx context.Context, name string) (b []byte, found bool, err error) {
	if store, ok := s.inner.(scs.CtxStore); ok {
		b, found, err = store.FindCtx(ctx, name)
	} else {
		b, found, err = s.inner.Find(name)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errStore, err)
	}
	return b, found, nil
}

func (s *finalStore) write(ctx context.Context, name string, b []byte, expiry time.Time) (err error) {
	if store, ok := s.inner.(scs.CtxStore); ok {
		err = store.CommitCtx(ctx, name, b, expiry)
	} else {
		err = s.inner.Commit(name, b, expiry)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

func (s *finalStore) remove(ctx context.Context, name string) (err error) {
	if store, ok := s.inner.(scs.CtxStore); ok {
		err = store.DeleteCtx(ctx, name)
	} else {
		err = s.inner.Delete(name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}
