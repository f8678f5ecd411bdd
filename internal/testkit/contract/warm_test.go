package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxWarmFiles is the number of files of the kit that a warm request may pass through. ARCHITECTURE.md states it.
const maxWarmFiles = 14

// A warm request, with a token that was verified before and fresh keys, passes through few files, so that a reader can
// follow it. The program testdata/warm writes the coverage of such a request.
func TestWarmRequestPassesThroughFewFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("depends only on the sources")
	}
	t.Parallel()
	files := warmFiles(t)
	if len(files) > maxWarmFiles {
		t.Errorf("%d files, want at most %d:\n%s", len(files), maxWarmFiles, strings.Join(files, "\n"))
	}
	for _, file := range []string{"middleware/guard.go", "middleware/passage.go", "consumer/consumer.go", "jwks/remote.go"} {
		if !slices.Contains(files, file) {
			t.Errorf("%s is not among the files:\n%s", file, strings.Join(files, "\n"))
		}
	}
}

// warmFiles returns the files of the kit in which a warm request executes at least one statement.
func warmFiles(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	program, profile := filepath.Join(dir, "warm"), filepath.Join(dir, "profile")
	run(t, "go", "build", "-cover", "-covermode=atomic", "-coverpkg="+kit+"/...", "-o", program, "./testdata/warm")
	run(t, program, dir)
	run(t, "go", "tool", "covdata", "textfmt", "-i="+dir, "-o="+profile)
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	executed := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(kit) + `/(.+\.go):.* [1-9]\d*$`)
	for _, match := range executed.FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(match[1], "/testdata/") {
			files = append(files, match[1])
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Env = append(os.Environ(), "GOWORK=off", "GOCOVERDIR="+t.TempDir())
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
