package compact_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// splitTests are also the seeds of FuzzSplit.
var splitTests = []struct {
	name, raw string
	want      compact.Parts
	err       error
}{
	{name: "three parts", raw: "aGVhZGVy.cGF5bG9hZA.c2ln", want: compact.Parts{
		Header: "aGVhZGVy", Payload: "cGF5bG9hZA", Signature: "c2ln", SigningInput: "aGVhZGVy.cGF5bG9hZA",
	}},
	{name: "the whole alphabet", raw: "AZaz09-_.A.B", want: compact.Parts{
		Header: "AZaz09-_", Payload: "A", Signature: "B", SigningInput: "AZaz09-_.A",
	}},
	{name: "an empty signature is a part", raw: "a.b.", want: compact.Parts{Header: "a", Payload: "b", SigningInput: "a.b"}},
	{name: "nothing", raw: "", err: compact.ErrParts},
	{name: "one part", raw: "abc", err: compact.ErrParts},
	{name: "two parts", raw: "a.b", err: compact.ErrParts},
	{name: "four parts", raw: "a.b.c.d", err: compact.ErrParts},
	{name: "five parts", raw: "a.b.c.d.e", err: compact.ErrParts},
	{name: "dot at the end", raw: "a.b.c.", err: compact.ErrParts},
	{name: "no header", raw: ".b.c", err: compact.ErrParts},
	{name: "no payload", raw: "a..c", err: compact.ErrParts},
	{name: "dots", raw: "..", err: compact.ErrParts},
	{name: "JSON serialisation", raw: `{"payload":"YQ","signatures":[]}`, err: compact.ErrParts},
	{name: "full-width dot", raw: "a．b．c", err: compact.ErrParts},
}

func TestT1_J13_Attack5_Split(t *testing.T) {
	t.Parallel()
	for _, test := range splitTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := compact.Split(test.raw)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

// strangers have a character that no token contains, in one of three parts.
var strangers = []struct{ name, raw string }{
	{"space", "YQ.YQ.YQ "},
	{"leading space", " YQ.YQ.YQ"},
	{"line feed", "YQ.YQ\n.YQ"},
	{"carriage return", "YQ.YQ.YQ\r"},
	{"NUL", "YQ.YQ.YQ\x00"},
	{"padding", "YQ==.YQ.YQ"},
	{"standard base64", "Y+Q/.YQ.YQ"},
	{"JSON in three parts", `{"payload":"YQ.YQ.YQ"}`},
	{"letter outside ASCII", "YQ.ä.YQ"},
	{"invalid UTF-8", "YQ.Y\xff.YQ"},
	{"percent-encoding", "YQ%2E.YQ.YQ"},
}

func TestT1_J13_Attack5_Attack10_Alphabet(t *testing.T) {
	t.Parallel()
	for _, test := range strangers {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := read(t, test.raw); !errors.Is(err, compact.ErrAlphabet) {
				t.Errorf("error %v, want %v", err, compact.ErrAlphabet)
			}
		})
	}
}

// read splits raw and decodes every part. The error joins all faults.
func read(t *testing.T, raw string) error {
	t.Helper()
	p, err := compact.Split(raw)
	if err != nil {
		return err
	}
	header, headerErr := p.DecodeHeader()
	payload, payloadErr := p.DecodePayload()
	signature, signatureErr := p.AppendSignature(nil)
	if headerErr != nil && header != "" || payloadErr != nil && payload != "" || signatureErr != nil && signature != nil {
		t.Errorf("%q: a result is returned with an error", raw)
	}
	return errors.Join(headerErr, payloadErr, signatureErr)
}

func TestJ13_EveryOtherByteIsRejected(t *testing.T) {
	t.Parallel()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for b := range 256 {
		for place := range 8 { // in a group of four characters and in the rest
			segment := []byte("AAAAAAAA")[:5+place%4]
			segment[place%len(segment)] = byte(b)
			err := read(t, "YQ."+string(segment)+".YQ")
			switch known := strings.IndexByte(letters, byte(b)) >= 0; {
			case b == '.':
				if !errors.Is(err, compact.ErrParts) {
					t.Errorf("%q: %v, want %v", segment, err, compact.ErrParts)
				}
			case known == errors.Is(err, compact.ErrAlphabet):
				t.Errorf("%q: %v", segment, err)
			}
		}
	}
}

// A token that consists of dots causes no allocation (compare CVE-2025-30204).
func TestAttack15_ManyDotsAllocateNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	raw := strings.Repeat(".", 1<<16)
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := compact.Split(raw); !errors.Is(err, compact.ErrParts) {
			t.Errorf("error %v, want %v", err, compact.ErrParts)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// segmentTests are also the seeds of FuzzDecodeSegment.
var segmentTests = []struct {
	name, segment, want string
	err                 error
}{
	{name: "empty"},
	{name: "one byte", segment: "YQ", want: "a"},
	{name: "two bytes", segment: "YWI", want: "ab"},
	{name: "three bytes", segment: "YWJj", want: "abc"},
	{name: "URL-safe letters", segment: "-_-_", want: "\xfb\xff\xbf"},
	{name: "bits behind one byte", segment: "YR", err: compact.ErrEncoding},
	{name: "bits behind two bytes", segment: "YWJ", err: compact.ErrEncoding},
	{name: "impossible length", segment: "YWJjZ", err: compact.ErrEncoding},
	{name: "padding", segment: "YQ==", err: compact.ErrAlphabet},
	{name: "line feed inside", segment: "YW\nJj", err: compact.ErrAlphabet},
	{name: "line feed at the end", segment: "YWJj\n", err: compact.ErrAlphabet},
	{name: "carriage return", segment: "YWJj\r", err: compact.ErrAlphabet},
	{name: "space", segment: "YW Jj", err: compact.ErrAlphabet},
	{name: "standard letters", segment: "+/+/", err: compact.ErrAlphabet},
	{name: "dot", segment: "YW.j", err: compact.ErrAlphabet},
	{name: "NUL", segment: "YWJ\x00", err: compact.ErrAlphabet},
}

func TestS1_Attack10_DecodeSegment(t *testing.T) {
	t.Parallel()
	for _, test := range segmentTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := compact.DecodeSegment(test.segment)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Of all texts that decode to the same bytes, exactly one is accepted.
func TestS1_Attack10_OneTextForEachByte(t *testing.T) {
	t.Parallel()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	seen := make(map[string]string)
	for _, first := range letters {
		for _, second := range letters {
			segment := string(first) + string(second)
			decoded, err := compact.DecodeSegment(segment)
			if err != nil {
				continue
			}
			if other, twice := seen[string(decoded)]; twice {
				t.Errorf("%q and %q are both %q", segment, other, decoded)
			}
			seen[string(decoded)] = segment
			if again := base64.RawURLEncoding.EncodeToString(decoded); again != segment {
				t.Errorf("%q is encoded as %q", segment, again)
			}
		}
	}
	if len(seen) != 256 {
		t.Errorf("%d byte values have a text, want 256", len(seen))
	}
}

func TestWithoutPadding(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"YQ==.YWI=.YWJj":   "YQ.YWI.YWJj", // padded
		"YQ.YWI.YWJj":      "YQ.YWI.YWJj", // not padded
		"YQ==.YWI.YWJj":    "YQ.YWI.YWJj",
		"YQ==.YWI=.":       "YQ.YWI.",
		"YQ=.YWI.YWJj":     "", // too short
		"YQ===.YWI.YWJj":   "",
		"YQ==.YWI==.YWJj":  "",
		"YQ.YWI.YWJj====":  "",
		"YQ.YWI.YWJj=":     "",
		"YQ.YWI.====":      "",
		"====.YWI.YWJj":    "",
		"YWJj====.YQ.YWJj": "",
	} {
		p, err := compact.Split(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		got, ok := p.WithoutPadding()
		if ok != (want != "") || ok && got.Header+"."+got.Payload+"."+got.Signature != want {
			t.Errorf("%s: got %+v, %v, want %q", raw, got, ok, want)
		}
		if got.SigningInput != p.SigningInput {
			t.Errorf("%s: the signing input has changed to %q", raw, got.SigningInput)
		}
	}
}
