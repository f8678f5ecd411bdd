package serve

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzDecodePath checks that an accepted path has one reading: cleaning it, or decoding it again, gives the same path.
func FuzzDecodePath(f *testing.F) {
	for _, seed := range []string{
		"/", "/a/b", "/a/", "//a", "/a/../b", "/%2e%2e/a", "/a%2Fb", "/a%5Cb", "/a;b", "/;a", "/..;a/b", "/%C3%A4", "/%ff", "/%00", "/a%20b", "/%",
		"a", "", "/a%25", "/%61", "/%3B", "/a?b", "/\xc3\xa4", `/a\b`,
	} {
		f.Add(seed)
	}
	strict := new(screen)
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := strict.decodePath(text)
		if err != nil {
			return
		}
		decoded, err := url.PathUnescape(text)
		if err != nil || decoded != plain {
			t.Errorf("%q: %q, but url.PathUnescape returns %q, %v", text, plain, decoded, err)
		}
		if again, err := url.PathUnescape(plain); err != nil || again != plain {
			t.Errorf("%q: decoded twice it is %q, %v", text, again, err)
		}
		if clean := path.Clean(plain); clean != plain && clean+"/" != plain {
			t.Errorf("%q: %q, but path.Clean returns %q", text, plain, clean)
		}
		if strings.ContainsAny(plain, "\\;%\x00\r\n") || strings.Count(plain, "/") != strings.Count(text, "/") {
			t.Errorf("%q: %q", text, plain)
		}
		if u, err := url.ParseRequestURI(text); err != nil || u.Path != plain {
			t.Errorf("%q: net/url reads %v, %v", text, u, err)
		}
	})
}
