package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

// PendingAuthorization is a sign-in that has begun. Keep it where only the user's own browser can bring it back, in a
// session, a [PendingStore] or by [PendingCookies], use it once, and give it to [Client.Callback]. It holds secrets, which
// neither fmt nor slog prints; encoding it as JSON writes them. Do not change it.
type PendingAuthorization struct {
	// URL is where the user's browser is to be sent.
	URL string `json:"-"`

	// State finds the PendingAuthorization again: the answer carries it.
	State string `json:"state"`

	Nonce        string        `json:"nonce,omitzero"`
	CodeVerifier string        `json:"code_verifier,omitzero"`
	RedirectURI  string        `json:"redirect_uri,omitzero"`
	Issuer       string        `json:"issuer"`
	ResponseMode string        `json:"response_mode,omitzero"`
	Scopes       []string      `json:"scopes,omitzero"`
	Resource     []string      `json:"resource,omitzero"`
	ACRValues    []string      `json:"acr_values,omitzero"`
	MaxAge       time.Duration `json:"max_age,omitzero"`
	ReturnTo     string        `json:"return_to,omitzero"`

	// Subject is the user who must come back: that of AuthorizationOptions.IDTokenHint. Empty: anyone.
	Subject string `json:"subject,omitzero"`

	// StartedAt is when the request was made, ExpiresAt when the answer is too late.
	StartedAt time.Time `json:"started_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Format leaves the secrets out, whatever the verb.
func (p PendingAuthorization) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingAuthorization{"+p.Issuer+"}")
}

// LogValue leaves the secrets out.
func (p PendingAuthorization) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", p.Issuer), slog.Time("expires_at", p.ExpiresAt))
}

// isPosted reports whether the answer is a POST from the server's page.
func (p *PendingAuthorization) isPosted() bool { return strings.HasPrefix(p.ResponseMode, "form_post") }

// ErrNotPending says that no authorization request of this browser is pending under that state: it was answered already,
// it has ended, or it never was. It matches [ErrCallback].
var ErrNotPending = fmt.Errorf("%w: none is pending under this state", ErrCallback)

// PendingStore keeps sign-ins on the server. session is what ties them to the browser: an answer that another browser
// brings is not found.
type PendingStore interface {
	// Put keeps pending until it ends.
	Put(ctx context.Context, session string, pending *PendingAuthorization) error

	// Take returns what was kept, once. The error is [ErrNotPending].
	Take(ctx context.Context, session, state string) (*PendingAuthorization, error)
}

// PendingMemory is a [PendingStore] in the memory of this process. It is safe for concurrent use.
type PendingMemory struct {
	mu      sync.Mutex // guards taking
	entries *bounded.Map[[2]string, *PendingAuthorization]
}

var _ PendingStore = (*PendingMemory)(nil)

// NewPendingMemory makes a PendingMemory with room for size sign-ins, at least one. A full one forgets others.
func NewPendingMemory(size int) *PendingMemory {
	return &PendingMemory{entries: bounded.New[[2]string, *PendingAuthorization](max(size, 1))}
}

// Format leaves the sign-ins out, whatever the verb.
func (m *PendingMemory) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingMemory{}")
}

// Put implements [PendingStore]. A session is required.
func (m *PendingMemory) Put(_ context.Context, session string, pending *PendingAuthorization) error {
	if session == "" {
		return errors.New("client: PendingMemory: a session is required")
	}
	kept := *pending
	m.entries.Add([2]string{session, pending.State}, &kept)
	return nil
}

// Take implements [PendingStore].
func (m *PendingMemory) Take(_ context.Context, session, state string) (*PendingAuthorization, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{session, state}
	pending, ok := m.entries.Get(key)
	m.entries.Remove(key)
	if !ok || time.Now().After(pending.ExpiresAt) {
		return nil, ErrNotPending
	}
	return pending, nil
}

// usedOnce remembers what was used. It holds hashes, and so many that its memory is bounded. The zero value is empty. It is
// safe for concurrent use.
type usedOnce struct {
	mu   sync.Mutex // guards asking and adding as one
	used *bounded.Map[string, struct{}]
}

const usedRemembered = 10_000

// first reports whether value is used for the first time.
func (u *usedOnce) first(value string) bool {
	hash := S256(value)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used == nil {
		u.used = bounded.New[string, struct{}](usedRemembered)
	}
	_, used := u.used.Get(hash)
	u.used.Add(hash, struct{}{})
	return !used
}
