package interop_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/interop.md")

const (
	documentPath = "../docs/interop.md"
	documentHead = `# The client against real servers

Written by ` + "`make interop-report`" + `, and held by the tests in interop: each line is a flow of package client that was run with a
server of other people's, over HTTP, through its own pages where a user takes part.

| flow | server | result |
|---|---|---|
`
)

// document collects what was run.
type document struct {
	mu   sync.Mutex // guards rows
	rows []string
}

func (d *document) add(server, flow string, passed bool) {
	result := map[bool]string{true: "passed", false: "failed"}[passed]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = append(d.rows, "| "+flow+" | "+server+" | "+result+" |\n")
}

// check wants the document to say what has been run, all of it.
func (d *document) check(t *testing.T) {
	t.Helper()
	slices.Sort(d.rows)
	text := documentHead + strings.Join(d.rows, "")
	if *update {
		if err := os.WriteFile(documentPath, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != text && !t.Skipped() {
		t.Errorf("docs/interop.md is not what was run: make interop-report\n%s", text)
	}
}
