package prom

import "github.com/prometheus/client_golang/prometheus"

// table collects the readings of states of one type. The first label of all its metrics is label.
type table[S any] struct {
	label    string
	readings []reading[S]
}

// gauge adds a metric that is a state.
func (t *table[S]) gauge(name, help string, read func(S) (float64, bool), join func(a, b float64) float64) {
	desc := t.describe(name, help)
	t.readings = append(t.readings, reading[S]{desc, prometheus.GaugeValue, read, join, nil})
}

// counter adds a metric that is a count.
func (t *table[S]) counter(name, help string, read func(S) (float64, bool)) {
	desc := t.describe(name, help)
	t.readings = append(t.readings, reading[S]{desc, prometheus.CounterValue, read, sum, nil})
}

// parts are the values of a second label, and the count of each of them.
type parts[S any] []struct {
	value string
	read  func(S) (float64, bool)
}

// divided adds a metric with a second label, and a series for each value of it. Its values are summed.
func (t *table[S]) divided(kind prometheus.ValueType, name, help, label string, parts parts[S]) {
	desc := t.describe(name, help, label)
	for _, p := range parts {
		t.readings = append(t.readings, reading[S]{desc, kind, p.read, sum, []string{p.value}})
	}
}

// describe describes a metric with the first label and others.
func (t *table[S]) describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, append([]string{t.label}, labels...), nil)
}

// always returns a reading of a count that every state has.
func always[S any, N int | uint64](read func(S) N) func(S) (float64, bool) {
	return func(s S) (float64, bool) { return float64(read(s)), true }
}
