package middleware

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// maxDeclared limits the scopes and the types of authorization details in the metadata document, each. An application has
// few of them, so the limit only stops a program that makes rules from the content of requests.
const maxDeclared = 1000

// Declare adds the scopes and the types of authorization details of rules to the metadata document ([Guard.MetadataHandler]).
// With, Routes and the adapters call it. Call it yourself for rules that you pass to [Guard.Authenticate] or [Apply], once,
// when the program starts. The document lists every alternative of [Any] and [AnyScope]. Invalid rules add nothing.
//
// What was declared remains after [Guard.Replace]. The document lists at most 1000 scopes and 1000 types; an error is logged
// if there are more. Declare is safe for concurrent use.
func (g *Guard) Declare(rules ...Rule) {
	if !g.kept.declared.add(rules) && g.kept.declared.incomplete.CompareAndSwap(false, true) {
		g.now().cfg.Logger.Error("the metadata document does not list all scopes and types of authorization details",
			slog.Int("limit", maxDeclared))
	}
}

// declared contains what the rules of a Guard and of its successors need. The zero value is empty.
type declared struct {
	version    atomic.Uint64 // changes with the content
	incomplete atomic.Bool   // it was logged that something is missing

	mu            sync.RWMutex // guards all fields below
	scopes, types map[string]bool
}

// add adds the scopes and types of rules. It reports whether all of them had room.
func (d *declared) add(rules []Rule) (complete bool) {
	complete = true
	for _, rule := range rules {
		if rule.fault() != nil {
			continue
		}
		complete = d.addTo(&d.scopes, rule.offers) && complete
		complete = d.addTo(&d.types, rule.types) && complete
	}
	return complete
}

// addTo adds names to one of the sets.
func (d *declared) addTo(set *map[string]bool, names []string) (complete bool) {
	complete = true
	// With is usually called once per route, but programs may call it for each request. Then all names are known, and the lock
	// for reading is enough.
	for _, name := range names {
		d.mu.RLock()
		known := (*set)[name]
		d.mu.RUnlock()
		if !known {
			complete = d.insert(set, name) && complete
		}
	}
	return complete
}

// insert adds a name. Another goroutine may have added it since the caller has looked. insert reports false if the set is full.
func (d *declared) insert(set *map[string]bool, name string) (inserted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(*set) >= maxDeclared && !(*set)[name] {
		return false
	}
	if *set == nil {
		*set = make(map[string]bool)
	}
	(*set)[name] = true
	d.version.Add(1)
	return true
}

// lists returns the scopes and types, sorted, and the version of the content.
func (d *declared) lists() (scopes, types []string, version uint64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Sorted(maps.Keys(d.scopes)), slices.Sorted(maps.Keys(d.types)), d.version.Load()
}
