package contract

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Code that ignores the ok result of TokenFromContext, or of Token in an adapter, panics without a token. Users copy what
// they see, so no code and no document of the repository does that.
func TestCaseX21_NoCodeIgnoresWhetherThereIsAToken(t *testing.T) {
	t.Parallel()
	ignored := regexp.MustCompile(`, _ :?= (middleware\.TokenFromContext|\w+auth\.Token)\(`)
	read := 0
	for path, text := range sources(t, ".go", ".md") {
		read++
		for number, line := range slices.Collect(strings.Lines(text)) {
			if ignored.MatchString(line) {
				t.Errorf("%s:%d ignores the ok result: %s", path, number+1, strings.TrimSpace(line))
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d files were read", read)
	}
}

// sources returns the files of the repository with one of the extensions, by path.
func sources(t *testing.T, extensions ...string) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	found := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if entry.IsDir() || !slices.Contains(extensions, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
