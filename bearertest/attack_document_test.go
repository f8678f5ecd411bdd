package bearertest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

// docs/attacks.md lists exactly the rows of the table, with their rules.
func TestAttacksAreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, row := range bearertest.AttackRules() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", row[0], row[1])
	}
	if !strings.Contains(string(document), "| row | rule |\n|---|---|\n"+table.String()+"\n") {
		t.Errorf("the table of docs/attacks.md must be:\n%s", &table)
	}
}
