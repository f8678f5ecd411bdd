package bearertest

import (
	"bytes"
	"compress/zlib"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// StatusList is a Token Status List (draft-ietf-oauth-status-list-21) that an [Issuer] publishes. Make one with
// [Issuer.StatusList]. It is safe for concurrent use.
type StatusList struct {
	issuer *Issuer
	path   string // with that of the issuer's URL
	bits   int

	mu       sync.Mutex   // guards the fields below
	statuses []byte       // packed
	edit     func(*Token) // nil: the list token is not changed
}

// StatusList adds a list with room for size statuses of 1, 2, 4 or 8 bits, which are all 0 (VALID). The Issuer serves it at its URL
// followed by /statuslists/ and a number. The list is signed on each request with a key of the Issuer.
//
// To issue a token with the status in the list at index 7:
//
//	list := issuer.StatusList(1, 1000)
//	raw := issuer.AccessToken().Set("status", list.Claim(7)).Sign()
//	list.Set(7, 1) // revokes it
func (i *Issuer) StatusList(bits, size int) *StatusList {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := &StatusList{
		issuer: i, path: i.base + "/statuslists/" + strconv.Itoa(len(i.lists)+1), bits: bits, statuses: make([]byte, (size*bits+7)/8),
	}
	i.lists = append(i.lists, list)
	return list
}

// URL returns the URL of the list, which is the `sub` of its token.
func (l *StatusList) URL() string {
	return strings.TrimSuffix(l.issuer.url, "/") + strings.TrimPrefix(l.path, l.issuer.base)
}

// Claim returns the value of the claim `status` for a token with the given index in the list.
func (l *StatusList) Claim(index int) map[string]any {
	return map[string]any{"status_list": map[string]any{"idx": index, "uri": l.URL()}}
}

// Set sets the status with the given index. It panics if the list has no such index.
func (l *StatusList) Set(index int, status byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place, mask := index*l.bits, byte(0xff>>(8-l.bits))
	b := &l.statuses[place/8]
	*b = *b&^(mask<<(place%8)) | status&mask<<(place%8)
}

// Edit makes the list call edit with each list token before it is signed. Use it for another `ttl`, another key and for hostile
// lists. edit may be called by several goroutines at the same time. Nil: tokens are not changed.
func (l *StatusList) Edit(edit func(token *Token)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.edit = edit
}

// Token returns the list token: its claims are sub, iat, exp (in one hour), ttl (60 seconds) and status_list.
func (l *StatusList) Token() *Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().Unix()
	token := l.issuer.Token("statuslist+jwt", map[string]any{
		"sub": l.URL(), "iat": now, "exp": now + 3600, "ttl": 60,
		"status_list": map[string]any{"bits": l.bits, "lst": base64url(compressed(l.statuses))},
	})
	if l.edit != nil {
		l.edit(token)
	}
	return token
}

// compressed returns data as a zlib stream.
func compressed(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data) // a Buffer returns no error
	_ = w.Close()
	return b.Bytes()
}

// serve is the handler of the list.
func (l *StatusList) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/statuslist+jwt")
	_, _ = w.Write([]byte(l.Token().Sign()))
}

// list returns the list at path, or nil.
func (i *Issuer) list(path string) *StatusList {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, list := range i.lists {
		if list.path == path {
			return list
		}
	}
	return nil
}
