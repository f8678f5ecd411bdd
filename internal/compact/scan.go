package compact

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxMembers limits the members of one object. Real claim sets and metadata documents have far fewer.
	maxMembers = 1000

	// fewMembers is the number of members that an object can have without an allocation while it is scanned.
	fewMembers = 16
)

// scanner checks a JSON text (RFC 8259) in one pass. Each method expects pos at the beginning of what it scans, and
// moves pos behind it. After an error, pos is at or near the fault.
type scanner struct {
	text     string
	pos      int
	depth    int // number of objects and arrays that are open at pos
	maxDepth int

	foldless bool // accept names that differ only in case
	variants bool // such names were found
}

// fail returns a [*SyntaxError] for the current position.
func (s *scanner) fail(problem string) error {
	return &SyntaxError{Offset: s.pos, Problem: problem}
}

// peek returns the next byte, or 0 at the end. A 0 byte is not valid anywhere in JSON, so the two need no distinction.
func (s *scanner) peek() byte {
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// space skips white space. The usual case, none, is small enough to be inlined.
func (s *scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' {
		s.skipSpace()
	}
}

// skipSpace skips the four characters that JSON allows as white space (RFC 8259 §2).
func (s *scanner) skipSpace() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// accept consumes the next byte if it is c.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// value scans one value of any kind.
func (s *scanner) value() (err error) {
	switch c := s.peek(); { // the first byte determines the kind
	case c == '"':
		_, err = s.string()
	case c == '{':
		_, err = s.object(false)
	case c == '[':
		err = s.array()
	case c == '-' || isDigit(c):
		err = s.number()
	default:
		err = s.literal()
	}
	return err
}

// object scans an object and checks that no member name is repeated. It returns the members only if wanted is true:
// those of nested objects are read again when they are needed. The names are collected in any case, because duplicates
// must be found at every level.
func (s *scanner) object(wanted bool) ([]member, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	// The members are collected on the stack. Only those that the caller wants are copied to the heap.
	var room [fewMembers]member
	members := room[:0]
	s.space()
	for !s.accept('}') {
		// A comma must be followed by a member: after it, a closing brace is an error of member.
		if len(members) > 0 && !s.comma() {
			return nil, s.fail("expected a comma or a closing brace")
		}
		m, err := s.member()
		if err != nil {
			return nil, err
		}
		// The limit bounds the memory and the time for an object that a sender has chosen.
		if len(members) == maxMembers {
			return nil, s.fail("too many members")
		}
		members = append(members, m)
		s.space()
	}
	// All names are known only at the end of the object.
	if hasDuplicate(members) {
		if !s.foldless || hasEqualNames(members) {
			return nil, s.fail(ProblemDuplicate)
		}
		s.variants = true
	}
	s.depth--
	if !wanted {
		return nil, nil
	}
	// room is on the stack and often larger than needed, so a copy of the right size is returned.
	return slices.Clone(members), nil
}

// member scans a name, a colon and a value.
func (s *scanner) member() (m member, err error) {
	start := s.pos
	if s.peek() != '"' {
		return m, s.fail("expected a member name")
	}
	escaped, err := s.string()
	if err != nil {
		return m, err
	}
	m.name = s.text[start+1 : s.pos-1] // without the quotes
	if escaped {
		m.name = unescaped(m.name)
	}
	s.space()
	if !s.accept(':') {
		return m, s.fail("expected a colon")
	}
	s.space()
	start = s.pos
	err = s.value()
	m.start, m.end = uint32(start), uint32(s.pos) //nolint:gosec // ParseObject has checked the length
	return m, err
}

// array scans an array. It stores nothing, so the number of elements needs no limit of its own.
func (s *scanner) array() error {
	if err := s.open(); err != nil {
		return err
	}
	s.space()
	for first := true; !s.accept(']'); first = false {
		if !first && !s.comma() {
			return s.fail("expected a comma or a closing bracket")
		}
		if err := s.value(); err != nil {
			return err
		}
		s.space()
	}
	s.depth--
	return nil
}

// open enters an object or an array, if the nesting is not too deep.
func (s *scanner) open() error {
	if s.depth == s.maxDepth {
		return s.fail("nested too deeply")
	}
	s.depth++
	s.pos++
	return nil
}

// comma consumes a comma and the white space after it.
func (s *scanner) comma() bool {
	ok := s.accept(',')
	s.space()
	return ok
}

// string scans a string. escaped reports whether it contains an escape sequence. The next byte is the opening quote.
func (s *scanner) string() (escaped bool, err error) {
	s.pos++
	for {
		s.pos = plainEnd(s.text, s.pos)
		switch s.peek() {
		case '"':
			s.pos++
			return escaped, nil
		case '\\':
			// The sequence is only checked here. It is decoded if somebody reads the string.
			_, length := unescape(s.text[s.pos:])
			if length == 0 {
				return false, s.fail("invalid escape in a string")
			}
			s.pos += length
			escaped = true
		default:
			if s.pos == len(s.text) {
				return false, s.fail("unterminated string")
			}
			return false, s.fail("control character in a string")
		}
	}
}

// number scans a number (RFC 8259 §6).
func (s *scanner) number() error {
	s.accept('-')
	// A zero at the start ends the integer part. In 01 the caller therefore finds a 1 where a comma or an end must be.
	if !s.accept('0') && !s.digits() {
		return s.fail("invalid number")
	}
	// A fraction and an exponent need at least one digit each.
	if s.accept('.') && !s.digits() {
		return s.fail("invalid number")
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return s.fail("invalid number")
		}
	}
	return nil
}

// digits consumes decimal digits and reports whether there is at least one.
func (s *scanner) digits() bool {
	start, at := s.pos, s.pos
	for at < len(s.text) && isDigit(s.text[at]) {
		at++
	}
	s.pos = at
	return at > start
}

// literal scans true, false or null. Every other byte that cannot begin a value is an error here.
func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.text[s.pos:]; len(rest) >= len(word) && rest[:len(word)] == word {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail("expected a value")
}

// isDigit reports whether c is an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unescape decodes the escape sequence at the start of text. It treats a surrogate pair as one sequence. length is 0 if
// the sequence is invalid. A lone surrogate is invalid, because different readers replace it by different characters.
func unescape(text string) (r rune, length int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return unescapeUnicode(text)
	}
	return 0, 0
}

// unescapeUnicode decodes \uXXXX, or two of them that form a surrogate pair.
func unescapeUnicode(text string) (r rune, length int) {
	r, ok := hexRune(text)
	if !ok {
		return 0, 0
	}
	// Six characters are one \uXXXX, twelve are a pair.
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	// A high surrogate must be followed by a low one. What a lone surrogate means is not defined (RFC 8259 §8.2).
	// A character above U+FFFF is written as two sequences, a high and a low surrogate (RFC 8259 §7).
	low, ok := hexRune(text[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hexRune decodes one \uXXXX at the start of text.
func hexRune(text string) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(text[2:6]) {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
