package compact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

func FuzzSplit(f *testing.F) {
	for _, test := range splitTests {
		f.Add(test.raw)
	}
	for _, test := range strangers {
		f.Add(test.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		parts, err := compact.Split(raw)
		if err != nil {
			if parts != (compact.Parts{}) {
				t.Errorf("parts are returned with an error: %+v", parts)
			}
			return
		}
		if strings.Count(raw, ".") != 2 || parts.Header == "" || parts.Payload == "" {
			t.Errorf("%q is accepted", raw)
		}
		if joined := parts.Header + "." + parts.Payload + "." + parts.Signature; joined != raw {
			t.Errorf("%q becomes %q", raw, joined)
		}
		if joined := parts.SigningInput + "." + parts.Signature; joined != raw {
			t.Errorf("signing input of %q is %q", raw, parts.SigningInput)
		}
	})
}

// FuzzDecodeSegment compares DecodeSegment with encoding/base64, which skips line breaks.
func FuzzDecodeSegment(f *testing.F) {
	for _, test := range segmentTests {
		f.Add(test.segment)
	}
	outside := regexp.MustCompile(`[^A-Za-z0-9_-]`)
	f.Fuzz(func(t *testing.T, segment string) {
		decoded, err := compact.DecodeSegment(segment)
		want, wantErr := base64.RawURLEncoding.Strict().DecodeString(segment)
		switch {
		case outside.MatchString(segment):
			if !errors.Is(err, compact.ErrAlphabet) {
				t.Errorf("%q: error %v, want %v", segment, err, compact.ErrAlphabet)
			}
		case (wantErr != nil) != errors.Is(err, compact.ErrEncoding):
			t.Errorf("%q: error %v, want %v", segment, err, wantErr)
		case err == nil && !bytes.Equal(decoded, want):
			t.Errorf("%q: %q, want %q", segment, decoded, want)
		}
		if err != nil && decoded != nil {
			t.Errorf("%q: bytes are returned with an error", segment)
		}
	})
}

func FuzzParseObject(f *testing.F) {
	for _, test := range slices.Concat(accepted, rejected, duplicates) {
		f.Add(test.text)
	}
	surrogate := regexp.MustCompile(`\\u[dD][89a-fA-F]`) // ParseObject rejects lone ones only; this test does not distinguish them
	f.Fuzz(func(t *testing.T, text string) {
		o, err := compact.ParseObject(text, maxDepth)
		fault := standardFault(text)
		switch {
		case err == nil && fault != "":
			t.Fatalf("%q is accepted: %s", text, fault)
		case err == nil:
			sameAsStandardLibrary(t, o)
		case fault == "" && !surrogate.MatchString(text):
			t.Errorf("%q is rejected: %v", text, err)
		default:
			wantSyntaxError(t, text, err)
		}
	})
}

// standardFault returns the reason why ParseObject must reject text, according to encoding/json.
func standardFault(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "invalid UTF-8"
	case !json.Valid([]byte(text)):
		return "invalid JSON"
	case !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{"):
		return "not an object"
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return walk(d, 0)
}

// walk reads one value.
func walk(d *json.Decoder, depth int) (fault string) {
	token, err := d.Token()
	if err != nil {
		return err.Error()
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return ""
	}
	if depth == maxDepth {
		return "too deep"
	}
	var names []string
	for d.More() && fault == "" {
		if delim == '{' {
			name, _ := d.Token()
			text, _ := name.(string)
			if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, text) }) {
				return "duplicate name"
			}
			if names = append(names, text); len(names) > 1000 {
				return "too many members"
			}
		}
		fault = walk(d, depth+1)
	}
	_, _ = d.Token()
	return fault
}

// FuzzDecode compares Decode with encoding/json. Members whose names differ in spelling are removed first.
func FuzzDecode(f *testing.F) {
	for _, test := range slices.Concat(accepted, duplicates) {
		f.Add(test.text)
	}
	f.Add(`{"sub":"x","SUB2":1,"ADMIN":true,"list":["a"]}`)
	type flat struct {
		Sub   string   `json:"sub"`
		Admin bool     `json:"admin"`
		List  []string `json:"list"`
		Any   any      `json:"any"`
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := compact.ParseObject(text, maxDepth)
		if err != nil {
			return
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("encoding/json on %q: %v", text, err)
		}
		exact := []string{}
		for _, name := range []string{"sub", "admin", "list", "any"} {
			if member, ok := all[name]; ok {
				exact = append(exact, `"`+name+`":`+string(member))
			}
		}
		var want, got flat
		wantErr := json.NewDecoder(bytes.NewReader([]byte("{" + strings.Join(exact, ",") + "}"))).Decode(&want)
		gotErr := o.Decode(&got)
		if (wantErr == nil) != (gotErr == nil) {
			t.Fatalf("%q: error %v, want %v", text, gotErr, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" && gotErr == nil {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}
