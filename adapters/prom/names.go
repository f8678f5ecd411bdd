package prom

import (
	"sync"
	"unicode/utf8"
)

// maxNames is the maximum number of values of a label whose values come from the configuration.
const maxNames = 100

// names distinguishes the first maxNames values of a label, because tenants may be created without limit.
type names struct {
	mu    sync.RWMutex // guards known
	known map[string]bool
}

// label returns name if it is among the first maxNames, and otherwise "other".
func (n *names) label(name string) string {
	n.mu.RLock()
	known := n.known[name]
	n.mu.RUnlock()
	if known || n.admit(name) {
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
	if len(n.known) < maxNames && utf8.ValidString(name) { // a label must be UTF-8
		n.known[name] = true
	}
	return n.known[name]
}
