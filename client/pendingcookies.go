package client

import (
	"bytes"
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

// PendingCookies stores pending sign-ins in encrypted cookies of the user's browser. Each sign-in has its own cookie, so
// that several tabs can sign in at the same time. Make one with [NewPendingCookies]. It is safe for concurrent use; do not
// change its fields after the first use.
//
// A process accepts each state once; it remembers the last 10 000 of them. If several processes have the same keys, each
// of them accepts a copied cookie once. The authorization code in the response still works only once.
type PendingCookies struct {
	// SameSite is the attribute of the cookies. Zero means Lax: the browser sends such a cookie when the server redirects
	// the user back. For the response mode form_post, zero means None, because the response is a POST request from another
	// site. Strict works only if the server belongs to the same site.
	SameSite http.SameSite

	// Resubmits says that the application makes the browser send the response of a form_post once more, from a page of its
	// own origin, as package weblogin does. With that request, the browser also sends cookies with SameSite=Lax. So a
	// SameSite of zero then means Lax for form_post too, and InsecureHTTP can be set.
	Resubmits bool

	// InsecureHTTP allows the browser to send the cookies without TLS. It is for development only.
	InsecureHTTP bool

	// Client limits the PendingCookies to the sign-ins of this client. Set it if several clients use the same keys on one
	// host. Save then returns an error for a sign-in of another client, and Take and Pending do not find one. The names of
	// the cookies also depend on the client, so that one client does not remove a cookie of another, except to make room.
	// Nil means that all clients share the cookies; [Client.Callback] still rejects a sign-in of another client.
	Client *Client

	seals []cipher.AEAD // the first one encrypts, all of them decrypt
	taken *usedOnce
}

const (
	maxPendingCookies     = 8       // in one browser: the user has given up the older ones
	maxPendingCookieBytes = 6 << 10 // of all of them, with their names: many servers accept 8 KiB per header line
	maxCookieBytes        = 4096    // RFC 6265, Section 6.1
)

// NewPendingCookies returns a PendingCookies with the given keys. Each key has 32 bytes. The first key encrypts, and all of
// them decrypt. To change the key, put the new one first and remove the old one some minutes later.
func NewPendingCookies(keys ...[]byte) (*PendingCookies, error) {
	p := &PendingCookies{taken: newUsedOnce()}
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil || len(key) != 32 {
			return nil, errors.New("client: PendingCookies: each key must have 32 bytes")
		}
		seal, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("client: PendingCookies: %w", err)
		}
		p.seals = append(p.seals, seal)
	}
	if len(p.seals) == 0 {
		return nil, errors.New("client: PendingCookies: at least one key is required")
	}
	return p, nil
}

// Format implements [fmt.Formatter]. For every verb, it omits the keys.
func (p PendingCookies) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.PendingCookies{}")
}

// LogValue implements [slog.LogValuer]. It omits the keys.
func (p PendingCookies) LogValue() slog.Value { return slog.StringValue("client.PendingCookies{}") }

// Save stores pending in the browser that sent r. Call it before you write the redirect. A browser holds at most eight
// sign-ins, and fewer if they are long: Save removes the oldest ones to make room.
func (p *PendingCookies) Save(w http.ResponseWriter, r *http.Request, pending *PendingAuthorization) error {
	if len(p.seals) == 0 {
		return errors.New("client: PendingCookies: the zero value cannot be used; call NewPendingCookies")
	}
	if !p.holds(pending) {
		return errors.New("client: PendingCookies: the sign-in is of another issuer or client (PendingCookies.Client)")
	}
	text, err := encodePending(pending)
	if err != nil {
		return fmt.Errorf("client: PendingCookies: %w", err)
	}
	name, posted := p.name(pending.State), pending.isPosted() && !p.Resubmits
	value := base64.RawURLEncoding.EncodeToString(p.seals[0].Seal(nil, nil, text, []byte(name))) //nolint:gosec // G407: the AEAD chooses its own nonce
	cookie := p.cookie(name, value, posted)                                                      //nolint:gosec // G124: cookie sets the attributes
	switch {
	case len(name)+len(value) > maxCookieBytes:
		return errors.New("client: PendingCookies: the sign-in does not fit into a cookie of 4096 bytes")
	case posted && cookie.SameSite != http.SameSiteNoneMode:
		return errors.New("client: PendingCookies: SameSite must be zero or None for the response mode form_post")
	case posted && p.InsecureHTTP:
		return errors.New("client: PendingCookies: the response mode form_post needs TLS (InsecureHTTP is set)")
	}
	p.dropOld(w, r, len(name)+len(value))
	cookie.MaxAge = max(int(pending.ExpiresAt.Sub(clock.Now().Time()).Seconds()), 1)
	http.SetCookie(w, cookie)
	return nil
}

// encodePending returns pending as JSON. It does not escape characters for HTML: a ReturnTo with many of them, such as the
// "&" of a query, would not fit into a cookie.
func encodePending(pending *PendingAuthorization) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(pending)
	return text.Bytes(), err
}

// Take returns the sign-in that was saved under state, and removes its cookie. If there is none, the error matches
// [ErrNotPending].
func (p *PendingCookies) Take(w http.ResponseWriter, r *http.Request, state string) (*PendingAuthorization, error) {
	name := p.name(state)
	cookie, err := r.Cookie(name)
	if err != nil {
		return nil, ErrNotPending
	}
	p.remove(w, name, r.Method == http.MethodPost && !p.Resubmits)
	pending, err := p.open(name, cookie.Value)
	if err != nil || pending.isOver(clock.Now().Time()) || !p.taken.first(state) {
		return nil, ErrNotPending
	}
	return pending, nil
}

// Pending returns the pending sign-ins of the browser that sent r, at most eight. It does not remove them. Use it at a
// logout, to end them all. It skips cookies that are not encrypted with one of its keys, and sign-ins that have expired.
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

// open decrypts a cookie. Its name is authenticated too, so that a value cannot be moved to another state.
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
		if json.Unmarshal(text, pending) != nil || !p.holds(pending) {
			return nil, ErrNotPending
		}
		return pending, nil
	}
	return nil, ErrNotPending
}

// holds reports whether p may store pending.
func (p *PendingCookies) holds(pending *PendingAuthorization) bool {
	return p.Client == nil || p.Client.owner() == owner{pending.Issuer, pending.ClientID}
}

// dropOld removes the oldest sign-ins until there is room for size more bytes. The browser sends all cookies with each
// request, and servers limit the length of a header.
func (p *PendingCookies) dropOld(w http.ResponseWriter, r *http.Request, size int) {
	var held []*http.Cookie
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, p.prefix()) {
			held = append(held, cookie)
			size += len(cookie.Name) + len(cookie.Value)
		}
	}
	for len(held) >= maxPendingCookies || len(held) > 0 && size > maxPendingCookieBytes {
		oldest := held[0] // browsers send the oldest first (RFC 6265, Section 5.4)
		p.remove(w, oldest.Name, false)
		size -= len(oldest.Name) + len(oldest.Value)
		held = held[1:]
	}
}

// remove makes the browser delete a cookie. The attributes must be those with which it was set.
func (p *PendingCookies) remove(w http.ResponseWriter, name string, posted bool) {
	cookie := p.cookie(name, "", posted) //nolint:gosec // G124: cookie sets the attributes
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

// cookie returns a cookie with all its attributes. The prefix __Host- in its name makes browsers require Secure and Path=/,
// and reject the cookie from other hosts of the same site (RFC 6265bis, Section 4.1.3).
func (p *PendingCookies) cookie(name, value string, posted bool) *http.Cookie {
	sameSite := http.SameSiteLaxMode
	if posted {
		sameSite = http.SameSiteNoneMode
	}
	return &http.Cookie{ //nolint:gosec // G124: Secure, except with InsecureHTTP
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !p.InsecureHTTP, SameSite: cmp.Or(p.SameSite, sameSite),
	}
}

// name returns the name of the cookie for state. It has a hash, so that a log of cookie names contains no state.
func (p *PendingCookies) name(state string) string {
	if p.Client != nil {
		state = fmt.Sprintf("%q %q %s", p.Client.cfg.Issuer, p.Client.cfg.ClientID, state)
	}
	return p.prefix() + S256(state)[:22]
}

// prefix returns the beginning of the names of all cookies. Browsers accept the prefix __Host- only over TLS.
func (p *PendingCookies) prefix() string {
	if p.InsecureHTTP {
		return "signin-"
	}
	return "__Host-signin-"
}
