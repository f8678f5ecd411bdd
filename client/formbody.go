package client

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

const maxFormMembers = 1000 // of a form-encoded response

// jsonOfForm converts a form-encoded response to a JSON object of strings, so that both are read in the same way:
//
//	access_token=at&token_type=bearer    {"access_token":"at","token_type":"bearer"}
//
// With an error, the object has what could be read. Of parameters with the same name, it has the first one.
func jsonOfForm(text string) (object string, err error) {
	members := make(map[string]string)
	for pair := range strings.SplitSeq(strings.Trim(text, " \t\r\n"), "&") {
		if pair == "" {
			continue
		}
		if len(members) == maxFormMembers {
			err = errors.New("the form has more than 1000 parameters")
			break
		}
		name, value, ok := formPair(pair)
		_, twice := members[name]
		switch {
		case !ok:
			err = errors.New("the form has a parameter that cannot be decoded")
		case twice:
			err = errors.New("a parameter of the form occurs twice")
		default:
			members[name] = value
		}
	}
	encoded, _ := json.Marshal(members) // strings in maps can always be encoded
	return string(encoded), err
}

// formPair decodes one parameter.
func formPair(pair string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(pair, "=")
	name, nameErr := url.QueryUnescape(name)
	value, valueErr := url.QueryUnescape(value)
	return name, value, nameErr == nil && valueErr == nil && utf8.ValidString(name) && utf8.ValidString(value)
}
