package contract_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTraceability checks that docs/traceability.md lists each rule with the code that decides it and the tests that name it. The
// rules and the code come from testdata/rules.txt, and the tests from their names. With -update, it writes the document.
func TestTraceability(t *testing.T) {
	t.Parallel()
	sections := readRules(t)
	checkRuleIDs(t, sections)
	written := traceability(t, sections, testsOfRules(t))
	document := filepath.Join("..", "..", "..", "docs", "traceability.md")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(document, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, string(text)); diff != "" {
		t.Errorf("docs/traceability.md is out of date: run make traceability\n%s", diff)
	}
}

type ruleSection struct {
	title string
	rules []rule
}

type rule struct {
	id, text string
	code     []string // folder.Name or folder.Type.Method
}

// readRules reads testdata/rules.txt.
func readRules(t *testing.T) (sections []ruleSection) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rules.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		title, isTitle := strings.CutPrefix(line, "## ")
		columns := strings.Split(line, " | ")
		switch {
		case isTitle:
			sections = append(sections, ruleSection{title: title})
		case line == "" || strings.HasPrefix(line, "#"):
		case len(columns) != 3 || len(sections) == 0:
			t.Fatalf("rules.txt: not of the form: id | rule | declarations: %s", line)
		default:
			last := &sections[len(sections)-1]
			last.rules = append(last.rules, rule{id: columns[0], text: columns[1], code: strings.Split(columns[2], ", ")})
		}
	}
	return sections
}

// checkRuleIDs checks that rules.txt has exactly the rules of the checklist.
func checkRuleIDs(t *testing.T, sections []ruleSection) {
	t.Helper()
	var want, got []string
	for _, rules := range checklist {
		for n := 1; n <= rules.count; n++ {
			if !slices.Contains(rules.except, n) {
				want = append(want, fmt.Sprint(rules.family, n))
			}
		}
	}
	for _, section := range sections {
		for _, rule := range section.rules {
			got = append(got, rule.id)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("testdata/rules.txt (-checklist +rules.txt):\n%s", diff)
	}
}

// namedTests are the tests of one file that name a rule.
type namedTests struct {
	functions []string
	rows      int // of tables
}

// testsOfRules returns the tests that name a rule: for each rule, by file.
func testsOfRules(t *testing.T) map[string]map[string]*namedTests {
	t.Helper()
	named := make(map[string]map[string]*namedTests)
	add := func(name, file string) *namedTests {
		if named[name] == nil {
			named[name] = make(map[string]*namedTests)
		}
		if named[name][file] == nil {
			named[name][file] = &namedTests{}
		}
		return named[name][file]
	}
	for file, text := range testFiles(t) {
		for _, match := range namesWithRules.FindAllStringSubmatch(text, -1) {
			for id := range strings.SplitSeq(strings.TrimSuffix(match[2]+match[3], "_"), "_") {
				tests := add(id, file)
				if match[1] == "" {
					tests.rows++
				} else {
					tests.functions = append(tests.functions, match[1])
				}
			}
		}
	}
	return named
}

// testFiles returns the test files of the repository, by their paths.
func testFiles(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	repository := os.DirFS(filepath.Join("..", "..", ".."))
	err := fs.WalkDir(repository, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (len(file) > 1 && strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(repository, file)
		files[file] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// namesWithRules matches tests and rows of tables whose names begin with the ids of rules: the name of the test, its ids, and the
// ids of the row.
var namesWithRules = regexp.MustCompile(`(?:func (Test((?:[A-Z][A-Za-z]*\d+_)+)\w*)|"((?:[A-Z][A-Za-z]*\d+_)+))`)

const traceabilityHead = `# Traceability

This table leads from each rule to the code that decides it, and to the tests that name it. ` + "`make traceability`" + ` writes it, and a test
fails if it is out of date. The rules are short summaries: the specifications, and [strictness.md](strictness.md), have the
details. [ADR 88](adr/0088-traceability.md) explains how the code of a rule was found. To run the tests of a rule, use its id:
` + "`go test work -run '(Test|_)B3_'`" + `. A test file with rows has them in a table, and the names of the rows begin with the id.
`

// traceability returns the text of the document.
func traceability(t *testing.T, sections []ruleSection, tests map[string]map[string]*namedTests) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(traceabilityHead)
	places := make(map[string]map[string]string)
	for _, section := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| id | rule | code | tests |\n|---|---|---|---|\n", section.title)
		for _, rule := range section.rules {
			var code []string
			for _, name := range rule.code {
				code = append(code, codeLink(t, rule.id, name, places))
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", rule.id, rule.text, strings.Join(code, ", "), testLinks(tests[rule.id]))
		}
	}
	return b.String()
}

// codeLink links a declaration to its file. It keeps the declarations of each folder in places.
func codeLink(t *testing.T, id, name string, places map[string]map[string]string) string {
	t.Helper()
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.') + slash + 1
	folder, declaration := name[:max(dot, 0)], name[dot+1:]
	if places[folder] == nil {
		places[folder] = functionsIn(t, folder)
	}
	file, ok := places[folder][declaration]
	if !ok {
		t.Errorf("rules.txt: %s: %s does not exist", id, name)
	}
	return fmt.Sprintf("[`%s.%s`](../%s)", path.Base(folder), declaration, path.Join(folder, file))
}

// functionsIn returns the functions and methods of a package, without those of its tests, and the file of each.
func functionsIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := make(map[string]string)
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
			if function, ok := declaration.(*ast.FuncDecl); ok {
				found[functionName(function)] = filepath.Base(file)
			}
		}
	}
	return found
}

// functionName returns Name, or Type.Name for a method, also of a generic type.
func functionName(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	named, _ := receiver.(*ast.Ident)
	return fmt.Sprint(named, ".", function.Name.Name)
}

// testLinks links the files with tests of a rule. It names at most three tests of each file.
func testLinks(files map[string]*namedTests) string {
	var links []string
	for file, tests := range files {
		parts := slices.Sorted(slices.Values(tests.functions))
		if more := len(parts) - 3; more > 0 {
			parts = append(parts[:3], fmt.Sprintf("%d more", more))
		}
		if tests.rows > 0 {
			parts = append(parts, fmt.Sprintf("%d rows", tests.rows))
		}
		links = append(links, fmt.Sprintf("[%s](../%s): %s", strings.TrimSuffix(file, "_test.go"), file, strings.Join(parts, ", ")))
	}
	slices.Sort(links)
	return strings.ReplaceAll(strings.Join(links, "; "), "1 rows", "1 row")
}
