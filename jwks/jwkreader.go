package jwks

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// jwkReader reads the members of one JWK, and collects the deviations that it accepts. Its methods hide each deviation from
// the caller: it sees an absent member or the right octets.
type jwkReader struct {
	compact.Object
	quirks []quirk.Quirk
}

// accept records an accepted deviation of the member called name, which must be a name that sectionOf knows.
func (r *jwkReader) accept(deviation quirk.Name, name string) {
	r.quirks = append(r.quirks, quirk.Quirk{Name: deviation, Place: "key " + name, RFC: sectionOf(name)})
}

// sectionOf returns the section that defines a member of a JWK.
func sectionOf(name string) string {
	switch name {
	case "kty":
		return "RFC 7517 section 4.1"
	case "use":
		return "RFC 7517 section 4.2"
	case "key_ops":
		return "RFC 7517 section 4.3"
	case "alg":
		return "RFC 7517 section 4.4"
	case "kid":
		return "RFC 7517 section 4.5"
	case "crv", "x", "y":
		return "RFC 7518 section 6.2.1"
	case "n", "e":
		return "RFC 7518 section 6.3.1"
	case "pub", "priv":
		return "RFC 9964"
	}
	return "RFC 7518 section 6" // a private member
}

// drop handles the members that were left out because of a fault, such as a name that occurs twice. If the kit reads such a
// member, the key cannot be used, because other readers may see another key. Otherwise the fault is accepted.
func (r *jwkReader) drop(faults map[string]error) (fault Fault, detail string) {
	for _, name := range slices.Sorted(maps.Keys(faults)) { // in the same order each time, so that the detail does not change
		err := faults[name]
		switch {
		case slices.Contains(r.privateMembers(), name):
			return FaultPrivate, "the public key set contains a private key"
		case slices.Contains([]string{"kty", "use", "key_ops", "alg", "kid", "crv", "n", "e", "x", "y", "pub"}, name):
			fault, detail = FaultMalformed, fmt.Sprintf("%s: %v", name, err)
		default:
			r.quirks = append(r.quirks, quirkOf(err))
		}
	}
	return fault, detail
}

// quirkOf returns the quirk for a fault of a member that the kit does not read.
func quirkOf(fault error) quirk.Quirk {
	if compact.IsDuplicate(fault) {
		return quirk.Quirk{Name: quirk.DuplicateMember, Place: "key member", RFC: "RFC 8259 section 4"}
	}
	return quirk.Quirk{Name: quirk.InvalidValue, Place: "key member", RFC: "RFC 8259 section 8"}
}

// privateMembers returns the members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1). A key of the type AKP
// has another one (RFC 9964).
func (r *jwkReader) privateMembers() []string {
	private := []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
	kty, _ := r.Get("kty")
	if text, _ := kty.Text(); text == "AKP" {
		private = append(private, "priv")
	}
	return private
}

// member returns the member called name. A member that is null, an empty string or an empty array is treated as absent:
// encoders write these values for members that are not set.
func (r *jwkReader) member(name string) (v compact.Value, present bool) {
	v, present = r.Get(name)
	if !present {
		return v, false
	}
	switch {
	case !v.IsAbsent(compact.KindString, compact.KindArray):
		return v, true
	case v.Kind() == compact.KindNull:
		r.accept(quirk.NullMember, name)
	default:
		r.accept(quirk.EmptyMember, name)
	}
	return compact.Value{}, false
}

// text returns the string called name, or "" if it is absent. ok is false if the member is not a string.
func (r *jwkReader) text(name string) (text string, ok bool) {
	v, present := r.member(name)
	if !present {
		return "", true
	}
	return v.Text()
}

// octets decodes the member called name from base64url (RFC 7515 §2). It also accepts padding, and other deviations that
// leave no doubt about the octets.
func (r *jwkReader) octets(name string) (octets []byte, ok bool) {
	text, ok := r.text(name)
	if !ok {
		return nil, false
	}
	if octets, err := compact.DecodeSegment(text); err == nil {
		return octets, true
	}
	// Now the text has a deviation. Remove what does not change the octets, and record it.
	unpadded := strings.TrimRight(text, "=")
	octets, err := compact.DecodeSegment(unpadded)
	if err != nil {
		// RawURLEncoding also accepts line ends, and bits behind the last octet that are not zero.
		if octets, err = base64.RawURLEncoding.DecodeString(base64url.Replace(unpadded)); err == nil {
			r.accept(quirk.Base64Form, name)
		}
	}
	if len(unpadded) < len(text) {
		r.accept(quirk.Base64Padding, name)
	}
	return octets, err == nil
}

// base64url replaces the characters of base64 that base64url does not have (RFC 4648 §5).
var base64url = strings.NewReplacer("+", "-", "/", "_") //nolint:gochecknoglobals // a table that nothing writes to
