package compact_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// documents have faults that ParseDocument tolerates. They are also seeds of FuzzParseDocument.
var documents = []struct {
	name, text string
	good       []string // the members that remain, in their order
	faults     []string // the names of the others, sorted
}{
	{"no fault", `{"a":1,"b":2}`, []string{"a", "b"}, nil},
	{"no members", ` { } `, nil, nil},
	{"same name", `{"a":1,"b":2,"a":1}`, []string{"b"}, []string{"a"}},
	{"same name three times", `{"a":1,"a":2,"a":3}`, nil, []string{"a"}},
	{"same name, escaped", `{"a":1,"\u0061":2,"c":3}`, []string{"c"}, []string{"a"}},
	{"names that differ in case", `{"a":1,"A":2,"b":3}`, []string{"b"}, []string{"A", "a"}},
	{"Kelvin sign", "{\"k\":1,\"\u212a\":2}", nil, []string{"k", "\u212a"}},
	{"nested duplicate", `{"a":{"x":1,"x":2},"b":2}`, []string{"b"}, []string{"a"}},
	{"nested duplicate in an array", `{"a":[[{"x":1,"X":2}]],"b":2}`, []string{"b"}, []string{"a"}},
	{"duplicate with a faulty value", `{"a":"\ud800","a":1,"b":2}`, []string{"b"}, []string{"a"}},
	{"lone surrogate", `{"a":"x\ud800y","b":2}`, []string{"b"}, []string{"a"}},
	{"low surrogate", `{"a":["\udc00"],"b":2}`, []string{"b"}, []string{"a"}},
	{"surrogates in the wrong order", `{"a":"\udc00\ud800","b":2}`, []string{"b"}, []string{"a"}},
	{"lone surrogate at the end of a string", `{"a":"\ud800\\","b":"\\"}`, []string{"b"}, []string{"a"}},
	{"lone surrogate in a nested name", `{"a":{"\ud800":1},"b":2}`, []string{"b"}, []string{"a"}},
	{"lone surrogate in a name", `{"\ud800":1,"b":2}`, []string{"b"}, []string{""}},
	{"invalid UTF-8", "{\"a\":\"\xe9t\xe9\",\"b\":2}", []string{"b"}, []string{"a"}},
	{"invalid UTF-8 in a name", "{\"\xff\":1,\"b\":2}", []string{"b"}, []string{""}},
	{"invalid UTF-8 in a nested name", "{\"a\":{\"\xff\":1},\"b\":2}", []string{"b"}, []string{"a"}},
	{"too many levels", `{"a":` + brackets(maxDepth) + `,"b":2}`, []string{"b"}, []string{"a"}},
	{"as many levels as possible", `{"a":` + brackets(999) + `,"b":2}`, []string{"b"}, []string{"a"}},
	{"too many nested members", `{"a":` + members(1001) + `,"b":2}`, []string{"b"}, []string{"a"}},
	{"everything at once", `{"b":2,"a":1,"A":"\ud800","c":{"x":1,"x":2},"d":4}`, []string{"b", "d"}, []string{"A", "a", "c"}},
	{"only faults", `{"a":1,"a":2}`, nil, []string{"a"}},
}

// brokenDocuments are not JSON, or exceed a limit of the whole document.
var brokenDocuments = []struct{ name, text string }{
	{"empty", ""},
	{"not an object", `["a"]`},
	{"cut off", `{"a":1,"a":2`},
	{"cut off in a string", `{"a":"\ud800`},
	{"data after the object", `{"a":1,"a":2}{}`},
	{"missing comma", `{"a":1 "a":2}`},
	{"comma at the end", `{"a":1,"a":2,}`},
	{"two commas", `{"a":1,,"a":2}`},
	{"missing colon", `{"a" 1,"a":2}`},
	{"name that is not a string", `{a:1,"b":1,"b":2}`},
	{"bad number", `{"a":01,"a":2}`},
	{"bad literal", `{"a":True,"a":2}`},
	{"bad escape", `{"a":"\x","a":2}`},
	{"control character in a string", "{\"a\":\"x\ny\",\"a\":2}"},
	{"mismatched brackets", `{"a":[1},"a":2}`},
	{"array with a colon", `{"a":["x":1],"a":2}`},
	{"too many levels to scan", `{"a":` + brackets(1000) + `}`},
	{"endless levels", `{"a":` + strings.Repeat("[", 1<<19)},
	{"too many members", strings.TrimSuffix(members(1000), "}") + `,"x":"\ud800"}`},
}

func TestCaseD3_ParseDocumentDropsFaultyMembers(t *testing.T) {
	t.Parallel()
	for _, test := range documents {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, faults, err := compact.ParseDocument(test.text, maxDepth)
			if err != nil {
				t.Fatal(err)
			}
			var good []string
			for name := range o.All() {
				good = append(good, name)
			}
			if diff := cmp.Diff(test.good, good); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, slices.Sorted(maps.Keys(faults))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			var decoded map[string]any
			if err := o.Decode(&decoded); err != nil || len(decoded) != len(test.good) {
				t.Errorf("decoded %v, error %v", decoded, err)
			}
		})
	}
}

func TestCaseD3_ParseDocumentRejectsWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, test := range brokenDocuments {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, faults, err := compact.ParseDocument(test.text, maxDepth)
			var syntax *compact.SyntaxError
			if !errors.As(err, &syntax) || o.Len() != 0 || faults != nil {
				t.Errorf("%d members, faults %v, error %v; want only a SyntaxError", o.Len(), faults, err)
			}
		})
	}
}

// The error of a member says why it is not used, and where in the document it is.
func TestCaseD3_ParseDocumentNamesTheFault(t *testing.T) {
	t.Parallel()
	_, faults, err := compact.ParseDocument(`{"b":1,"a":{"x":1,"x":2},"b":2,"c":"\ud800"}`, maxDepth)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for name, fault := range faults {
		got[name] = fault.Error()
	}
	want := map[string]string{
		"a": "duplicate member name at byte 24",
		"b": "duplicate member name at byte 25",
		"c": "invalid escape in a string at byte 36",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestDecodeMember(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"a":"x","b":["y",1],"c":{"d":2},"n":null}`)
	text := "unchanged"
	for _, test := range []struct {
		name string
		into any
		want string // the error
	}{
		{"a", new(string), ""},
		{"none", &text, ""},
		{"n", &text, ""},
		{"a", new(int), `member "a" is a JSON string, expected int`},
		{"b", new([]string), `member "b[1]" is a JSON number, expected string`},
		{"c", new(map[string]string), `member "c.d" is a JSON number, expected string`},
		{"a", nil, "cannot decode into a value of type nil, expected a non-nil pointer that leads to a value"},
		{"a", text, "cannot decode into a value of type string, expected a non-nil pointer that leads to a value"},
	} {
		err := o.DecodeMember(test.name, test.into)
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("%s into %T: error %v, want %q", test.name, test.into, err, test.want)
		}
	}
	if text != "unchanged" {
		t.Errorf("an absent member was stored: %q", text)
	}
}

// FuzzParseDocument compares ParseDocument with ParseObject and encoding/json.
func FuzzParseDocument(f *testing.F) {
	for _, test := range documents {
		f.Add(test.text)
	}
	for _, test := range brokenDocuments {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, faults, err := compact.ParseDocument(text, maxDepth)
		if strict, strictErr := compact.ParseObject(text, maxDepth); strictErr == nil && (err != nil || len(faults) == 0 && strict.Raw() != o.Raw()) {
			t.Errorf("ParseObject accepts %q, ParseDocument returns %v, %v, %v", text, o, faults, err)
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is accepted, but not by encoding/json: %v", text, err)
		}
		for name, value := range o.All() {
			if got := strings.TrimSpace(string(want[name])); got != value.Raw() {
				t.Errorf("member %q is %s, want %s", name, value.Raw(), got)
			}
		}
	})
}
