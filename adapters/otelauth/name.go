package otelauth

import (
	"sync"
	"unicode/utf8"
)

// maxNames is the maximum number of values of an attribute whose values come from the configuration.
const maxNames = 100

// names distinguishes the first maxNames values of an attribute, because tenants may be created without limit.
type names struct {
	mu    sync.RWMutex // guards known
	known map[string]bool
}

// label returns name or "other". An empty name stays empty.
func (n *names) label(name string) string {
	n.mu.RLock()
	known := n.known[name]
	n.mu.RUnlock()
	if known || name == "" || n.admit(name) {
		return name
	}
	return other
}

// admit adds name if there is room, and reports whether it is known now.
func (n *names) admit(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = make(map[string]bool)
	}
	if len(n.known) < maxNames && utf8.ValidString(name) { // OTLP requires UTF-8
		n.known[name] = true
	}
	return n.known[name]
}
