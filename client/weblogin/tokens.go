package weblogin

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/bearerkit/bearerkit/client"
)

// tokenStore keeps the tokens of one App in the store of the sessions. Each token is an entry of its own. It cannot be
// part of the session, because each request that changes a session writes all of it. The last write wins, and could
// restore an old refresh token.
type tokenStore struct {
	store *finalStore
	owner owner
	lock  client.TokenLocker // nil: use busy, which works within this process only

	// late is called with a token that was received after the logout that should have ended it.
	late func(ctx context.Context, token *client.Token)

	mu   sync.Mutex // guards busy
	busy map[string]chan struct{}
}

var (
	_ client.TokenStore  = (*tokenStore)(nil)
	_ client.TokenLocker = (*tokenStore)(nil)
)

const (
	tokenField = "token"

	noteLogout = "logout" // of a login that was signed out: its token is revoked, whenever it arrives
)

// Load implements client.TokenStore.
func (s *tokenStore) Load(ctx context.Context, key string) (*client.Token, error) {
	b, found, err := s.store.find(ctx, s.owner.token(key))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, client.ErrNoToken
	}
	text, err := s.store.decode(b, tokenField)
	if err != nil {
		return nil, err
	}
	token := new(client.Token)
	if err := json.Unmarshal(text, token); err != nil {
		return nil, fmt.Errorf("%w: a stored token cannot be decoded: %w", errStore, err)
	}
	return token, nil
}

// Save implements client.TokenStore. If the login has ended in the meantime, it saves nothing and returns errEnded. If it
// has ended by a logout, Save also passes the token to late, which revokes it.
func (s *tokenStore) Save(ctx context.Context, key string, token *client.Token) error {
	text, err := json.Marshal(token)
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	b, end, err := s.store.encode(tokenField, text, s.store.sessions.Lifetime)
	if err != nil {
		return err
	}
	note, gone, err := s.store.commit(ctx, s.owner.token(key), b, end)
	if !gone {
		return err
	}
	if note == noteLogout {
		s.late(ctx, token)
	}
	return errEnded
}

// errEnded says that a login has ended, so that its token was not saved.
var errEnded = fmt.Errorf("weblogin: the login has ended: %w", client.ErrNoToken)

// Delete implements client.TokenStore.
func (s *tokenStore) Delete(ctx context.Context, key string) error {
	return s.store.bury(ctx, s.owner.token(key), "")
}

// end deletes the token of a login that was signed out, and returns it so that it can be revoked. It returns nil if there is
// none. If the token cannot be read, it is not deleted, but the login has still ended. end reads the token after it has
// written the note: Save passes a token that is written later to late.
func (s *tokenStore) end(ctx context.Context, key string) (*client.Token, error) {
	entry := s.owner.token(key)
	if err := s.store.putNote(ctx, entry, noteLogout); err != nil {
		return nil, err
	}
	token := new(client.Token)
	text, found, err := s.store.get(ctx, entry, tokenField)
	if err != nil {
		return nil, err // the entry remains, so that the next logout can revoke the token
	}
	if !found || json.Unmarshal(text, token) != nil { // then the token expires by itself
		token = nil
	}
	return token, s.store.remove(ctx, entry)
}

// hasEnded reports whether a login was signed out, or replaced by a new one.
func (s *tokenStore) hasEnded(ctx context.Context, key string) (bool, error) {
	_, ended, err := s.store.note(ctx, s.owner.token(key))
	return ended, err
}

// Lock implements client.TokenLocker.
func (s *tokenStore) Lock(ctx context.Context, key string) (unlock func(), err error) {
	return s.lockEntry(ctx, s.owner.token(key))
}

// lockEntry locks an entry of the store by its name.
func (s *tokenStore) lockEntry(ctx context.Context, key string) (unlock func(), err error) {
	if s.lock != nil {
		return s.lock.Lock(ctx, key)
	}
	// The channel of the holder is closed when the lock is free. Unlike a mutex, a wait for it can end with ctx.
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

// unlock releases the lock of key. All waiting callers try again, and one of them gets the lock.
func (s *tokenStore) unlock(key string, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, key)
	close(done)
}
