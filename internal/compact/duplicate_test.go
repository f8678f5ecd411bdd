package compact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// duplicates are also seeds of FuzzParseObject.
var duplicates = []struct{ name, text string }{
	{"the same name", `{"aud":"a","aud":"b"}`},
	{"the same member", `{"aud":"a","aud":"a"}`},
	{"the empty name", `{"":1,"":2}`},
	{"far apart", `{"a":1,"b":2,"c":3,"d":4,"a":5}`},
	{"one of them escaped", `{"a":1,"\u0061":2}`},
	{"both escaped, in two ways", `{"\u006B":1,"\u006b":2}`},
	{"escaped solidus", `{"a/b":1,"a\/b":2}`},
	{"a surrogate pair", `{"😀":1,"\ud83d\ude00":2}`},
	{"upper case", `{"exp":1,"EXP":2}`},
	{"mixed case", `{"iSs":1,"IsS":2}`},
	{"escaped upper case", `{"exp":1,"\u0045xp":2}`},
	{"Kelvin sign and k", "{\"\u212aid\":1,\"kid\":2}"},
	{"Kelvin sign and K", "{\"\u212aid\":1,\"Kid\":2}"},
	{"escaped Kelvin sign", `{"kid":1,"\u212aid":2}`},
	{"long s and s", "{\"i\u017fs\":1,\"iss\":2}"},
	{"long s and S", "{\"i\u017fs\":1,\"iSs\":2}"},
	{"three spellings of sigma", `{"σ":1,"ς":2}`},
	{"capital sigma", `{"Σ":1,"ς":2}`},
	{"letters outside ASCII", `{"é":1,"É":2}`},
	{"title-case digraph", `{"ǆ":1,"ǅ":2}`},
	{"nested", `{"a":{"b":1,"b":2}}`},
	{"in an array", `{"a":[1,{"b":1,"B":2}]}`},
	{"deep inside", `{"a":[[[{"b":{"c":1,"c":2}}]]]}`},
	{"around a nested object", `{"a":{"x":1},"a":{"y":1}}`},
	{"among many", strings.TrimSuffix(members(900), "}") + `,"M417":1}`},
	{"first and last of the many", strings.TrimSuffix(members(999), "}") + `,"m0":1}`},
}

func TestS1_T1_Attack11_DuplicateNamesAreRejected(t *testing.T) {
	t.Parallel()
	for _, test := range duplicates {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := compact.ParseObject(test.text, maxDepth)
			wantSyntaxError(t, test.text, err)
			if !strings.Contains(err.Error(), "duplicate member name") {
				t.Errorf("rejected for another reason: %v", err)
			}
		})
	}
}

// The search for duplicates depends on the number of members. It finds them at every position.
func TestAttack11_DuplicateIsFoundInObjectsOfEverySize(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 40; n++ {
		for i := range n - 1 {
			names := make([]string, n)
			for j := range names {
				names[j] = fmt.Sprintf(`"n%d":%d`, j, j)
			}
			names[n-1] = fmt.Sprintf(`"N%d":0`, i)
			text := "{" + strings.Join(names, ",") + "}"
			if _, err := compact.ParseObject(text, maxDepth); err == nil {
				t.Fatalf("%s is accepted", text)
			}
		}
	}
}

// The same name in two different objects is not a duplicate.
func TestDuplicatesInDifferentObjects(t *testing.T) {
	t.Parallel()
	many := members(20)
	o := parse(t, `{"m1":`+many+`,"m2":`+many+`,"m3":[`+many+`,`+many+`]}`)
	if o.Len() != 3 {
		t.Errorf("%d members, want 3", o.Len())
	}
}

// ParseClaims accepts names that differ only in case and reports them. It rejects the same name twice, as ParseObject does.
func TestCaseT15_ParseClaims(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text         string
		rejected, variants bool
	}{
		{name: "different names", text: `{"a":1,"b":{"a":1}}`},
		{name: "upper case", text: `{"a":1,"A":2}`, variants: true},
		{name: "Kelvin sign", text: "{\"k\":1,\"\u212a\":2}", variants: true},
		{name: "nested", text: `{"x":{"a":1,"A":2}}`, variants: true},
		{name: "in an array", text: `{"x":[0,{"a":1,"A":2}]}`, variants: true},
		{name: "among many", text: strings.TrimSuffix(members(900), "}") + `,"M417":1}`, variants: true},
		{name: "the same name", text: `{"a":1,"a":2}`, rejected: true},
		{name: "the same name, escaped", text: `{"a":1,"\u0061":2}`, rejected: true},
		{name: "the same name and a variant", text: `{"a":1,"A":2,"a":3}`, rejected: true},
		{name: "the same name beside a variant", text: `{"a":1,"A":2,"x":{"b":1,"b":2}}`, rejected: true},
		{name: "the same name among many", text: strings.TrimSuffix(members(900), "}") + `,"m417":1,"M418":1}`, rejected: true},
		{name: "no object", text: `[]`, rejected: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, variants, err := compact.ParseClaims(test.text, maxDepth)
			if test.rejected {
				wantSyntaxError(t, test.text, err)
				return
			}
			if err != nil || variants != test.variants {
				t.Fatalf("variants %v, error %v", variants, err)
			}
			if _, err := compact.ParseObject(test.text, maxDepth); (err != nil) != test.variants {
				t.Errorf("ParseObject: %v", err)
			}
			nested := false
			for _, v := range o.All() {
				nested = nested || v.HasCaseVariants()
			}
			if x, ok := o.Get("x"); ok && nested != test.variants || !ok && nested {
				t.Errorf("HasCaseVariants is %v for %s", nested, x.Raw())
			}
		})
	}
}

// All members and elements of an object that ParseClaims accepted can be read.
func TestParseClaimsIsReadCompletely(t *testing.T) {
	t.Parallel()
	o, _, err := compact.ParseClaims(`{"x":[{"a":1,"A":2},{"b":[{"c":3,"C":4}]},5]}`, maxDepth)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := o.Get("x")
	var kinds []string
	for element := range v.Elements() {
		kinds = append(kinds, element.Kind().String())
	}
	if got := strings.Join(kinds, " "); got != "object object number" {
		t.Errorf("elements: %s", got)
	}
	var decoded struct {
		X []any `json:"x"`
	}
	if err := o.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(decoded.X), "[map[A:2 a:1] map[b:[map[C:4 c:3]]] 5]"; got != want {
		t.Errorf("decoded %s, want %s", got, want)
	}
}
