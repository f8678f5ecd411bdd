package oidcdiscovery

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

const (
	maxDepth      = 16 // levels that the JSON of a document may be nested
	byteOrderMark = "\ufeff"
	formatRFC     = "RFC 8414 section 3.2" // about the Content-Type and the members of a document
)

// parse parses and validates a document. It returns errors without the package prefix.
func (c *Client) parse(issuer string, document []byte) (*Metadata, error) {
	m := Default()
	text, marked := strings.CutPrefix(string(document), byteOrderMark)
	if marked {
		m.note(quirk.ByteOrderMark, "metadata document", "RFC 8259 section 8.1")
	}
	o, faults, err := compact.ParseDocument(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("the document is not a valid JSON object: %w", err)
	}
	m.document = o
	m.fill()
	for name, fault := range faults {
		m.drop(name, fmt.Errorf("member %q: %w", name, fault), quirkOf(fault))
	}
	// Without this check, a faulty issuer would be reported as missing.
	if fault := m.faults["issuer"]; fault != nil {
		return nil, fault
	}
	if err := c.validate(issuer, &m); err != nil {
		return nil, err
	}
	if err := m.ambiguity(); err != nil {
		return nil, err
	}
	return &m, nil
}

// fill reads the members that Metadata has fields for, each on its own. A member that does not fit its field, and one that is
// null, is treated as absent.
func (m *Metadata) fill() {
	fields := fieldsByName()
	for name, value := range m.document.All() {
		index, known := fields[name]
		switch {
		case !known:
		case value.IsAbsent():
			m.note(quirk.NullMember, place(name), formatRFC)
		default:
			field := reflect.ValueOf(m).Elem().Field(index)
			decoded := reflect.New(field.Type())
			if err := m.document.DecodeMember(name, decoded.Interface()); err != nil {
				m.drop(name, err, quirk.Quirk{Name: quirk.WrongType, RFC: formatRFC})
				continue
			}
			field.Set(decoded.Elem())
		}
	}
}

// fieldsByName returns the indexes of the fields of Metadata by the names of their members.
var fieldsByName = sync.OnceValue(func() map[string]int { //nolint:gochecknoglobals // a constant table
	fields := make(map[string]int)
	for i, t := 0, reflect.TypeFor[Metadata](); i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" {
			fields[name] = i
		}
	}
	return fields
})

// drop records that the member with this name is treated as absent because of fault. Members without a field in Metadata
// are only reported.
func (m *Metadata) drop(name string, fault error, q quirk.Quirk) {
	m.note(q.Name, place(name), q.RFC)
	if _, known := fieldsByName()[name]; known {
		m.keepFault(name, fault)
	}
}

// keepFault records fault for Check.
func (m *Metadata) keepFault(name string, fault error) {
	if m.faults == nil {
		m.faults = make(map[string]error)
	}
	m.faults[name] = fault
}

// note adds a quirk.
func (m *Metadata) note(name quirk.Name, place, rfc string) {
	m.quirks = append(m.quirks, quirk.Quirk{Name: name, Place: place, RFC: rfc})
}

// place returns the place of a quirk. It does not contain the names of unknown members, because documents can have any
// number of them.
func place(name string) string {
	if _, known := fieldsByName()[name]; known {
		return "metadata " + name
	}
	return "metadata member"
}

// quirkOf returns the quirk for a fault of the JSON text of a member.
func quirkOf(fault error) quirk.Quirk {
	if compact.IsDuplicate(fault) {
		return quirk.Quirk{Name: quirk.DuplicateMember, RFC: "RFC 8259 section 4"}
	}
	return quirk.Quirk{Name: quirk.InvalidValue, RFC: "RFC 8259 section 8"}
}

// ambiguity returns the fault of a member that must not be treated as absent: a jwks_uri with any fault, and an endpoint
// that occurs twice. Otherwise, programs would use the keys or the endpoints of different servers, depending on their JSON
// reader.
func (m *Metadata) ambiguity() error {
	for _, name := range slices.Sorted(maps.Keys(m.faults)) {
		fault := m.faults[name]
		if name == "jwks_uri" || strings.HasSuffix(name, "_endpoint") && compact.IsDuplicate(fault) {
			return fault
		}
	}
	return nil
}

// Quirks returns the harmless deviations of the document from the specifications, sorted. They concern members that are
// treated as absent, the Content-Type, the location, and a byte order mark. The list is nil if there are none, and for
// a Metadata that was created by hand. The caller may change it.
func (m *Metadata) Quirks() []quirk.Quirk { return quirk.Join(m.quirks) }

// Check returns an error if the document has one of the given members in a form that cannot be used, such as a string
// in place of an array. [Client.Discover] and [Client.Parse] treat these members as absent, so that a fault in a member
// that is not needed has no effect. Call Check with the members that your program needs, and with those whose absence
// would turn off one of its checks.
//
// The error names the members and their faults. It is nil for members that are absent, and for a Metadata that was created
// by hand.
func (m *Metadata) Check(members ...string) error {
	var faults []error
	for _, name := range slices.Compact(slices.Sorted(slices.Values(members))) {
		if fault := m.faults[name]; fault != nil {
			faults = append(faults, fmt.Errorf("oidcdiscovery: metadata of %q: %w", m.Issuer, fault))
		}
	}
	return errors.Join(faults...)
}
