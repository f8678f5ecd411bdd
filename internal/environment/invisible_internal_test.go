package environment

import "testing"

// A byte order mark or a zero-width space would silently match nothing.
func TestInvisibleCharacters(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"\ufeffhttps://a.test", "https://a.test\u200b", "a\u202eb"} {
		if untidy(value, Variable{}) == "" {
			t.Errorf("%q is accepted", value)
		}
	}
	if problem := untidy("https://ä.test/münchen", Variable{}); problem != "" {
		t.Errorf("visible characters: %s", problem)
	}
}
