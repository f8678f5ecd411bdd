package prom

import (
	"sync"
	"unicode/utf8"
)

// maxNames bounds the values of a label that the configuration decides about.
const maxNames = 100

// names tells the first maxNames values of a label apart: tenants may come and go without end.
type names struct {
	mu    sync.RWMutex // guards known
	known map[string]bool
}

func (n *names) label(name string) string {
	n.mu.RLock()
	known := n.known[name]
	n.mu.RUnlock()
	if known || n.admit(name) {
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
	if len(n.known) < maxNames && utf8.ValidString(name) { // a label must be UTF-8
		n.known[name] = true
	}
	return n.known[name]
}
