package compact_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const maxDepth = 16

func parse(t *testing.T, text string) compact.Object {
	t.Helper()
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return o
}

// nested returns an object with this number of levels, including itself.
func nested(levels int, open, shut string) string {
	return `{"a":` + strings.Repeat(open, levels-1) + "1" + strings.Repeat(shut, levels-1) + "}"
}

// brackets returns an array with this number of levels.
func brackets(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

// members returns an object of n members.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strconv.Itoa(i) + `":1`)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// accepted and rejected are also the seeds of FuzzParseObject.
var accepted = []struct{ name, text string }{
	{"no members", `{}`},
	{"space everywhere", " \t\r\n{ \"a\" : [ 1 , { } , [ ] ] , \"b\" : null } \n"},
	{"literals", `{"t":true,"f":false,"n":null}`},
	{"numbers", `{"a":0,"b":-0,"c":10,"d":1.5,"e":-1.25e+10,"f":1E-2,"g":0.0,"h":0e0,"i":123456789012345678901234567890}`},
	{"a number float64 cannot hold", `{"a":1e400}`},
	{"strings", `{"a":"","b":"x","c":"é😀","d":"\"\\\/\b\f\n\r\t","e":"\u0041\u00e9\ud83d\ude00"}`},
	{"DEL and line separators in strings", "{\"a\":\"\x7f\u2028\u2029\"}"},
	{"escaped NUL", `{"a":"\u0000"}`},
	{"byte order mark inside a string", "{\"a\":\"\ufeff\"}"},
	{"replacement character", "{\"a\":\"\ufffd\"}"},
	{"an empty name", `{"":1}`},
	{"names that differ", `{"a":1,"b":2,"ab":3}`},
	{"the same name in different objects", `{"a":{"a":1},"b":[{"a":2},{"a":3}]}`},
	{"ss and ß are two names", `{"ss":1,"ß":2}`},
	{"deep objects", nested(maxDepth, `{"a":`, `}`)},
	{"deep arrays", nested(maxDepth, `[`, `]`)},
	{"depth used twice", `{"a":` + brackets(15) + `,"b":` + brackets(15) + `}`},
	{"as many members as there may be", members(1000)},
}

var rejected = []struct{ name, text string }{
	{"nothing", ``},
	{"space", ` `},
	{"an array", `[]`},
	{"a string", `"a"`},
	{"null", `null`},
	{"open object", `{`},
	{"open array", `{"a":[`},
	{"open member", `{"a"`},
	{"open string", `{"a`},
	{"no value", `{"a":}`},
	{"no colon", `{"a" 1}`},
	{"no comma", `{"a":1 "b":2}`},
	{"comma at the end", `{"a":1,}`},
	{"comma alone", `{,}`},
	{"comma at the start", `{,"a":1}`},
	{"two commas", `{"a":1,,"b":2}`},
	{"array comma at the end", `{"a":[1,]}`},
	{"array comma alone", `{"a":[,]}`},
	{"array without comma", `{"a":[1 2]}`},
	{"array closed by a brace", `{"a":[1}}`},
	{"object closed by a bracket", `{"a":1]`},
	{"bare name", `{a:1}`},
	{"single quotes", `{'a':1}`},
	{"number as a name", `{1:1}`},
	{"comment", `{"a":1/**/}`},
	{"True", `{"a":True}`},
	{"nul", `{"a":nul}`},
	{"trueish", `{"a":truex}`},
	{"NaN", `{"a":NaN}`},
	{"Infinity", `{"a":Infinity}`},
	{"minus Infinity", `{"a":-Infinity}`},
	{"leading zero", `{"a":01}`},
	{"leading plus", `{"a":+1}`},
	{"minus alone", `{"a":-}`},
	{"minus minus", `{"a":--1}`},
	{"no digit before the point", `{"a":.5}`},
	{"no digit behind the point", `{"a":1.}`},
	{"no exponent", `{"a":1e}`},
	{"only a sign in the exponent", `{"a":1e+}`},
	{"two signs in the exponent", `{"a":1e+-1}`},
	{"hexadecimal", `{"a":0x1}`},
	{"digits of another script", `{"a":١}`},
	{"line feed in a string", "{\"a\":\"\n\"}"},
	{"tab in a name", "{\"\t\":1}"},
	{"unit separator in a string", "{\"a\":\"\x1f\"}"},
	{"NUL in a string", "{\"a\":\"\x00\"}"},
	{"NUL behind", "{}\x00"},
	{"NUL between", "{\"a\":\x001}"},
	{"NUL for a brace", "{\"a\":1\x00"},
	{"unknown escape", `{"a":"\x41"}`},
	{"escape of nothing", `{"a":"\`},
	{"escaped end", `{"a":"\"}`},
	{"short unicode escape", `{"a":"\u004"}`},
	{"letters in a unicode escape", `{"a":"\u00g1"}`},
	{"upper-case escape", `{"a":"\U0041"}`},
	{"lone high surrogate", `{"a":"\ud83d"}`},
	{"lone low surrogate", `{"a":"\ude00"}`},
	{"high surrogate, letter", `{"a":"\ud83dx"}`},
	{"two high surrogates", `{"a":"\ud83d\ud83d"}`},
	{"surrogates the wrong way round", `{"a":"\ude00\ud83d"}`},
	{"high surrogate, other escape", `{"a":"\ud83d\n"}`},
	{"lone surrogate in a name", `{"\ud83d":1}`},
	{"encoded surrogate", "{\"a\":\"\xed\xa0\xbd\"}"},
	{"invalid UTF-8 in a string", "{\"a\":\"\xff\"}"},
	{"invalid UTF-8 in a name", "{\"\xff\":1}"},
	{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}"},
	{"truncated UTF-8", "{\"a\":\"\xe2\x82\"}"},
	{"byte order mark", "\ufeff{}"},
	{"trailing object", `{}{}`},
	{"trailing letter", `{}x`},
	{"trailing brace", `{}}`},
	{"trailing comma", `{},`},
	{"trailing no-break space", "{}\u00a0"},
	{"vertical tab for a space", "{\v}"},
	{"form feed for a space", "{\f}"},
	{"one level too deep, objects", nested(maxDepth+1, `{"a":`, `}`)},
	{"one level too deep, arrays", nested(maxDepth+1, `[`, `]`)},
	{"far too deep", nested(100_000, `[`, `]`)},
	{"one member too many", members(1001)},
	{"one member too many, inside", `{"a":[` + members(1001) + `]}`},
}

func TestS1_J6_Attack12_Attack14_ParseObjectAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := parse(t, test.text)
			if o.Raw() != test.text {
				t.Errorf("Raw %q, want %q", o.Raw(), test.text)
			}
			sameAsStandardLibrary(t, o)
		})
	}
}

func TestS1_J6_Attack12_Attack14_ParseObjectRejects(t *testing.T) {
	t.Parallel()
	for _, test := range rejected {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, err := compact.ParseObject(test.text, maxDepth)
			wantSyntaxError(t, test.text, err)
			if o.Len() != 0 || o.Raw() != "" {
				t.Errorf("an object is returned with the error: %q", o.Raw())
			}
		})
	}
}

// wantSyntaxError also checks that the text contains nothing of the input.
func wantSyntaxError(t *testing.T, text string, err error) {
	t.Helper()
	var syntax *compact.SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("%q: error %v, want a *SyntaxError", text, err)
	}
	if syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Problem == "" {
		t.Errorf("offset %d of %d, problem %q", syntax.Offset, len(text), syntax.Problem)
	}
	if want := syntax.Problem + " at byte " + strconv.Itoa(syntax.Offset); err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}

func TestErrorTextDoesNotQuoteTheInput(t *testing.T) {
	t.Parallel()
	_, err := compact.ParseObject(`{"hunter2":"hunter2","hunter2":hunter2}`, maxDepth)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

// sameAsStandardLibrary compares o with the result of encoding/json for the same text.
func sameAsStandardLibrary(t *testing.T, o compact.Object) {
	t.Helper()
	if !json.Valid([]byte(o.Raw())) {
		t.Fatalf("encoding/json rejects %q", o.Raw())
	}
	var want map[string]json.RawMessage
	if err := json.Unmarshal([]byte(o.Raw()), &want); err != nil {
		t.Fatalf("encoding/json on %q: %v", o.Raw(), err)
	}
	if len(want) != o.Len() {
		t.Fatalf("%d members, want %d", o.Len(), len(want))
	}
	for name, value := range o.All() {
		var any any
		if err := json.Unmarshal(want[name], &any); err != nil {
			any = nil // out of range: *json.UnmarshalTypeError
		}
		if diff := cmp.Diff(any, value.Any()); diff != "" {
			t.Errorf("%q (-encoding/json +got):\n%s", name, diff)
		}
		if value.Raw() != string(want[name]) {
			t.Errorf("%q is %q, want %q", name, value.Raw(), want[name])
		}
		if got, ok := o.Get(name); !ok || got.Raw() != value.Raw() {
			t.Errorf("Get(%q) is %q, %v", name, got.Raw(), ok)
		}
	}
}

func TestAttack14_DepthIsAParameter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		depth int
		ok    bool
	}{
		{`{}`, 1, true},
		{`{}`, 0, false},
		{`{"a":[]}`, 1, false},
		{`{"a":[]}`, 2, true},
		{`{"a":{"b":[]}}`, 2, false},
	} {
		if _, err := compact.ParseObject(test.text, test.depth); (err == nil) != test.ok {
			t.Errorf("%s at depth %d: %v", test.text, test.depth, err)
		}
	}
}

func TestObjectKeepsTheOrderOfTheText(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"z":1,"a":2,"\u006d":3,"b":{"y":1}}`)
	var names []string
	for name := range o.All() {
		names = append(names, name)
	}
	if want := []string{"z", "a", "m", "b"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	for name := range o.All() {
		if name != "z" {
			t.Errorf("All continues after break, with %q", name)
		}
		break
	}
}

func TestObjectZeroValue(t *testing.T) {
	t.Parallel()
	var o compact.Object
	v, ok := o.Get("a")
	if ok || v.Kind() != compact.KindNone || o.Len() != 0 || o.Raw() != "" {
		t.Errorf("zero Object: %v, %v, %d, %q", v, ok, o.Len(), o.Raw())
	}
	for name := range o.All() {
		t.Errorf("member %q", name)
	}
	var syntax *compact.SyntaxError
	if err := o.Decode(new(any)); !errors.As(err, &syntax) {
		t.Errorf("Decode returns %v, want a *SyntaxError", err)
	}
}

// Get compares unescaped names byte for byte, so it finds no other spelling.
func TestAttack11_GetIsByteExact(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"\u0065xp":1,"IsS":2,"\u212A":3}`)
	for name, want := range map[string]bool{
		"exp": true, "EXP": false, "Exp": false, `\u0065xp`: false,
		"IsS": true, "iss": false, "\u212a": true, "K": false, "k": false, "": false,
	} {
		if _, ok := o.Get(name); ok != want {
			t.Errorf("Get(%q) returns %v, want %v", name, ok, want)
		}
	}
}
