package registry

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// The limits of NewClient.Extra: bytes of its JSON text, and levels of nesting.
const (
	maxExtra = 16 << 10
	maxDepth = 32
)

// extraProblem returns why Extra cannot be stored, as the Problem of a FieldError. It returns "" if every store can
// return it unchanged.
func extraProblem(extra map[string]any) string {
	if len(extra) == 0 {
		return ""
	}
	data, err := json.Marshal(extra)
	switch {
	case err != nil:
		return "cannot be encoded as JSON"
	case len(data) > maxExtra:
		return "must have at most 16 KiB as JSON"
	}
	// Decode the text again, to check what a reader of the row would get.
	var read any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&read); err != nil || !isKept(read, maxDepth) {
		return "must not have a number that float64 changes, a text with NUL or invalid UTF-8, or more than 32 levels"
	}
	return ""
}

// isKept reports whether a store can return the decoded JSON value unchanged. depth is the number of levels that are
// allowed.
func isKept(value any, depth int) bool {
	if depth == 0 {
		return false
	}
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if !isKeptText(name) || !isKept(member, depth-1) {
				return false
			}
		}
	case []any:
		for _, item := range value {
			if !isKept(item, depth-1) {
				return false
			}
		}
	case json.Number:
		return isKeptNumber(value)
	case string:
		return isKeptText(value)
	}
	return true
}

// isKeptNumber reports whether a conversion to float64 and back returns the same number. Other numbers may be changed by
// this package or by a database (RFC 7493 section 2.2).
func isKeptNumber(number json.Number) bool {
	value, err := number.Float64()
	if err != nil {
		return false
	}
	again, err := json.Marshal(value)
	return err == nil && string(again) == number.String()
}

// isKeptText reports whether text has neither U+FFFD, which package json writes in place of invalid UTF-8, nor NUL, which
// some databases reject.
func isKeptText(text string) bool {
	return !strings.ContainsRune(text, utf8.RuneError) && !strings.Contains(text, "\x00")
}
