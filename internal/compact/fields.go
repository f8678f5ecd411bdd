package compact

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// field describes the struct field for a JSON name.
type field struct {
	index     []int // as for [reflect.Value.FieldByIndex]
	tagged    bool
	quoted    bool // the option "string" applies
	ambiguous bool // several fields have the name, and none of them is used
}

// fieldsOf returns the fields of the struct type t by JSON name. It follows the rules of encoding/json: the fields of an
// embedded struct belong to the outer struct, and if several fields have the same name, the one at the least depth is
// used. The result is cached and must not be changed.
func fieldsOf(t reflect.Type) map[string]field {
	if known, ok := fieldCache.Load(t); ok {
		return known.(map[string]field) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	known, _ := fieldCache.LoadOrStore(t, findFields(t))
	return known.(map[string]field) //nolint:errcheck,forcetypeassert // nothing else is stored
}

var fieldCache sync.Map //nolint:gochecknoglobals // map[reflect.Type]map[string]field: bounded by the program's types

// embedded is a struct type and the index path that leads to it.
type embedded struct {
	goType reflect.Type
	index  []int
}

// findFields visits the embedded structs level by level, beginning with t itself. A field hides all fields of the same
// name on deeper levels, even if it is ambiguous itself. A type is not visited again on a deeper level, because a
// struct can embed a pointer to itself.
func findFields(t reflect.Type) map[string]field {
	fields := make(map[string]field)
	seen := map[reflect.Type]bool{t: true}
	for level := []embedded{{goType: t}}; len(level) > 0; {
		found, below := fieldsOfLevel(level)
		for name, f := range found {
			if _, hidden := fields[name]; !hidden {
				fields[name] = f
			}
		}
		level = slices.DeleteFunc(below, func(e embedded) bool { return seen[e.goType] })
		for _, e := range level {
			seen[e.goType] = true
		}
	}
	return fields
}

// fieldsOfLevel returns the fields of structs that are embedded equally deep, and the structs embedded in those.
func fieldsOfLevel(level []embedded) (fields map[string]field, below []embedded) {
	fields = make(map[string]field)
	for _, outer := range level {
		for i := range outer.goType.NumField() {
			f := outer.goType.Field(i)
			index := append(slices.Clone(outer.index), i)
			name, options, tagged := tagOf(f)
			inner, isEmbedded := embeddedStruct(f)
			switch {
			// These fields are never used: excluded ones, unexported ones, and those whose tag Go versions read in
			// different ways. The exported fields of an unexported embedded struct are used, as in encoding/json.
			case f.Tag.Get("json") == "-", !f.IsExported() && (!isEmbedded || tagged && hasMethods(inner)), unclear(name, options):
			// The fields of the embedded struct belong to the outer one. With a tag, it is a field like any other.
			case isEmbedded && !tagged:
				below = append(below, embedded{inner, index})
			default:
				add(fields, name, field{index: index, tagged: tagged, quoted: isQuoted(f.Type, options)})
			}
		}
	}
	return fields, below
}

// tagOf returns the JSON name of a field and the options of its tag. The name is that in the tag, if there is a valid
// one, and otherwise the name of the field.
func tagOf(f reflect.StructField) (name string, options []string, tagged bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	options = strings.Split(rest, ",")
	if name == "" || strings.ContainsAny(name, "\\'\"`") { // no Go version takes these as a name
		return f.Name, options, false
	}
	return name, options, true
}

// unclear reports whether Go versions read the tag of a field in different ways. Such a field is never used.
func unclear(name string, options []string) bool {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	}
	return strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || slices.Contains(options, "embed")
}

// isQuoted reports whether the option "string" applies to a field of type t. As in encoding/json, it applies to
// strings, booleans, numbers and pointers to those.
func isQuoted(t reflect.Type, options []string) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	kind := t.Kind()
	return slices.Contains(options, "string") && (kind == reflect.String || kind == reflect.Bool || isNumeric(kind))
}

// embeddedStruct returns the type of f without its pointer. ok is true if f is an embedded struct, or a pointer to one.
func embeddedStruct(f reflect.StructField) (t reflect.Type, ok bool) {
	t = f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, f.Anonymous && t.Kind() == reflect.Struct
}

// hasMethods reports whether t may decode itself, which reflection cannot call for an unexported field.
func hasMethods(t reflect.Type) bool { return reflect.PointerTo(t).NumMethod() > 0 }

// add stores f under name. If two fields at the same depth have the same name, the one with a tag is used. If both or
// neither have a tag, neither is used.
func add(fields map[string]field, name string, f field) {
	other, taken := fields[name]
	switch {
	case !taken || f.tagged && !other.tagged:
		fields[name] = f
	case f.tagged == other.tagged:
		fields[name] = field{tagged: f.tagged, ambiguous: true}
	}
}
