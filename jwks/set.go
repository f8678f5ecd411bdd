package jwks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// set is a parsed JWK Set (RFC 7517 §5). It is immutable.
type set struct {
	keys     []Key    // the usable keys
	texts    []string // the JWKs of keys, for the snapshot
	unusable []UnusableKey
	quirks   []quirk.Quirk // the deviations that were accepted, sorted and without duplicates
	etag     string

	all     candidates            // of a token without a kid
	byID    map[string]candidates // of a token with a kid that a key has
	unnamed candidates            // of a token with another kid

	// byText contains the keys by the text of the JWK as it was published, so that the next set can reuse those that have not changed.
	byText map[string]parsedKey
}

// parsedKey is a usable key, with the deviations of its JWK that were accepted.
type parsedKey struct {
	Key
	text   string // the JWK, without members that have a fault
	quirks []quirk.Quirk
}

// maxDepth limits the nesting of a set. A JWK has no deep members.
const maxDepth = 16

// maxElements limits the number of keys in a set, usable or not, unless MaxKeys is larger. An unusable key takes two bytes
// to publish, but each is stored, reported and logged.
const maxElements = 1000

// parseSet parses a JWK Set. Keys with the same text as in before become the same objects as there; before may be nil. If
// the set has no usable key, parseSet returns both the set, so that the reasons can be reported, and an error.
func parseSet(text string, maxKeys int, before *set) (*set, error) {
	s := &set{byText: make(map[string]parsedKey)}
	elements, err := s.open(text, max(maxElements, maxKeys))
	if err != nil {
		return nil, err
	}
	for _, element := range elements {
		if len(s.keys) == maxKeys { // the rest of the list is not parsed, but counted and reported
			s.reject(UnusableKey{Cause: FaultTooMany, Detail: "the set has too many usable keys"})
			continue
		}
		key, bad := readKey(element, before)
		if bad != nil {
			s.reject(*bad)
			continue
		}
		s.add(key, element)
	}
	if len(s.keys) == 0 {
		return s, s.noUsableKey()
	}
	s.index()
	return s, nil
}

// byteOrderMark is at the start of a file that some editors have written.
const byteOrderMark = "\ufeff"

// open returns the elements of the set, or an error if there are more than atMost. A byte order mark, and faults of members
// other than keys, are accepted.
func (s *set) open(text string, atMost int) ([]string, error) {
	text, marked := strings.CutPrefix(text, byteOrderMark)
	if marked {
		s.note(quirk.ByteOrderMark, "key set", "RFC 8259 section 8.1")
	}
	elements, ok, err := compact.DocumentList(text, "keys", atMost)
	switch {
	case err != nil:
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	case !ok:
		return nil, errors.New("not a JWK Set: keys is not an array")
	}
	return elements, nil
}

// readKey parses one element of the set. If before contains the same text, readKey returns that key: its strength does not
// have to be checked again, and Key.Equal and the cached tokens recognize it at once.
func readKey(element string, before *set) (parsedKey, *UnusableKey) {
	if before != nil {
		if key, ok := before.byText[element]; ok {
			return key, nil
		}
	}
	o, faults, err := compact.ParseDocument(element, maxDepth)
	if err != nil {
		return parsedKey{}, &UnusableKey{Cause: FaultMalformed, Detail: "the key is not an object"}
	}
	return parseKey(o, faults)
}

// add adds a usable key, unless the set contains it already. An issuer may publish a key twice, for example with two
// certificates.
func (s *set) add(key parsedKey, text string) {
	s.quirks = append(s.quirks, key.quirks...)
	if slices.ContainsFunc(s.keys, key.Equal) {
		s.note(quirk.DuplicateKey, "key kid", kidRFC)
		return
	}
	s.keys = append(s.keys, key.Key)
	s.byText[strings.Clone(text)] = key // a substring would keep the whole document in memory
	s.texts = append(s.texts, key.text)
}

// kidRFC is about several keys with the same kid.
const kidRFC = "RFC 7517 section 4.5"

// note adds a deviation that concerns the set or several of its keys.
func (s *set) note(name quirk.Name, place, rfc string) {
	s.quirks = append(s.quirks, quirk.Quirk{Name: name, Place: place, RFC: rfc})
}

// reject adds k to the keys that are reported and not used.
func (s *set) reject(k UnusableKey) { s.unusable = append(s.unusable, k) }

// index prepares the lookups, after all keys are known.
func (s *set) index() {
	groups := make(map[string][]Key)
	for _, key := range s.keys {
		groups[key.ID] = append(groups[key.ID], key)
	}
	s.byID = make(map[string]candidates, len(groups))
	for id, keys := range groups {
		c := newCandidates(keys)
		if c.ambiguous() {
			s.note(quirk.SharedKeyID, "key kid", kidRFC)
		}
		s.byID[id] = c
	}
	s.unnamed = s.byID[""]
	delete(s.byID, "")
	s.dropUntried()
	s.all = newCandidates(s.keys)
	s.quirks = quirk.Join(s.quirks)
}

// dropUntried removes the keys that no token can select, because maxMatches other keys with the same kid come before them.
func (s *set) dropUntried() {
	for i := len(s.keys) - 1; i >= 0; i-- {
		key := s.keys[i]
		group := s.unnamed
		if key.ID != "" {
			group = s.byID[key.ID]
		}
		if group.tries(key) {
			continue
		}
		s.reject(UnusableKey{key.ID, FaultDuplicate, untried})
		s.keys, s.texts = slices.Delete(s.keys, i, i+1), slices.Delete(s.texts, i, i+1)
	}
}

// noUsableKey returns the error for a set whose keys are all unusable. It has the first three reasons.
func (s *set) noUsableKey() error {
	if len(s.unusable) == 0 {
		return fmt.Errorf("%w: the set is empty", errNoUsableKey)
	}
	var reasons []string
	for i, k := range s.unusable[:min(len(s.unusable), 3)] {
		reasons = append(reasons, fmt.Sprintf("key %d (kid %s): %s", i, quoted(k.KeyID), k.Detail))
	}
	if more := len(s.unusable) - len(reasons); more > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w: %d keys, all unusable: %s", errNoUsableKey, len(s.unusable), strings.Join(reasons, "; "))
}

var errNoUsableKey = errors.New("the set has no usable key")

// document returns a JWK Set with the usable keys only. Nothing else that the issuer has published is stored.
func (s *set) document() []byte { return []byte(`{"keys":[` + strings.Join(s.texts, ",") + `]}`) }
