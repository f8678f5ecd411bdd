package interop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	conformanceDocument = "../docs/mcp-conformance.md"
	conformanceProgram  = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
)

// conformanceEnds returns what the client prints in the scenarios that it cannot complete. In all others it prints "done".
func conformanceEnds(scenario string) string {
	switch scenario {
	case "auth/resource-mismatch": // the metadata is about another resource
		return `the document's resource is "https://evil.example.com/mcp"`
	case "auth/scope-retry-limit": // the server requires the scopes that it has granted
		return `the API requires the scopes ["mcp:admin"]: the token has these scopes already`
	}
	return "done"
}

// TestMCPConformance runs the scenarios for authorization of the conformance tests of the Model Context Protocol with
// interop/mcp/client. All checks must succeed, without a warning. docs/mcp-conformance.md lists the results.
func TestMCPConformance(t *testing.T) {
	t.Parallel()
	node := mcpNode(t)
	program := buildProgram(t, ".", "./mcp/client")
	results := t.TempDir()
	var all sync.WaitGroup
	for _, suite := range []string{"auth", "backcompat", "draft", "extensions"} {
		all.Go(func() {
			cmd := mcpCommand(t.Context(), node, conformanceProgram, "client", "--command", program, "--suite", suite, "-o", results, "--verbose")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("suite %s: %v\n%s", suite, err, out)
			}
		})
	}
	clients, servers := listScenarios(t, node)
	all.Wait()

	var table strings.Builder
	for _, s := range clients {
		checks := checkScenario(t, results, s.name)
		_, _ = fmt.Fprintf(&table, "| %s | %s | %d | passed |\n", s.name, s.revisions, checks)
	}
	if t.Failed() {
		return
	}
	compareConformance(t, len(clients), len(servers), table.String())
}

// conformanceScenario is a scenario, with the revisions of the specification that it is for.
type conformanceScenario struct{ name, revisions string }

// listScenarios returns the client scenarios for authorization, and all server scenarios, none of which is for authorization.
func listScenarios(t *testing.T, node string) (clients, servers []conformanceScenario) {
	t.Helper()
	out, err := mcpCommand(t.Context(), node, conformanceProgram, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, second, ok := strings.Cut(string(out), "Client scenarios")
	if !ok {
		t.Fatalf("unexpected list: %s", out)
	}
	line := regexp.MustCompile(`(?m)^  - (\S+) \[(.*)\]$`)
	for _, match := range line.FindAllStringSubmatch(first, -1) {
		servers = append(servers, conformanceScenario{match[1], match[2]})
		if strings.Contains(match[1], "auth") {
			t.Errorf("there is a server scenario for authorization: %s", match[1])
		}
	}
	for _, match := range line.FindAllStringSubmatch(second, -1) {
		if strings.HasPrefix(match[1], "auth/") {
			clients = append(clients, conformanceScenario{match[1], strings.ReplaceAll(match[2], ",", ", ")})
		}
	}
	if len(clients) == 0 || len(servers) == 0 {
		t.Fatalf("unexpected list: %s", out)
	}
	slices.SortFunc(clients, func(a, b conformanceScenario) int { return strings.Compare(a.name, b.name) })
	return clients, servers
}

// checkScenario reads the results of a scenario and returns the number of different checks that succeeded. The number of all
// checks depends on how many requests the SDK sends.
func checkScenario(t *testing.T, results, name string) int {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(results, name+"-20*"))
	if err != nil || len(folders) != 1 {
		t.Errorf("%s: %d results, %v", name, len(folders), err)
		return 0
	}
	said, err := os.ReadFile(filepath.Join(folders[0], "stdout.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(said), conformanceEnds(name)) {
		t.Errorf("%s: the client printed %q, want %q", name, said, conformanceEnds(name))
	}
	text, err := os.ReadFile(filepath.Join(folders[0], "checks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var checks []struct{ ID, Status, Description string }
	if err := json.Unmarshal(text, &checks); err != nil {
		t.Fatal(err)
	}
	passed := make(map[string]bool)
	for _, check := range checks {
		switch check.Status {
		case "SUCCESS":
			passed[check.ID] = true
		case "INFO": // a request, or something that is left to the client
		default:
			t.Errorf("%s: %s: %s: %s", name, check.Status, check.ID, check.Description)
		}
	}
	return len(passed)
}

// compareConformance compares the document with the results, or writes it with -update.
func compareConformance(t *testing.T, clients, servers int, table string) {
	t.Helper()
	text := fmt.Sprintf(conformanceText, mcpVersion(t, "@modelcontextprotocol/conformance"),
		requiredVersion(t, "go.mod", "github.com/modelcontextprotocol/go-sdk"), clients, table, servers)
	if *update {
		if err := os.WriteFile(conformanceDocument, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(conformanceDocument)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != text {
		t.Errorf("docs/mcp-conformance.md is out of date: run make interop-report\n%s", text)
	}
}

const conformanceText = `# The client and the conformance tests of the Model Context Protocol

` + "`make interop-report`" + ` writes this page, and TestMCPConformance in interop checks it. The npm package
@modelcontextprotocol/conformance %[1]s starts an MCP server and an authorization server for each scenario, runs a client, and checks
the requests that it sends. The client is the program interop/mcp/client: the MCP client of the Go module
github.com/modelcontextprotocol/go-sdk %[2]s, whose requests go through client.ResourceTransport.

The package lists %[3]d client scenarios for authorization. The test runs all of them, including those for drafts, extensions and old
revisions of the specification. A scenario passes if no check has a failure or a warning. The column "checks" is the number of different checks that
succeeded.

| scenario | revision | checks | result |
|---|---|---|---|
%[4]s
In auth/resource-mismatch and auth/scope-retry-limit, the client must end with an error. The test also checks that the client
returns the expected error in these two scenarios, and ends without an error in all others.

The program uses ResourceDiscovery.InsecureLegacyServers in the two scenarios of revision 2025-03-26, whose servers have no
metadata of the resource. It uses a Client ID Metadata Document in auth/basic-cimd. If a scenario provides credentials, it uses
them. In all other scenarios, it registers itself.

## Server scenarios

The package has no server scenarios for authorization. Its command ` + "`list`" + ` names %[5]d server scenarios, and none of them is about
authorization. The test fails if a later version adds one. According to the source code of the package, none of the requests in
these scenarios has an Authorization header, so a server that requires tokens cannot pass them. TestMCPStepUp in interop runs other
clients against a server with adapters/mcpauth (examples/mcp): those of the npm package @modelcontextprotocol/sdk and of the Go SDK.
`
