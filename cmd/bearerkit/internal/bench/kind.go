package bench

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Kind is a kind of credential.
type Kind string

// The kinds, in the order in which they are measured.
const (
	KindCold      Kind = "cold"      // each valid token once
	KindCached    Kind = "cached"    // one valid token again and again
	KindDistinct  Kind = "distinct"  // all valid tokens in rotation
	KindNone      Kind = "none"      // no token
	KindMalformed Kind = "malformed" // a token that is not a JWT
	KindSignature Kind = "signature" // a valid JWT with another signature
	KindExpired   Kind = "expired"   // a JWT that has expired
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{KindCold, KindCached, KindDistinct, KindNone, KindMalformed, KindSignature, KindExpired}
}

// valid reports whether the API must accept requests of this kind.
func (k Kind) valid() bool { return k == KindCold || k == KindCached || k == KindDistinct }

// malformed is a token that has the characters of a token, and is not a JWT. An API that introspects opaque tokens does not know it
// either.
const malformed = "bearerkit-bench.malformed"

// load is one kind of request with its limits.
type load struct {
	kind     Kind
	requests [][]byte // complete requests, sent in rotation
	limit    int      // of requests; 0: none
	expected []int    // statuses; nil: 200 to 299
}

// expects reports whether status is an expected one.
func (l *load) expects(status int) bool {
	if l.expected == nil {
		return status >= http.StatusOK && status < http.StatusMultipleChoices
	}
	return slices.Contains(l.expected, status)
}

// expectation describes the expected statuses.
func (l *load) expectation() string {
	if l.expected == nil {
		return "200 to 299"
	}
	texts := make([]string, len(l.expected))
	for i, status := range l.expected {
		texts[i] = strconv.Itoa(status)
	}
	return strings.Join(texts, " or ")
}

// loads returns what to send for the wanted kinds. If wanted is empty, it returns all kinds for which there are tokens. A kind that is
// wanted and lacks tokens is an error.
func loads(wanted []Kind, tokens Tokens, t *target, o Options) ([]*load, error) {
	var all []*load
	var faults []error
	for _, kind := range Kinds() {
		credentials, problem := credentials(kind, tokens)
		switch {
		case len(wanted) > 0 && !slices.Contains(wanted, kind):
		case problem == "":
			all = append(all, newLoad(kind, credentials, t, o))
		case len(wanted) > 0:
			faults = append(faults, fmt.Errorf("bench: --kind %s: %s", kind, problem))
		}
	}
	return all, errors.Join(faults...)
}

// credentials returns the tokens for a kind, or why there are none. An empty token means that no token is sent.
func credentials(kind Kind, tokens Tokens) (all []string, problem string) {
	forged := func() []string { return forge(tokens.Valid) }
	switch {
	case kind == KindNone:
		return []string{""}, ""
	case kind == KindMalformed:
		return []string{malformed}, ""
	case kind == KindExpired && len(tokens.Expired) == 0:
		return nil, "there is no expired token; add one to the file of --token-file"
	case kind == KindExpired:
		return tokens.Expired, ""
	case len(tokens.Valid) == 0:
		return nil, "there is no valid token; set --token-file, --fetch or BEARERKIT_TOKEN"
	case kind == KindCached:
		return tokens.Valid[:1], ""
	case kind == KindDistinct && len(tokens.Valid) == 1:
		return nil, "there is one valid token, expected several; add some to the file of --token-file, or increase --fetch"
	case kind == KindSignature && forged() == nil:
		return nil, "no valid token is a JWT with a signature"
	case kind == KindSignature:
		return forged(), ""
	}
	return tokens.Valid, ""
}

// newLoad returns the load for a kind and its credentials.
func newLoad(kind Kind, credentials []string, t *target, o Options) *load {
	l := &load{kind: kind, limit: o.Requests, expected: o.Expect}
	for _, token := range credentials {
		l.requests = append(l.requests, request(t, o.Method, token))
	}
	if kind == KindCold && (l.limit == 0 || l.limit > len(credentials)) {
		l.limit = len(credentials)
	}
	switch {
	case kind.valid():
	case o.ExpectRejected != nil:
		l.expected = o.ExpectRejected
	case kind == KindMalformed:
		l.expected = []int{http.StatusBadRequest, http.StatusUnauthorized}
	default:
		l.expected = []int{http.StatusUnauthorized}
	}
	return l
}

// request returns a complete request. Its parts were checked: the target by parseTarget, and the token by checkToken.
func request(t *target, method, token string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bearerkit-bench\r\n", method, t.url.RequestURI(), t.url.Host)
	if method == http.MethodPost {
		b.WriteString("Content-Length: 0\r\n")
	}
	if token != "" {
		b.WriteString("Authorization: Bearer " + token + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}
