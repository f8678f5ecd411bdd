package consumer

import (
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	// maxHeaders is how many headers are remembered. An issuer writes one for each of its signing keys.
	maxHeaders = 64

	// headersLast is how long a full memory is kept before it starts over. With more headers than it holds, starting over
	// at once would cost more than it saves.
	headersLast = time.Minute
)

// headerMemo remembers the headers of proven tokens by their text, since those of one issuer are nearly always the same.
// What an attacker writes never gets in. The zero value is ready; it is safe for concurrent use.
type headerMemo struct {
	known atomic.Pointer[knownHeaders] // nil: none yet
}

// knownHeaders does not change once it is stored.
type knownHeaders struct {
	byText map[string]*header
	since  time.Time
}

// read reads a header, or remembers having read it.
func (m *headerMemo) read(p compact.Parts) (header, error) {
	if known := m.known.Load(); known != nil {
		if h, ok := known.byText[p.Header]; ok {
			return *h, nil
		}
	}
	return readHeader(p)
}

// add remembers h, and returns it apart from the token it was read from. Of two adds at the same time one may be lost;
// it comes again with the next token.
func (m *headerMemo) add(segment string, h header) *header {
	known := m.known.Load()
	if known == nil {
		known = &knownHeaders{since: time.Now()}
	}
	if h, ok := known.byText[segment]; ok {
		return h
	}
	lasting := h.clone()
	if len(known.byText) >= maxHeaders {
		if time.Since(known.since) < headersLast {
			return lasting
		}
		known = &knownHeaders{since: time.Now()}
	}
	next := knownHeaders{byText: make(map[string]*header, len(known.byText)+1), since: known.since}
	maps.Copy(next.byText, known.byText)
	next.byText[strings.Clone(segment)] = lasting // a substring would keep a whole token in memory
	m.known.Store(&next)
	return lasting
}
