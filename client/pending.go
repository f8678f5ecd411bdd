package client

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

// ErrNotPending says that no authorization request of this browser is pending under that state: it was answered already,
// it has ended, or it never was. It matches [ErrCallback].
var ErrNotPending = fmt.Errorf("%w: none is pending under this state", ErrCallback)

// PendingCookies keeps sign-ins in the browser's own cookies: encrypted, one for each state, so that several tabs do not
// get into each other's way. It is safe for concurrent use.
//
// A state is taken once by one process. Where several share their keys, each would take a cookie that an attacker has
// copied; the code that comes with it still works once only.
type PendingCookies struct {
	// SameSite is that of the cookies. Zero: Lax. With response_mode=form_post it must be http.SameSiteNoneMode, since the
	// answer is a POST from another site.
	SameSite http.SameSite

	// InsecureHTTP makes cookies that are sent without TLS, too, for development.
	InsecureHTTP bool

	seals []cipher.AEAD // the first seals, all open
	taken *bounded.Map[string, struct{}]
	mu    sync.Mutex // guards taking
}

const (
	maxPendingCookies = 8 // in one browser: what is more was given up
	maxCookieBytes    = 4096
	takenRemembered   = 10_000
)

// NewPendingCookies makes a PendingCookies. Each key has 32 octets. The first encrypts, and all decrypt, so that a new key
// can be put before the old one.
func NewPendingCookies(keys ...[]byte) (*PendingCookies, error) {
	p := &PendingCookies{taken: bounded.New[string, struct{}](takenRemembered)}
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil || len(key) != 32 {
			return nil, errors.New("client: PendingCookies: a key does not have 32 octets")
		}
		seal, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("client: PendingCookies: %w", err)
		}
		p.seals = append(p.seals, seal)
	}
	if len(p.seals) == 0 {
		return nil, errors.New("client: PendingCookies: a key is required")
	}
	return p, nil
}

// Save keeps pending in the browser that r came from. It is called before the redirect is written.
func (p *PendingCookies) Save(w http.ResponseWriter, r *http.Request, pending *PendingAuthorization) error {
	text, err := json.Marshal(pending)
	if err != nil {
		return fmt.Errorf("client: PendingCookies: %w", err)
	}
	name := p.name(pending.State)
	value := base64.RawURLEncoding.EncodeToString(p.seals[0].Seal(nil, nil, text, []byte(name))) //nolint:gosec // G407: the AEAD draws its own nonce
	if len(name)+len(value) > maxCookieBytes {
		return errors.New("client: PendingCookies: the request does not fit into a cookie")
	}
	p.dropOld(w, r)
	cookie := p.cookie(name, value) //nolint:gosec // G124: they are all set there
	cookie.MaxAge = max(int(time.Until(pending.ExpiresAt).Seconds()), 1)
	http.SetCookie(w, cookie)
	return nil
}

// Take returns what was kept under state, once, and removes the cookie. The error is [ErrNotPending].
func (p *PendingCookies) Take(w http.ResponseWriter, r *http.Request, state string) (*PendingAuthorization, error) {
	name := p.name(state)
	cookie, err := r.Cookie(name)
	if err != nil {
		return nil, ErrNotPending
	}
	p.remove(w, name)
	pending, err := p.open(name, cookie.Value)
	if err != nil || pending.State != state || time.Now().After(pending.ExpiresAt) || !p.first(state) {
		return nil, ErrNotPending
	}
	return pending, nil
}

func (p *PendingCookies) open(name, value string) (*PendingAuthorization, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil, ErrNotPending
	}
	for _, seal := range p.seals {
		text, err := seal.Open(nil, nil, sealed, []byte(name))
		if err != nil {
			continue
		}
		pending := new(PendingAuthorization)
		return pending, json.Unmarshal(text, pending)
	}
	return nil, ErrNotPending
}

// first reports whether state is taken for the first time.
func (p *PendingCookies) first(state string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.taken.Get(state); taken {
		return false
	}
	p.taken.Add(state, struct{}{})
	return true
}

// dropOld makes room: a browser's cookies all come with each request, which has a size limit.
func (p *PendingCookies) dropOld(w http.ResponseWriter, r *http.Request) {
	var held []string
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, p.prefix()) {
			held = append(held, cookie.Name)
		}
	}
	for len(held) >= maxPendingCookies { // browsers send the older ones first (RFC 6265 §5.4)
		p.remove(w, held[0])
		held = held[1:]
	}
}

func (p *PendingCookies) remove(w http.ResponseWriter, name string) {
	cookie := p.cookie(name, "") //nolint:gosec // G124: they are all set there
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func (p *PendingCookies) cookie(name, value string) *http.Cookie {
	sameSite := p.SameSite
	if sameSite == 0 {
		sameSite = http.SameSiteLaxMode
	}
	return &http.Cookie{ //nolint:gosec // G124: Secure, unless the switch for development says otherwise
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !p.InsecureHTTP, SameSite: sameSite,
	}
}

// name holds a hash, so that no state stands in a log of cookies' names.
func (p *PendingCookies) name(state string) string { return p.prefix() + S256(state)[:22] }

func (p *PendingCookies) prefix() string {
	if p.InsecureHTTP {
		return "signin-"
	}
	return "__Host-signin-"
}

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

// Put implements [PendingStore].
func (m *PendingMemory) Put(_ context.Context, session string, pending *PendingAuthorization) error {
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
	if !ok || session == "" || time.Now().After(pending.ExpiresAt) {
		return nil, ErrNotPending
	}
	return pending, nil
}
