package jwks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// set is a JWK Set (RFC 7517 §5) that has been read: the usable keys, and what was wrong with the others. It is not
// changed once it has been made.
type set struct {
	keys     []Key
	byID     map[string]Key
	byText   map[string]Key // by the JWK's own text, so that the next set can take over what has not changed
	unusable []UnusableKey
	etag     string
}

var errNoUsableKey = errors.New("the set has no usable key")

// maxDepth bounds the nesting of a set. A JWK has no deep members.
const maxDepth = 16

// maxElements bounds the keys of a set, usable or not, unless more are to be used: each unusable one is kept, reported
// and logged, and takes no more than two bytes to publish.
const maxElements = 1000

// parseSet reads a JWK Set. Keys whose text also stands in before, which may be nil, become the same objects as there.
// A set without a usable key is an error, but it is returned too, to be reported.
func parseSet(text string, maxKeys int, before *set) (*set, error) {
	document, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	list, _ := document.Get("keys")
	if list.Kind() != compact.KindArray {
		return nil, errors.New("not a JWK Set: no array keys")
	}
	s := &set{byID: make(map[string]Key), byText: make(map[string]Key)}
	var found []namedText
	named := make(map[string]int)
	elements, maxElements := 0, max(maxElements, maxKeys)
	for element := range list.Elements() {
		if elements++; elements > maxElements {
			return nil, fmt.Errorf("the set has more than %d keys", maxElements)
		}
		if len(found) == maxKeys {
			s.refuse(UnusableKey{Cause: FaultTooMany, Detail: "the set has too many usable keys"})
			continue
		}
		key, bad := readKey(element, before)
		if bad != nil {
			s.refuse(*bad)
			continue
		}
		found = append(found, namedText{key, element.Raw()})
		named[key.ID]++
	}
	for _, f := range found {
		s.take(f, named[f.key.ID])
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

// readKey reads one element of the set, or takes its key over from before.
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

// take makes f a key of the set. If its kid is that of other usable keys too, none of them is taken: a kid that has two
// meanings has none. Keys without a kid are told apart by what they serve.
func (s *set) take(f namedText, sharingID int) {
	if f.key.ID != "" && sharingID > 1 {
		s.refuse(UnusableKey{KeyID: f.key.ID, Cause: FaultDuplicate, Detail: "another usable key has the same kid"})
		return
	}
	s.keys = append(s.keys, f.key)
	s.byText[strings.Clone(f.text)] = f.key
	if f.key.ID != "" {
		s.byID[f.key.ID] = f.key
	}
}

func (s *set) refuse(k UnusableKey) { s.unusable = append(s.unusable, k) }

// key finds the key for a token (RFC 7515 §4.1.4).
func (s *set) key(kid, alg string) (Key, error) {
	if kid == "" {
		return only(s.keys, alg, anyID)
	}
	key, ok := s.byID[kid]
	switch {
	case !ok:
		return Key{}, errUnknownID
	case !key.serves(alg):
		return Key{}, ErrAlgorithm
	}
	return key, nil
}

// has reports whether kid, which is not empty, names a key of the set.
func (s *set) has(kid string) bool {
	_, ok := s.byID[kid]
	return ok
}

// document returns a JWK Set of the usable keys alone: whatever else was published goes no further.
func (s *set) document() []byte {
	texts := slices.Sorted(maps.Keys(s.byText))
	return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
}
