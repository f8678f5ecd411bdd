package observability_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/bearerkit/bearerkit/interop/observability"
)

const folder = "../../docs/observability/"

// run is shared by all tests, because it takes several seconds.
var run = sync.OnceValues(func() (recording, error) {
	store, span, err := observability.Run(context.Background(), 5*time.Second, 50)
	return recording{store, span}, err
})

type recording struct {
	store *observability.Store
	span  observability.Span
}

// answers reports whether the query has a result at any time of the run.
func (r recording) answers(t *testing.T, query string) bool {
	t.Helper()
	matrix, err := r.store.Query(t.Context(), query, r.span)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return true
	}
	return len(matrix) > 0
}

func record(t *testing.T) recording {
	t.Helper()
	r, err := run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDashboardHasData evaluates every query of the dashboard, and each selector of a query.
func TestDashboardHasData(t *testing.T) {
	t.Parallel()
	r, d := record(t), readDashboard(t)
	queries := 0
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			queries++
			if !r.answers(t, target.Expr) {
				t.Errorf("%s: no data: %s", panel.Title, target.Expr)
			}
			for _, selector := range selectors(t, target.Expr) {
				if !r.answers(t, selector) {
					t.Errorf("%s: no series: %s", panel.Title, selector)
				}
			}
		}
	}
	if queries < 20 {
		t.Errorf("the dashboard has %d queries, want at least 20", queries)
	}
}

// TestDashboardShowsAllMetrics checks that the dashboard uses every metric of adapters/prom.
func TestDashboardShowsAllMetrics(t *testing.T) {
	t.Parallel()
	r, d := record(t), readDashboard(t)
	var queries strings.Builder
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			fmt.Fprintln(&queries, target.Expr)
		}
	}
	matrix, err := r.store.Query(t.Context(), `count by (__name__) ({__name__=~"bearerkit_.+", __name__!~".+_(sum|count)"})`, r.span)
	if err != nil || len(matrix) < 20 {
		t.Fatalf("got %d metrics, error %v", len(matrix), err)
	}
	for _, series := range matrix {
		name := series.Metric.Get("__name__")
		if name == "bearerkit_verifications_total" { // other metrics contain this name, so a match is not enough
			continue
		}
		if !regexp.MustCompile(name + `\b`).MatchString(queries.String()) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// TestDashboardLabels checks that every label in a legend or a variable is a label of the result.
func TestDashboardLabels(t *testing.T) {
	t.Parallel()
	r, d := record(t), readDashboard(t)
	placeholder := regexp.MustCompile(`\{\{(\w+)\}\}`)
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			matrix, err := r.store.Query(t.Context(), target.Expr, r.span)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range placeholder.FindAllStringSubmatch(target.LegendFormat, -1) {
				for _, series := range matrix {
					if !series.Metric.Has(match[1]) {
						t.Errorf("%s: label %s is not in %v", panel.Title, match[0], series.Metric)
					}
				}
			}
		}
	}
	definition := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type == "datasource" {
			continue
		}
		match := definition.FindStringSubmatch(v.Definition)
		if match == nil {
			t.Errorf("variable %s is %q", v.Name, v.Definition)
			continue
		}
		if !r.answers(t, fmt.Sprintf(`count by (%s) (%s) and on(%[1]s) (%[2]s)`, match[2], match[1])) {
			t.Errorf("variable %s has no values", v.Name)
		}
	}
}

// TestDashboardForm checks that the panels do not overlap, and that each has a title, a unit and the selected data source.
func TestDashboardForm(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	taken, ids := make(map[[2]int]string), make(map[int]bool)
	var rows []string
	for _, panel := range d.Panels {
		if ids[panel.ID] || panel.Title == "" {
			t.Errorf("panel %d %q: the id is used twice, or the title is empty", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		for y := range panel.GridPos.H {
			for x := range panel.GridPos.W {
				place := [2]int{panel.GridPos.X + x, panel.GridPos.Y + y}
				if taken[place] != "" || place[0] >= 24 {
					t.Errorf("panel %q overlaps %q or is outside of the grid", panel.Title, taken[place])
				}
				taken[place] = panel.Title
			}
		}
		if panel.Type == "row" {
			rows = append(rows, panel.Title)
			continue
		}
		if panel.Description == "" || panel.FieldConfig.Defaults.Unit == "" || panel.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q has no description, no unit, or a fixed data source", panel.Title)
		}
		for _, target := range panel.Targets {
			if !strings.Contains(target.Expr, `job=~"$job", instance=~"$instance"`) || target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q does not use the variables: %s", panel.Title, target.Expr)
			}
		}
	}
	want := []string{
		"Decisions", "Refusals", "Duration of a verification", "Keys", "Cache of verified tokens", "Status store",
		"Security events", "Shared store", "Status lists and introspection",
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got rows %q, want %q", rows, want)
	}
	if d.SchemaVersion < 39 {
		t.Errorf("schema version %d is too old", d.SchemaVersion)
	}
}

// selectors returns the selectors of a query: metrics with their labels.
func selectors(t *testing.T, query string) []string {
	t.Helper()
	query = strings.NewReplacer("$job", ".+", "$instance", ".+", "$__rate_interval", "5m").Replace(query)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var found []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			found = append(found, selector.String())
		}
		return nil
	})
	if len(found) == 0 {
		t.Errorf("%s: no selector", query)
	}
	return found
}

func readDashboard(t *testing.T) observability.Dashboard {
	t.Helper()
	d, err := observability.ReadDashboard(folder + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	return d
}
