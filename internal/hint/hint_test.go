package hint_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/internal/hint"
)

func TestDifference(t *testing.T) {
	t.Parallel()
	const several = "they differ only by scheme, case, white space or a trailing slash"
	tests := []struct{ a, b, want string }{
		{"https://a.test", "https://a.test", ""},
		{"https://a.test", "https://b.test", ""},
		{"https://a.test", "https://a.test.evil.test", ""},
		{"https://a.test", "https://a.test/b", ""},
		{"https://a.test", "https://a.test//", ""},
		{"", "https://a.test", ""},
		{"https://a.test", "https://a.test/", "they differ only by a trailing slash"},
		{"https://a.test/v2.0/", "https://a.test/v2.0", "they differ only by a trailing slash"},
		{"https://A.test", "https://a.test", "they differ only by case"},
		{"https://a.test/Tenant", "https://a.test/tenant", "they differ only by case"},
		{"http://a.test", "https://a.test", "they differ only by scheme"},
		{"a.test", "https://a.test", "they differ only by scheme"},
		{"https://a.test ", "https://a.test", "they differ only by white space"},
		{"https://a.test", "\thttps://a.test\n", "they differ only by white space"},
		{"http://A.test/", "https://a.test", several},
		{"A.test", "https://a.test/", several},
		{"", "/", "they differ only by a trailing slash"},
	}
	for _, test := range tests {
		for _, got := range []string{hint.Difference(test.a, test.b), hint.Difference(test.b, test.a)} {
			if got != test.want {
				t.Errorf("%q and %q: got %q, want %q", test.a, test.b, got, test.want)
			}
		}
		if same := hint.Fold(test.a) == hint.Fold(test.b); same != (test.want != "" || test.a == test.b) {
			t.Errorf("%q and %q: Fold returns equal texts: %v", test.a, test.b, same)
		}
	}
}
