package oidcdiscovery

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// hasAll reports whether the document has all of these members in a usable form.
func (m *Metadata) hasAll(members []string) bool {
	return !slices.ContainsFunc(members, func(name string) bool { return !m.Has(name) })
}

// Has reports whether the document has the member with this name, in a form that can be used. It is false for a member whose
// value is only that of [Default]. For a Metadata that was created by hand, it reports whether the field is set.
func (m *Metadata) Has(member string) bool {
	document, err := m.object()
	value, there := document.Get(member)
	return err == nil && there && !value.IsAbsent() && m.faults[member] == nil
}

// Incomplete returns an error if a member that is absent may be in a second document, which could not be read. See
// [Client.Members]. The error matches [ErrUnavailable] if a retry may succeed. It is nil if the server has no second document.
func (m *Metadata) Incomplete() error {
	if m.incomplete == nil {
		return nil
	}
	return fmt.Errorf("oidcdiscovery: metadata of %q: the second document, of OpenID Connect: %w", m.Issuer, m.incomplete)
}

// merge returns m with the members of other that m does not have. Both documents are of the same issuer. A member with a
// fault in m is taken from other.
func (m *Metadata) merge(other *Metadata) *Metadata {
	// Start with the members of other, and let those of m replace them: the first document counts.
	members := make(map[string]compact.Value)
	for name, value := range other.document.All() {
		members[name] = value
	}
	for name, value := range m.document.All() {
		_, also := members[name]
		if !also || !value.IsAbsent() && m.faults[name] == nil { // as Has, without a search for the name
			members[name] = value
		}
	}
	merged := Default()
	o, err := objectOf(members)
	if err != nil { // names that differ only in case
		m.incomplete = err
		return m
	}
	merged.document = o
	merged.fill()
	for _, faults := range []map[string]error{m.faults, other.faults} {
		for name, fault := range faults {
			if !merged.Has(name) && merged.faults[name] == nil {
				merged.keepFault(name, fault)
			}
		}
	}
	merged.quirks = slices.Concat(m.quirks, other.quirks, m.conflicts(other))
	return &merged
}

// objectOf returns an object with these members.
func objectOf(members map[string]compact.Value) (compact.Object, error) {
	var text []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return compact.Object{}, err
		}
		text = append(text, string(quoted)+":"+members[name].Raw())
	}
	return compact.ParseObject("{"+strings.Join(text, ",")+"}", maxDepth)
}

// conflicts returns a quirk for each member whose values in the two documents differ. The order of a list does not matter.
func (m *Metadata) conflicts(other *Metadata) (quirks []quirk.Quirk) {
	for name, index := range fieldsByName() {
		if !m.Has(name) || !other.Has(name) {
			continue
		}
		one, two := reflect.ValueOf(*m).Field(index).Interface(), reflect.ValueOf(*other).Field(index).Interface()
		if list, ok := one.([]string); ok {
			one, two = slices.Sorted(slices.Values(list)), slices.Sorted(slices.Values(two.([]string))) //nolint:errcheck,forcetypeassert // the same field
		}
		if !reflect.DeepEqual(one, two) {
			quirks = append(quirks, quirk.Quirk{Name: quirk.Conflict, Place: place(name), RFC: "RFC 8414 section 5"})
		}
	}
	return quirks
}
