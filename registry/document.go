package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// sameDocument reports whether two JSON documents contain the same data. They may differ in white space, in the order of
// members, and in how characters are escaped and numbers are written: a JSON column of a database may change these. A
// document with a repeated name is never the same as another.
func sameDocument(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err1 := readDocument(a)
	y, err2 := readDocument(b)
	return errors.Join(err1, err2) == nil && sameValue(x, y)
}

// errRepeated means that a document is ambiguous: parsers disagree on which of the two members counts.
var errRepeated = errors.New("registry: an object has a repeated name")

// readDocument decodes a document that json.Unmarshal accepts. Numbers become values of type json.Number.
func readDocument(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return readValue(decoder)
}

// readValue reads the next value of any type.
func readValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	switch {
	case err != nil:
		return nil, err
	case token == json.Delim('{'):
		return readObject(decoder)
	case token == json.Delim('['):
		return readArray(decoder)
	}
	return token, nil
}

// readObject reads the members of an object whose opening brace was read. Unlike json.Unmarshal, it returns an error for
// a repeated name.
func readObject(decoder *json.Decoder) (any, error) {
	object := make(map[string]any)
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		text, _ := name.(string)
		if _, twice := object[text]; twice {
			return nil, errRepeated
		}
		if object[text], err = readValue(decoder); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token() // the closing brace
	return object, err
}

// readArray reads the elements of an array whose opening bracket was read.
func readArray(decoder *json.Decoder) (any, error) {
	array := []any{}
	for decoder.More() {
		item, err := readValue(decoder)
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	_, err := decoder.Token() // the closing bracket
	return array, err
}

// sameValue compares two results of readValue. Values of different types are not the same.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			if other, ok := b[name]; !ok || !sameValue(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a.String(), b.String())
	}
	return a == b
}

// sameNumber reports whether two JSON numbers have the same value. It also compares their digits, because different
// numbers with more than 53 bits can have the same float64.
func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y && digits(a) == digits(b)
}

// digits returns the significant digits of a JSON number, without sign, point and exponent.
func digits(number string) string {
	if at := strings.IndexAny(number, "eE"); at >= 0 {
		number = number[:at]
	}
	return strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(number), "0")
}
