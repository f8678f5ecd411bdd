package compact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// lists are documents with an array called keys. They are also seeds of FuzzDocumentList.
var lists = []struct {
	name, text string
	elements   []string
	ok         bool
}{
	{"no elements", `{"keys":[]}`, nil, true},
	{"elements", ` { "keys" : [ {"a":1} , 2,"x" ,[3 ] , null]}`, []string{`{"a":1}`, `2`, `"x"`, `[3 ]`, `null`}, true},
	{"escaped name", `{"k\u0065ys":[1]}`, []string{"1"}, true},
	{"fault in an element", `{"keys":[{"a":1,"a":2},{"b":"\ud800"},3]}`, []string{`{"a":1,"a":2}`, `{"b":"\ud800"}`, "3"}, true},
	{"invalid UTF-8 in an element", "{\"keys\":[\"\xff\",1]}", []string{"\"\xff\"", "1"}, true},
	{"brackets in strings", `{"keys":["]","[,",{"}":"{"}]}`, []string{`"]"`, `"[,"`, `{"}":"{"}`}, true},
	{"faults in other members", `{"a":1,"a":2,"\ud800":3,"keys":[1],"A":4}`, []string{"1"}, true},
	{"other case", `{"Keys":[1]}`, nil, false},
	{"names that differ in case", `{"Keys":[1],"keys":[2]}`, []string{"2"}, true},
	{"absent", `{"a":[1]}`, nil, false},
	{"in another member", `{"a":{"keys":[1]}}`, nil, false},
	{"an object", `{"keys":{}}`, nil, false},
	{"a string", `{"keys":"[]"}`, nil, false},
	{"null", `{"keys":null}`, nil, false},
}

func TestDocumentList(t *testing.T) {
	t.Parallel()
	for _, test := range lists {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			elements, ok, err := compact.DocumentList(test.text, "keys", 5)
			if err != nil || ok != test.ok {
				t.Errorf("ok %t, want %t; error %v", ok, test.ok, err)
			}
			if diff := cmp.Diff(test.elements, elements); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDocumentList_Rejected(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"twice":                  `{"keys":[1],"keys":[1]}`,
		"twice, escaped":         `{"keys":[1],"k\u0065ys":{}}`,
		"too many elements":      `{"keys":[1,2,3,4,5,6]}`,
		"no comma":               `{"keys":[1 2]}`,
		"comma at the end":       `{"keys":[1,]}`,
		"two commas":             `{"keys":[1,,2]}`,
		"comma at the start":     `{"keys":[,1]}`,
		"not closed":             `{"keys":[1}`,
		"data after the object":  `{"keys":[1]}]`,
		"nested too deeply":      `{"keys":[` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `]}`,
		"an array":               `[1]`,
		"empty":                  ``,
		"control character":      "{\"keys\":[\"\n\"]}",
		"number with a zero":     `{"keys":[01]}`,
		"too many other members": strings.TrimSuffix(members(1000), "}") + `,"keys":[]}`,
	} {
		if elements, ok, err := compact.DocumentList(text, "keys", 5); err == nil || ok || elements != nil {
			t.Errorf("%s: %q, %t, %v; want an error", name, elements, ok, err)
		}
	}
}

// FuzzDocumentList compares DocumentList with encoding/json.
func FuzzDocumentList(f *testing.F) {
	for _, test := range lists {
		f.Add(test.text)
	}
	for _, test := range documents {
		f.Add(`{"keys":[` + test.text + `]}`)
	}
	for _, test := range brokenDocuments {
		f.Add(`{"keys":[` + test.text + `]}`)
	}
	f.Fuzz(func(t *testing.T, text string) {
		elements, ok, err := compact.DocumentList(text, "keys", 100)
		if err != nil || !ok {
			if len(elements) > 0 {
				t.Fatalf("elements with ok %t and error %v", ok, err)
			}
			return
		}
		var want map[string]json.RawMessage // unlike a struct, it compares names byte for byte
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is accepted, but not by encoding/json: %v", text, err)
		}
		var list []json.RawMessage
		if err := json.Unmarshal(want["keys"], &list); err != nil || len(list) != len(elements) {
			t.Fatalf("%q: %d elements, want %d; %v", text, len(elements), len(list), err)
		}
		for i, element := range elements {
			if element != string(list[i]) {
				t.Errorf("element %d is %q, want %q", i, element, list[i])
			}
		}
	})
}
