package otelauth

import (
	"sync"
	"unicode/utf8"
)

// maxNames bounds the values of an attribute that the configuration decides about.
const maxNames = 100

// names tells the first maxNames values of an attribute apart: tenants may come and go without end.
type names struct {
	mu    sync.RWMutex // guards known
	known map[string]bool
}

// label returns an empty name as it is.
func (n *names) label(name string) string {
	n.mu.RLock()
	known := n.known[name]
	n.mu.RUnlock()
	if known || name == "" || n.admit(name) {
		return name
	}
	return other
}

func (n *names) admit(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = make(map[string]bool)
	}
	if len(n.known) < maxNames && utf8.ValidString(name) { // OTLP knows only UTF-8
		n.known[name] = true
	}
	return n.known[name]
}
