package bearertest

import (
	"net/http"
	"testing"
)

// RowsOfBenchmark returns the sub-benchmarks for a target by name. problem says why the deployment cannot be measured.
func RowsOfBenchmark(handler http.Handler, issuer *Issuer, target Target) (rows map[string]func(*testing.B), problem string) {
	m, problem := newMeter(handler, issuer, target)
	if problem != "" {
		return nil, problem
	}
	rows = make(map[string]func(*testing.B))
	for _, row := range m.rows() {
		rows[row.name] = row.run
	}
	return rows, ""
}

// AttackResults runs the attack table for a target without a *testing.T. It returns the failures and the reasons of skipped rows
// by the name of the row, and all names. problem says why the deployment could not be tested.
func AttackResults(handler http.Handler, issuer *Issuer, target Target) (failed map[string][]string, skipped map[string]string, names []string, problem string) {
	a, problem := newAssault(handler, issuer, target)
	if problem != "" {
		return nil, nil, nil, problem
	}
	defer a.restore()
	failed, skipped = make(map[string][]string), make(map[string]string)
	for _, row := range a.rows() {
		names = append(names, row.name)
		result := a.run(row)
		if len(result.failures) > 0 {
			failed[row.name] = result.failures
		}
		if result.skipped != "" {
			skipped[row.name] = result.skipped
		}
	}
	return failed, skipped, names, ""
}

// AttackRules returns the rows of the attack table in their order, each with its rule.
func AttackRules() [][2]string {
	a := &assault{issuer: NewIssuer(IssuerConfig{})}
	var rules [][2]string
	for _, row := range a.rows() {
		rules = append(rules, [2]string{row.name, row.rule.source})
	}
	return rules
}
