package contract_test

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

// TestMapping checks testdata/crossauth.md, which lists the Go equivalent of each name in crossauth's client modules. Every Go
// name in it must exist, and a row without a Go name must give a reason.
func TestMapping(t *testing.T) {
	t.Parallel()
	known := exported(t, "client", "client/loopback", "client/weblogin", "consumer", "jwks", "oidcdiscovery", "registry", "store")
	rows := mappingRows(t)
	if len(rows) < 190 {
		t.Fatalf("crossauth.md has %d rows, want at least 190", len(rows))
	}
	for _, row := range rows {
		if len(row.names) == 0 && !strings.HasPrefix(row.column, "– ") {
			t.Errorf("%s: neither a Go name nor a reason", row.crossauth)
		}
		for _, name := range row.names {
			if !known[name] {
				t.Errorf("%s: the Go name %s does not exist", row.crossauth, name)
			}
		}
	}
}

type mappingRow struct {
	crossauth, column string
	names             []string // in column
}

var qualified = regexp.MustCompile("`([a-z]+(?:\\.[A-Z]\\w*)+)`")

// mappingRows returns the rows of all tables without the header rows.
func mappingRows(t *testing.T) (rows []mappingRow) {
	t.Helper()
	text, err := os.ReadFile("testdata/crossauth.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || cells[1] == "Go" {
			continue
		}
		row := mappingRow{crossauth: strings.TrimPrefix(cells[0], "| "), column: cells[1]}
		for _, match := range qualified.FindAllStringSubmatch(cells[1], -1) {
			row.names = append(row.names, match[1])
		}
		rows = append(rows, row)
	}
	return rows
}

// exported returns the exported names of packages, as package.Name and package.Type.Member.
func exported(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", folder, "*.go"))
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
			for _, declaration := range parsed.Decls {
				for _, name := range declared(declaration) {
					known[parsed.Name.Name+"."+name] = true
				}
			}
		}
	}
	return known
}

// declared returns the names that a declaration declares. Members have the form Type.Member.
func declared(declaration ast.Decl) (names []string) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		receiver := d.Recv.List[0].Type
		if pointer, ok := receiver.(*ast.StarExpr); ok {
			receiver = pointer.X
		}
		if named, ok := receiver.(*ast.Ident); ok {
			return []string{named.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
				names = append(names, fields(s)...)
			}
		}
	}
	return names
}

func fields(s *ast.TypeSpec) (names []string) {
	structure, ok := s.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			names = append(names, s.Name.Name+"."+name.Name)
		}
	}
	return names
}
