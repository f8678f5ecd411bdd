package mcpauth

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is the largest number of nested JSON arrays and objects. MCP messages need far fewer. Parsers are often recursive, so
// each level costs memory.
const maxDepth = 100

// Faults of a request body. The client receives their text, so they quote nothing from the body.
var (
	errUTF8      = errors.New("the body is not valid UTF-8")
	errJSON      = errors.New("the body is not exactly one JSON value")
	errDepth     = errors.New("the body has more than 100 nested arrays and objects")
	errDuplicate = errors.New("an object in the body has two members with the same name")
	errSpelling  = errors.New("the name of a member differs from a name of the specification only in upper and lower case")
)

// checkJSON returns an error unless body is one JSON value that all parsers read in the same way. Parsers disagree about invalid
// UTF-8 and about duplicate members: some use the first one, others the last one. If this package and the SDK read different
// names, the policy would be applied to another tool than the one that is called.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errUTF8
	}
	if !json.Valid(body) {
		return errJSON
	}
	return checkMembers(body)
}

// checkMembers looks for duplicate names and deep nesting in body, which json.Valid has accepted. It reads bytes instead of
// tokens, because a token costs an allocation, and a body may have millions of them.
func checkMembers(body []byte) error {
	var open []map[string]struct{} // the names of each object that is not closed yet; nil for an array
	isName := false                // whether a string at this position is the name of a member
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{':
			open, isName = append(open, make(map[string]struct{})), true
		case '[':
			open, isName = append(open, nil), false
		case '}', ']':
			open = open[:len(open)-1]
		case ',': // the next string is a name in an object, and a value in an array
			isName = open[len(open)-1] != nil
		case ':':
			isName = false
		case '"':
			end := i + stringLength(body[i:])
			if isName && !addName(open[len(open)-1], body[i:end]) {
				return errDuplicate
			}
			i = end - 1 // the characters inside a string have no meaning here
		}
		if len(open) > maxDepth {
			return errDepth
		}
	}
	return nil
}

// stringLength returns the length of the string literal at the beginning of body, with its quotes.
func stringLength(body []byte) int {
	for i := 1; i < len(body); i++ {
		switch body[i] {
		case '"':
			return i + 1
		case '\\':
			i++ // the next character is escaped, so a quote does not end the string
		}
	}
	return len(body)
}

// addName adds the name in a string literal, which includes the quotes, to the names of an object. It reports false if the object
// has the name already. Escape sequences are decoded first, because "\u0061" and "a" are the same name.
func addName(names map[string]struct{}, literal []byte) bool {
	name := string(literal[1 : len(literal)-1])
	// Most names have no escape sequence, so most names need no decoder.
	if strings.Contains(name, `\`) && json.Unmarshal(literal, &name) != nil {
		return false
	}
	if _, twice := names[name]; twice {
		return false
	}
	names[name] = struct{}{}
	return true
}

// object decodes an object into its members. It returns errSpelling if a member differs from one of names only in upper and lower
// case: some parsers, such as encoding/json, treat such a member as the named one. Members with other names are allowed.
func object(data json.RawMessage, names ...string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	// members is nil for null, which is not an object.
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, errJSON
	}
	for member := range members {
		for _, name := range names {
			if member != name && strings.EqualFold(member, name) {
				return nil, errSpelling
			}
		}
	}
	return members, nil
}

// text decodes a string. ok is false for other values, and for a string with half of a surrogate pair. Parsers replace such a half
// in different ways. encoding/json replaces it by utf8.RuneError, so a string that contains this character is rejected too.
func text(data json.RawMessage) (s string, ok bool) {
	if len(data) == 0 || data[0] != '"' || json.Unmarshal(data, &s) != nil {
		return "", false
	}
	return s, !strings.ContainsRune(s, utf8.RuneError)
}
