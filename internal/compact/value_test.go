package compact_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// value parses text as the one member of an object.
func value(t *testing.T, text string) compact.Value {
	t.Helper()
	v, ok := parse(t, `{"v":`+text+`}`).Get("v")
	if !ok {
		t.Fatalf("%s: no member", text)
	}
	return v
}

// Each kind has a result for its own method and for no other.
func TestValueHasOneKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]compact.Kind{
		`null`: compact.KindNull, `true`: compact.KindBool, `false`: compact.KindBool,
		`0`: compact.KindNumber, `-1.5e3`: compact.KindNumber, `"1"`: compact.KindString, `""`: compact.KindString,
		`[]`: compact.KindArray, `["a"]`: compact.KindArray, `{}`: compact.KindObject, `{"a":1}`: compact.KindObject,
	} {
		v := value(t, text)
		if v.Kind() != want || v.Raw() != text {
			t.Errorf("%s: kind %v, raw %q", text, v.Kind(), v.Raw())
		}
		_, isText := v.Text()
		_, isNumber := v.Number()
		_, isBool := v.Bool()
		_, isList := v.Strings()
		_, isObject := v.Object()
		got := []bool{isText, isNumber, isBool, isList, isObject}
		kinds := []compact.Kind{
			compact.KindString, compact.KindNumber, compact.KindBool, compact.KindArray, compact.KindObject,
		}
		for i, kind := range kinds {
			if got[i] != (want == kind) {
				t.Errorf("%s: the method of kind %v returns ok = %v", text, kind, got[i])
			}
		}
	}
}

func TestValueZero(t *testing.T) {
	t.Parallel()
	var v compact.Value
	text, isText := v.Text()
	number, isNumber := v.Number()
	boolean, isBool := v.Bool()
	list, isList := v.Strings()
	object, isObject := v.Object()
	if isText || isNumber || isBool || isList || isObject {
		t.Errorf("the zero Value has a kind: %v %v %v %v %v", isText, isNumber, isBool, isList, isObject)
	}
	if text != "" || number != 0 || boolean || list != nil || object.Len() != 0 || v.Any() != nil || v.Raw() != "" {
		t.Errorf("the zero Value is not empty: %q %v %v %v %v %v", text, number, boolean, list, object, v.Any())
	}
}

func TestValueText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`:                         "",
		`"plain"`:                    "plain",
		`"é😀"`:                       "é😀",
		`"\"\\\/"`:                   `"\/`,
		`"\b\f\n\r\t"`:               "\b\f\n\r\t",
		`"\u0000"`:                   "\x00",
		`"\u00e9\u00E9"`:             "éé",
		`"\ud83d\ude00"`:             "😀",
		`"\uD83D\uDE00x"`:            "😀x",
		`"\udbff\udfff"`:             "\U0010ffff",
		`"\ufffd"`:                   "\ufffd",
		`"a\u0062c\u0064e"`:          "abcde",
		`"\\u0061"`:                  `\u0061`,
		`"\u005cu0061"`:              `\u0061`,
		`"a\\"`:                      `a\`,
		`"https:\/\/issuer.example"`: "https://issuer.example",
	} {
		if got, ok := value(t, text).Text(); !ok || got != want {
			t.Errorf("%s is %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestValueNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want float64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", math.Copysign(0, -1), true},
		{"1700000000", 1700000000, true},
		{"1700000000.5", 1700000000.5, true},
		{"-1.25E+2", -125, true},
		{"1e-400", 0, true},
		{"253402300799.999", 253402300799.999, true},
		{"1.7976931348623157e308", math.MaxFloat64, true},
		{"1e309", 0, false},
		{"-1e309", 0, false},
		{`"1"`, 0, false},
		{`[1]`, 0, false},
		{`null`, 0, false},
		{`true`, 0, false},
	} {
		got, ok := value(t, test.text).Number()
		if ok != test.ok || ok && (got != test.want || math.Signbit(got) != math.Signbit(test.want)) {
			t.Errorf("%s is %v, %v, want %v, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestValueBool(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{`true`: true, `false`: false} {
		if got, ok := value(t, text).Bool(); !ok || got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{`"true"`, `1`, `null`, `[true]`} {
		if got, ok := value(t, text).Bool(); ok || got {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
}

func TestValueStrings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want []string
		ok   bool
	}{
		{`[]`, nil, true},
		{`[ ]`, nil, true},
		{`["a"]`, []string{"a"}, true},
		{` [ "a" , "\u0062" , "" ] `, []string{"a", "b", ""}, true},
		{`["a,b","]"]`, []string{"a,b", "]"}, true},
		{`["a",1]`, nil, false},
		{`[null]`, nil, false},
		{`[["a"]]`, nil, false},
		{`"a"`, nil, false},
		{`{"a":"b"}`, nil, false},
	} {
		got, ok := value(t, test.text).Strings()
		if ok != test.ok || !slices.Equal(got, test.want) {
			t.Errorf("%s is %q, %v", test.text, got, ok)
		}
	}
}

func TestValueElements(t *testing.T) {
	t.Parallel()
	v := value(t, `[1, "a,]", [2,[3]], {"b":[4]}, null]`)
	var got []string
	for element := range v.Elements() {
		got = append(got, element.Raw())
	}
	if want := []string{`1`, `"a,]"`, `[2,[3]]`, `{"b":[4]}`, `null`}; !slices.Equal(got, want) {
		t.Errorf("elements %q, want %q", got, want)
	}
	for element := range v.Elements() {
		if element.Raw() != "1" {
			t.Errorf("Elements continues after break, with %s", element.Raw())
		}
		break
	}
	for element := range value(t, `{"a":1}`).Elements() {
		t.Errorf("an object has element %s", element.Raw())
	}
}

func TestValueObject(t *testing.T) {
	t.Parallel()
	o, ok := value(t, `{"a":{"b":[1]},"c":"d"}`).Object()
	if !ok || o.Len() != 2 || o.Raw() != `{"a":{"b":[1]},"c":"d"}` {
		t.Fatalf("object %q, %v", o.Raw(), ok)
	}
	v, _ := o.Get("c")
	if text, _ := v.Text(); text != "d" {
		t.Errorf("member is %q", text)
	}
}

// Any returns a new value each time.
func TestValueAnyIsACopy(t *testing.T) {
	t.Parallel()
	v := value(t, `{"roles":["reader"],"n":null,"x":1.5}`)
	first, ok := v.Any().(map[string]any)
	if !ok {
		t.Fatalf("Any is a %T", v.Any())
	}
	roles, ok := first["roles"].([]any)
	if !ok {
		t.Fatalf("roles is a %T", first["roles"])
	}
	roles[0] = "admin"
	first["more"] = true
	want := map[string]any{"roles": []any{"reader"}, "n": nil, "x": 1.5}
	if diff := cmp.Diff(want, v.Any()); diff != "" {
		t.Errorf("changed from outside (-want +got):\n%s", diff)
	}
}

func TestCaseT5_J6_IsAbsent(t *testing.T) {
	t.Parallel()
	text, list := compact.KindString, compact.KindArray
	for _, test := range []struct {
		json  string
		kinds []compact.Kind
		want  bool
	}{
		{"null", nil, true},
		{"null", []compact.Kind{text, list}, true},
		{`""`, []compact.Kind{text}, true},
		{`[]`, []compact.Kind{list}, true},
		{`[ ]`, []compact.Kind{text, list}, true},
		{`""`, nil, false},
		{`""`, []compact.Kind{list}, false},
		{`[]`, []compact.Kind{text}, false},
		{`" "`, []compact.Kind{text}, false},
		{`"null"`, []compact.Kind{text}, false},
		{`[null]`, []compact.Kind{list}, false},
		{`{}`, []compact.Kind{text, list}, false},
		{`0`, []compact.Kind{text, list}, false},
		{`false`, []compact.Kind{text, list}, false},
	} {
		v, _ := parse(t, `{"a":`+test.json+`}`).Get("a")
		if got := v.IsAbsent(test.kinds...); got != test.want {
			t.Errorf("%s with %v: %v, want %v", test.json, test.kinds, got, test.want)
		}
	}
}
