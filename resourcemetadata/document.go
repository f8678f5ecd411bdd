package resourcemetadata

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

const (
	maxDepth      = 16                   // the largest number of nested JSON arrays and objects
	byteOrderMark = "\ufeff"             // some editors write it at the beginning of a file
	memberRFC     = "RFC 9728 section 2" // about the members of a document
)

// parse reads a document without validating it. A member with a fault is treated as absent and reported as a quirk. Two faults make
// parse return an error: any fault of `resource`, and a member that occurs twice and has a field in Metadata. Programs read the
// first or the last of two such members.
func parse(document []byte) (*Metadata, error) {
	m := new(Metadata)
	text, marked := strings.CutPrefix(string(document), byteOrderMark)
	if marked {
		m.note(quirk.ByteOrderMark, "metadata document", "RFC 8259 section 8.1")
	}
	o, faults, err := compact.ParseDocument(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("the document is not a valid JSON object: %w", err)
	}
	fields := m.fields()
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		if _, known := fields[name]; known && (compact.IsDuplicate(faults[name]) || name == "resource") {
			return nil, fmt.Errorf("member %q: %w", name, faults[name])
		}
		m.noteFault(name, faults[name])
	}
	if err := m.fill(o); err != nil {
		return nil, err
	}
	return m, nil
}

// fill reads the members of o. A member that does not fit its field, and one that is null or empty, is treated as absent.
func (m *Metadata) fill(o compact.Object) error {
	fields := m.fields()
	for name, value := range o.All() {
		field, known := fields[name]
		switch {
		case !known:
			if m.Extra == nil {
				m.Extra = make(map[string]any)
			}
			m.Extra[name] = value.Any()
		case value.IsAbsent():
			m.note(quirk.NullMember, "metadata "+name, memberRFC)
		// An empty list of bearer methods has a meaning: no bearer tokens. All other empty members say nothing.
		case value.IsAbsent(compact.KindString, compact.KindArray) && field != &m.BearerMethodsSupported:
			m.note(quirk.EmptyMember, "metadata "+name, "RFC 9728 section 3.2")
		default:
			err := o.DecodeMember(name, field)
			if err != nil && name == "resource" {
				return err
			}
			if err != nil {
				empty(field)
				m.note(quirk.WrongType, "metadata "+name, memberRFC)
			}
		}
	}
	return nil
}

// empty sets a field to its zero value.
func empty(field any) {
	switch field := field.(type) {
	case *string:
		*field = ""
	case *[]string:
		*field = nil
	case *bool:
		*field = false
	}
}

// noteFault reports a member whose JSON text has a fault. It does not report the names of unknown members, because documents
// can have any number of them.
func (m *Metadata) noteFault(name string, fault error) {
	place := "metadata member"
	if _, known := m.fields()[name]; known {
		place = "metadata " + name
	}
	if compact.IsDuplicate(fault) {
		m.note(quirk.DuplicateMember, place, "RFC 8259 section 4")
		return
	}
	m.note(quirk.InvalidValue, place, "RFC 8259 section 8")
}
