package contract

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unclear lists phrases that readers of earlier versions had to read twice. The brackets keep this file from matching.
var unclear = regexp.MustCompile(`(?i)[s]eed system|[b]elongs? into|[t]hat is none\b|[i]s no (yes|json|url|token|object)\b|[l]istened at|` +
	`[b]efore people|\b[i]s told\b|\b[a]re told\b`)

// The Go files and the documents use none of the unclear phrases.
func TestPlainEnglish(t *testing.T) {
	if testing.Short() {
		t.Skip("depends only on the sources")
	}
	t.Parallel()
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "node_modules" || strings.HasPrefix(name, ".") && strings.Trim(name, "./") != "") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		line := 0
		for content := range strings.Lines(string(text)) {
			line++
			if phrase := unclear.FindString(content); phrase != "" {
				t.Errorf("%s:%d: rewrite %q in plain English (CONTRIBUTING.md)", path, line, phrase)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("read %d files, want at least 100", files)
	}
}
