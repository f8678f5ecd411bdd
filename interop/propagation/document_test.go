package propagation_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The documents with the tables.
const (
	scalingDocument    = "../../docs/scaling.md"
	revocationDocument = "../../docs/revocation.md"
)

// writeTable writes a table between the two comments of the document that name it.
func writeTable(t *testing.T, documentPath, name, head string, rows []string) {
	t.Helper()
	table := "\n" + head + strings.Join(rows, "\n") + "\n"
	begin, end := "<!-- "+name+": written by make propagation -->\n", "\n<!-- end of "+name+" -->\n"
	text, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(text, []byte(begin))
	_, after, ends := bytes.Cut(rest, []byte(end))
	if !begins || !ends {
		t.Fatalf("%s has no place for the table %s", documentPath, name)
	}
	if err := os.WriteFile(documentPath, []byte(string(before)+begin+table+end+string(after)), 0o644); err != nil {
		t.Fatal(err)
	}
}
