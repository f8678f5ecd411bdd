package compact

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Decode decodes the object into v, which is a pointer as for [json.Unmarshal]. Member names are matched byte for
// byte: encoding/json alone would also fill a field tagged "admin" from a member called "ADMIN" (RFC 7519 §4 has claim
// names compared exactly).
func (o Object) Decode(v any) error {
	text := o.text
	if t := target(v); t != nil {
		text = exact(Value{strings.Trim(o.text, " \t\r\n")}, t)
	}
	return json.Unmarshal([]byte(text), v)
}

// maxIndirections ends the way through a value that points to itself.
const maxIndirections = 16

// target is the type that v points to, also where interfaces stand on the way to it, or nil.
func target(v any) reflect.Type {
	at := reflect.ValueOf(v)
	for range maxIndirections {
		if at.Kind() != reflect.Pointer && at.Kind() != reflect.Interface || at.IsNil() {
			break
		}
		at = at.Elem()
	}
	if !at.IsValid() {
		return nil
	}
	return at.Type()
}

// exact returns the text of v without the members that encoding/json would put into a field of another spelling.
func exact(v Value, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return v.text
	case t.Kind() == reflect.Struct && v.Kind() == KindObject:
		fields := fieldTypes(t)
		return exactMembers(v, func(name string) reflect.Type { return fields[name] })
	case t.Kind() == reflect.Map && v.Kind() == KindObject:
		return exactMembers(v, func(string) reflect.Type { return t.Elem() })
	case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && v.Kind() == KindArray:
		return exactElements(v, t.Elem())
	}
	return v.text
}

// exactMembers keeps the members that typeOf has a type for. A struct ignores the others anyway.
func exactMembers(v Value, typeOf func(name string) reflect.Type) string {
	o, _ := v.Object()
	kept := make([]string, 0, o.Len())
	for name, member := range o.All() {
		if t := typeOf(name); t != nil {
			kept = append(kept, quote(name)+":"+exact(member, t))
		}
	}
	return "{" + strings.Join(kept, ",") + "}"
}

func exactElements(v Value, t reflect.Type) string {
	var kept []string
	for element := range v.Elements() {
		kept = append(kept, exact(element, t))
	}
	return "[" + strings.Join(kept, ",") + "]"
}

func quote(name string) string {
	if strings.ContainsAny(name, `"\`) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		quoted, _ := json.Marshal(name)
		return string(quoted)
	}
	return `"` + name + `"`
}
