package otelauth

import (
	"go.opentelemetry.io/otel/metric"
)

// group contains watched sources with states of one type, and the metrics that are read from them.
type group[S any] struct {
	sources  sources[named[S]]
	readings []reading[S]
}

// named is a state with the attribute that distinguishes sources: the issuer, or the name of a store.
type named[S any] struct {
	labels labels
	state  S
}

// reading describes one metric, or the part of it with one more attribute.
type reading[S any] struct {
	observe func(to metric.Observer, value float64, options []metric.ObserveOption)
	mark    func(l *labels) // sets the further attribute; nil: there is none
	read    func(S) (value float64, ok bool)
	join    func(a, b float64) float64 // combines two values with the same attributes
}

// observe reports the metrics of all sources. Of several values with the same attributes, the SDK would use only one, so they are
// combined before.
func (g *group[S]) observe(to metric.Observer, made *series) {
	states := g.sources.states()
	for _, r := range g.readings {
		values := make(map[labels]float64)
		for _, s := range states {
			value, ok := r.read(s.state)
			if !ok {
				continue
			}
			l := s.labels
			if r.mark != nil {
				r.mark(&l)
			}
			if before, twice := values[l]; twice {
				value = r.join(before, value)
			}
			values[l] = value
		}
		for l, value := range values {
			r.observe(to, value, made.of(l).observe)
		}
	}
}

// builder adds readings to a group, and creates their instruments.
type builder[S any] struct {
	*maker

	group    *group[S]
	observed []metric.Observable
}

// seconds adds an age. Of several values, the largest one is used.
func (b *builder[S]) seconds(name, description string, read func(S) (float64, bool)) {
	instrument := b.age(name, description)
	b.observed = append(b.observed, instrument)
	b.group.readings = append(b.group.readings, reading[S]{
		func(to metric.Observer, value float64, options []metric.ObserveOption) {
			to.ObserveFloat64(instrument, value, options...)
		}, nil, read, func(a, b float64) float64 { return max(a, b) },
	})
}

// worst adds a state that cannot be summed. Of several values, the largest one is used.
func (b *builder[S]) worst(name, unit, description string, read func(S) (float64, bool)) {
	b.add(b.gauge(name, unit, description), func(a, b float64) float64 { return max(a, b) }, parts[S]{{nil, read}})
}

// level adds a number that can be summed, and that may decrease.
func (b *builder[S]) level(name, unit, description string, parts parts[S]) {
	b.add(b.upDown(name, unit, description), sum, parts)
}

// count adds a count.
func (b *builder[S]) count(name, unit, description string, parts parts[S]) {
	b.add(b.observedCounter(name, unit, description), sum, parts)
}

func sum(a, b float64) float64 { return a + b }

// parts are the values of a further attribute, and how each of them is read.
type parts[S any] []struct {
	mark func(l *labels)
	read func(S) (float64, bool)
}

// one is the only part of a metric without a further attribute.
func one[S any](read func(S) (float64, bool)) parts[S] { return parts[S]{{nil, read}} }

// add adds a metric whose values are integers.
func (b *builder[S]) add(instrument metric.Int64Observable, join func(a, b float64) float64, parts parts[S]) {
	b.observed = append(b.observed, instrument)
	observe := func(to metric.Observer, value float64, options []metric.ObserveOption) {
		to.ObserveInt64(instrument, int64(value), options...)
	}
	for _, p := range parts {
		b.group.readings = append(b.group.readings, reading[S]{observe, p.mark, p.read, join})
	}
}

// always returns a reading of a number that every state has.
func always[S any, N int | uint64](read func(S) N) func(S) (float64, bool) {
	return func(s S) (float64, bool) { return float64(read(s)), true }
}
