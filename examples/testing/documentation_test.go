package testing

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocument checks that each block of Go code in docs/testing.md and docs/attacks.md is a part of this folder, which is
// compiled and tested.
func TestDocument(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, file := range files {
		sources.WriteString(withoutMargins(read(t, file)))
	}
	for _, document := range []string{"../../docs/testing.md", "../../docs/attacks.md"} {
		blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, document), -1)
		if len(blocks) == 0 {
			t.Errorf("%s contains no code", document)
		}
		for _, block := range blocks {
			if code := withoutMargins(block[1]); !strings.Contains(sources.String(), code) {
				t.Errorf("this folder does not contain this code of %s:\n%s", document, code)
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutMargins removes the indentation, blank lines, and the comments for linters.
func withoutMargins(code string) string {
	var kept strings.Builder
	for line := range strings.Lines(code) {
		line, _, _ = strings.Cut(line, "//nolint")
		if line = strings.TrimSpace(line); line != "" {
			kept.WriteString(line + "\n")
		}
	}
	return kept.String()
}
