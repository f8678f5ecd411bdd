package interop_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the pages in docs")

const (
	documentPath = "../docs/interop.md"
	documentHead = `# The kit against real servers and clients

` + "`make interop-report`" + ` writes this page, and the tests in interop check it. Each row is a flow that was run against software of
other projects. The flows send HTTP requests to running servers. Where a user takes part, they use the pages of the server.

`
	clientHead = `## The client

Each row is a flow of package client with an authorization server.

| flow | server | result |
|---|---|---|
`
	guardHead = `
## The Guard

Each row is a flow of an API with the Guard, for net/http, gin and echo. The server issues the token. The proofs and requests are
made by npm's dpop and oauth4webapi, unless the row names another client. A row passes if the API accepts or rejects the request
as expected, with the expected challenge.

| flow | server | result |
|---|---|---|
`
)

// document collects the flows that were run.
type document struct {
	mu     sync.Mutex // guards the fields below
	rows   map[string][]string
	tables int // that were started
	wanted int
	ran    int
}

// Tables of the document.
const (
	clientTable = "client"
	guardTable  = "guard"
	allTables   = 4 // subtests of TestClient
)

// newDocument returns a document that is checked at the end of the test.
func newDocument(t *testing.T) *document {
	t.Helper()
	d := &document{rows: make(map[string][]string)}
	t.Cleanup(func() { d.check(t) })
	return d
}

// run runs each flow and adds a row for it. A flow also fails if its cleanup fails.
func (d *document) run(t *testing.T, server string, flows []clientFlow) {
	t.Helper()
	d.expect(len(flows))
	for _, f := range flows {
		t.Run(f.name, d.flow(clientTable, server, f))
	}
}

// runGuard is like run for an API. The name of each test begins with the requirement that it shows.
func (d *document) runGuard(t *testing.T, server string, flows []guardFlow) {
	t.Helper()
	d.expect(len(flows))
	for _, f := range flows {
		t.Run(f.row+"_"+f.name, d.flow(guardTable, server, clientFlow{f.name, f.run}))
	}
}

// flow returns a test that runs f and adds a row for it.
func (d *document) flow(table, server string, f clientFlow) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		t.Cleanup(func() { d.add(t, table, server, f.name) })
		f.run(t)
	}
}

func (d *document) expect(flows int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted += flows
	d.tables++
}

func (d *document) add(t *testing.T, table, server, flow string) {
	t.Helper()
	result := map[bool]string{true: "passed", false: "failed"}[!t.Failed() && !t.Skipped()]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ran++
	d.rows[table] = append(d.rows[table], "| "+flow+" | "+server+" | "+result+" |\n")
}

// check compares the document with the flows that were run. It does nothing if only some of them were run.
func (d *document) check(t *testing.T) {
	t.Helper()
	if d.tables != allTables || d.ran != d.wanted {
		if *update {
			t.Error("only some flows were run, so docs/interop.md was not written")
		}
		return
	}
	text := d.text(t)
	if *update {
		if err := os.WriteFile(documentPath, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != text {
		t.Errorf("docs/interop.md is out of date: run make interop-report\n%s", text)
	}
}

func (d *document) text(t *testing.T) string {
	t.Helper()
	for _, rows := range d.rows {
		slices.Sort(rows)
	}
	software := "Servers: oidc-provider " + npmVersion(t, "oidc-provider") + " (npm), the example server of zitadel/oidc " +
		requiredVersion(t, "go.mod", "github.com/zitadel/oidc/v3") + ",\nand dexidp/dex " +
		requiredVersion(t, filepath.Join("dex", "go.mod"), "github.com/dexidp/dex") + ". Clients: dpop " +
		npmVersion(t, "dpop") + " (npm), oauth4webapi " + npmVersion(t, "oauth4webapi") + " (npm).\n\n"
	return documentHead + software + clientHead + strings.Join(d.rows[clientTable], "") + guardHead + strings.Join(d.rows[guardTable], "")
}

// npmVersion returns the version of a package that npm has installed.
func npmVersion(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("oidcprovider", "node_modules", name, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var installed struct{ Version string }
	if err := json.Unmarshal(text, &installed); err != nil {
		t.Fatal(err)
	}
	return installed.Version
}

// requiredVersion returns the version of a module that a go.mod requires, without the v.
func requiredVersion(t *testing.T, file, module string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(text)
	if version == nil {
		t.Fatalf("%s does not require %s", file, module)
	}
	return string(version[1])
}
