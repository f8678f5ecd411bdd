package contract

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated parts of the documents")

const (
	root     = "../../.."
	kit      = "github.com/bearerkit/bearerkit"
	document = root + "/ARCHITECTURE.md"
)

// layers is the list of import arrows in .ci/layers: for each package, the packages of the kit that it may import.
type layers map[string][]string

// readLayers reads the rows of packages that exist. The other rows of .ci/layers are for make arrows only.
func readLayers(t *testing.T) layers {
	t.Helper()
	text, err := os.ReadFile(root + "/.ci/layers")
	if err != nil {
		t.Fatal(err)
	}
	rows, _, _ := strings.Cut(string(text), "[tests]")
	found := make(layers)
	for line := range strings.Lines(rows) {
		columns := strings.Split(line, "|")
		folder := strings.TrimSpace(columns[0])
		if len(columns) == 4 && hasGoFiles(folder) && skipUnshipped(folder) == nil {
			found[folder] = strings.Fields(columns[1])
		}
	}
	if len(found) < 20 {
		t.Fatalf(".ci/layers: found %d packages, want at least 20", len(found))
	}
	return found
}

func hasGoFiles(folder string) bool {
	files, _ := filepath.Glob(filepath.Join(root, folder, "*.go"))
	return len(files) > 0
}

// level returns the length of the longest chain of imports below a package.
func (l layers) level(folder string) int {
	level := 0
	for _, imported := range l[folder] {
		level = max(level, 1+l.level(imported))
	}
	return level
}

// diagram draws the packages, the ones that nothing imports first. Each level is a block.
func (l layers) diagram() string {
	byLevel := make(map[int][]string)
	for folder := range l {
		byLevel[l.level(folder)] = append(byLevel[l.level(folder)], folder)
	}
	var b strings.Builder
	for _, level := range slices.Backward(slices.Sorted(maps.Keys(byLevel))) {
		for _, folder := range slices.Sorted(slices.Values(byLevel[level])) {
			imports := slices.Sorted(slices.Values(l[folder]))
			if len(imports) == 0 {
				imports = []string{"(nothing of the kit)"}
			}
			fmt.Fprintf(&b, "    %-28s → %s\n", folder, strings.Join(imports, "  "))
		}
		if level > 0 {
			b.WriteString("    " + strings.Repeat(" ", 14) + "↓\n")
		}
	}
	return b.String()
}

// ARCHITECTURE.md shows the arrows that the linter enforces.
func TestDiagramIsDrawnFromTheLayers(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- layers: written by make diagram -->\n", "<!-- end of layers -->"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("ARCHITECTURE.md does not contain %q and %q", begin, end)
	}
	want := "\n" + readLayers(t).diagram() + "\n"
	if *update {
		if err := os.WriteFile(document, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the diagram in ARCHITECTURE.md is out of date; run make diagram (-want +got):\n%s", diff)
	}
}

// Shipped files import only what .ci/layers allows, and every shipped package has a row. Programs and tests are exempt.
func TestImportsFollowTheLayers(t *testing.T) {
	t.Parallel()
	allowed := readLayers(t)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipUnshipped(entry.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		row, listed := allowed[filepath.ToSlash(folder)]
		if !listed {
			t.Errorf("%s has no row in .ci/layers", folder)
			return fs.SkipDir
		}
		for _, imported := range importsOf(t, path) {
			if !slices.Contains(row, imported) {
				t.Errorf("%s imports %s, which the row of %s in .ci/layers does not allow", path, imported, folder)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func skipUnshipped(folder string) error {
	switch {
	case folder == "testdata", folder == "node_modules", folder == "benchmarks", folder == "examples", folder == "interop",
		strings.HasPrefix(folder, ".") && strings.Trim(folder, "./") != "":
		return fs.SkipDir
	}
	return nil
}

// importsOf returns the folders of the kit's packages that a file imports.
func importsOf(t *testing.T, path string) (folders []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if folder, ours := strings.CutPrefix(imported, kit+"/"); ours {
			folders = append(folders, folder)
		}
	}
	return folders
}
