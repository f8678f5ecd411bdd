package jwks

import (
	"math"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// InspectedKey is one key of a document that [Inspect] has read.
type InspectedKey struct {
	// Key is the key, if it is usable. Its Public is nil otherwise.
	Key Key

	// Unusable says why the key is unusable. Nil: it is usable.
	Unusable *UnusableKey

	// KeyID, Type, Algorithm and Use are the members kid, kty, alg and use of the JWK, as the document has them. They may have
	// any content. A member that is absent, or not a string, is empty.
	KeyID, Type, Algorithm, Use string
}

// Inspect reads a JWK Set (RFC 7517 §5) or a single JWK, and returns all of its keys, usable or not, in the order of the document.
// It is for tools that show a key set. [Remote] uses exactly the keys that Inspect returns as usable, except that it stops after
// Config.MaxKeys of them. The deviations are those that were accepted in the usable keys.
//
// The error says why data is not a key set. A key set without a usable key is not an error. Inspect returns at most 1000 keys;
// a document with more is an error.
func Inspect(data []byte) (keys []InspectedKey, deviations []quirk.Quirk, err error) {
	text := asSet(string(data))
	s := &set{}
	elements, err := s.open(text, maxElements)
	if err != nil {
		return nil, nil, err
	}
	for _, element := range elements {
		keys = append(keys, inspect(element))
	}
	whole, err := parseSet(text, math.MaxInt, nil)
	if err == nil {
		markUntried(keys, whole)
		deviations = whole.quirks
	}
	return keys, deviations, nil
}

// inspect reads one element of a key set.
func inspect(element string) (k InspectedKey) {
	if o, _, err := compact.ParseDocument(element, maxDepth); err == nil {
		for name, field := range map[string]*string{"kid": &k.KeyID, "kty": &k.Type, "alg": &k.Algorithm, "use": &k.Use} {
			value, _ := o.Get(name)
			*field, _ = value.Text()
		}
	}
	key, bad := readKey(element, nil)
	k.Key, k.Unusable = key.Key, bad
	return k
}

// markUntried marks the keys that no token can select as unusable, as whole does.
func markUntried(keys []InspectedKey, whole *set) {
	for i := range keys {
		k := &keys[i]
		if k.Unusable == nil && !slices.ContainsFunc(whole.keys, k.Key.Equal) {
			k.Unusable = &UnusableKey{k.Key.ID, FaultDuplicate, untried}
			k.Key.Public = nil
		}
	}
}
