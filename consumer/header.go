package consumer

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	maxHeaderBytes = 2 << 10 // of the encoded header segment
	maxKeyIDBytes  = 256
	maxDepth       = 16
)

// header is what verification uses of a JOSE header (RFC 7515 §4.1). It is not changed once it was read. Members that
// would bring a key along (jwk, jku, x5c, x5u) give no trust and are not even read.
type header struct {
	algorithm, keyID string
	mediaType        string // typ, as mediaType writes it
}

// clone copies the texts out of the token.
func (h header) clone() *header {
	return &header{strings.Clone(h.algorithm), strings.Clone(h.keyID), strings.Clone(h.mediaType)}
}

func readHeader(p compact.Parts) (header, error) {
	if len(p.Header) > maxHeaderBytes {
		return header{}, reject(ReasonTooLarge, fmt.Sprintf("the header has %d bytes, more than %d", len(p.Header), maxHeaderBytes))
	}
	o, err := readObject(p.DecodeHeader())
	if err != nil {
		return header{}, err
	}
	var h header
	var ok bool
	if h.algorithm, ok = o.OptionalText("alg"); !ok || h.algorithm == "" {
		return header{}, reject(ReasonAlgorithm, "alg is missing or not a string")
	}
	typ, ok := o.OptionalText("typ")
	if !ok {
		return header{}, reject(ReasonType, "typ is not a string")
	}
	h.mediaType = mediaType(typ)
	if h.keyID, ok = o.OptionalText("kid"); !ok || len(h.keyID) > maxKeyIDBytes {
		return header{}, reject(ReasonMalformed, fmt.Sprintf("kid is not a string of at most %d bytes", maxKeyIDBytes))
	}
	return h, checkCritical(o)
}

// checkCritical refuses every extension: none is needed to read an access token (RFC 7515 §4.1.11, RFC 7797).
func checkCritical(o compact.Object) error {
	for _, name := range [...]string{"crit", "b64"} {
		if _, ok := o.Get(name); ok {
			return reject(ReasonCritical, name+" in the header is not supported")
		}
	}
	return nil
}

// mediaType brings typ into the form profiles list it in: without "application/" and in lower case (RFC 7515 §4.1.9,
// RFC 8725bis §3.11).
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	if subtype, ok := strings.CutPrefix(typ, "application/"); ok && subtype != "" && !strings.Contains(subtype, "/") {
		return subtype
	}
	return typ
}

// readObject takes what decoding a segment returns.
func readObject(text string, err error) (compact.Object, error) {
	if err != nil {
		return compact.Object{}, malformed(err)
	}
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return compact.Object{}, malformed(err)
	}
	return o, nil
}

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
