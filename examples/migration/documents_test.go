package migration_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the code and the measured tables to docs/migrate")

const pages = "../../docs/migrate"

var writing sync.Mutex // guards the pages, which several tests change with -update

// TestCode checks that each block of Go code in docs/migrate is the code of this module. A block whose first line names a file
// is that file from its package clause to its end. Other blocks are parts of a file.
func TestCode(t *testing.T) {
	t.Parallel()
	writing.Lock()
	defer writing.Unlock()
	paths, err := filepath.Glob(pages + "/*.md")
	if err != nil || len(paths) < 9 {
		t.Fatalf("found %d pages, want at least 9: %v", len(paths), err)
	}
	sources := sources(t)
	blocks := 0
	for _, path := range paths {
		text := goBlock.ReplaceAllStringFunc(read(t, path), func(block string) string {
			blocks++
			code := strings.TrimSuffix(strings.TrimPrefix(block, "```go\n"), "```")
			first, rest, _ := strings.Cut(code, "\n")
			if file, ok := strings.CutPrefix(first, "// examples/migration/"); ok {
				want := fromPackage(read(t, file))
				if *update {
					return "```go\n" + first + "\n" + want + "```"
				}
				if rest != want {
					t.Errorf("%s: the block of %s is not the file; run go test -update", path, file)
				}
			} else if !strings.Contains(sources, withoutMargins(code)) {
				t.Errorf("%s: no file contains this code:\n%s", path, code)
			}
			return block
		})
		write(t, path, text)
	}
	if blocks < 16 {
		t.Errorf("found %d blocks, want at least 16", blocks)
	}
}

// checkTable compares a measured table with the one in the page, between the line with the word measured and the next empty line.
func checkTable(t *testing.T, page, table string) {
	t.Helper()
	writing.Lock()
	defer writing.Unlock()
	path := filepath.Join(pages, page+".md")
	text := read(t, path)
	begin, rest, ok := strings.Cut(text, measured)
	got, end, closed := strings.Cut(rest, "\n\n")
	if !ok || !closed {
		t.Fatalf("%s has no line %q", path, strings.TrimSpace(measured))
	}
	if got+"\n" == table {
		return
	}
	if !*update {
		t.Fatalf("%s: the table is not what was measured; run go test -update. Measured:\n%s", path, table)
	}
	write(t, path, begin+measured+table+"\n"+end)
}

const measured = "<!-- measured by examples/migration -->\n"

var goBlock = regexp.MustCompile("(?s)```go\n.*?```")

// fromPackage removes what is before the package clause, and the comments for linters.
func fromPackage(source string) string {
	return lintComment.ReplaceAllString(source[strings.Index("\n"+source, "\npackage "):], "")
}

var lintComment = regexp.MustCompile(` *//nolint:[^\n]*`)

// sources returns the code of all files without indentation.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		all.WriteString(withoutMargins(read(t, file)))
	}
	return all.String()
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

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// write changes a page if the flag -update is set.
func write(t *testing.T, path, text string) {
	t.Helper()
	if !*update {
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
