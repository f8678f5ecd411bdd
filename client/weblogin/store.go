package weblogin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// errStore is matched by all errors of the session store.
var errStore = errors.New("weblogin: the session store failed")

// finalStore is a store in which deleted entries stay deleted.
//
// Without it, a slow request could undo a logout: it reads its session, the user signs out, and then the request writes
// the session that it has read. The same can happen with the token that a refresh receives. Therefore a deletion first
// writes a note, and a writer looks for a note after it has written. Either the writer finds the note and removes the
// entry again, or the deletion comes later and removes it. This needs no lock, also if several processes share the store.
// Readers look for the note too, so that they never see an entry between a late write and its removal.
//
// It also hides the App's own entries from the session manager. Session ids come from cookies, so a client can send the
// name of any entry as a session id.
type finalStore struct {
	inner    scs.Store
	sessions *scs.SessionManager // for Codec and Lifetime

	mu     sync.Mutex // guards owners
	owners []owner    // of the Apps that use the session manager
}

var (
	_ scs.CtxStore         = (*finalStore)(nil)
	_ scs.IterableStore    = (*finalStore)(nil)
	_ scs.IterableCtxStore = (*finalStore)(nil)
)

const (
	goneEntry = "gone." // precedes the name of a deleted entry
	noteField = "note"
)

// isPrivate reports whether id names an entry of an App. Session ids are base64url and contain no dot.
func isPrivate(id string) bool { return strings.Contains(id, ".") }

// finalStoreOf returns the finalStore of a session manager. It puts one in front of the manager's store if there is none.
// If the store is the finalStore of another manager, it wraps the inner store again, because the other finalStore uses
// the Codec and Lifetime of its own manager.
func finalStoreOf(sessions *scs.SessionManager) *finalStore {
	inner := sessions.Store
	if s, ok := inner.(*finalStore); ok {
		if s.sessions == sessions {
			return s
		}
		inner = s.inner
	}
	s := &finalStore{inner: inner, sessions: sessions}
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

// CommitCtx implements scs.CtxStore. Writing a session that was deleted is not an error, and has no effect.
func (s *finalStore) CommitCtx(ctx context.Context, id string, b []byte, expiry time.Time) error {
	if isPrivate(id) {
		return fmt.Errorf("%w: the name of another entry was used as a session id", errStore)
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

// AllCtx implements scs.IterableCtxStore. It returns the sessions and none of the App's own entries. It returns an error
// if the wrapped store cannot list its entries.
func (s *finalStore) AllCtx(ctx context.Context) (all map[string][]byte, err error) {
	switch store := s.inner.(type) {
	case scs.IterableCtxStore:
		all, err = store.AllCtx(ctx)
	case scs.IterableStore:
		all, err = store.All()
	default:
		err = errors.New("the store does not implement scs.IterableStore or scs.IterableCtxStore")
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

// find returns an entry that was not deleted.
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

// commit writes an entry. If the entry was deleted before, it removes it again, and returns gone and the note of the
// deletion.
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

// bury deletes an entry so that a late write cannot restore it. It writes the note first.
func (s *finalStore) bury(ctx context.Context, name, note string) error {
	if err := s.putNote(ctx, name, note); err != nil {
		return err
	}
	return s.remove(ctx, name)
}

// putNote records that an entry was deleted. It replaces an earlier note.
func (s *finalStore) putNote(ctx context.Context, name, note string) error {
	return s.put(ctx, goneEntry+name, noteField, []byte(note), s.recordLifetime())
}

// recordLifetime returns how long the store keeps a note or another record that something has ended. It is longer than
// Lifetime, because a login to which the record applies may begin after the record was written: its callback may still be
// running, or another process has a clock that is ahead.
func (s *finalStore) recordLifetime() time.Duration {
	const longer = callbackTimeout + maxClockSkew
	return s.sessions.Lifetime + min(longer, math.MaxInt64-s.sessions.Lifetime)
}

// note returns the note that the deletion of an entry has left. gone reports whether there is one.
func (s *finalStore) note(ctx context.Context, name string) (note string, gone bool, err error) {
	text, gone, err := s.get(ctx, goneEntry+name, noteField)
	return string(text), gone, err
}

// put writes an entry of the App. It encodes the entry like a session with one value, so that programs that decode all
// entries of the store can decode it.
func (s *finalStore) put(ctx context.Context, name, field string, text []byte, lifetime time.Duration) error {
	b, end, err := s.encode(field, text, lifetime)
	if err != nil {
		return err
	}
	return s.write(ctx, name, b, end)
}

// encode returns an entry with one value, and when it expires.
func (s *finalStore) encode(field string, text []byte, lifetime time.Duration) (b []byte, end time.Time, err error) {
	end = time.Now().Add(lifetime)
	b, err = s.sessions.Codec.Encode(end, map[string]any{field: text})
	if err != nil {
		return nil, end, fmt.Errorf("%w: %w", errStore, err)
	}
	return b, end, nil
}

// get reads an entry of the App.
func (s *finalStore) get(ctx context.Context, name, field string) (text []byte, found bool, err error) {
	b, found, err := s.read(ctx, name)
	if err != nil || !found {
		return nil, false, err
	}
	text, err = s.decode(b, field)
	return text, true, err
}

// decode returns the value of an entry. It is nil if the entry has none.
func (s *finalStore) decode(b []byte, field string) ([]byte, error) {
	_, values, err := s.sessions.Codec.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	text, _ := values[field].([]byte)
	return text, nil
}

// read, write and remove are the operations of the wrapped store. They pass the context on if the store takes one.

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
