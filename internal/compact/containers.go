package compact

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
)

// decodeStruct stores the members for which the struct to has a field. It ignores all others. If a member does not fit
// its field, decodeStruct continues with the others and returns the first error, as encoding/json does.
func (v Value) decodeStruct(to reflect.Value) error {
	o, ok := v.Object()
	if !ok {
		return v.typeError(to.Type(), nil)
	}
	var first error
	fields := fieldsOf(to.Type())
	for name, member := range o.All() {
		f, known := fields[name]
		// A member without a field is not an error: issuers may add claims at any time (RFC 7519 §4).
		if !known || f.ambiguous {
			continue
		}
		first = keepFirst(first, name, member.decodeField(to, f))
	}
	return first
}

// decodeField stores v in the field f of the struct to. It follows the path of f through embedded structs, and creates
// those that are nil pointers.
func (v Value) decodeField(to reflect.Value, f field) error {
	for i, index := range f.index {
		if i > 0 && to.Kind() == reflect.Pointer { // an embedded struct behind a pointer
			if to.IsNil() {
				if !to.CanSet() { // the embedded struct is unexported
					return v.typeError(to.Type(), nil)
				}
				to.Set(reflect.New(to.Type().Elem()))
			}
			to = to.Elem()
		}
		to = to.Field(index)
	}
	// The tag has the option "string": the value is JSON text inside a string.
	if f.quoted && v.Kind() != KindNull {
		inner, ok := v.unquoted()
		if !ok {
			return v.typeError(to.Type(), nil)
		}
		return inner.decode(to)
	}
	return v.decode(to)
}

// unquoted parses the content of a string as JSON text. It returns a string, number, boolean or null, and rejects
// objects and arrays.
func (v Value) unquoted() (Value, bool) {
	text, ok := v.Text()
	s := scanner{text: text} // its depth of 0 rejects objects and arrays
	if !ok || s.value() != nil || s.pos < len(text) {
		return Value{}, false
	}
	return Value{text}, true
}

// decodeMap adds the members to a map, and allocates it if it is nil. Existing entries with other keys stay. If a value
// does not fit, the part of it that could be decoded is added.
func (v Value) decodeMap(to reflect.Value) error {
	o, ok := v.Object()
	if !ok {
		return v.typeError(to.Type(), nil)
	}
	if to.IsNil() {
		to.Set(reflect.MakeMapWithSize(to.Type(), o.Len()))
	}
	var first error
	for name, member := range o.All() {
		key, ok := keyOf(name, to.Type().Key())
		if !ok {
			first = keepFirst(first, name, v.typeError(to.Type().Key(), errKey))
			continue
		}
		value := reflect.New(to.Type().Elem()).Elem()
		first = keepFirst(first, name, member.decode(value))
		to.SetMapIndex(key, value)
	}
	return first
}

var errKey = errors.New("the member name is not a valid key")

// keyOf converts a member name to a key of type t: a string, an integer or an [encoding.TextUnmarshaler].
func keyOf(name string, t reflect.Type) (key reflect.Value, ok bool) {
	key = reflect.New(t)
	// A method of the type takes precedence over its kind, as in encoding/json.
	if reader, ok := key.Interface().(encoding.TextUnmarshaler); ok {
		return key.Elem(), reader.UnmarshalText([]byte(name)) == nil
	}
	key = key.Elem()
	switch {
	case t.Kind() == reflect.String:
		key.SetString(name)
		return key, true
	case key.CanInt():
		n, err := strconv.ParseInt(name, 10, t.Bits())
		key.SetInt(n) // unused if err is not nil
		return key, err == nil
	case key.CanUint():
		n, err := strconv.ParseUint(name, 10, t.Bits())
		key.SetUint(n) // unused if err is not nil
		return key, err == nil
	}
	return key, false
}

// decodeSlice replaces to by a new slice. An element that does not fit is added with what was decoded of it, so that
// all elements keep their index.
func (v Value) decodeSlice(to reflect.Value) error {
	elem := to.Type().Elem()
	switch {
	case v.Kind() == KindString && elem.Kind() == reflect.Uint8:
		return v.decodeBytes(to)
	case v.Kind() != KindArray:
		return v.typeError(to.Type(), nil)
	}
	to.Set(reflect.MakeSlice(to.Type(), 0, 0))
	var first error
	for element := range v.Elements() {
		value := reflect.New(elem).Elem()
		first = keepFirst(first, at(to.Len()), element.decode(value))
		to.Set(reflect.Append(to, value))
	}
	return first
}

// decodeArray replaces the elements of a Go array. It ignores elements of v beyond the length of the array. If v has
// fewer elements, the rest of the array is zero.
func (v Value) decodeArray(to reflect.Value) error {
	if v.Kind() != KindArray {
		return v.typeError(to.Type(), nil)
	}
	to.SetZero() // no element of the old value remains
	var first error
	i := 0
	for element := range v.Elements() {
		if i == to.Len() {
			break
		}
		first = keepFirst(first, at(i), element.decode(to.Index(i)))
		i++
	}
	return first
}

// at returns the step of a path to the element with the index i.
func at(i int) string { return "[" + strconv.Itoa(i) + "]" }

// decodeAny returns v as the Go value that encoding/json uses for it: nil, bool, float64, string, []any or
// map[string]any. A number that float64 cannot hold becomes nil, with an error.
func (v Value) decodeAny() (any, error) {
	switch v.Kind() {
	case KindBool:
		value, _ := v.Bool()
		return value, nil
	case KindString:
		text, _ := v.Text()
		return text, nil
	case KindNumber:
		if number, ok := v.Number(); ok {
			return number, nil
		}
		return nil, v.typeError(reflect.TypeFor[float64](), nil)
	case KindArray:
		return v.decodeList()
	case KindObject:
		return v.decodeMembers()
	case KindNull, KindNone: // KindNone occurs only for the zero Value
	}
	return nil, nil //nolint:nilnil // the Go value of null
}

// decodeList decodes an array. If an element does not fit, decodeList continues with the others, so that the result has
// as many elements as the array.
func (v Value) decodeList() (any, error) {
	list := []any{}
	var first error
	for element := range v.Elements() {
		decoded, err := element.decodeAny()
		first = keepFirst(first, at(len(list)), err)
		list = append(list, decoded)
	}
	return list, first
}

// decodeMembers decodes an object. A member that does not fit is present, with what was decoded of it.
func (v Value) decodeMembers() (any, error) {
	o, _ := v.Object()
	members := make(map[string]any, o.Len())
	var first error
	for name, member := range o.All() {
		decoded, err := member.decodeAny()
		first = keepFirst(first, name, err)
		members[name] = decoded
	}
	return members, first
}
