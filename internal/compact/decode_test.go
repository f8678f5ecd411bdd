package compact_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type address struct {
	City string `json:"city"`
}

type claims struct {
	Subject  string             `json:"sub"`
	Admin    bool               `json:"admin"`
	Untagged int                // its name is "Untagged"
	Skipped  string             `json:"-"`
	Dash     string             `json:"-,"` //nolint:staticcheck // SA5008: a field that is called "-"
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

// A member of another spelling is another member, at every depth.
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
			t.Errorf("%s fills (-want +got):\n%s", text, diff)
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
				t.Errorf("%s fills %+v", text, got)
			}
		}
	}
}

// reached returns the addresses of c that stand behind pointers, slices, arrays and maps.
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
	Shared  string // neither this nor private.Shared: no one has the name
	Tagged  string `json:"Role"` // rather than private.Role
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

	ID     string `json:"uid"` // hides registered.ID in Go, not in JSON
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

// The fields of embedded structs are found as encoding/json finds them, and the embedded type's own name is no name.
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
		t.Errorf("two fields of one name: %+v", got)
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
			t.Errorf("%s fills %+v", text, got)
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

// A pointer in an interface is followed, as encoding/json does.
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

// verbatim reads JSON on its own.
type verbatim struct {
	City string `json:"city"`
	text string
}

func (v *verbatim) UnmarshalJSON(data []byte) error {
	v.text = string(data)
	return nil
}

// A type that reads JSON on its own gets what was sent.
func TestDecodeLeavesUnmarshalersAlone(t *testing.T) {
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

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"sub":1}`)
	var c claims
	var itself any
	itself = &itself
	for name, v := range map[string]any{
		"nil": nil, "not a pointer": c, "nil pointer": (*claims)(nil), "wrong type": &c,
	} {
		if o.Decode(v) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := o.Decode(itself); err != nil { // encoding/json ends this too
		t.Errorf("a value that points to itself: %v", err)
	}
}
