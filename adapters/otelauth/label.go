package otelauth

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// labels contains the attributes of a measurement or a span. Every field has few different values. Zero fields are omitted.
type labels struct {
	status         int
	reason, rule   string
	issuer         string
	principal      string
	cached, active flag
	address        string
	port           int
	cause, result  string
	fault, state   string
	quirk, place   string
	event, outcome string // of package ssf
	store          string
	why            string // a rejection or a purge
	poll, lists    string // the result of a poll, and the state of status lists
	errorType      string
}

// flag is a bool that may be absent.
type flag int8

const (
	no flag = iota + 1
	yes
)

// flagOf returns a flag that is present.
func flagOf(b bool) flag {
	if b {
		return yes
	}
	return no
}

// attributes returns the fields that are not zero, under the names of the semantic conventions where those have one.
func (l labels) attributes() []attribute.KeyValue {
	var list attributes
	list.number(semconv.HTTPResponseStatusCodeKey, l.status)
	list.text("bearerkit.reason", l.reason)
	list.text("bearerkit.rule", l.rule)
	list.text("bearerkit.issuer", l.issuer)
	list.text("bearerkit.principal", l.principal)
	list.flag("bearerkit.cached", l.cached)
	list.flag("bearerkit.token.active", l.active)
	list.text(semconv.ServerAddressKey, l.address)
	list.number(semconv.ServerPortKey, l.port)
	list.text("bearerkit.refresh.cause", l.cause)
	list.text("bearerkit.refresh.result", l.result)
	list.text("bearerkit.key.fault", l.fault)
	list.text("bearerkit.key.state", l.state)
	list.text("bearerkit.quirk.name", l.quirk)
	list.text("bearerkit.quirk.place", l.place)
	list.text("bearerkit.ssf.event", l.event)
	list.text("bearerkit.ssf.outcome", l.outcome)
	list.text("bearerkit.store", l.store)
	list.text("bearerkit.cause", l.why)
	list.text("bearerkit.ssf.poll.result", l.poll)
	list.text("bearerkit.status_list.state", l.lists)
	list.text(semconv.ErrorTypeKey, l.errorType)
	return list
}

// attributes is a list to which zero values are not added.
type attributes []attribute.KeyValue

// text adds a text that is not empty.
func (a *attributes) text(key attribute.Key, value string) {
	if value != "" {
		*a = append(*a, key.String(value))
	}
}

// number adds a number that is not zero.
func (a *attributes) number(key attribute.Key, value int) {
	if value != 0 {
		*a = append(*a, key.Int(value))
	}
}

// flag adds a flag that is present.
func (a *attributes) flag(key attribute.Key, value flag) {
	if value != 0 {
		*a = append(*a, key.Bool(value == yes))
	}
}

// series caches the attribute sets of measurements, so that requests do not build them again. It has as many entries as the
// metrics have series.
type series struct {
	mu   sync.RWMutex // guards made
	made map[labels]*options
}

// options contains one attribute set as options for each kind of instrument.
type options struct {
	add     []metric.AddOption
	record  []metric.RecordOption
	observe []metric.ObserveOption
}

// of returns the options for l, and builds them if this is their first use.
func (s *series) of(l labels) *options {
	s.mu.RLock()
	known := s.made[l]
	s.mu.RUnlock()
	if known != nil {
		return known
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = make(map[labels]*options)
	}
	// Another goroutine may have stored the same set meanwhile. Replacing it by an equal one does no harm.
	set := metric.WithAttributeSet(attribute.NewSet(l.attributes()...))
	s.made[l] = &options{[]metric.AddOption{set}, []metric.RecordOption{set}, []metric.ObserveOption{set}}
	return s.made[l]
}
