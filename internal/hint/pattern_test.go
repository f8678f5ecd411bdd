package hint_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/hint"
)

// The text says which patterns conflict, and not where the program was built. ServeMux itself is the source of the texts.
func TestPattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		patterns []string
		want     string
	}{
		{[]string{"GET /a/{b}", "GET /a/{c}"}, `pattern "GET /a/{c}" conflicts with pattern "GET /a/{b}": GET /a/{c} matches the same requests as GET /a/{b}`},
		{[]string{"/a/{b}", "/{c}/d"}, `pattern "/{c}/d" conflicts with pattern "/a/{b}": `},
		{[]string{"GET a b"}, `parsing "GET a b": `},
	} {
		if got := faultOf(test.patterns); !strings.HasPrefix(got, test.want) || strings.Contains(got, ".go") || strings.Contains(got, "registered at") {
			t.Errorf("%q: %s, want %s", test.patterns, got, test.want)
		}
	}
}

// faultOf registers patterns until one panics, and returns its text.
func faultOf(patterns []string) (text string) {
	mux := http.NewServeMux()
	defer func() { text = hint.Pattern(recover()) }()
	for _, pattern := range patterns {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	return ""
}
