package contract_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamesInDocumentsExist checks the documents of the repository: every Go name in them, such as `consumer.Config.Issuer`,
// exists, and every relative link leads to a file.
func TestNamesInDocumentsExist(t *testing.T) {
	t.Parallel()
	folders := []string{
		"adapters/chiauth", "adapters/connectauth", "adapters/echoauth", "adapters/echov4auth", "adapters/fiberauth", "adapters/ginauth", "adapters/grpcauth", "adapters/httpauth",
		"adapters/mcpauth",
		"adapters/otelauth", "adapters/prom", "bearertest", "bearertest/handlertest", "client", "client/loopback", "client/weblogin", "consumer", "consumer/introspection", "consumer/statuslist", "jwks",
		"middleware", "oidcdiscovery", "openapi", "quirk", "registry", "resourcemetadata", "seal", "ssf", "store", "store/redisstore", "store/sqlstore", "store/sqlstore/crossauth", "store/sqlstore/sqlite",
	}
	known := exported(t, folders...)
	var names, links int
	for path, text := range documents(t) {
		for _, match := range qualified.FindAllStringSubmatch(text, -1) {
			name := match[1]
			if isPackage(folders, name) && !strings.Contains(name, ".Test") { // TestBoundsAreTested checks the names of tests
				names++
				if !known[name] {
					t.Errorf("%s: the Go name %s does not exist", path, name)
				}
			}
		}
		for _, match := range relativeLink.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: broken link: %v", path, err)
			}
		}
	}
	if names < 20 || links < 15 {
		t.Errorf("found %d Go names and %d links in the documents, want at least 20 and 15", names, links)
	}
}

// code matches a block of code, which may contain text that looks like a link.
var code = regexp.MustCompile("(?s)\n```.*?\n```")

// relativeLink matches the target of a link to a file of the repository, without its fragment.
var relativeLink = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)

// isPackage reports whether the first part of a qualified name is the name of one of the packages.
func isPackage(folders []string, name string) bool {
	first, _, _ := strings.Cut(name, ".")
	for _, folder := range folders {
		if filepath.Base(folder) == first {
			return true
		}
	}
	return false
}

// TestREADMEIsShort limits the document that newcomers read first.
func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(documents(t)[filepath.Join("..", "..", "..", "README.md")], "\n"); lines == 0 || lines > 150 {
		t.Errorf("README.md has %d lines, want 1 to 150", lines)
	}
}

// documents returns the text of every Markdown file, except for benchmarks, which names packages of other libraries.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	top := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "benchmarks") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
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
