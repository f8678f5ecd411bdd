package propagation_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

const documentPath = "../../docs/scaling.md"

// writeTable writes a table between the two comments of the document that name it.
func writeTable[Row any, P interface {
	*Row
	fmt.Stringer
}](t *testing.T, name, head string, rows []Row,
) {
	t.Helper()
	table := new(strings.Builder)
	_, _ = fmt.Fprint(table, "\n", head)
	for i := range rows {
		_, _ = fmt.Fprintln(table, P(&rows[i]))
	}
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
	if err := os.WriteFile(documentPath, []byte(string(before)+begin+table.String()+end+string(after)), 0o644); err != nil {
		t.Fatal(err)
	}
}
