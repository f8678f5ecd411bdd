package observability

import (
	"encoding/json"
	"os"
)

// Dashboard is what we look at of a Grafana dashboard.
type Dashboard struct {
	Title         string
	SchemaVersion int
	Templating    struct {
		List []Variable
	}
	Panels []Panel
}

// Variable is asked for above the panels.
type Variable struct {
	Name, Type, Definition string
}

// Panel is a row or a picture.
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

// Override is a setting of the series that Matcher names.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value struct{ FixedColor string }
	}
}

// Threshold colours a value from Value on; nil is the least of all.
type Threshold struct {
	Color string
	Value *float64
}

// Datasource is where a panel's numbers come from.
type Datasource struct {
	Type, UID string
}

// Target is one query of a panel.
type Target struct {
	Datasource         Datasource
	Expr, LegendFormat string
}

// ReadDashboard reads a dashboard's file.
func ReadDashboard(file string) (Dashboard, error) {
	var d Dashboard
	data, err := os.ReadFile(file) //nolint:gosec // G304: who runs this names the file
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(data, &d)
}
