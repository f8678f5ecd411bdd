package token68_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/token68"
)

// wellFormed is an independent implementation of RFC 9110 section 11.2.
var wellFormed = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// Every character is checked at every position, within the groups of eight and after them, and with padding.
func TestIs_EveryCharacterEverywhere(t *testing.T) {
	t.Parallel()
	for length := range 19 {
		for place := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[place] = byte(c)
				for _, s := range []string{string(text), string(text) + "=", string(text) + "=="} {
					if got, want := token68.Is(s), wellFormed.MatchString(s); got != want {
						t.Errorf("%q: got %v, want %v", s, got, want)
					}
				}
			}
		}
	}
}

func TestIs_Padding(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": false, "=": false, "===": false, "a=b": false, "a": true, "a====": true} {
		if got := token68.Is(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func TestIsByte(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		if got, want := token68.IsByte(byte(c)), wellFormed.MatchString(string([]byte{byte(c)})); got != want {
			t.Errorf("%q: got %v, want %v", byte(c), got, want)
		}
	}
}
