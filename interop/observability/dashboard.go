package observability

import (
	"encoding/json"
	"os"
)

// Dashboard contains the parts of a Grafana dashboard that the tests use.
type Dashboard struct {
	Title         string
	SchemaVersion int
	Templating    struct {
		List []Variable
	}
	Panels []Panel
}

// Variable is a variable of the dashboard, which the user selects above the panels.
type Variable struct {
	Name, Type, Definition string
}

// Panel is a row or a chart.
type Panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Datasource               Datasource
	Targets                  []Target
	FieldConfig              struct {
		Defaults struct {
			Unit     string
			Min      *float64
			Mappings []struct {
				Options map[string]struct{ Text string }
			}
			Thresholds struct {
				Steps []Threshold
			}
			Custom struct {
				Stacking          struct{ Mode string }
				ScaleDistribution struct{ Type string }
			}
		}
		Overrides []Override
	}
}

// Override contains settings for the series that Matcher selects.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value struct{ FixedColor string }
	}
}

// Threshold is the color for values of at least Value. A nil Value means all values.
type Threshold struct {
	Color string
	Value *float64
}

// Datasource identifies the data source of a panel.
type Datasource struct {
	Type, UID string
}

// Target is one query of a panel.
type Target struct {
	Datasource         Datasource
	Expr, LegendFormat string
}

// ReadDashboard reads a dashboard from a JSON file.
func ReadDashboard(file string) (Dashboard, error) {
	var d Dashboard
	data, err := os.ReadFile(file) //nolint:gosec // G304: the developer who runs this names the file
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(data, &d)
}
