package quirk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/quirk"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	null := quirk.Quirk{Name: quirk.NullMember, Place: "claim nbf", RFC: "RFC 7519 section 4.1.5"}
	null2 := quirk.Quirk{Name: quirk.NullMember, Place: "header kid", RFC: "RFC 7515 section 4.1.4"}
	padding := quirk.Quirk{Name: quirk.Base64Padding, Place: "key n", RFC: "RFC 7518 section 6.3.1.1"}
	tests := []struct {
		name  string
		lists [][]quirk.Quirk
		want  []quirk.Quirk
	}{
		{name: "nothing"},
		{name: "empty lists", lists: [][]quirk.Quirk{nil, {}}},
		{name: "sorted by name, then place", lists: [][]quirk.Quirk{{null2, null}, {padding}}, want: []quirk.Quirk{padding, null, null2}},
		{name: "each once", lists: [][]quirk.Quirk{{null, null}, {null}}, want: []quirk.Quirk{null}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, quirk.Join(tt.lists...)); diff != "" {
				t.Errorf("Join (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJoinKeepsItsArguments(t *testing.T) {
	t.Parallel()
	list := []quirk.Quirk{{Name: quirk.WrongType, Place: "b"}, {Name: quirk.WrongType, Place: "a"}}
	quirk.Join(list)
	if list[0].Place != "b" {
		t.Errorf("Join changed its argument: %v", list)
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	q := quirk.Quirk{Name: quirk.NullMember, Place: "claim nbf", RFC: "RFC 7519 section 4.1.5"}
	if got, want := q.String(), "null_member in claim nbf (RFC 7519 section 4.1.5)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
