package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// TokenStore stores the tokens of a [TokenSource]. Implementations must be safe for concurrent use. A store that several
// processes share should also implement [TokenLocker]. Package tokenstoretest has tests for implementations.
//
// A store must keep every exported field of a Token that has a JSON name, and should keep the members of [Token.Extra].
// Encoding a Token as JSON does both. The source
// copies each token before Save and after Load, so a store may keep the pointer it receives.
type TokenStore interface {
	// Load returns the token that was saved under key. If there is none, and only then, the error must match [ErrNoToken]. A
	// token that exists but cannot be read must cause another error, so that the source does not replace it.
	Load(ctx context.Context, key string) (*Token, error)

	// Save stores token under key, in place of the previous one. When Save returns nil, the token must outlive the process.
	// A Token may have a refresh token and no access token.
	Save(ctx context.Context, key string, token *Token) error

	// Delete removes the token under key. It is not an error if there is none. A refresh that is in progress may save its
	// token later; hold the lock of key while you sign a user out.
	Delete(ctx context.Context, key string) error
}

// TokenLocker is implemented by a [TokenStore] that can let one process at a time refresh a token. Without a lock, two
// processes may send the same refresh token. A server that rotates refresh tokens may treat that as theft and revoke the
// whole grant (RFC 9700, Section 4.14.2).
type TokenLocker interface {
	// Lock waits until no other caller holds the lock of key, or until ctx ends. ctx limits the wait only, not how long the
	// lock is held. The lock of a process that has died must become free.
	Lock(ctx context.Context, key string) (unlock func(), err error)
}

// ErrNoToken says that there is no usable token, and that only a new sign-in of the user can obtain one.
var ErrNoToken = errors.New("client: no token, and none can be obtained without the user")

// MemoryTokens is a [CredentialStore] in the memory of this process. Its size is not limited. The zero value is an empty
// store. It is safe for concurrent use.
type MemoryTokens struct {
	mu            sync.Mutex // guards the fields below
	tokens        map[string]*Token
	registrations map[string]Registration
}

// NewMemoryTokens returns an empty store.
func NewMemoryTokens() *MemoryTokens { return new(MemoryTokens) }

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
	if m.tokens == nil {
		m.tokens = make(map[string]*Token)
	}
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

// Format implements [fmt.Formatter]. For every verb, it omits the tokens.
func (m *MemoryTokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.MemoryTokens{}") }

// LogValue implements [slog.LogValuer]. It omits the tokens.
func (m *MemoryTokens) LogValue() slog.Value { return slog.StringValue("client.MemoryTokens{}") }
