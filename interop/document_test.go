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

var update = flag.Bool("update", false, "write docs/interop.md")

const (
	documentPath = "../docs/interop.md"
	documentHead = `# The client against real servers

` + "`make interop-report`" + ` writes this page, and the tests in interop check it. Each row is a flow of package client that was run
against an authorization server of another project. The flows send HTTP requests to a running server. Where a user takes part, they
use the pages of the server.

`
)

// document collects the flows that were run.
type document struct {
	mu      sync.Mutex // guards the fields below
	rows    []string
	wanted  int
	servers []string
}

// newDocument returns a document that is checked at the end of the test.
func newDocument(t *testing.T) *document {
	t.Helper()
	d := new(document)
	t.Cleanup(func() { d.check(t) })
	return d
}

// run runs each flow and adds a row for it. A flow also fails if its cleanup fails.
func (d *document) run(t *testing.T, server string, flows []clientFlow) {
	t.Helper()
	d.mu.Lock()
	d.wanted += len(flows)
	d.servers = append(d.servers, server)
	d.mu.Unlock()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { d.add(server, f.name, !t.Failed() && !t.Skipped()) })
			f.run(t)
		})
	}
}

func (d *document) add(server, flow string, passed bool) {
	result := map[bool]string{true: "passed", false: "failed"}[passed]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = append(d.rows, "| "+flow+" | "+server+" | "+result+" |\n")
}

// check compares the document with the flows that were run. It does nothing if only some of them were run.
func (d *document) check(t *testing.T) {
	t.Helper()
	if len(d.servers) != 3 || len(d.rows) != d.wanted {
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
	slices.Sort(d.rows)
	servers := "Servers: oidc-provider " + oidcProviderVersion(t) + " (npm), the example server of zitadel/oidc " +
		requiredVersion(t, "go.mod", "github.com/zitadel/oidc/v3") + ",\nand dexidp/dex " +
		requiredVersion(t, filepath.Join("dex", "go.mod"), "github.com/dexidp/dex") + ".\n\n"
	return documentHead + servers + "| flow | server | result |\n|---|---|---|\n" + strings.Join(d.rows, "")
}

func oidcProviderVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("oidcprovider", "node_modules", "oidc-provider", "package.json"))
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
