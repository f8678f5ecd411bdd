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
	defaultMaxHeaderBytes = 2 << 10  // of the encoded header segment; a header without a certificate has about 100
	maxHeaderBytes        = 64 << 10 // the greatest limit, because up to 64 headers are cached
	maxKeyIDBytes         = 256
	maxDepth              = 16 // levels of nested JSON in a header and in the claims
)

// header contains the members of a JOSE header that verification uses (RFC 7515 section 4.1). It does not change after
// it was read. It refers to the decoded text of the header, and not to the token. Members that carry a key (jwk, jku, x5c,
// x5u) are not read, because a key from the token is not trusted.
type header struct {
	algorithm, keyID string
	mediaType        string         // typ, as mediaType returns it
	members          compact.Object // for Token.Header
	deviations       deviations
}

// readHeader decodes and checks the header segment. The length is checked before anything is decoded.
func readHeader(p compact.Parts, maxBytes int) (header, error) {
	if len(p.Header) > maxBytes {
		return header{}, headerTooLarge(p, maxBytes)
	}
	o, err := readObject(p.DecodeHeader())
	if err != nil {
		return header{}, err
	}
	h := header{members: o}
	var ok bool
	if h.algorithm, ok = o.OptionalText("alg"); !ok || h.algorithm == "" {
		return header{}, reject(ReasonAlgorithm, "alg is missing or not a string")
	}
	typ, ok := h.optionalText(inType, "typ")
	if !ok {
		return header{}, reject(ReasonType, "typ is not a string")
	}
	h.mediaType = mediaType(typ)
	if h.keyID, ok = h.optionalText(inKeyID, "kid"); !ok || len(h.keyID) > maxKeyIDBytes {
		return header{}, reject(ReasonMalformed, fmt.Sprintf("kid is not a string of at most %d bytes", maxKeyIDBytes))
	}
	return h, checkCritical(o)
}

// optionalText returns a member that is a string, or "" if it is absent or counts as absent.
func (h *header) optionalText(at place, name string) (text string, ok bool) {
	v, there := h.members.Get(name)
	if !there || h.deviations.isAbsent(at, v, compact.KindString) {
		return "", true
	}
	return v.Text()
}

// headerTooLarge says that the header of p has more than limit bytes.
func headerTooLarge(p compact.Parts, limit int) error {
	return reject(ReasonTooLarge, fmt.Sprintf("the header has %d bytes, more than %d (Config.MaxHeaderBytes)", len(p.Header), limit))
}

// checkCritical rejects all extensions: no access token needs one (RFC 7515 section 4.1.11, RFC 7797).
func checkCritical(o compact.Object) error {
	for _, name := range [...]string{"crit", "b64"} {
		if _, ok := o.Get(name); ok {
			return reject(ReasonCritical, name+" in the header is not supported")
		}
	}
	return nil
}

// mediaType returns typ without "application/" and in lower case, which is the form in which profiles list it (RFC 7515
// section 4.1.9, RFC 8725bis section 3.11).
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	if subtype, ok := strings.CutPrefix(typ, "application/"); ok && subtype != "" && !strings.Contains(subtype, "/") {
		return subtype
	}
	return typ
}

// readObject parses the text of a decoded segment. Its parameters are the results of the function that decoded the
// segment, so that the calls can be nested.
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
	// maxHeaders is how many headers are cached. An issuer uses one for each of its signing keys.
	maxHeaders = 64

	// headersLast is how long a full cache is kept before it is emptied. If there are more headers than it holds,
	// emptying it at once would cost more than it saves.
	headersLast = time.Minute
)

// headerMemo caches the headers of verified tokens by their text, because the tokens of one issuer nearly always have
// the same header. Headers of tokens that were not verified are not cached. The zero value is an empty cache. It is
// safe for concurrent use.
type headerMemo struct {
	known atomic.Pointer[knownHeaders] // nil: none yet
}

// knownHeaders does not change after it was stored.
type knownHeaders struct {
	byText map[string]*header
	since  time.Time
}

// read returns the header of p from the cache, or reads it. The header segment may have up to maxBytes bytes.
func (m *headerMemo) read(p compact.Parts, maxBytes int) (header, error) {
	if known := m.known.Load(); known != nil {
		if h, ok := known.byText[p.Header]; ok {
			return *h, nil
		}
	}
	return readHeader(p, maxBytes)
}

// add caches h and returns it as a pointer that other tokens with the same header share. If two calls overlap, one of
// the headers may be lost. The next token adds it again.
func (m *headerMemo) add(segment string, h header) *header {
	known := m.known.Load()
	if known == nil {
		known = &knownHeaders{since: time.Now()}
	}
	if h, ok := known.byText[segment]; ok {
		return h
	}
	lasting := new(header)
	*lasting = h // &h would move h to the heap in every call
	if len(known.byText) >= maxHeaders {
		if time.Since(known.since) < headersLast {
			return lasting
		}
		known = &knownHeaders{since: time.Now()}
	}
	// The map is copied instead of changed, so that read needs no lock.
	next := knownHeaders{byText: make(map[string]*header, len(known.byText)+1), since: known.since}
	maps.Copy(next.byText, known.byText)
	next.byText[strings.Clone(segment)] = lasting // a substring would keep a whole token in memory
	m.known.Store(&next)
	return lasting
}
