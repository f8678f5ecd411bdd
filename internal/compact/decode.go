package compact

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
)

// Decode stores the object in the value that v points to. It follows the rules of [json.Unmarshal] with these
// differences, which hold for every Go version:
//
//   - Member names match field names byte for byte (RFC 7519 §4 requires it for claims). encoding/json would also fill
//     a field tagged "admin" from a member named "ADMIN".
//   - A JSON array replaces a slice or array. No element of the old value remains.
//   - A value that points to itself is an error.
//   - Of the options in a field's tag, only "string" is used.
//
// Decode stores every member that fits and returns the first error: a [*TypeError] or a [*TargetError]. Decoding the zero
// Object is a [*SyntaxError].
func (o Object) Decode(v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &TargetError{Type: reflect.TypeOf(v)}
	}
	if o.text == "" {
		return &SyntaxError{Problem: "expected an object"}
	}
	return o.whole().decode(target)
}

// DecodeMember stores the value of the member with this name in the value that v points to. If there is no such member, it
// stores nothing and returns nil. The rules and the errors are those of [Object.Decode], also for the path in an error.
func (o Object) DecodeMember(name string, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &TargetError{Type: reflect.TypeOf(v)}
	}
	member, ok := o.Get(name)
	if !ok {
		return nil
	}
	return keepFirst(nil, name, member.decode(target))
}

// maxIndirections is the number of pointers and interfaces that decode follows to one value. Without it, a pointer that
// points to itself would make decode loop forever.
const maxIndirections = 16

// decode stores v in to, which must be settable or a non-nil pointer. It follows pointers and interfaces, and allocates
// nil pointers, until it reaches a value or a type with its own decoding method. If v is null, it sets the first
// pointer to nil instead.
func (v Value) decode(to reflect.Value) error {
	for range maxIndirections {
		// Methods come first, because a type may give null a meaning of its own.
		if read, err := v.decodeByMethod(to); read {
			return err
		}
		switch {
		case v.Kind() == KindNull:
			decodeNull(to)
			return nil
		case to.Kind() == reflect.Interface && holdsPointer(to):
			to = to.Elem()
		case to.Kind() == reflect.Pointer:
			if to.IsNil() {
				if !to.CanSet() { // an embedded pointer to an unexported struct
					return v.typeError(to.Type(), nil)
				}
				to.Set(reflect.New(to.Type().Elem()))
			}
			to = to.Elem()
		default:
			return v.decodeKind(to)
		}
	}
	return &TargetError{Type: to.Type()}
}

// holdsPointer reports whether the interface to holds a pointer that is not nil. Like encoding/json, decode then fills
// the value behind that pointer and does not replace it.
func holdsPointer(to reflect.Value) bool {
	return to.Elem().Kind() == reflect.Pointer && !to.Elem().IsNil()
}

// decodeNull sets pointers, interfaces, maps and slices to nil. It does not change other values.
func decodeNull(to reflect.Value) {
	kinds := []reflect.Kind{reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice}
	if to.CanSet() && slices.Contains(kinds, to.Kind()) {
		to.SetZero()
	}
}

// decodeByMethod decodes into a type that has a method for it. A pointer receives null as nil, without a call.
func (v Value) decodeByMethod(to reflect.Value) (done bool, err error) {
	// CanInterface is false for what was reached through an unexported field. Reflection cannot call its methods.
	if to.Kind() == reflect.Pointer || !to.CanAddr() || !to.Addr().CanInterface() {
		return false, nil
	}
	target := to.Addr().Interface()
	if number, ok := target.(*json.Number); ok { // it has decoding methods in some Go versions only
		return true, v.decodeNumber(number)
	}
	// Most types have no methods, and need none of the checks below.
	if to.Addr().NumMethod() == 0 {
		return false, nil
	}
	switch reader := target.(type) {
	case json.Unmarshaler:
		return true, v.methodError(to, reader.UnmarshalJSON([]byte(v.text)))
	case encoding.TextUnmarshaler:
		if !hasUnmarshalJSONFrom(to.Type()) {
			return true, v.decodeText(to, reader)
		}
	}
	if hasUnmarshalJSONFrom(to.Type()) {
		return true, v.methodError(to, json.Unmarshal([]byte(v.text), target))
	}
	return false, nil
}

// methodError returns the error for a value that the decoding method of its type has rejected with err, or nil if err
// is nil.
func (v Value) methodError(to reflect.Value, err error) error {
	if err != nil {
		return v.typeError(to.Type(), err)
	}
	return nil
}

// decodeText passes a string to reader. It ignores null, as it does for types without methods.
func (v Value) decodeText(to reflect.Value, reader encoding.TextUnmarshaler) error {
	text, ok := v.Text()
	switch {
	case v.Kind() == KindNull:
		return nil
	case !ok:
		return v.typeError(to.Type(), nil)
	}
	return v.methodError(to, reader.UnmarshalText([]byte(text)))
}

// hasUnmarshalJSONFrom reports whether t implements UnmarshalerFrom of encoding/json/v2, a package that not every
// supported Go version has. No other method has this name and a *jsontext.Decoder as its parameter.
func hasUnmarshalJSONFrom(t reflect.Type) bool {
	method, ok := reflect.PointerTo(t).MethodByName("UnmarshalJSONFrom")
	// The two parameters are the receiver and the decoder.
	if !ok || method.Type.NumIn() != 2 || method.Type.In(1).Kind() != reflect.Pointer {
		return false
	}
	return method.Type.In(1).Elem().PkgPath() == "encoding/json/jsontext"
}

// decodeNumber accepts a number, and a string that holds one.
func (v Value) decodeNumber(to *json.Number) error {
	text, ok := v.Text()
	if !ok {
		text = v.text
	}
	// The text of a json.Number must be a valid JSON number, even if it comes from a string.
	switch s := (scanner{text: text}); {
	case v.Kind() == KindNull:
	case v.Kind() != KindNumber && !ok, s.number() != nil, s.pos < len(text):
		return v.typeError(reflect.TypeFor[json.Number](), nil)
	default:
		*to = json.Number(text)
	}
	return nil
}

// decodeKind decodes into a value that is neither a pointer nor of a type with its own decoding method.
func (v Value) decodeKind(to reflect.Value) error {
	switch to.Kind() {
	case reflect.Interface:
		return v.decodeInterface(to)
	case reflect.Struct:
		return v.decodeStruct(to)
	case reflect.Map:
		return v.decodeMap(to)
	case reflect.Slice:
		return v.decodeSlice(to)
	case reflect.Array:
		return v.decodeArray(to)
	}
	if !v.decodeScalar(to) {
		return v.typeError(to.Type(), nil)
	}
	return nil
}

// decodeScalar reports whether v fits into to. If it does not, to keeps its value.
func (v Value) decodeScalar(to reflect.Value) (fits bool) {
	switch {
	// The kind decides, and not the type, so that a type like "type Role string" works too.
	case to.Kind() == reflect.String:
		text, ok := v.Text()
		return setIf(ok, to.SetString, text)
	case to.Kind() == reflect.Bool:
		value, ok := v.Bool()
		return setIf(ok, to.SetBool, value)
	case v.Kind() != KindNumber:
		return false
	// The text is parsed, and not a float64, so that large integers stay exact. A fraction or an exponent is an error.
	case to.CanInt():
		n, err := strconv.ParseInt(v.text, 10, to.Type().Bits())
		return setIf(err == nil, to.SetInt, n)
	case to.CanUint():
		n, err := strconv.ParseUint(v.text, 10, to.Type().Bits())
		return setIf(err == nil, to.SetUint, n)
	case to.CanFloat():
		n, err := strconv.ParseFloat(v.text, to.Type().Bits())
		return setIf(err == nil, to.SetFloat, n)
	}
	return false
}

// setIf calls set with value if ok is true, and returns ok.
func setIf[T any](ok bool, set func(T), value T) bool {
	if ok {
		set(value)
	}
	return ok
}

// decodeInterface stores v in an interface as decodeAny returns it. Only an interface without methods can hold every
// JSON value.
func (v Value) decodeInterface(to reflect.Value) error {
	if to.NumMethod() > 0 {
		return v.typeError(to.Type(), nil)
	}
	decoded, err := v.decodeAny()
	// reflect.ValueOf(nil) is not a value that can be stored.
	if decoded == nil {
		to.SetZero()
		return err
	}
	to.Set(reflect.ValueOf(decoded))
	return err
}

// decodeBytes decodes a string that holds standard base64, as encoding/json writes a []byte.
func (v Value) decodeBytes(to reflect.Value) error {
	text, _ := v.Text()
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return v.typeError(to.Type(), err)
	}
	to.SetBytes(decoded)
	return nil
}
