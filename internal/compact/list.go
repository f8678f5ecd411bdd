package compact

import (
	"fmt"
	"strings"
)

// DocumentList returns the elements of the array called name in a document that a trusted server publishes, such as a JWK
// Set. Parse each element with [ParseDocument]: faults of an element do not affect the others, and neither do faults of
// other members. ok is false if the document has no array with this name.
//
// A text that is not JSON is an error, as in [ParseObject], and so are more than atMost elements, and two members called
// name. Do not use DocumentList for tokens.
func DocumentList(text, name string, atMost int) (elements []string, ok bool, err error) {
	members, err := looseMembers(text)
	if err != nil {
		return nil, false, err
	}
	found := ""
	for _, m := range members {
		// Only the name is parsed here. The value may have faults.
		o, _ := ParseObject("{"+text[m.from:m.value]+"0}", 1)
		if _, ok := o.Get(name); !ok {
			continue
		}
		if found != "" {
			return nil, false, &SyntaxError{Offset: m.from, Problem: ProblemDuplicate}
		}
		found = text[m.value:m.to]
	}
	if !strings.HasPrefix(found, "[") {
		return nil, false, nil
	}
	elements, err = looseElements(found, atMost)
	return elements, err == nil, err
}

// looseElements returns the elements of list, an array that looseMembers has scanned.
func looseElements(list string, atMost int) (elements []string, err error) {
	s := scanner{text: list, pos: 1, maxDepth: looseDepth}
	for s.space(); !s.accept(']'); s.space() {
		s.comma() // there is none in front of the first element
		start := s.pos
		if err := s.skip(); err != nil {
			return nil, err
		}
		if len(elements) == atMost {
			return nil, &SyntaxError{Problem: fmt.Sprintf("more than %d elements", atMost)}
		}
		elements = append(elements, list[start:s.pos])
	}
	return elements, nil
}
