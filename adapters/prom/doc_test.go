package prom_test

import (
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/adapters/prom"
)

// The package comment lists exactly the registered metrics, with their labels.
func TestDocumentedMetrics(t *testing.T) {
	t.Parallel()
	source, err := parser.ParseFile(token.NewFileSet(), "prom.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, match := range regexp.MustCompile(`(?m)^\t(bearerkit_\w+\{[\w,]+\}) +\S`).FindAllStringSubmatch(source.Doc.Text(), -1) {
		listed = append(listed, match[1])
	}
	registered := new(registrar)
	if _, err := prom.New(registered); err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	slices.Sort(registered.metrics)
	if diff := cmp.Diff(registered.metrics, listed); diff != "" {
		t.Errorf("registered (-) and documented (+) differ:\n%s", diff)
	}
}

// registrar records the collectors that it receives.
type registrar struct {
	prometheus.Registerer

	metrics []string
}

var description = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)

func (r *registrar) Register(c prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		c.Describe(descriptions)
	}()
	for d := range descriptions {
		match := description.FindStringSubmatch(d.String())
		r.metrics = append(r.metrics, match[1]+"{"+strings.TrimSpace(match[2])+"}")
	}
	return nil
}
