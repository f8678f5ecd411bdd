package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// PendingAuthorization is an authorization request whose response has not arrived yet. The program must store it until
// the user's browser comes back. Get one from [Client.AuthorizationURL], and pass it to [Client.Callback] of the same
// client. Do not change it.
//
// Store it so that only the same browser can use it: in a session, in a [PendingStore], or in [PendingCookies]. Use it
// once. It contains secrets. Neither fmt nor slog prints them, but encoding it as JSON writes them.
type PendingAuthorization struct {
	// URL is where to send the user's browser. It is not encoded as JSON.
	URL string `json:"-"`

	// State identifies the request: the server's response repeats it. Use it to find the PendingAuthorization again.
	State string `json:"state"`

	// Nonce must be repeated by the ID token. CodeVerifier is the PKCE secret that is sent with the code.
	Nonce        string `json:"nonce,omitzero"`
	CodeVerifier string `json:"code_verifier,omitzero"`

	// Issuer and ClientID identify the server and the client of the request. Callback of any other client returns an error.
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`

	// These are values of the request, with which the response is checked.
	RedirectURI  string        `json:"redirect_uri,omitzero"`
	ResponseMode string        `json:"response_mode,omitzero"`
	Scopes       []string      `json:"scopes,omitzero"`
	Resource     []string      `json:"resource,omitzero"`
	ACRValues    []string      `json:"acr_values,omitzero"`
	MaxAge       time.Duration `json:"max_age,omitzero"`

	// ReturnTo is AuthorizationOptions.ReturnTo.
	ReturnTo string `json:"return_to,omitzero"`

	// Subject is AuthorizationOptions.Subject, or the claim sub of its IDTokenHint: this user must sign in. Empty means any
	// user.
	Subject string `json:"subject,omitzero"`

	// SubjectIssuer is the claim iss of AuthorizationOptions.IDTokenHint. With Config.Tenants, the same Subject at another
	// issuer is another user. Empty means that the issuer of the user is not compared.
	SubjectIssuer string `json:"subject_issuer,omitzero"`

	// StartedAt is when the request was made. A response after ExpiresAt is rejected.
	StartedAt time.Time `json:"started_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (p PendingAuthorization) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingAuthorization{"+p.Issuer+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (p PendingAuthorization) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", p.Issuer), slog.Time("expires_at", p.ExpiresAt))
}

// isPosted reports whether the response is a POST request from a page of the server.
func (p *PendingAuthorization) isPosted() bool { return strings.HasPrefix(p.ResponseMode, "form_post") }

// isOver reports whether the request has expired. If now is before StartedAt, the clock was set back and ExpiresAt is not
// reliable, so the request is treated as expired. The small tolerance is for the clock of another machine.
func (p *PendingAuthorization) isOver(now time.Time) bool {
	return now.After(p.ExpiresAt) || now.Before(p.StartedAt.Add(-defaultClockSkew))
}

// ErrNotPending says that this browser has no pending authorization request with the state of the response: it made no
// such request, the response was handled before, or the request has expired. It matches [ErrCallback].
var ErrNotPending = fmt.Errorf("%w: no pending request has its state", ErrCallback)

// PendingStore stores pending sign-ins on the server. Each one is stored under the session of a browser, so that another
// browser cannot complete it. Implementations must be safe for concurrent use.
type PendingStore interface {
	// Put stores pending under session and pending.State until pending.ExpiresAt.
	Put(ctx context.Context, session string, pending *PendingAuthorization) error

	// Take removes what is stored under session and state, and returns it. Only one of several concurrent calls may
	// succeed. If there is nothing, the error must match [ErrNotPending].
	Take(ctx context.Context, session, state string) (*PendingAuthorization, error)
}

// PendingMemory is a [PendingStore] in the memory of this process. Make one with [NewPendingMemory]. It is safe for
// concurrent use.
//
// When it is full, the oldest sign-in is dropped, and its user must start again. An attacker who starts many sign-ins can
// cause that. [PendingCookies] has no such limit.
type PendingMemory struct {
	entries *lru.Cache[pendingKey, pendingEntry]
}

type pendingKey struct{ session, state string }

// pendingEntry is a stored sign-in. It measures its age with both the wall clock and the monotonic clock, because
// pending.ExpiresAt can only be compared with the wall clock.
type pendingEntry struct {
	pending  PendingAuthorization
	since    clock.Instant
	lifetime time.Duration
}

var _ PendingStore = (*PendingMemory)(nil)

// NewPendingMemory returns a store for at most size sign-ins. A size below 1 is treated as 1.
func NewPendingMemory(size int) *PendingMemory {
	return &PendingMemory{newLRU[pendingKey, pendingEntry](max(size, 1))}
}

// newLRU returns an empty cache for size entries, which must be positive. When it is full, each new entry evicts the one
// that was not used for the longest time.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, _ := lru.New[K, V](size) // an error says that size is not positive
	return cache
}

// Format implements [fmt.Formatter]. For every verb, it omits the sign-ins.
func (m *PendingMemory) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingMemory{}")
}

// LogValue implements [slog.LogValuer]. It omits the sign-ins.
func (m *PendingMemory) LogValue() slog.Value { return slog.StringValue("client.PendingMemory{}") }

// Put implements [PendingStore]. session must not be empty.
func (m *PendingMemory) Put(_ context.Context, session string, pending *PendingAuthorization) error {
	switch {
	case m.entries == nil:
		return errors.New("client: PendingMemory: the zero value cannot be used; call NewPendingMemory")
	case session == "":
		return errors.New("client: PendingMemory: the session is empty")
	}
	now := clock.Now()
	m.entries.Add(pendingKey{session, pending.State}, pendingEntry{*pending, now, pending.ExpiresAt.Sub(now.Time())})
	return nil
}

// Take implements [PendingStore].
func (m *PendingMemory) Take(_ context.Context, session, state string) (*PendingAuthorization, error) {
	if m.entries == nil {
		return nil, ErrNotPending
	}
	key := pendingKey{session, state}
	entry, ok := m.entries.Get(key)
	if !ok || !m.entries.Remove(key) { // of several callers, one removes it
		return nil, ErrNotPending
	}
	if entry.since.Age() > entry.lifetime {
		return nil, ErrNotPending
	}
	return &entry.pending, nil
}

// usedOnce remembers the hashes of the last usedRemembered values that were used. It is safe for concurrent use.
type usedOnce struct {
	used *lru.Cache[string, struct{}]
}

const usedRemembered = 10_000

func newUsedOnce() *usedOnce { return &usedOnce{newLRU[string, struct{}](usedRemembered)} }

// first reports whether value is used for the first time, and remembers it.
func (u *usedOnce) first(value string) bool {
	used, _ := u.used.ContainsOrAdd(S256(value), struct{}{})
	return !used
}
