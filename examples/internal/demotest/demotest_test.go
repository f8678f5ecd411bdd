package demotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A program that ignores the ok result uses a nil token when a route has no Guard, and panics.
func TestCaseX21_NoProgramIgnoresTheOKResult(t *testing.T) {
	t.Parallel()
	calls := 0
	for _, folder := range []string{"../..", "../../../interop", "../../../benchmarks", "../../../adapters"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				read, ignored := readsToken(node)
				if read {
					calls++
				}
				if ignored {
					t.Errorf("%s ignores the ok result", files.Position(node.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if calls < 10 {
		t.Errorf("found %d calls, want at least 10: this test looks in the wrong place", calls)
	}
}

// readsToken reports whether node assigns the results of TokenFromContext or of an adapter's Token function, and whether it
// ignores the second.
func readsToken(node ast.Node) (read, ignored bool) {
	assign, ok := node.(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 2 || len(assign.Rhs) != 1 {
		return false, false
	}
	call, ok := assign.Rhs[0].(*ast.CallExpr)
	if !ok {
		return false, false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || function.Sel.Name != "TokenFromContext" && !isAdapter(function) {
		return false, false
	}
	second, ok := assign.Lhs[1].(*ast.Ident)
	return true, ok && second.Name == "_"
}

func isAdapter(function *ast.SelectorExpr) bool {
	pkg, ok := function.X.(*ast.Ident)
	return ok && function.Sel.Name == "Token" && strings.HasSuffix(pkg.Name, "auth")
}
