package compact

import (
	"reflect"
	"slices"
	"strings"
)

// field is what a struct has under one JSON name.
type field struct {
	goType reflect.Type // nil: several fields claim the name, and encoding/json uses none of them
	tagged bool
}

// fieldTypes finds a struct's fields by the names encoding/json gives them. The fields of embedded structs count as the
// struct's own, and of several with one name the least deep one is used.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	types := make(map[string]reflect.Type)
	seen := make(map[reflect.Type]bool)
	for level := []reflect.Type{t}; len(level) > 0; {
		fields, below := levelFields(level)
		for name, f := range fields {
			if _, hidden := types[name]; !hidden {
				types[name] = f.goType
			}
		}
		level = slices.DeleteFunc(below, func(inner reflect.Type) bool { return seen[inner] })
		for _, inner := range level {
			seen[inner] = true
		}
	}
	return types
}

// levelFields returns the fields of structs that are embedded equally deep, and the structs embedded in those.
func levelFields(level []reflect.Type) (fields map[string]field, below []reflect.Type) {
	fields = make(map[string]field)
	for _, t := range level {
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			name, _, _ := strings.Cut(tag, ",")
			inner, embedded := embeddedStruct(f)
			switch {
			case tag == "-" || !f.IsExported() && !embedded:
			case embedded && name == "":
				below = append(below, inner)
			case name == "":
				fields[f.Name] = prefer(fields, f.Name, field{goType: f.Type})
			default:
				fields[name] = prefer(fields, name, field{goType: f.Type, tagged: true})
			}
		}
	}
	return fields, below
}

func embeddedStruct(f reflect.StructField) (t reflect.Type, ok bool) {
	t = f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, f.Anonymous && t.Kind() == reflect.Struct
}

// prefer settles which of two equally deep fields has the name: the one with a tag, else neither.
func prefer(fields map[string]field, name string, f field) field {
	other, taken := fields[name]
	switch {
	case !taken || f.tagged && !other.tagged:
		return f
	case other.tagged && !f.tagged:
		return other
	}
	return field{tagged: f.tagged}
}
