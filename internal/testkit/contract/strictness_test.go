package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const strictness = "../../../docs/strictness.md"

// strictnessSection returns the section of docs/strictness.md with the given title.
func strictnessSection(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile(strictness)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("docs/strictness.md has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// quirkNames returns the constants of type Name in package quirk, with their values.
func quirkNames(t *testing.T) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "../../../quirk/name.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	for _, declaration := range parsed.Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			constant := spec.(*ast.ValueSpec)
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names[constant.Names[0].Name] = value
		}
	}
	return names
}

// TestQuirksAreDocumented checks that the table in docs/strictness.md lists exactly the constants of package quirk, each with
// an explanation and an RFC section.
func TestQuirksAreDocumented(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|(.+)\\|$").FindAllStringSubmatch(strictnessSection(t, "Accepted and reported"), -1) {
		listed = append(listed, row[1])
		if cells := strings.Split(row[2], " | "); len(cells) != 3 || !regexp.MustCompile(`(RFC \d+|Core) section \d`).MatchString(cells[2]) {
			t.Errorf("the row of %s has no RFC section in its fourth cell", row[1])
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(slices.Sorted(maps.Values(quirkNames(t))), listed); diff != "" {
		t.Errorf("quirks in docs/strictness.md (-constants +listed):\n%s", diff)
	}
}

// TestQuirksAreUsed checks that each constant of package quirk is reported by a shipped file, and named by a test.
func TestQuirksAreUsed(t *testing.T) {
	if testing.Short() {
		t.Skip("depends only on the sources")
	}
	t.Parallel()
	var shipped, tests strings.Builder
	for _, folder := range []string{"client", "consumer", "consumer/introspection", "jwks", "oidcdiscovery", "resourcemetadata"} {
		files, err := filepath.Glob("../../../" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				tests.Write(text)
			} else {
				shipped.Write(text)
			}
		}
	}
	for constant, value := range quirkNames(t) {
		used := regexp.MustCompile(`\bquirk\.` + constant + `\b`)
		if !used.MatchString(shipped.String()) {
			t.Errorf("no shipped file uses quirk.%s", constant)
		}
		if !used.MatchString(tests.String()) && !regexp.MustCompile(`\b`+value+`\b`).MatchString(tests.String()) {
			t.Errorf("no test names quirk.%s", constant)
		}
	}
}

// TestInsecureSettingsAreDocumented checks that docs/strictness.md lists every setting that relaxes security.
func TestInsecureSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	section, found := strictnessSection(t, "Needs a setting"), 0
	for name := range exported(t, "consumer", "jwks", "middleware", "oidcdiscovery", "resourcemetadata") {
		parts := strings.Split(name, ".")
		if len(parts) == 3 && strings.HasPrefix(parts[2], "Insecure") {
			found++
			if !strings.Contains(section, "`"+name+"`") {
				t.Errorf("docs/strictness.md does not list %s", name)
			}
		}
	}
	if found < 7 {
		t.Errorf("found %d settings, want at least 7", found)
	}
}
