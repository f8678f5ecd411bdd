package routers

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the programs to docs/frameworks")

// TestDocuments checks that each block of Go code in docs/frameworks is a part of the examples, which are compiled and tested. A
// block whose first line names a file is that file from its package clause to its end.
func TestDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, file := range files {
		sources.WriteString(withoutMargins(read(t, file)))
	}
	pages, err := filepath.Glob("../../docs/frameworks/*.md")
	if err != nil || len(pages) < 9 {
		t.Fatalf("found %d pages, want at least 9: %v", len(pages), err)
	}
	for _, page := range pages {
		before, blocks := read(t, page), 0
		after := goBlock.ReplaceAllStringFunc(before, func(block string) string {
			blocks++
			code := strings.TrimSuffix(strings.TrimPrefix(block, "```go\n"), "```")
			first, _, _ := strings.Cut(code, "\n")
			if file, ok := strings.CutPrefix(first, "// examples/"); ok {
				return "```go\n" + first + "\n" + program(read(t, "../"+file)) + "```"
			}
			if !strings.Contains(sources.String(), withoutMargins(mainFunction(code))) {
				t.Errorf("%s: the examples do not contain this code:\n%s", page, code)
			}
			return block
		})
		if blocks == 0 {
			t.Errorf("%s contains no code", page)
		}
		if before == after {
			continue
		}
		if !*update {
			t.Errorf("%s: a program differs from the example; run go test -update", page)
		} else if err := os.WriteFile(page, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n.*?```")

// program returns the code of an example as a page shows it: as a file of package main, and without comments for linters.
func program(source string) string {
	source = source[strings.Index("\n"+source, "\npackage "):]
	_, rest, _ := strings.Cut(source, "\n")
	return lintComment.ReplaceAllString("package main\n"+rest, "")
}

var lintComment = regexp.MustCompile(` *//nolint:[^\n]*`)

// mainFunction returns the code of an Example whose body is that of the function main in code. Other code is not changed.
func mainFunction(code string) string {
	if _, body, ok := strings.Cut(code, "\nfunc main() {"); ok {
		return "func Example_main() {" + body
	}
	return code
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
