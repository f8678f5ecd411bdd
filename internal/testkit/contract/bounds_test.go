package contract

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBoundsAreTested checks that every row of docs/bounds.md names an existing test.
func TestBoundsAreTested(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../docs/bounds.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\|.*\\| `(\\w+)\\.(Test\\w+)` \\|$").FindAllStringSubmatch(string(document), -1)
	if lines := strings.Count(string(document), "\n| "); len(rows) < 35 || lines != len(rows)+8 { // eight headers
		t.Errorf("%d of %d rows name a test", len(rows), lines-8)
	}
	tests := testsByFolder(t)
	for _, row := range rows {
		if folder, name := row[1], row[2]; !tests[folder+"."+name] {
			t.Errorf("docs/bounds.md names %s, but folder %s has no such test", name, folder)
		}
	}
}

// testsByFolder returns the tests of the repository, each as folder.Name.
func testsByFolder(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			found[filepath.Base(filepath.Dir(path))+"."+match[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
