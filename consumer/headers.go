package consumer

import (
	"maps"
	"strings"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// maxHeaders is how many headers are remembered. An issuer writes one for each of its signing keys.
const maxHeaders = 16

// headerMemo remembers the headers of proven tokens by their text, since those of one issuer are nearly always the same.
// What an attacker writes never gets in. The zero value is ready; it is safe for concurrent use.
type headerMemo struct {
	known atomic.Pointer[map[string]header] // never changed once it is stored
}

// read reads a header, or remembers having read it.
func (m *headerMemo) read(p compact.Parts) (header, error) {
	if known := m.known.Load(); known != nil {
		if h, ok := (*known)[p.Header]; ok {
			return h, nil
		}
	}
	return readHeader(p)
}

// add remembers h. Of two adds at the same time one may be lost; it comes again with the next token.
func (m *headerMemo) add(segment string, h header) {
	known := m.known.Load()
	if known == nil {
		known = &map[string]header{}
	}
	if _, ok := (*known)[segment]; ok {
		return
	}
	next := make(map[string]header, len(*known)+1)
	if len(*known) < maxHeaders { // else start over
		maps.Copy(next, *known)
	}
	next[strings.Clone(segment)] = h.clone() // a substring would keep a whole token in memory
	m.known.Store(&next)
}
