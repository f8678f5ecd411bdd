package mcpauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is the largest number of JSON arrays and objects inside each other.
const maxDepth = 100

// Faults of a request body. The client receives their text, so they quote nothing from the body.
var (
	errUTF8      = errors.New("the body is not valid UTF-8")
	errJSON      = errors.New("the body is not exactly one JSON value")
	errDepth     = errors.New("the body has more than 100 nested arrays and objects")
	errDuplicate = errors.New("an object in the body has two members with the same name")
	errSpelling  = errors.New("the name of a member differs from a name of the specification only in upper and lower case")
)

// checkJSON returns an error unless body is one JSON value in which all parsers see the same members.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errUTF8
	}
	if !json.Valid(body) {
		return errJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return checkValue(decoder, 0)
}

// checkValue reads one value, which json.Valid has accepted.
func checkValue(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return errJSON
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth++; depth > maxDepth {
		return errDepth
	}
	var names map[string]struct{} // of an object
	for decoder.More() {
		if opening == '{' {
			name, err := decoder.Token()
			if err != nil {
				return errJSON
			}
			text, _ := name.(string)
			if _, twice := names[text]; twice {
				return errDuplicate
			}
			if names == nil {
				names = make(map[string]struct{})
			}
			names[text] = struct{}{}
		}
		if err := checkValue(decoder, depth); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the closing delimiter
	return err
}

// object decodes an object whose members have the given names, among others. It rejects other spellings of these names,
// which some parsers accept.
func object(data json.RawMessage, names ...string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
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

// text decodes a string. It rejects a string with a surrogate that has no partner, which parsers replace in different ways.
func text(data json.RawMessage) (s string, ok bool) {
	if len(data) == 0 || data[0] != '"' || json.Unmarshal(data, &s) != nil {
		return "", false
	}
	return s, !strings.ContainsRune(s, utf8.RuneError)
}
