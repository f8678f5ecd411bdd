package client

import (
	"errors"
	"strings"
)

// challenge is one challenge of a WWW-Authenticate header (RFC 9110 §11.6.1).
type challenge struct {
	scheme  string            // as it was written; its case means nothing
	token68 string            // what some schemes have in place of parameters
	params  map[string]string // by name, in lower case; unquoted; never nil
}

const maxChallengeBytes = 8 << 10 // of all header lines together

var errBadChallenge = errors.New("client: the challenge cannot be read")

// parseChallenges reads all values of a WWW-Authenticate header, each of which may have several challenges. All are good,
// or it is an error: half of a challenge that is read wrongly may be another's.
func parseChallenges(values []string) ([]challenge, error) {
	var all []challenge
	left := maxChallengeBytes
	for _, value := range values {
		if left -= len(value); left < 0 {
			return nil, errBadChallenge
		}
		challenges, ok := (&challengeReader{rest: value}).list()
		if !ok {
			return nil, errBadChallenge
		}
		all = append(all, challenges...)
	}
	return all, nil
}

// challengeReader takes a header line apart from its front. A comma stands between challenges and between their parameters
// alike, so that only what comes next tells which of the two it was.
type challengeReader struct{ rest string }

func (r *challengeReader) list() (all []challenge, ok bool) {
	open := false // whether a parameter may follow
	for {
		r.skip(" \t,") // empty elements are to be read (§5.6.1.2)
		if r.rest == "" {
			return all, true
		}
		name, value, isParam := r.param()
		switch {
		case !isParam:
			var next challenge
			if next, open, ok = r.challenge(); !ok {
				return nil, false
			}
			all = append(all, next)
			continue
		case !open || !all[len(all)-1].add(name, value), !r.ended():
			return nil, false
		}
	}
}

// challenge reads a scheme, and its token68 if there is one. Parameters need a space after the scheme.
func (r *challengeReader) challenge() (c challenge, open, ok bool) {
	c = challenge{scheme: r.take(isTokenByte), params: make(map[string]string)}
	if c.scheme == "" {
		return c, false, false
	}
	if open = r.skip(" ") > 0; !open || r.isParam() {
		return c, open, open || r.ended()
	}
	c.token68 = r.take(isToken68Byte)
	if c.token68 != "" {
		c.token68 += r.take(func(b byte) bool { return b == '=' })
		open = false
	}
	return c, open, r.ended()
}

// isParam looks ahead only.
func (r *challengeReader) isParam() bool {
	ahead := *r
	_, _, ok := ahead.param()
	return ok
}

// param reads name, "=" and value (§11.2). If there is none it leaves everything in its place.
func (r *challengeReader) param() (name, value string, ok bool) {
	start := r.rest
	name = r.take(isTokenByte)
	r.skip(" \t")
	if name == "" || !strings.HasPrefix(r.rest, "=") {
		r.rest = start
		return "", "", false
	}
	r.rest = r.rest[1:]
	r.skip(" \t")
	if value, ok = r.quoted(); !ok {
		value = r.take(isTokenByte)
	}
	if ok = ok || value != ""; !ok {
		r.rest = start
	}
	return strings.ToLower(name), value, ok
}

// quoted reads a quoted-string (§5.6.4). If there is none it leaves everything in its place.
func (r *challengeReader) quoted() (string, bool) {
	if !strings.HasPrefix(r.rest, `"`) {
		return "", false
	}
	var text strings.Builder
	for i := 1; i < len(r.rest); i++ {
		b := r.rest[i]
		if b == '"' {
			r.rest = r.rest[i+1:]
			return text.String(), true
		}
		if b == '\\' && i+1 < len(r.rest) {
			i++
			b = r.rest[i]
		}
		if b < ' ' && b != '\t' || b == 0x7f {
			return "", false
		}
		text.WriteByte(b)
	}
	return "", false
}

// ended reports whether the list goes on, or ends, here.
func (r *challengeReader) ended() bool {
	r.skip(" \t")
	return r.rest == "" || r.rest[0] == ','
}

func (r *challengeReader) skip(these string) int {
	before := len(r.rest)
	r.rest = strings.TrimLeft(r.rest, these)
	return before - len(r.rest)
}

func (r *challengeReader) take(belongs func(byte) bool) string {
	n := 0
	for n < len(r.rest) && belongs(r.rest[n]) {
		n++
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// add refuses a second value: which of them counts nobody could say (§11.2).
func (c challenge) add(name, value string) bool {
	_, twice := c.params[name]
	c.params[name] = value
	return !twice
}

func isTokenByte(b byte) bool {
	return isAlphanumeric(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

func isToken68Byte(b byte) bool { return isAlphanumeric(b) || strings.IndexByte("-._~+/", b) >= 0 }

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
