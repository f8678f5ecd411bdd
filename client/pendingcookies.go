package client

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// PendingCookies keeps sign-ins in the browser's own cookies: encrypted, one for each state, so that several tabs do not
// get into each other's way. It is safe for concurrent use.
//
// A state is taken once by one process. Where several share their keys, each would take a cookie that an attacker has
// copied; the code that comes with it still works once only.
type PendingCookies struct {
	// SameSite is that of the cookies. Zero: Lax, which comes along when the server sends the user back; or None where the
	// answer is a form_post, which is a POST from another site and brings no other cookie. Strict works only where the
	// server is of the same site.
	SameSite http.SameSite

	// InsecureHTTP makes cookies that are sent without TLS, too, for development.
	InsecureHTTP bool

	seals []cipher.AEAD // the first seals, all open
	taken *usedOnce
}

const (
	maxPendingCookies     = 8       // in one browser: what is more was given up
	maxPendingCookieBytes = 6 << 10 // of all of them, names included: servers take 8 KiB for a line, and not more
	maxCookieBytes        = 4096
)

// NewPendingCookies makes a PendingCookies. Each key has 32 octets. The first encrypts, and all decrypt, so that a new key
// can be put before the old one.
func NewPendingCookies(keys ...[]byte) (*PendingCookies, error) {
	p := &PendingCookies{taken: newUsedOnce()}
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

// Format leaves the keys out, whatever the verb.
func (p PendingCookies) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingCookies{}")
}

// LogValue leaves the keys out.
func (p PendingCookies) LogValue() slog.Value { return slog.StringValue("client.PendingCookies{}") }

// Save keeps pending in the browser that r came from. It is called before the redirect is written. A browser holds eight
// sign-ins, or fewer where they are long: the oldest make room.
func (p *PendingCookies) Save(w http.ResponseWriter, r *http.Request, pending *PendingAuthorization) error {
	text, err := json.Marshal(pending)
	if err != nil {
		return fmt.Errorf("client: PendingCookies: %w", err)
	}
	name := p.name(pending.State)
	value := base64.RawURLEncoding.EncodeToString(p.seals[0].Seal(nil, nil, text, []byte(name))) //nolint:gosec // G407: the AEAD draws its own nonce
	cookie := p.cookie(name, value, pending.isPosted())                                          //nolint:gosec // G124: they are all set there
	switch {
	case len(name)+len(value) > maxCookieBytes:
		return errors.New("client: PendingCookies: the request does not fit into a cookie")
	case pending.isPosted() && cookie.SameSite != http.SameSiteNoneMode:
		return errors.New("client: PendingCookies: SameSite keeps the cookie from a form_post")
	case pending.isPosted() && p.InsecureHTTP:
		return errors.New("client: PendingCookies: browsers bring a cookie to a form_post with TLS only")
	}
	p.dropOld(w, r, len(name)+len(value))
	cookie.MaxAge = max(int(pending.ExpiresAt.Sub(clock.Now().Time()).Seconds()), 1)
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
	p.remove(w, name, r.Method == http.MethodPost)
	pending, err := p.open(name, cookie.Value)
	if err != nil || pending.isOver(clock.Now().Time()) || !p.taken.first(state) {
		return nil, ErrNotPending
	}
	return pending, nil
}

// Pending returns the sign-ins that the browser of r has under way, at most eight. It takes none of them: use it to end them
// all at a logout. Cookies that this PendingCookies did not make, or that have expired, are left out.
func (p *PendingCookies) Pending(r *http.Request) []*PendingAuthorization {
	var all []*PendingAuthorization
	for _, cookie := range r.Cookies() {
		if len(all) == maxPendingCookies {
			break
		}
		if !strings.HasPrefix(cookie.Name, p.prefix()) {
			continue
		}
		pending, err := p.open(cookie.Name, cookie.Value)
		if err == nil && !pending.isOver(clock.Now().Time()) {
			all = append(all, pending)
		}
	}
	return all
}

func (p *PendingCookies) open(name, value string) (*PendingAuthorization, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
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

// dropOld makes room for size octets: a browser's cookies all come with each request, which has a limit.
func (p *PendingCookies) dropOld(w http.ResponseWriter, r *http.Request, size int) {
	var held []*http.Cookie
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, p.prefix()) {
			held = append(held, cookie)
			size += len(cookie.Name) + len(cookie.Value)
		}
	}
	for len(held) >= maxPendingCookies || len(held) > 0 && size > maxPendingCookieBytes {
		oldest := held[0] // browsers send the older ones first (RFC 6265 §5.4)
		p.remove(w, oldest.Name, false)
		size -= len(oldest.Name) + len(oldest.Value)
		held = held[1:]
	}
}

func (p *PendingCookies) remove(w http.ResponseWriter, name string, posted bool) {
	cookie := p.cookie(name, "", posted) //nolint:gosec // G124: they are all set there
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func (p *PendingCookies) cookie(name, value string, posted bool) *http.Cookie {
	sameSite := http.SameSiteLaxMode
	if posted {
		sameSite = http.SameSiteNoneMode
	}
	return &http.Cookie{ //nolint:gosec // G124: Secure, unless the switch for development says otherwise
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !p.InsecureHTTP, SameSite: cmp.Or(p.SameSite, sameSite),
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
