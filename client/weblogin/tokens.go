package weblogin

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

// tokenStore keeps tokens in the store of the sessions, each in an entry of its own: a session is written as a whole by
// each request that changes it, and the last one wins, which must not bring an old refresh token back.
type tokenStore struct {
	sessions *scs.SessionManager
	lock     client.TokenLocker // nil: that of this process

	mu   sync.Mutex // guards busy
	busy map[string]chan struct{}
}

var (
	_ client.TokenStore  = (*tokenStore)(nil)
	_ client.TokenLocker = (*tokenStore)(nil)
)

func newTokenStore(sessions *scs.SessionManager, lock client.TokenLocker) *tokenStore {
	return &tokenStore{sessions: sessions, lock: lock, busy: make(map[string]chan struct{})}
}

const (
	tokenField = "token"
	markField  = "ended"
)

// Load implements client.TokenStore.
func (s *tokenStore) Load(ctx context.Context, key string) (*client.Token, error) {
	text, err := s.find(ctx, "token."+key, tokenField)
	if err != nil || text == nil {
		return nil, errorOr(err, client.ErrNoToken)
	}
	token := new(client.Token)
	if err := json.Unmarshal(text, token); err != nil {
		return nil, fmt.Errorf("weblogin: a stored token: %w", err)
	}
	return token, nil
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// Save implements client.TokenStore.
func (s *tokenStore) Save(ctx context.Context, key string, token *client.Token) error {
	text, err := json.Marshal(token) //nolint:gosec // G117: that is what the store is for
	if err != nil {
		return err
	}
	return s.put(ctx, "token."+key, tokenField, text)
}

// Delete implements client.TokenStore.
func (s *tokenStore) Delete(ctx context.Context, key string) error {
	if store, ok := s.sessions.Store.(scs.CtxStore); ok {
		return store.DeleteCtx(ctx, "token."+key)
	}
	return s.sessions.Store.Delete("token." + key)
}

// mark notes that sessions of a name that began before at have ended.
func (s *tokenStore) mark(ctx context.Context, kind, name string, at time.Time) error {
	text, err := at.MarshalText()
	if err != nil {
		return err
	}
	return s.put(ctx, "ended."+kind+"."+client.S256(name), markField, text)
}

func (s *tokenStore) marked(ctx context.Context, kind, name string) (at time.Time, err error) {
	text, err := s.find(ctx, "ended."+kind+"."+client.S256(name), markField)
	if err != nil || text == nil {
		return time.Time{}, err
	}
	return at, at.UnmarshalText(text)
}

// put writes an entry that reads like a session, for those who list a store. It lives as long as one can.
func (s *tokenStore) put(ctx context.Context, key, field string, text []byte) error {
	end := time.Now().Add(s.sessions.Lifetime)
	entry, err := s.sessions.Codec.Encode(end, map[string]any{field: text})
	if err != nil {
		return fmt.Errorf("weblogin: %w", err)
	}
	if store, ok := s.sessions.Store.(scs.CtxStore); ok {
		return store.CommitCtx(ctx, key, entry, end)
	}
	return s.sessions.Store.Commit(key, entry, end)
}

func (s *tokenStore) find(ctx context.Context, key, field string) ([]byte, error) {
	find := func(context.Context, string) ([]byte, bool, error) { return s.sessions.Store.Find(key) }
	if store, ok := s.sessions.Store.(scs.CtxStore); ok {
		find = store.FindCtx
	}
	entry, found, err := find(ctx, key)
	if err != nil || !found {
		return nil, err
	}
	_, values, err := s.sessions.Codec.Decode(entry)
	if err != nil {
		return nil, fmt.Errorf("weblogin: %w", err)
	}
	text, _ := values[field].([]byte)
	return text, nil
}

// Lock implements client.TokenLocker.
func (s *tokenStore) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if s.lock != nil {
		return s.lock.Lock(ctx, key)
	}
	for {
		s.mu.Lock()
		other, busy := s.busy[key]
		if !busy {
			done := make(chan struct{})
			s.busy[key] = done
			s.mu.Unlock()
			return func() { s.unlock(key, done) }, nil
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *tokenStore) unlock(key string, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, key)
	close(done)
}
