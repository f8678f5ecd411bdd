package consumer

import (
	"math"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// endOfTime bounds NumericDate: 9999-12-31T23:59:59Z is the last one accepted.
const endOfTime = 253402300800

// claimReader reads claims of the types RFC 7519 §4.1 gives them. The first fault is kept, so that a caller reads all
// it wants and looks once.
type claimReader struct {
	compact.Object
	fault error
}

func (c *claimReader) fail(name, problem string) {
	if c.fault == nil {
		c.fault = refuse(ReasonClaims, name+" "+problem)
	}
}

// require demands that name is there and says something.
func (c *claimReader) require(name string) {
	v, ok := c.Get(name)
	if !ok || v.Kind() == compact.KindNull || v.Raw() == `""` {
		c.fail(name, "is missing")
	}
}

// text reads an optional string.
func (c *claimReader) text(name string) string {
	text, ok := c.OptionalText(name)
	if !ok {
		c.fail(name, "is not a string")
	}
	return text
}

// list reads an optional claim that is a string or an array of strings, such as `aud`.
func (c *claimReader) list(name string) []string {
	v, there := c.Get(name)
	if text, ok := v.Text(); ok {
		return []string{text}
	}
	list, ok := v.Strings()
	if there && !ok {
		c.fail(name, "is not a string or an array of strings")
	}
	return list
}

// date reads an optional NumericDate, a JSON number that may have a fraction (RFC 7519 §2).
func (c *claimReader) date(name string) time.Time {
	v, there := c.Get(name)
	if !there {
		return time.Time{}
	}
	seconds, ok := v.Number()
	if !ok || seconds <= 0 || seconds >= endOfTime {
		c.fail(name, "is not a date")
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second)))
}

// scopes reads the granted scopes from `scope` or else `scp`: one string with spaces between them, or an array.
func (c *claimReader) scopes() []string {
	for _, name := range [...]string{"scope", "scp"} {
		v, ok := c.Get(name)
		if text, isText := v.Text(); isText {
			return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) // nothing else parts them (RFC 6749 §3.3)
		}
		if ok {
			return c.list(name)
		}
	}
	return nil
}

// confirmation reads `cnf`. A member that is not understood, or a cnf that names no key, is remembered as such and not
// skipped (RFC 7800 §3.1): the issuer meant the token to be bound.
func (c *claimReader) confirmation() *Confirmation {
	v, there := c.Get("cnf")
	if !there {
		return nil
	}
	members, ok := v.Object()
	if !ok {
		c.fail("cnf", "is not an object")
	}
	confirmation := &Confirmation{}
	for name, member := range members.All() {
		text, isText := member.Text()
		switch {
		case name == "jkt" && isText && text != "":
			confirmation.JWKThumbprint = text
		case name == "x5t#S256" && isText && text != "":
			confirmation.CertificateThumbprint = text
		default:
			confirmation.Unknown = true
		}
	}
	if *confirmation == (Confirmation{}) {
		confirmation.Unknown = true
	}
	return confirmation
}
