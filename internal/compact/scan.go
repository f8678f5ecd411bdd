package compact

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxMembers bounds the members of one object. Real claim sets and key sets stay far below it.
	maxMembers = 1000

	// fewMembers is how many are read without memory of their own.
	fewMembers = 16
)

// scanner walks a JSON text once.
type scanner struct {
	text     string
	pos      int
	depth    int // objects and arrays open now
	maxDepth int
}

func (s *scanner) fail(problem string) error {
	return &SyntaxError{Offset: s.pos, Problem: problem}
}

func (s *scanner) peek() byte {
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// space skips what is seldom there.
func (s *scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' {
		s.skipSpace()
	}
}

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

func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) value() (err error) {
	switch c := s.peek(); {
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

// object scans an object and returns its members if they are wanted.
func (s *scanner) object(wanted bool) ([]member, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	var room [fewMembers]member
	members := room[:0]
	s.space()
	for !s.accept('}') {
		if len(members) > 0 && !s.comma() {
			return nil, s.fail("expected a comma or a closing brace")
		}
		m, err := s.member()
		if err != nil {
			return nil, err
		}
		if len(members) == maxMembers {
			return nil, s.fail("too many members")
		}
		members = append(members, m)
		s.space()
	}
	if hasDuplicate(members) {
		return nil, s.fail("duplicate member name")
	}
	s.depth--
	if !wanted {
		return nil, nil
	}
	return slices.Clone(members), nil
}

func (s *scanner) member() (m member, err error) {
	start := s.pos
	if s.peek() != '"' {
		return m, s.fail("expected a member name")
	}
	escaped, err := s.string()
	if err != nil {
		return m, err
	}
	m.name = s.text[start+1 : s.pos-1]
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
	m.start, m.end = uint32(start), uint32(s.pos) //nolint:gosec // ParseObject has looked at the length
	return m, err
}

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

func (s *scanner) open() error {
	if s.depth == s.maxDepth {
		return s.fail("nested too deeply")
	}
	s.depth++
	s.pos++
	return nil
}

// comma accepts a comma and the space behind it.
func (s *scanner) comma() bool {
	ok := s.accept(',')
	s.space()
	return ok
}

func (s *scanner) string() (escaped bool, err error) {
	s.pos++
	for {
		s.pos = plainEnd(s.text, s.pos)
		switch s.peek() {
		case '"':
			s.pos++
			return escaped, nil
		case '\\':
			_, length := unescape(s.text[s.pos:])
			if length == 0 {
				return false, s.fail("invalid escape in a string")
			}
			s.pos += length
			escaped = true
		default:
			if s.pos == len(s.text) {
				return false, s.fail("string without an end")
			}
			return false, s.fail("control character in a string")
		}
	}
}

func (s *scanner) number() error {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return s.fail("invalid number")
	}
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

func (s *scanner) digits() bool {
	start, at := s.pos, s.pos
	for at < len(s.text) && isDigit(s.text[at]) {
		at++
	}
	s.pos = at
	return at > start
}

func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.text[s.pos:]; len(rest) >= len(word) && rest[:len(word)] == word {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail("expected a value")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unescape reads the escape sequence at the start of text, a surrogate pair being one. Its length is 0 if it is not
// valid; half of a pair is not, since two readers may put different characters in its place.
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

func unescapeUnicode(text string) (r rune, length int) {
	r, ok := hexRune(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hexRune(text[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hexRune reads the \uXXXX at the start of text.
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
