package jwks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// set is a parsed JWK Set (RFC 7517 §5). It is immutable.
type set struct {
	keys     []Key          // the usable keys
	byID     map[string]Key // those with an ID
	byText   map[string]Key // by the text of the JWK, so that the next set can reuse the keys that have not changed
	unusable []UnusableKey
	etag     string
}

var errNoUsableKey = errors.New("the set has no usable key")

// maxDepth limits the nesting of a set. A JWK has no deep members.
const maxDepth = 16

// maxElements limits the number of keys in a set, usable or not, unless MaxKeys is larger. An unusable key takes two bytes
// to publish, but each is stored, reported and logged.
const maxElements = 1000

// parseSet parses a JWK Set. Keys with the same text as in before become the same objects as there; before may be nil. If
// the set has no usable key, parseSet returns both the set, so that the reasons can be reported, and an error.
func parseSet(text string, maxKeys int, before *set) (*set, error) {
	document, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	list, _ := document.Get("keys")
	if list.Kind() != compact.KindArray {
		return nil, errors.New("not a JWK Set: keys is not an array")
	}
	s := &set{byID: make(map[string]Key), byText: make(map[string]Key)}

	// The usable keys are collected first and added later: whether a kid is ambiguous is known only at the end of the list.
	var found []namedText
	named := make(map[string]int) // the number of usable keys with each kid
	elements, maxElements := 0, max(maxElements, maxKeys)
	for element := range list.Elements() {
		if elements++; elements > maxElements {
			return nil, fmt.Errorf("the set has more than %d keys", maxElements)
		}
		if len(found) == maxKeys { // the rest of the list is not parsed, but counted and reported
			s.reject(UnusableKey{Cause: FaultTooMany, Detail: "the set has too many usable keys"})
			continue
		}
		key, bad := readKey(element, before)
		if bad != nil {
			s.reject(*bad)
			continue
		}
		found = append(found, namedText{key, element.Raw()})
		named[key.ID]++
	}
	for _, f := range found {
		s.add(f, named[f.key.ID])
	}
	if len(s.keys) == 0 {
		return s, errNoUsableKey
	}
	return s, nil
}

// namedText is a usable key and the text of its JWK.
type namedText struct {
	key  Key
	text string
}

// readKey parses one element of the set. If before contains the same text, readKey returns that key: its strength does not
// have to be checked again, and Key.Equal and the cached tokens recognize it at once.
func readKey(element compact.Value, before *set) (Key, *UnusableKey) {
	if before != nil {
		if key, ok := before.byText[element.Raw()]; ok {
			return key, nil
		}
	}
	o, ok := element.Object()
	if !ok {
		return Key{}, &UnusableKey{Cause: FaultMalformed, Detail: "the key is not an object"}
	}
	return parseKey(o)
}

// add adds f to the usable keys. sharingID is the number of usable keys with the same ID. If there are several, none is
// added, because the ID does not identify one. Keys without an ID are distinguished by the algorithms that they serve.
func (s *set) add(f namedText, sharingID int) {
	if f.key.ID != "" && sharingID > 1 {
		s.reject(UnusableKey{KeyID: f.key.ID, Cause: FaultDuplicate, Detail: "another usable key has the same kid"})
		return
	}
	s.keys = append(s.keys, f.key)
	s.byText[strings.Clone(f.text)] = f.key // a substring would keep the whole document in memory
	if f.key.ID != "" {
		s.byID[f.key.ID] = f.key
	}
}

// reject adds k to the keys that are reported and not used.
func (s *set) reject(k UnusableKey) { s.unusable = append(s.unusable, k) }

// document returns a JWK Set with the usable keys only. Nothing else that the issuer has published is stored.
func (s *set) document() []byte {
	texts := slices.Sorted(maps.Keys(s.byText))
	return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
}
