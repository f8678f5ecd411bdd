package compact

import (
	"errors"
	"strings"
)

// looseDepth is the number of levels that [ParseDocument] scans in a member that it does not return. It limits the use of
// the stack.
const looseDepth = 1000

// ProblemDuplicate is the Problem of a [*SyntaxError] for names that occur more than once in an object.
const ProblemDuplicate = "duplicate member name"

// IsDuplicate reports whether err is a [*SyntaxError] for a name that occurs more than once. Programs read the first or the last
// of such members, so callers often treat this fault more strictly than others.
func IsDuplicate(err error) bool {
	syntax, ok := errors.AsType[*SyntaxError](err)
	return ok && syntax.Problem == ProblemDuplicate
}

// ParseDocument parses a document that a trusted server publishes, such as the metadata of an issuer. It is like
// [ParseObject], except that these faults of a member of the outermost object cost only that member:
//
//   - Another member has the same name, or a name that differs only in case.
//   - The member contains an object with duplicate names or too many members, a lone surrogate, invalid UTF-8, or too
//     many levels.
//
// The Object does not contain these members, and its text is rewritten without them. faults has a [*SyntaxError] for each
// of them, by its name; the name is empty if it is not valid UTF-8 or has a lone surrogate. faults is nil if there are none.
// A text that is not JSON is an error, as in ParseObject.
//
// Do not use ParseDocument for tokens: their members must have the same meaning for all readers.
func ParseDocument(text string, maxDepth int) (o Object, faults map[string]error, err error) {
	if o, err = ParseObject(text, maxDepth); err == nil && !hasDuplicateAmongMany(o.members) {
		return o, nil, nil
	}
	members, err := looseMembers(text)
	if err != nil {
		return Object{}, nil, err
	}
	count := make(map[string]int, len(members))
	for i := range members {
		members[i].check(text, maxDepth)
		count[Fold(members[i].name)]++
	}
	faults = make(map[string]error)
	var good []string
	for _, m := range members {
		switch {
		case count[Fold(m.name)] > 1:
			faults[m.name] = &SyntaxError{Offset: m.from, Problem: ProblemDuplicate}
		case m.fault != nil:
			faults[m.name] = m.fault
		default:
			good = append(good, text[m.from:m.to])
		}
	}
	o, err = ParseObject("{"+strings.Join(good, ",")+"}", maxDepth)
	return o, faults, err
}

// looseMember is a member whose value may have a fault. Its name begins at from, its value at value, and both end at to.
type looseMember struct {
	from, value, to int
	name            string
	fault           error // why ParseObject would reject the member, or nil
}

// check sets the name and the fault of m.
func (m *looseMember) check(text string, maxDepth int) {
	o, err := ParseObject("{"+text[m.from:m.to]+"}", maxDepth)
	if err != nil { // its name may be valid nevertheless
		o, _ = ParseObject("{"+text[m.from:m.value]+"0}", maxDepth)
	}
	if len(o.members) > 0 {
		m.name = o.members[0].name
	}
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		m.fault = &SyntaxError{Offset: m.from + max(syntax.Offset-1, 0), Problem: syntax.Problem}
	}
}

// looseMembers returns the outermost members of text, which must be one JSON object. It does not notice the faults that
// [ParseDocument] tolerates.
func looseMembers(text string) (members []looseMember, err error) {
	s := scanner{text: text, maxDepth: looseDepth}
	s.space()
	if s.peek() != '{' {
		return nil, s.fail("expected an object")
	}
	if err := s.skipContainer('}', &members); err != nil {
		return nil, err
	}
	if s.space(); s.pos < len(text) {
		return nil, s.fail("data after the object")
	}
	return members, nil
}

// skip scans one value like [scanner.value]. It does not check for duplicates and lone surrogates.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '"':
		return s.skipString()
	case c == '{':
		return s.skipContainer('}', nil)
	case c == '[':
		return s.skipContainer(']', nil)
	case c == '-' || isDigit(c):
		return s.number()
	}
	return s.literal()
}

// skipContainer scans an object or an array up to the closing character end. If members is not nil, it adds the members of
// the object.
func (s *scanner) skipContainer(end byte, members *[]looseMember) error {
	if err := s.open(); err != nil {
		return err
	}
	s.space()
	for first := true; !s.accept(end); first = false {
		if !first && !s.comma() {
			return s.fail("expected a comma or the end of an object or array")
		}
		m := looseMember{from: s.pos}
		if end == '}' {
			if err := s.skipName(); err != nil {
				return err
			}
		}
		m.value = s.pos
		if err := s.skip(); err != nil {
			return err
		}
		m.to = s.pos
		if members != nil {
			if len(*members) == maxMembers {
				return s.fail("too many members")
			}
			*members = append(*members, m)
		}
		s.space()
	}
	s.depth--
	return nil
}

// skipName scans a member name and the colon after it.
func (s *scanner) skipName() error {
	if s.peek() != '"' {
		return s.fail("expected a member name")
	}
	if err := s.skipString(); err != nil {
		return err
	}
	s.space()
	if !s.accept(':') {
		return s.fail("expected a colon")
	}
	s.space()
	return nil
}

// skipString scans a string, which may contain lone surrogates. The next byte is the opening quote.
func (s *scanner) skipString() error {
	for {
		_, err := s.string()
		if err == nil {
			return nil
		}
		// After an error, pos is at the fault. A lone surrogate is the only one that begins like this.
		if _, lone := hexRune(s.text[s.pos:]); !lone {
			return err
		}
		s.pos += len(`\u0000`) - 1 // s.string continues with the next byte
	}
}
