// Package challenge parses the challenges of an HTTP response: the values of WWW-Authenticate (RFC 9110, Section 11.6.1).
package challenge

import (
	"errors"
	"strings"

	"github.com/bearerkit/bearerkit/internal/token68"
)

// Challenge is one challenge of a WWW-Authenticate header (RFC 9110, Section 11.6.1).
type Challenge struct {
	Scheme  string            // as received; case-insensitive
	Token68 string            // used by some schemes in place of parameters
	Params  map[string]string // by name, in lower case; unquoted; never nil
}

// MaxBytes is the maximum length of all values of the header together.
const MaxBytes = 8 << 10

// ErrSyntax reports a header that cannot be parsed, or that is longer than MaxBytes.
var ErrSyntax = errors.New("the WWW-Authenticate header cannot be parsed")

// Parse parses all values of a WWW-Authenticate header. Each value may have several challenges. If any of them is
// not valid, the result is an error, because the parser may then have attributed a parameter to the wrong challenge.
func Parse(values []string) ([]Challenge, error) {
	var all []Challenge
	left := MaxBytes
	for _, value := range values {
		if left -= len(value); left < 0 {
			return nil, ErrSyntax
		}
		challenges, ok := (&reader{rest: value}).list()
		if !ok {
			return nil, ErrSyntax
		}
		all = append(all, challenges...)
	}
	return all, nil
}

// reader parses a header value from left to right. This is the grammar (RFC 9110, Sections 11.2, 11.3 and 11.6.1):
//
//	WWW-Authenticate = [ challenge *( "," challenge ) ]
//	challenge        = scheme [ 1*SP ( token68 / [ param *( "," param ) ] ) ]
//	param            = name "=" ( token / quoted-string )
//
// A comma separates both challenges and the parameters of one challenge, so only what follows it shows which of the two it
// was: a name and "=" is a parameter, anything else is the scheme of the next challenge.
type reader struct{ rest string }

// list parses a whole value. In the loop, each turn reads one parameter, or else the scheme of the next challenge.
func (r *reader) list() (all []Challenge, ok bool) {
	open := false // whether parameters of the last challenge may follow
	for {
		r.skip(" \t,") // a list may have empty elements (Section 5.6.1.2)
		if r.rest == "" {
			return all, true
		}
		name, value, isParam := r.param()
		switch {
		case !isParam:
			var next Challenge
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

// challenge reads a scheme, and its token68 if it has one. open reports whether parameters may follow, which requires a
// space after the scheme.
func (r *reader) challenge() (c Challenge, open, ok bool) {
	c = Challenge{Scheme: r.take(isTokenByte), Params: make(map[string]string)}
	if c.Scheme == "" {
		return c, false, false
	}
	if open = r.skip(" ") > 0; !open || r.isParam() {
		return c, open, open || r.ended()
	}
	c.Token68 = r.take(token68.IsByte)
	if c.Token68 != "" {
		c.Token68 += r.take(func(b byte) bool { return b == '=' })
		open = false
	}
	return c, open, r.ended()
}

// isParam reports whether a parameter follows. It consumes nothing.
func (r *reader) isParam() bool {
	ahead := *r
	_, _, ok := ahead.param()
	return ok
}

// param reads a parameter: name, "=" and value (Section 11.2). If none follows, it consumes nothing.
func (r *reader) param() (name, value string, ok bool) {
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

// quoted reads a quoted-string (Section 5.6.4). If none follows, it consumes nothing.
func (r *reader) quoted() (string, bool) {
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

// ended reports whether an element of the list ends here: at a comma, or at the end.
func (r *reader) ended() bool {
	r.skip(" \t")
	return r.rest == "" || r.rest[0] == ','
}

// skip consumes all leading characters that are in these, and returns their number.
func (r *reader) skip(these string) int {
	before := len(r.rest)
	r.rest = strings.TrimLeft(r.rest, these)
	return before - len(r.rest)
}

// take consumes and returns the leading bytes for which belongs returns true.
func (r *reader) take(belongs func(byte) bool) string {
	n := 0
	for n < len(r.rest) && belongs(r.rest[n]) {
		n++
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// add sets a parameter. It returns false for a repeated name, since it is not defined which value counts (Section 11.2).
func (c Challenge) add(name, value string) bool {
	_, twice := c.Params[name]
	c.Params[name] = value
	return !twice
}

// isTokenByte reports whether b may be in a token (RFC 9110, Section 5.6.2).
func isTokenByte(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}
