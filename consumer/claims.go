package consumer

import (
	"math"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	startOfTime = -62135596800 // the first NumericDate that is accepted: 0001-01-01T00:00:00Z, the zero time.Time
	endOfTime   = 253402300800 // the first later one that is rejected: 10000-01-01T00:00:00Z
)

// claimReader reads claims and checks that they have the types of RFC 7519 section 4.1. It keeps the first fault, so
// that the caller can read all claims and then check fault once. Its methods decide for each claim whether null and an
// empty value count as absent: see isAbsent.
type claimReader struct {
	compact.Object
	profile string // the name of the profile, for errors
	fault   error
	found   deviations
	texts   []string // the elements of all lists: see keep
}

// roomForTexts is the number of audiences and scopes of most tokens. More of them cost another allocation.
const roomForTexts = 6

// keep returns list, which extends texts, without its first elements texts. So the audience and the scopes of a token
// share one array, and need one allocation instead of two.
func (c *claimReader) keep(list []string) []string {
	from := len(c.texts)
	c.texts = list
	return list[from:len(list):len(list)] // an append to it makes a copy
}

// room returns the texts that were read so far, with room for more.
func (c *claimReader) room() []string {
	if c.texts == nil {
		c.texts = make([]string, 0, roomForTexts)
	}
	return c.texts
}

// fail records the fault "name problem", unless there is an earlier one.
func (c *claimReader) fail(name, problem string) {
	if c.fault == nil {
		c.fault = reject(ReasonClaims, name+" "+problem)
	}
}

// require checks that the claim called name is present and is neither null nor an empty string. For claims that fill
// has read, it uses the fields of t.
func (c *claimReader) require(t *Token, name string) {
	var there bool
	switch name {
	case "sub":
		there = t.subject != ""
	case "jti":
		there = t.id != ""
	case "aud":
		there = len(t.audience) > 0
	case "exp":
		there = !t.expiry.IsZero()
	case "iat":
		there = !t.issuedAt.IsZero()
	default:
		v, ok := c.Get(name)
		there = ok && !v.IsAbsent(compact.KindString)
	}
	if !there {
		c.missing(name)
	}
}

// missing records that a required claim is missing.
func (c *claimReader) missing(name string) {
	problem := "is missing (Config.Profile " + c.profile + " or Config.RequiredClaims)"
	if name == "exp" {
		problem = "is missing (Config.Profile " + c.profile + ")"
	}
	c.fail(name, problem)
}

// missingClient records that none of claims names the client. `aud` does not if it has several values.
func (c *claimReader) missingClient(claims []string) {
	c.fail("the client", "is missing, expected it in "+strings.Join(claims, " or ")+" (Config.Profile "+c.profile+")")
}

// wrongType records that the claim called name does not have the expected type.
func (c *claimReader) wrongType(name string, v compact.Value, expected string) {
	c.fail(name, "is of type "+v.Kind().String()+", expected "+expected)
}

// fill reads the claims that Token has fields for, in one pass. Names are compared byte for byte, and the parser has
// rejected duplicates. So no claim is read twice.
func (c *claimReader) fill(t *Token) {
	for name, v := range c.All() {
		switch name {
		case "sub":
			t.subject = c.text(inSubject, name, v)
		case "jti":
			t.id = c.text(inID, name, v)
		case "aud":
			t.audience = c.list(inAudience, name, v)
		case "exp":
			t.expiry = c.expiry(v)
		case "iat":
			t.issuedAt = c.optionalDate(inIssuedAt, name, v)
		case "nbf":
			t.notBefore = c.optionalDate(inNotBefore, name, v)
		case "cnf":
			t.confirmation = c.confirmation(v)
		case "act":
			t.actor = c.actors(v)
		}
	}
}

// text reads a claim that is a string. It returns "" if the claim counts as absent; require rejects that where the profile
// needs the claim.
func (c *claimReader) text(at place, name string, v compact.Value) string {
	if c.found.isAbsent(at, v, compact.KindString) {
		return ""
	}
	text, ok := v.Text()
	if !ok {
		c.wrongType(name, v, "a string")
	}
	return text
}

// list reads a claim that is a string or an array of strings, such as `aud`. It returns nil if the claim counts as absent.
func (c *claimReader) list(at place, name string, v compact.Value) []string {
	if c.found.isAbsent(at, v, compact.KindString, compact.KindArray) {
		return nil
	}
	if text, ok := v.Text(); ok {
		return c.keep(append(c.room(), text))
	}
	return c.strings(name, v)
}

// strings reads an array of strings.
func (c *claimReader) strings(name string, v compact.Value) []string {
	list, ok := v.AppendStrings(c.room())
	if !ok {
		c.wrongType(name, v, "a string or an array of strings")
		return nil
	}
	return c.keep(list)
}

// expiry reads `exp`. null and 0 are not treated as absent, because some profiles accept a token without exp.
func (c *claimReader) expiry(v compact.Value) time.Time {
	date := c.date("exp", v)
	if !date.After(time.Unix(0, 0)) {
		c.fail("exp", "is not positive, expected "+numericDate)
	}
	return date
}

// optionalDate reads `iat` or `nbf`. It returns the zero time if the claim is null.
func (c *claimReader) optionalDate(at place, name string, v compact.Value) time.Time {
	if c.found.isAbsent(at, v) {
		return time.Time{}
	}
	return c.date(name, v)
}

const numericDate = "a number of seconds since the start of 1970"

// date reads a NumericDate, which is a JSON number of seconds since the start of 1970 and may be negative or have a
// fraction (RFC 7519 section 2). Dates before the year 1 or after the year 9999 are rejected.
func (c *claimReader) date(name string, v compact.Value) time.Time {
	seconds, ok := v.Number()
	// Without these limits, the conversion to int64 below could overflow and return an unpredictable date.
	switch {
	case !ok:
		c.wrongType(name, v, numericDate)
		return time.Time{}
	case seconds < startOfTime || seconds >= endOfTime:
		c.fail(name, "is out of range, expected "+numericDate)
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second)))
}

// confirmation reads `cnf`. A member that is not supported, or a cnf without a key, sets Unknown instead of being
// skipped (RFC 7800 section 3.1): the issuer meant to bind the token. null for cnf itself is rejected for the same reason.
func (c *claimReader) confirmation(v compact.Value) *Confirmation {
	members, ok := v.Object()
	if !ok {
		c.wrongType("cnf", v, "an object")
	}
	confirmation := &Confirmation{}
	for name, member := range members.All() {
		text, isText := member.Text()
		switch {
		case c.found.isAbsent(inConfirmation, member):
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

// principal distinguishes a client that acts for itself from a user (RFC 9700 section 4.15). The subject of such a
// client equals the client id, or is absent. Auth0 adds the suffix @clients to it, and Microsoft Entra sets `idtyp` to
// "app".
func (c *claimReader) principal(t *Token) Principal {
	if t.subject == "" || strings.TrimSuffix(t.subject, "@clients") == t.clientID || t.subject == t.clientID ||
		textOf(c.Object, "idtyp") == "app" {
		return PrincipalClient
	}
	return PrincipalUser
}
