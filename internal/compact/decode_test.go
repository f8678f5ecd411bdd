package compact_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

type address struct {
	City string `json:"city"`
}

type claims struct {
	Subject  string             `json:"sub"`
	Admin    bool               `json:"admin"`
	Untagged int                // the JSON name is "Untagged"
	Skipped  string             `json:"-"`
	Dash     string             `json:"-,"` //nolint:staticcheck // SA5008: a field with the name "-"
	Number   json.Number        `json:"number"`
	When     time.Time          `json:"when"`
	Home     address            `json:"home"`
	Work     *address           `json:"work"`
	Many     []address          `json:"many"`
	Pair     [2]address         `json:"pair"`
	ByName   map[string]address `json:"by_name"`
	Deep     [][]*address       `json:"deep"`
	Free     any                `json:"free"`
	Raw      json.RawMessage    `json:"raw"`
	Quoted   int                `json:"quoted,string"`
	Escaped  int                `json:"a/b"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	o := parse(t, ` {"sub":"\u0061lice","admin":true,"Untagged":1,"-":"dash","number":12345678901234567890,
		"when":"2030-01-02T03:04:05Z","home":{"city":"A"},"work":{"city":"B"},"many":[{"city":"C"},{"city":"D"}],
		"pair":[{"city":"E"},{"city":"F"}],"by_name":{"Home":{"city":"G"},"home2":{"city":"H"}},
		"deep":[[{"city":"I"}],[]],"free":{"CITY":1},"raw":{"CITY": 2},"quoted":"7","a\/b":8,"unknown":9} `)
	want := claims{
		Subject: "alice", Admin: true, Untagged: 1, Dash: "dash", Number: "12345678901234567890",
		When: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Home: address{"A"}, Work: &address{"B"},
		Many: []address{{"C"}, {"D"}}, Pair: [2]address{{"E"}, {"F"}},
		ByName: map[string]address{"Home": {"G"}, "home2": {"H"}}, Deep: [][]*address{{{"I"}}, {}},
		Free: map[string]any{"CITY": 1.0}, Raw: json.RawMessage(`{"CITY": 2}`), Quoted: 7, Escaped: 8,
	}
	var got claims
	if err := o.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A name with a different spelling is a different name, at every depth.
func TestT4_Attack11_DecodeIsByteExact(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"ADMIN":true}`, `{"Admin":true}`, `{"Sub":"x"}`, "{\"\u017fub\":\"x\"}", `{"untagged":1}`, `{"UNTAGGED":1}`,
		`{"Skipped":"x"}`, `{"Dash":"x"}`, `{"SUB":"x","ADMIN":true}`,
		`{"home":{"City":"x"}}`, `{"HOME":{"city":"x"}}`, `{"A/B":1}`, `{"a\/B":1}`,
	} {
		var got claims
		if err := parse(t, text).Decode(&got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(claims{}, got); diff != "" {
			t.Errorf("%s sets (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{
		`{"work":{"CITY":"x"}}`, `{"many":[{"CITY":"x"}]}`, `{"pair":[{"CITY":"x"}]}`, `{"by_name":{"k":{"CITY":"x"}}}`,
		`{"deep":[[{"CITY":"x"}]]}`,
	} {
		var got claims
		if err := parse(t, text).Decode(&got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for _, a := range reached(got) {
			if a.City != "" {
				t.Errorf("%s sets %+v", text, got)
			}
		}
	}
}

// reached returns the addresses in pointers, slices, arrays and maps of c.
func reached(c claims) []address {
	all := append(c.Many[:len(c.Many):len(c.Many)], c.Pair[:]...)
	if c.Work != nil {
		all = append(all, *c.Work)
	}
	for _, a := range c.ByName {
		all = append(all, a)
	}
	for _, inner := range c.Deep {
		for _, a := range inner {
			all = append(all, *a)
		}
	}
	return all
}

type registered struct {
	ID      string `json:"jti"`
	Subject string `json:"sub"`
	Shared  string // conflicts with private.Shared, so neither is used
	Tagged  string `json:"Role"` // used instead of private.Role, because it has a tag
}

type private struct {
	Shared string
	Role   string
	Tenant string `json:"tenant"`
}

type composed struct {
	registered
	*Optional
	private

	ID     string `json:"uid"` // hides registered.ID in Go, but not in JSON
	Admin  bool   `json:"Registered"`
	Nested named  `json:"nested"`
}

type named struct {
	address `json:"address"`

	City string `json:"town"`
}

// Optional is exported so that encoding/json can allocate it.
type Optional struct {
	Region string `json:"region"`
}

// The fields of embedded structs are found as encoding/json finds them. The name of the embedded type is not a member name.
func TestDecodeEmbedded(t *testing.T) {
	t.Parallel()
	const text = `{"jti":"1","uid":"2","sub":"alice","tenant":"t","region":"r","Shared":"both","Role":"admin",
		"nested":{"address":{"city":"A"},"town":"B"}}`
	var want, got composed
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if err := parse(t, text).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.registered.ID != "1" || got.ID != "2" || got.Tenant != "t" || got.Optional == nil || got.Region != "r" {
		t.Errorf("got %+v", got)
	}
	if got.registered.Shared+got.private.Shared != "" || got.Tagged != "admin" || got.Role != "" {
		t.Errorf("two fields with the same name: %+v", got)
	}
	if got.registered != want.registered || got.private != want.private || got.Nested != want.Nested {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestT4_Attack11_DecodeEmbeddedIsByteExact(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"registered":true}`, `{"JTI":"x"}`, `{"Tenant":"x"}`, `{"REGION":"x"}`, `{"optional":{"region":"x"}}`,
		`{"nested":{"Address":{"city":"x"},"Town":"x"}}`, `{"nested":{"address":{"CITY":"x"}}}`, `{"shared":"x"}`, `{"role":"x"}`,
	} {
		var got composed
		if err := parse(t, text).Decode(&got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got != (composed{}) {
			t.Errorf("%s sets %+v", text, got)
		}
	}
}

type recursive struct {
	*recursive //nolint:unused // encoding/json looks into it

	Name string     `json:"name"`
	Next *recursive `json:"next"`
}

func TestDecodeRecursive(t *testing.T) {
	t.Parallel()
	var got recursive
	if err := parse(t, `{"name":"a","next":{"name":"b","NEXT":{"name":"c"}}}`).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "a" || got.Next == nil || got.Next.Name != "b" || got.Next.Next != nil {
		t.Errorf("got %+v, next %+v", got, got.Next)
	}
}

// Decode follows a pointer in an interface, as encoding/json does.
func TestT4_Attack11_DecodeThroughAnInterfaceIsByteExact(t *testing.T) {
	t.Parallel()
	var got claims
	var v any = &got
	if err := parse(t, `{"sub":"alice","ADMIN":true}`).Decode(&v); err != nil {
		t.Fatal(err)
	}
	if got.Subject != "alice" || got.Admin {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeIntoMapsAndInterfaces(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"a":{"B":[1]},"\"\\\u0001":"x"}`)
	want := map[string]any{"a": map[string]any{"B": []any{1.0}}, "\"\\\x01": "x"}
	var byMap map[string]any
	var byInterface any
	if err := o.Decode(&byMap); err != nil {
		t.Fatal(err)
	}
	if err := o.Decode(&byInterface); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, byMap); diff != "" {
		t.Errorf("map (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(any(want), byInterface); diff != "" {
		t.Errorf("interface (-want +got):\n%s", diff)
	}
}

// verbatim has its own decoding method.
type verbatim struct {
	City string `json:"city"`
	text string
}

func (v *verbatim) UnmarshalJSON(data []byte) error {
	v.text = string(data)
	return nil
}

// A type with its own decoding method receives the original text.
func TestDecodeCallsUnmarshalers(t *testing.T) {
	t.Parallel()
	const text = `{"CITY": 1, "more": {}}`
	var got struct {
		One  verbatim    `json:"one"`
		Many []*verbatim `json:"many"`
	}
	if err := parse(t, `{"one":`+text+`,"many":[`+text+`]}`).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.One.text != text || len(got.Many) != 1 || got.Many[0].text != text {
		t.Errorf("got %+v", got)
	}
	var whole verbatim
	if err := parse(t, text).Decode(&whole); err != nil || whole.text != text {
		t.Errorf("got %q, %v", whole.text, err)
	}
}

type pointerLoop *pointerLoop

func TestDecodeRejectsTargets(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"sub":"a"}`)
	var c claims
	var itself any
	itself = &itself
	var loop pointerLoop
	for name, v := range map[string]any{
		"nil": nil, "not a pointer": c, "nil pointer": (*claims)(nil), "a pointer to itself": itself,
		"a type without an end": &loop,
	} {
		var target *compact.TargetError
		if err := o.Decode(v); !errors.As(err, &target) {
			t.Errorf("%s: error %v, want a *TargetError", name, err)
		}
	}
}

// level has a decoding method for text.
type level int

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "high" {
		return errors.New("no such level: " + string(text))
	}
	*l = 1
	return nil
}

type everything struct {
	Text    string            `json:"text"`
	Int8    int8              `json:"int8"`
	Uint    uint16            `json:"uint"`
	Float   float32           `json:"float"`
	Number  json.Number       `json:"number"`
	When    time.Time         `json:"when"`
	Level   level             `json:"level"`
	Bytes   []byte            `json:"bytes"`
	List    []string          `json:"list"`
	Pair    [2]int            `json:"pair"`
	Map     map[string]string `json:"map"`
	ByInt   map[int8]bool     `json:"by_int"`
	ByLevel map[level]int     `json:"by_level"`
	Home    *address          `json:"home"`
	Any     any               `json:"any"`
	Quoted  *int              `json:"quoted,string"`
	QText   string            `json:"qtext,string"`
	Reader  io.Reader         `json:"reader"`
	Deep    []map[string][]address
}

func TestDecodeKinds(t *testing.T) {
	t.Parallel()
	seven := 7
	for text, want := range map[string]everything{
		`{"int8":-128,"uint":65535,"float":1.5e3}`:               {Int8: -128, Uint: 65535, Float: 1500},
		`{"number":"12.5"}`:                                      {Number: "12.5"},
		`{"level":"high","by_level":{"high":2}}`:                 {Level: 1, ByLevel: map[level]int{1: 2}},
		`{"bytes":"YWI="}`:                                       {Bytes: []byte("ab")},
		`{"bytes":[97,98]}`:                                      {Bytes: []byte("ab")},
		`{"list":[],"map":{},"any":[]}`:                          {List: []string{}, Map: map[string]string{}, Any: []any{}},
		`{"pair":[1,2,3]}`:                                       {Pair: [2]int{1, 2}},
		`{"by_int":{"-7":true}}`:                                 {ByInt: map[int8]bool{-7: true}},
		`{"quoted":"7","qtext":"\"a\""}`:                         {Quoted: &seven, QText: "a"},
		`{"quoted":"null"}`:                                      {},
		`{"any":{"a":[1,"b",true,null,{}]}}`:                     {Any: map[string]any{"a": []any{1.0, "b", true, nil, map[string]any{}}}},
		`{"Deep":[{"a":[{"city":"B"}]}]}`:                        {Deep: []map[string][]address{{"a": {{"B"}}}}},
		`{"text":null,"int8":null,"level":null,"when":null}`:     {},
		`{"list":null,"home":null,"any":null,"pair":null}`:       {},
		`{"number":null,"bytes":null,"quoted":null,"map":null}`:  {},
		`{"map":{"a":"b"},"reader":null,"by_int":{},"deep":[1]}`: {Map: map[string]string{"a": "b"}, ByInt: map[int8]bool{}},
	} {
		var got everything
		if err := parse(t, text).Decode(&got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Each member that does not fit is named, its value is not quoted, and the members that fit are stored.
func TestDecodeTypeErrors(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]string{
		`"text":1`:                       `member "text" is a JSON number, expected string`,
		`"text":["secret"]`:              `member "text" is a JSON array, expected string`,
		`"int8":128`:                     `member "int8" is a number that does not fit into int8`,
		`"int8":1.0`:                     `member "int8" is a number that does not fit into int8`,
		`"int8":"1"`:                     `member "int8" is a JSON string, expected int8`,
		`"uint":-1`:                      `member "uint" is a number that does not fit into uint16`,
		`"float":1e39`:                   `member "float" is a number that does not fit into float32`,
		`"number":"secret"`:              `member "number" is a JSON string, expected json.Number`,
		`"number":""`:                    `member "number" is a JSON string, expected json.Number`,
		`"number":true`:                  `member "number" is a JSON boolean, expected json.Number`,
		`"when":"secret"`:                `member "when" is not a valid time.Time`,
		`"level":"secret"`:               `member "level" is not a valid compact_test.level`,
		`"level":1`:                      `member "level" is a number that does not fit into compact_test.level`,
		`"bytes":"secret"`:               `member "bytes" is not a valid []uint8`,
		`"list":"secret"`:                `member "list" is a JSON string, expected []string`,
		`"list":["a",1]`:                 `member "list[1]" is a JSON number, expected string`,
		`"pair":{"a":1}`:                 `member "pair" is a JSON object, expected [2]int`,
		`"pair":[1,"secret"]`:            `member "pair[1]" is a JSON string, expected int`,
		`"map":{"a":1}`:                  `member "map.a" is a JSON number, expected string`,
		`"map":[]`:                       `member "map" is a JSON array, expected map[string]string`,
		`"by_int":{"300":true}`:          `member "by_int.300" is not a valid int8`,
		`"by_level":{"low":1}`:           `member "by_level.low" is not a valid compact_test.level`,
		`"home":"secret"`:                `member "home" is a JSON string, expected compact_test.address`,
		`"home":{"city":false}`:          `member "home.city" is a JSON boolean, expected string`,
		`"any":{"a":[1e400]}`:            `member "any.a[0]" is a number that does not fit into float64`,
		`"quoted":7`:                     `member "quoted" is a JSON number, expected *int`,
		`"quoted":"7 "`:                  `member "quoted" is a JSON string, expected *int`,
		`"quoted":"[7]"`:                 `member "quoted" is a JSON string, expected *int`,
		`"qtext":"secret"`:               `member "qtext" is a JSON string, expected string`,
		`"reader":1`:                     `member "reader" is a JSON number, expected io.Reader`,
		`"Deep":[{},{"a":[{"city":1}]}]`: `member "Deep[1].a[0].city" is a JSON number, expected string`,
	} {
		var got struct {
			everything

			Before, After string
		}
		err := parse(t, `{"Before":"b",`+member+`,"After":"a"}`).Decode(&got)
		var wrong *compact.TypeError
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s: error %v, want %s", member, err, want)
		}
		if got.Before != "b" || got.After != "a" {
			t.Errorf("%s: the other members are %q and %q", member, got.Before, got.After)
		}
	}
	if err := parse(t, `{"a":1}`).Decode(new([]string)); err == nil || err.Error() != "the document is a JSON object, expected []string" {
		t.Errorf("object into a slice: %v", err)
	}
}

// A name of the document cannot make an error long.
func TestDecodeErrorIsBounded(t *testing.T) {
	t.Parallel()
	var got map[string]map[string]int
	err := parse(t, `{"`+strings.Repeat("ä", 5000)+`":{"`+strings.Repeat("y", 5000)+`":"z"}}`).Decode(&got)
	var wrong *compact.TypeError
	if !errors.As(err, &wrong) || len(wrong.Path) > 100 || !utf8.ValidString(wrong.Path) || len(err.Error()) > 200 {
		t.Errorf("error with %d bytes: %.300v", len(err.Error()), err)
	}
}

// The error of a type's own method is available to errors.As, and its text is not part of the text.
func TestDecodeKeepsTheCause(t *testing.T) {
	t.Parallel()
	var got everything
	var cause *time.ParseError
	if err := parse(t, `{"when":"secret"}`).Decode(&got); !errors.As(err, &cause) {
		t.Errorf("error %v has no *time.ParseError", err)
	}
}

type list struct {
	Items []address
	Pair  [2]address
}

// No element of an old list remains, with every Go version.
func TestDecodeReplacesLists(t *testing.T) {
	t.Parallel()
	got := list{Items: []address{{"old"}, {"older"}}, Pair: [2]address{{"old"}, {"older"}}}
	if err := parse(t, `{"Items":[{}],"Pair":[{}]}`).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list{Items: []address{{}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type oddTags struct {
	Symbol  string            `json:"€"`
	Quote   string            `json:"it's"` //nolint:staticcheck // no name
	Ignore  bool              `json:"x,case:ignore"`
	Embed   map[string]string `json:",embed"`
	Embed2  address           `json:",embed"`
	stamped `json:"stamped"`
	other   //nolint:unused // its method hides that of stamped
}

type stamped struct{ When string }

func (*stamped) UnmarshalJSON([]byte) error { return errors.New("called") }

type other struct{} //nolint:unused // see oddTags

func (*other) UnmarshalJSON([]byte) error { return errors.New("called") } //nolint:unused // see oddTags

// A field with a tag that Go versions read differently is never set.
func TestDecodeOddTags(t *testing.T) {
	t.Parallel()
	var got oddTags
	err := parse(t, `{"€":"a","Symbol":"b","Quote":"c","it's":"d","X":true,"Embed":{"a":"b"},"city":"e",
		"Embed2":{"city":"g"},"stamped":{"When":"h"},"When":"i"}`).Decode(&got)
	if diff := cmp.Diff("c", got.Quote); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	got.Quote = ""
	if !reflect.DeepEqual(got, oddTags{}) {
		t.Errorf("got %+v", got)
	}
}
