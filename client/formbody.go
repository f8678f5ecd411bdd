package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/quirk"
)

const maxFormMembers = 1000 // of a form-encoded response

// jsonOfForm converts a form-encoded response to a JSON object of strings, so that both are read in the same way:
//
//	access_token=at&token_type=bearer    {"access_token":"at","token_type":"bearer"}
//
// A parameter that occurs twice or cannot be decoded is dropped, and reported in quirks. If it is essential, that is an error.
// The object then has what could be read, and the first of several values.
func jsonOfForm(text string, essential func(name string) bool) (object string, quirks []quirk.Name, err error) {
	members, seen := make(map[string]string), make(map[string]bool)
	for pair := range strings.SplitSeq(strings.Trim(text, " \t\r\n"), "&") {
		if pair == "" {
			continue
		}
		if len(seen) == maxFormMembers {
			err = errors.New("the form has more than 1000 parameters")
			break
		}
		name, value, ok := formPair(pair)
		twice := seen[name]
		seen[name] = true
		switch {
		case ok && !twice:
			members[name] = value
		case essential(name) && twice:
			err = fmt.Errorf("the parameter %q of the form occurs twice", clip(name))
		case essential(name):
			err = fmt.Errorf("the parameter %q of the form cannot be decoded", clip(name))
		case twice:
			delete(members, name)
			quirks = append(quirks, quirk.DuplicateMember)
		default:
			quirks = append(quirks, quirk.InvalidValue)
		}
	}
	encoded, _ := json.Marshal(members) // strings in maps can always be encoded
	return string(encoded), quirks, err
}

// formPair decodes one parameter.
func formPair(pair string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(pair, "=")
	name, nameErr := url.QueryUnescape(name)
	value, valueErr := url.QueryUnescape(value)
	return name, value, nameErr == nil && valueErr == nil && utf8.ValidString(name) && utf8.ValidString(value)
}
