package client

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// maxStoredExtra limits the further members in the JSON form of a Token, in bytes.
const maxStoredExtra = 64 << 10

// Extra returns the member name of the server's response, decoded as encoding/json decodes into an any. It returns nil if
// there is no such member. A Token that was read from a store has only the members that no field of Token holds, and at
// most 64 KiB of them.
func (t *Token) Extra(name string) any {
	value, _ := t.response.Get(name)
	return value.Any()
}

// tokenFields is a Token without methods, so that encoding/json encodes its fields.
type tokenFields Token

// MarshalJSON implements [json.Marshaler]. In addition to the fields, the object has the member extra, with the members of
// the response that no field holds. Members that would make extra longer than 64 KiB are omitted.
func (t Token) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		tokenFields
		Extra json.RawMessage `json:"extra,omitzero"`
	}{tokenFields(t), t.storedExtra()})
}

// UnmarshalJSON implements [json.Unmarshaler]. It reads what MarshalJSON writes. Nothing of the previous value of t remains.
// If the member extra is not an object, it is ignored, so that the token is not lost.
func (t *Token) UnmarshalJSON(text []byte) error {
	var stored struct {
		tokenFields
		Extra json.RawMessage `json:"extra"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	*t = Token(stored.tokenFields)
	t.response, _ = compact.ParseObject(string(stored.Extra), maxDepth)
	return nil
}

// storedExtra returns the members of the response for the JSON form of t, as a JSON object. It returns nil if there are
// none.
func (t Token) storedExtra() json.RawMessage {
	var text strings.Builder
	for name, value := range t.response.All() {
		if isTokenMember(name) || len(value.Raw()) > maxStoredExtra {
			continue
		}
		quoted, _ := json.Marshal(name) // strings can always be encoded
		// The encoder of t also encodes the value again, which escapes some characters. Their length must count.
		encoded, err := json.Marshal(json.RawMessage(value.Raw()))
		if size := len(quoted) + len(encoded) + len(":,"); err != nil || text.Len()+size > maxStoredExtra {
			continue
		}
		text.WriteString(separator(text.Len() > 0) + string(quoted) + ":" + string(encoded))
	}
	if text.Len() == 0 {
		return nil
	}
	return json.RawMessage(text.String() + "}")
}

// separator returns what precedes a member of an object.
func separator(more bool) string {
	if more {
		return ","
	}
	return "{"
}

// isTokenMember reports whether a member of a token response is in a field of Token.
func isTokenMember(name string) bool {
	return slices.Contains([]string{"access_token", "token_type", "refresh_token", "id_token", "expires_in", "scope"}, name)
}
