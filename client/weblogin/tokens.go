package weblogin

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/bearerkit/bearerkit/client"
)

// tokenStore keeps tokens in the store of the sessions, each in an entry of its own: a session is written as a whole by
// each request that changes it, and the last one wins, which must not bring an old refresh token back.
type tokenStore struct {
	store *finalStore
	lock  client.TokenLocker // nil: that of this process

	// late is told of a token that came after the logout that it should have ended with.
	late func(ctx context.Context, token *client.Token)

	mu   sync.Mutex // guards busy
	busy map[string]chan struct{}
}

var (
	_ client.TokenStore  = (*tokenStore)(nil)
	_ client.TokenLocker = (*tokenStore)(nil)
)

const (
	tokenEntry = "token."
	tokenField = "token"

	noteLogout = "logout" // of a token that is to be revoked, whenever it comes
)

// Load implements client.TokenStore.
func (s *tokenStore) Load(ctx context.Context, key string) (*client.Token, error) {
	b, found, err := s.store.find(ctx, tokenEntry+key)
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
		return nil, fmt.Errorf("%w: a stored token: %w", errStore, err)
	}
	return token, nil
}

// Save implements client.TokenStore. After a logout there is nothing to keep: the refresh was under way, and what it has
// brought ends, too.
func (s *tokenStore) Save(ctx context.Context, key string, token *client.Token) error {
	text, err := json.Marshal(token) //nolint:gosec // G117: that is what the store is for
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	b, end, err := s.store.encode(tokenField, text)
	if err != nil {
		return err
	}
	note, gone, err := s.store.commit(ctx, tokenEntry+key, b, end)
	if !gone {
		return err
	}
	if note == noteLogout {
		s.late(ctx, token)
	}
	return fmt.Errorf("weblogin: the session has ended: %w", client.ErrNoToken)
}

// Delete implements client.TokenStore.
func (s *tokenStore) Delete(ctx context.Context, key string) error {
	return s.store.bury(ctx, tokenEntry+key, "")
}

// end deletes the token of a session that was signed out, and returns what is to be revoked; nil: nothing. It is read after
// the note was written: what comes later is told to late.
func (s *tokenStore) end(ctx context.Context, key string) (*client.Token, error) {
	if err := s.store.put(ctx, goneEntry+tokenEntry+key, noteField, []byte(noteLogout)); err != nil {
		return nil, err
	}
	token := new(client.Token)
	text, found, err := s.store.get(ctx, tokenEntry+key, tokenField)
	if err != nil || !found || json.Unmarshal(text, token) != nil { // without it there is less to end
		token = nil
	}
	return token, s.store.remove(ctx, tokenEntry+key)
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
