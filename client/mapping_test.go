package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// renamed are the names that became others when they were built.
var renamed = map[string]string{
	"Loopback": "SignIn", // of client/loopback, whose name it has become
}

// foreign are names that are not ours to define.
var foreign = map[string]bool{"Values": true, "CamelCase": true, "Bearer": true, "POST": true, "GET": true}

// TestMapping holds the kit against client/testdata/client-spec.md, whose first part says for each name of the seed system
// what stands for it here: every Go name in it exists.
func TestMapping(t *testing.T) {
	t.Parallel()
	known := exported(t, ".", "flow", "registry", "loopback", "../oidcdiscovery", "../jwks", "../consumer", "../store")
	rows := mappingRows(t)
	if len(rows) < 70 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		names := goNames(row.column)
		if len(names) == 0 && !row.without {
			t.Errorf("%s: no Go name", row.text)
		}
		for _, name := range names {
			if to, ok := renamed[name]; ok {
				name = to
			}
			if !known[name] && !foreign[name] {
				t.Errorf("%s does not exist, for: %.90s", name, row.text)
			}
		}
	}
}

type mappingRow struct {
	text, column string
	without      bool // it says why there is nothing
}

// mappingRows are the rows of the tables in part 1, with the column of Go names.
func mappingRows(t *testing.T) (rows []mappingRow) {
	t.Helper()
	text, err := os.ReadFile("testdata/client-spec.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## 1. ")
	part, _, _ = strings.Cut(part, "\n## 2. ")
	column := 1
	for line := range strings.Lines(part) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		switch {
		case strings.HasPrefix(line, "### 1.4"):
			column = 0 // its rows begin with the Go name
		case strings.HasPrefix(line, "### "):
			column = 1
		case !strings.HasPrefix(line, "| "), strings.HasPrefix(line, "| seed"), strings.HasPrefix(line, "| constant"):
		case len(cells) > column:
			cell := strings.TrimSpace(cells[column])
			rows = append(rows, mappingRow{line, cell, saysWhyNot(cell)})
		}
	}
	return rows
}

// saysWhyNot: the specification itself says that nothing stands for some names.
func saysWhyNot(cell string) bool {
	for _, reason := range []string{"dropped", "belong to", "always S256", "audience is ClientID", "the union is not needed", "absolute https", "revocation_", "form parameters"} {
		if strings.Contains(cell, reason) {
			return true
		}
	}
	return cell == "–" || cell == ""
}

var (
	quoted     = regexp.MustCompile("`[^`]+`")
	identifier = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]+\b`)
	plainName  = regexp.MustCompile(`^(Flow[A-Z]\w+)`)
)

// goNames are the exported identifiers in the quoted parts of a cell.
func goNames(cell string) (names []string) {
	if name := plainName.FindString(cell); name != "" {
		return []string{name}
	}
	for _, part := range quoted.FindAllString(cell, -1) {
		names = append(names, identifier.FindAllString(part, -1)...)
	}
	if strings.HasPrefix(cell, "on ") { // it names two types, without quotes
		return identifier.FindAllString(cell, -1)
	}
	return names
}

// exported are all exported names of packages: functions, methods, types, fields, constants and variables.
func exported(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool { return collect(names, n) })
		}
	}
	return names
}

// collect notes what n declares, and leaves out what stands inside functions.
func collect(names map[string]bool, n ast.Node) bool {
	var declared []*ast.Ident
	switch n := n.(type) {
	case *ast.FuncDecl:
		declared = []*ast.Ident{n.Name}
	case *ast.TypeSpec:
		declared = []*ast.Ident{n.Name}
	case *ast.ValueSpec:
		declared = n.Names
	case *ast.Field:
		declared = n.Names
	}
	for _, name := range declared {
		if name.IsExported() {
			names[name.Name] = true
		}
	}
	_, isFunc := n.(*ast.FuncDecl)
	return !isFunc
}
