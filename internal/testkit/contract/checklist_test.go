package contract_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checklist lists the families of requirements and the number of requirements in each: bearer token usage (RFC 6750), JWS and
// JWT (RFC 7515, RFC 7519), JWT best practices (RFC 8725bis), the access token profile (RFC 9068), discovery (RFC 8414), mutual
// TLS (RFC 8705), OAuth best practices (RFC 9700), introspection (RFC 7662, RFC 9701), DPoP (RFC 9449), step-up (RFC 9470),
// authorization details (RFC 9396), metadata of a resource (RFC 9728), the key cache, known attacks, the client, and stored secrets.
var checklist = []struct {
	family string
	count  int
	except []int // not testable here, or about a feature that the kit does not have yet
}{
	{family: "B", count: 8},
	{family: "S", count: 7},
	{family: "T", count: 4},
	{family: "J", count: 13, except: []int{12}}, // encryption
	{family: "P", count: 10, except: []int{2}},  // encryption
	{family: "D", count: 5},
	{family: "M", count: 4},
	{family: "X", count: 5},
	{family: "I", count: 7}, // introspection
	{family: "G", count: 9}, // DPoP
	{family: "U", count: 4}, // step-up
	{family: "R", count: 3}, // authorization details
	{family: "Q", count: 8}, // metadata of a resource
	{family: "K", count: 25},
	{family: "Attack", count: 50},
	{family: "C", count: 37},
	{family: "H", count: 9},
	{family: "CaseX", count: 23}, // defects that were found by running programs
	{family: "CaseT", count: 17}, // tokens of real issuers
	{family: "CaseJ", count: 11}, // their key sets
	{family: "CaseD", count: 11}, // their metadata; from 7 on, for clients
	{family: "CaseQ", count: 8},  // requests
	{family: "CaseW", count: 14}, // what a rejection says; from 8 on, sign-in in web applications
	{family: "CaseS", count: 1},  // ownership of stored data
	{family: "CaseA", count: 17}, // token responses of real authorization servers
	{family: "CaseC", count: 8},  // client authentication
	{family: "CaseU", count: 4},  // use of tokens
	{family: "CaseI", count: 5},  // ID tokens
	{family: "CaseL", count: 3},  // sign-in of command-line programs
}

// ids matches requirements at the beginning of the name of a test or of a table row.
var ids = regexp.MustCompile(`(?:func Test|")((?:[A-Z][A-Za-z]*\d+_)+)`)

// TestEveryRuleIsNamedByATest checks that every requirement appears in the name of a test.
func TestEveryRuleIsNamedByATest(t *testing.T) {
	t.Parallel()
	named := namedRules(t, os.DirFS(filepath.Join("..", "..", "..")))
	for _, rules := range checklist {
		for n := 1; n <= rules.count; n++ {
			id := fmt.Sprint(rules.family, n)
			if !slices.Contains(rules.except, n) && !named[id] {
				t.Errorf("no test is named Test%s_…", id)
			}
		}
	}
}

func namedRules(t *testing.T, repository fs.FS) map[string]bool {
	t.Helper()
	named := make(map[string]bool)
	err := fs.WalkDir(repository, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (len(path) > 1 && strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(repository, path)
		for _, match := range ids.FindAllStringSubmatch(string(source), -1) {
			for id := range strings.SplitSeq(strings.TrimSuffix(match[1], "_"), "_") {
				named[id] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return named
}
