package compact

import (
	"iter"
	"math"
	"strconv"
	"strings"
)

// Value is one JSON value inside an [Object], as text that is known to be valid. The zero value has no kind.
type Value struct{ text string }

// Kind tells what a Value is.
type Kind byte

// The kinds of JSON value (RFC 8259 §3).
const (
	KindNone Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// String returns the name that RFC 8259 gives to the kind.
func (k Kind) String() string {
	names := [...]string{"nothing", "null", "boolean", "number", "string", "array", "object"}
	return names[min(int(k), len(names)-1)]
}

// Kind tells what v is, from its first character.
func (v Value) Kind() Kind {
	if v.text == "" {
		return KindNone
	}
	switch v.text[0] {
	case 'n':
		return KindNull
	case 't', 'f':
		return KindBool
	case '"':
		return KindString
	case '[':
		return KindArray
	case '{':
		return KindObject
	}
	return KindNumber
}

// Raw is the JSON text of v.
func (v Value) Raw() string { return v.text }

// Text returns a string, unescaped; ok is false for every other kind.
func (v Value) Text() (text string, ok bool) {
	if v.Kind() != KindString {
		return "", false
	}
	inner := v.text[1 : len(v.text)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	return unescaped(inner), true
}

// unescaped is the text of a string without its quotes.
func unescaped(inner string) string {
	var b strings.Builder
	plain, rest, escaped := cutEscape(inner)
	for ; escaped; plain, rest, escaped = cutEscape(rest) {
		b.WriteString(plain)
		r, length := unescape(rest)
		b.WriteRune(r)
		rest = rest[length:]
	}
	b.WriteString(plain)
	return b.String()
}

// cutEscape cuts text at its first escape sequence, which rest then starts with.
func cutEscape(text string) (plain, rest string, escaped bool) {
	i := strings.IndexByte(text, '\\')
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i:], true
}

// Number returns a number; ok is false for every other kind and for a number that float64 cannot hold.
func (v Value) Number() (number float64, ok bool) {
	if v.Kind() != KindNumber {
		return 0, false
	}
	if n, ok := smallInteger(v.text); ok {
		return float64(n), true
	}
	number, err := strconv.ParseFloat(v.text, 64)
	return number, err == nil && !math.IsInf(number, 0)
}

// smallInteger reads what most numbers in a token are, and what float64 holds exactly.
func smallInteger(text string) (n int64, ok bool) {
	if len(text) > 15 {
		return 0, false
	}
	for i := range len(text) {
		if !isDigit(text[i]) {
			return 0, false
		}
		n = 10*n + int64(text[i]-'0')
	}
	return n, true
}

// Bool returns a boolean; ok is false for every other kind.
func (v Value) Bool() (value, ok bool) {
	return v.text == "true", v.Kind() == KindBool
}

// Elements ranges over the elements of an array; there are none in any other kind.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != KindArray {
			return
		}
		s := scanner{text: v.text, pos: 1, maxDepth: len(v.text)}
		for s.space(); !s.accept(']'); s.space() {
			s.comma()
			start := s.pos
			if s.value() != nil || !yield(Value{v.text[start:s.pos]}) {
				return
			}
		}
	}
}

// Strings returns the elements of an array of strings; ok is false for an array that holds anything else, and for
// every other kind.
func (v Value) Strings() (texts []string, ok bool) {
	if v.Kind() != KindArray {
		return nil, false
	}
	for element := range v.Elements() {
		text, ok := element.Text()
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// Object returns a nested object; ok is false for every other kind.
func (v Value) Object() (o Object, ok bool) {
	if v.Kind() != KindObject {
		return Object{}, false
	}
	o, err := ParseObject(v.text, len(v.text))
	return o, err == nil
}

// Any returns v as the Go value that encoding/json decodes it into: nil, bool, float64, string, []any or
// map[string]any. It returns nil if v contains a number that float64 cannot hold. Each call makes a new value, so the
// caller may change it.
func (v Value) Any() any {
	decoded, err := v.decodeAny()
	if err != nil {
		return nil
	}
	return decoded
}
