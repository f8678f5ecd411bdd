package registry

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	maxExtra = 16 << 10
	maxDepth = 32
)

// extraProblem says why Extra would not be read from a store as it was written, or returns "".
func extraProblem(extra map[string]any) string {
	if len(extra) == 0 {
		return ""
	}
	data, err := json.Marshal(extra)
	switch {
	case err != nil:
		return "cannot be written as JSON"
	case len(data) > maxExtra:
		return "is longer than 16 KiB as JSON"
	}
	var read any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&read); err != nil || !isKept(read, maxDepth) {
		return "has a number that float64 changes, a text that is not UTF-8 or holds NUL, or more than 32 levels"
	}
	return ""
}

// isKept reports whether every store can keep a value of package json, and every reader reads the same from it.
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

// isKeptNumber holds if the number's float64 is written in the same way again. Others are read as another number, here or
// by a database (RFC 7493 §2.2), or by nobody.
func isKeptNumber(number json.Number) bool {
	value, err := number.Float64()
	if err != nil {
		return false
	}
	again, err := json.Marshal(value)
	return err == nil && string(again) == number.String()
}

// isKeptText refuses what package json makes of a text that is not UTF-8, and NUL, which not every database takes.
func isKeptText(text string) bool {
	return !strings.ContainsRune(text, utf8.RuneError) && !strings.Contains(text, "\x00")
}
