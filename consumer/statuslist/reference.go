package statuslist

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	maxReferences     = 10_000   // that are cached in Lists.references
	maxReferenceBytes = 4 << 10  // the maximum length of the JSON text of the claim status
	maxReferenceDepth = 16       // the maximum depth of its objects and arrays
	maxIndex          = 1 << 53  // the first integer that float64 cannot tell from its neighbor
	claim             = "status" // the claim of a token
)

// reference says where the status of a token is: in which list, and at which index. It does not change.
type reference struct {
	entry *entry
	index int64
}

// referenceOf returns the reference in token. It adds the list to the table if it is a new one.
func (l *Lists) referenceOf(token consumer.StatusToken) (*reference, error) {
	text, ok := referenceText(token)
	if !ok {
		return nil, reject(unlisted, "the claim status is missing (Config.InsecureAcceptUnlisted)")
	}
	// Equal texts name the same list and index. The entry of a list that was removed is not used, because that list is no longer
	// fetched.
	if known, ok := l.references.Get(text); ok && !known.entry.removed.Load() {
		return known, nil
	}
	uri, index, err := parseReference(text)
	if err != nil {
		return nil, err
	}
	e, err := l.entryOf(uri)
	if err != nil {
		return nil, err
	}
	found := &reference{e, index}
	l.references.Add(strings.Clone(text), found) // a copy, because text keeps all claims in memory
	return found, nil
}

// referenceText returns the JSON text of the claim status. It does not allocate for a token of package consumer.
func referenceText(token consumer.StatusToken) (text string, ok bool) {
	if t, ok := token.(*consumer.Token); ok {
		return t.ClaimJSON(claim)
	}
	value, ok := token.Claim(claim)
	if !ok {
		return "", false
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "", true // it is not empty in JSON, so parseReference rejects it
	}
	return string(encoded), true
}

// parseReference reads the claim status (section 6.2 of the draft). All errors match ErrRejected: the issuer has signed the
// token, so another attempt has the same result.
func parseReference(text string) (uri string, index int64, err error) {
	if len(text) > maxReferenceBytes {
		return "", 0, reject(malformed, "status has %d bytes, expected at most %d", len(text), maxReferenceBytes)
	}
	status, err := compact.ParseObject(text, maxReferenceDepth)
	if err != nil {
		return "", 0, reject(malformed, "status is not an object without duplicate names")
	}
	member, ok := status.Get("status_list")
	if !ok {
		return "", 0, reject(malformed, "status has no member status_list, and no other mechanism is supported")
	}
	list, ok := member.Object()
	if !ok {
		return "", 0, reject(malformed, "status_list is of type %v, expected an object", member.Kind())
	}
	v, _ := list.Get("uri")
	uri, ok = v.Text()
	if !ok || uri == "" {
		return "", 0, reject(malformed, "uri is of type %v, expected a string that is not empty", v.Kind())
	}
	v, _ = list.Get("idx")
	index, ok = integer(v)
	if !ok {
		return "", 0, reject(malformed, "idx is not an integer from 0 to %d", int64(maxIndex-1))
	}
	return uri, index, nil
}

// integer returns v as an index. ok is false unless v is an integer from 0 to maxIndex - 1.
func integer(v compact.Value) (n int64, ok bool) {
	number, ok := v.Number()
	if !ok || strings.HasPrefix(v.Raw(), "-") || number >= maxIndex || number != math.Trunc(number) {
		return 0, false
	}
	return int64(number), true
}
