package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocument checks that each block of Go code in docs/openapi.md is a part of this folder, which is compiled and tested.
func TestDocument(t *testing.T) {
	t.Parallel()
	sources := withoutMargins(read(t, "main.go") + read(t, "describe_test.go"))
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "../../docs/openapi.md"), -1)
	if len(blocks) != 2 {
		t.Errorf("the document has %d blocks of code, want 2", len(blocks))
	}
	for _, block := range blocks {
		for _, part := range strings.Split(block[1], "\n\n") {
			if code := withoutMargins(part); !strings.Contains(sources, code) {
				t.Errorf("this folder does not contain this code of the document:\n%s", code)
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

// withoutMargins removes the indentation and blank lines.
func withoutMargins(code string) string {
	var kept strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			kept.WriteString(line + "\n")
		}
	}
	return kept.String()
}
