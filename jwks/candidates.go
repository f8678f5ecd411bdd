package jwks

import "github.com/bearerkit/bearerkit/internal/signature"

// candidates are the keys of a set that one kid selects, before the algorithm of the token is known. There are also
// candidates for tokens without a kid. The keys for each algorithm are chosen when the set is parsed, so that a lookup
// allocates nothing.
type candidates struct {
	keys  []Key
	byAlg map[string][]Key // nil if there is only one key, because checking that key is faster
}

// newCandidates returns candidates for keys, which are in the order in which they are tried.
func newCandidates(keys []Key) candidates {
	c := candidates{keys: keys}
	if len(keys) < 2 {
		return c
	}
	c.byAlg = make(map[string][]Key)
	for _, alg := range signature.Public() {
		if chosen, _ := choose(keys, alg, anyID); len(chosen) > 0 {
			c.byAlg[alg] = chosen
		}
	}
	return c
}

// ambiguous reports whether more than one of the candidates serves the same algorithm, so that a token does not name its
// key. The set then reports [quirk.SharedKeyID].
func (c candidates) ambiguous() bool {
	for _, keys := range c.byAlg {
		if len(keys) > 1 {
			return true
		}
	}
	return false
}

// tries reports whether k, which is one of the candidates, is among those that serving returns for any algorithm.
func (c candidates) tries(k Key) bool {
	if len(c.keys) <= maxMatches {
		return true
	}
	for _, keys := range c.byAlg {
		if containsPublic(keys, k) {
			return true
		}
	}
	return false
}

// untried returns the keys that find returns, without those of tried.
func (s *set) untried(kid, alg string, tried []Key) []Key {
	keys, _ := s.find(kid, alg) // after an error, keys is nil
	if len(tried) == 0 {
		return keys
	}
	return without(keys, tried)
}

// without returns the keys that are not among tried.
func without(keys, tried []Key) (rest []Key) {
	for _, k := range keys {
		if !containsPublic(tried, k) {
			rest = append(rest, k)
		}
	}
	return rest
}
