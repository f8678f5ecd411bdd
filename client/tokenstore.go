package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// TokenStore keeps the tokens of a [TokenSource]. It is safe for concurrent use. A store that several processes share
// should be a [TokenLocker] as well. What it gets and returns is a copy that nobody else changes.
type TokenStore interface {
	// Load returns the token under key. The error matches [ErrNoToken] if there is none, and only then: what cannot be read
	// is another error, so that nothing is put in its place.
	Load(ctx context.Context, key string) (*Token, error)

	// Save puts a token in the place of the one before. Once it returns, the token outlives the process. A Token without an
	// access token is kept for its refresh token.
	Save(ctx context.Context, key string, token *Token) error

	// Delete forgets the token. It is no error if there is none. A refresh that is on its way may save its token after
	// that: who signs a user out holds the lock meanwhile.
	Delete(ctx context.Context, key string) error
}

// TokenLocker lets one process at a time refresh a token: a server that rotates refresh tokens may take a second use of
// one for theft, and withdraw them all.
type TokenLocker interface {
	// Lock waits until nobody else holds the lock of key. ctx bounds the wait alone. A lock whose process has ended must
	// become free.
	Lock(ctx context.Context, key string) (unlock func(), err error)
}

// ErrNoToken says that there is no token, and no way to get one without the user.
var ErrNoToken = errors.New("client: there is no token")

// MemoryTokens is a [TokenStore] in the memory of this process.
type MemoryTokens struct {
	mu     sync.Mutex // guards tokens
	tokens map[string]*Token
}

// NewMemoryTokens makes an empty store.
func NewMemoryTokens() *MemoryTokens { return &MemoryTokens{tokens: make(map[string]*Token)} }

// Load implements [TokenStore].
func (m *MemoryTokens) Load(_ context.Context, key string) (*Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, ok := m.tokens[key]
	if !ok {
		return nil, ErrNoToken
	}
	return token.clone(), nil
}

// Save implements [TokenStore].
func (m *MemoryTokens) Save(_ context.Context, key string, token *Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[key] = token.clone()
	return nil
}

// Delete implements [TokenStore].
func (m *MemoryTokens) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, key)
	return nil
}

// Format leaves the tokens out, whatever the verb.
func (m *MemoryTokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.MemoryTokens{}") }

// LogValue leaves the tokens out.
func (m *MemoryTokens) LogValue() slog.Value { return slog.StringValue("client.MemoryTokens{}") }
