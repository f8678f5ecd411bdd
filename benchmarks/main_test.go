package benchmarks_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestMain prints the versions of Go and of each library as configuration lines of the benchmark format.
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

// required returns the version of each module that a go.mod file requires. A test binary does not contain them.
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
