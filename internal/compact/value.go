package compact

import (
	"iter"
	"math"
	"strconv"
	"strings"
)

// Value is one JSON value in an [Object]. Its text is valid. The zero Value has the kind [KindNone].
type Value struct{ text string }

// Kind is the kind of a [Value].
type Kind byte

// The kinds of JSON values (RFC 8259 §3). A Value of an Object never has KindNone.
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

// Kind returns the kind of v.
func (v Value) Kind() Kind {
	if v.text == "" {
		return KindNone
	}
	// The text is valid JSON, so its first byte decides.
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

// Raw returns the JSON text of v.
func (v Value) Raw() string { return v.text }

// Text returns the unescaped string. ok is false if v is not a string.
func (v Value) Text() (text string, ok bool) {
	if v.Kind() != KindString {
		return "", false
	}
	// Most strings contain no escape sequence. They are returned as a part of the text, without an allocation.
	inner := v.text[1 : len(v.text)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	return unescaped(inner), true
}

// unescaped replaces the escape sequences in the content of a string, which must be valid.
func unescaped(inner string) string {
	var b strings.Builder
	plain, rest, escaped := cutEscape(inner)
	for ; escaped; plain, rest, escaped = cutEscape(rest) {
		b.WriteString(plain)
		// The scanner has checked the sequence, so length is not 0.
		r, length := unescape(rest)
		b.WriteRune(r)
		rest = rest[length:]
	}
	b.WriteString(plain)
	return b.String()
}

// cutEscape cuts text in front of its first escape sequence.
func cutEscape(text string) (plain, rest string, escaped bool) {
	i := strings.IndexByte(text, '\\')
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i:], true
}

// Number returns the number. ok is false if v is not a number, or if the number is too large for float64.
func (v Value) Number() (number float64, ok bool) {
	if v.Kind() != KindNumber {
		return 0, false
	}
	if n, ok := smallInteger(v.text); ok {
		return float64(n), true
	}
	// ParseFloat accepts other forms than JSON too, but the scanner has checked the text.
	number, err := strconv.ParseFloat(v.text, 64)
	return number, err == nil && !math.IsInf(number, 0)
}

// smallInteger is a fast path of Number. It parses an integer of at most 15 digits, without a sign. Most numbers in
// tokens have this form, and float64 represents all of them exactly.
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

// Bool returns the boolean. ok is false if v is not a boolean.
func (v Value) Bool() (value, ok bool) {
	return v.text == "true", v.Kind() == KindBool
}

// Elements returns an iterator over the elements of an array, in the order of the text. If v is not an array, it yields
// nothing.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != KindArray {
			return
		}
		// The text was checked when the Object was parsed. So no error can occur, and the depth needs no further limit.
		s := scanner{text: v.text, pos: 1, maxDepth: len(v.text), foldless: true}
		for s.space(); !s.accept(']'); s.space() {
			s.comma() // there is none in front of the first element
			start := s.pos
			if s.value() != nil || !yield(Value{v.text[start:s.pos]}) {
				return
			}
		}
	}
}

// Strings returns the elements of an array of strings. ok is false if v is not an array, or if an element is not a string.
func (v Value) Strings() (texts []string, ok bool) { return v.AppendStrings(nil) }

// AppendStrings appends the elements of v to texts. If v is not an array of strings, it returns nil and false.
func (v Value) AppendStrings(texts []string) (extended []string, ok bool) {
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

// Object returns v as an Object. ok is false if v is not an object.
func (v Value) Object() (o Object, ok bool) {
	if v.Kind() != KindObject {
		return Object{}, false
	}
	// The nesting and the names were checked when the outer object was parsed.
	o, _, err := ParseClaims(v.text, len(v.text))
	return o, err == nil
}

// HasCaseVariants reports whether an object in v has names that differ only in case. Only [ParseClaims] accepts such
// objects.
func (v Value) HasCaseVariants() bool {
	s := scanner{text: v.text, maxDepth: len(v.text), foldless: true}
	return s.value() == nil && s.variants
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
