package compact

import (
	"iter"
	"math"
	"strings"
	"unicode/utf8"
)

// Object is a JSON object that [ParseObject] accepted. It keeps its text and never changes, so it is safe for concurrent
// use. The zero value has no members and no text.
type Object struct {
	text    string
	members []member
}

// member is an unescaped name and the position of its value in the text.
type member struct {
	name       string
	start, end uint32
}

// ParseObject parses text, which must be one JSON object with nothing but white space around it. Objects and arrays may be
// nested up to maxDepth levels, including the outermost object. The error is a [*SyntaxError].
//
// The Object refers to text and keeps it in memory.
func ParseObject(text string, maxDepth int) (Object, error) {
	return (&scanner{text: text, maxDepth: maxDepth}).document()
}

// ParseClaims is like [ParseObject], but accepts names that differ only in case, in all objects. variants reports whether
// there are any. Such names are different claims (RFC 7519 §4), but other readers may confuse them. So the caller must
// reject them where a name matters.
func ParseClaims(text string, maxDepth int) (o Object, variants bool, err error) {
	s := scanner{text: text, maxDepth: maxDepth, foldless: true}
	o, err = s.document()
	return o, s.variants, err
}

// document scans the whole text, which must be one object.
func (s *scanner) document() (Object, error) {
	text := s.text
	if uint64(len(text)) > math.MaxUint32 {
		return Object{}, &SyntaxError{Problem: "too long"}
	}
	// Decoders replace invalid UTF-8 in different ways, so two different names could become equal.
	if !utf8.ValidString(text) {
		return Object{}, &SyntaxError{Problem: "invalid UTF-8"}
	}
	s.space()
	if s.peek() != '{' {
		return Object{}, s.fail("expected an object")
	}
	members, err := s.object(true)
	if err != nil {
		return Object{}, err
	}
	s.space()
	if s.pos < len(text) {
		return Object{}, s.fail("data after the object")
	}
	return Object{text: text, members: members}, nil
}

// Get returns the value of the member with this name. It compares unescaped names byte for byte.
func (o Object) Get(name string) (Value, bool) {
	for i := range o.members {
		if o.members[i].name == name {
			return o.value(i), true
		}
	}
	return Value{}, false
}

// value returns the value of the member with the index i. It is a substring, so it needs no memory of its own.
func (o Object) value(i int) Value { return Value{o.text[o.members[i].start:o.members[i].end]} }

// OptionalText returns the value of the member with this name, or "" if there is no such member. ok is false if the value
// is not a string.
func (o Object) OptionalText(name string) (text string, ok bool) {
	v, there := o.Get(name)
	if !there {
		return "", true
	}
	return v.Text()
}

// Len returns the number of members.
func (o Object) Len() int { return len(o.members) }

// All returns an iterator over the names and values of the members, in the order of the text.
func (o Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.members {
			if !yield(o.members[i].name, o.value(i)) {
				return
			}
		}
	}
}

// Raw returns the text that was parsed.
func (o Object) Raw() string { return o.text }

// whole returns the object as a Value, without the white space around it.
func (o Object) whole() Value { return Value{strings.Trim(o.text, " \t\r\n")} }
