package benchmarks_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the results say what was measured: the version of Go and of each library, as lines of configuration in
// the benchmark format.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		printVersions()
	}
	os.Exit(m.Run())
}

func printVersions() {
	fmt.Println("go:", runtime.Version())
	versions := required("go.mod")
	for _, p := range peers() {
		if len(p.modules) == 0 {
			continue
		}
		fmt.Print(p.name + ":")
		for _, module := range p.modules {
			fmt.Print(" ", module, " ", versions[module])
		}
		fmt.Println()
	}
}

// required returns what a go.mod file requires, version by module. A test binary does not know its own dependencies.
func required(file string) map[string]string {
	versions := make(map[string]string)
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}
