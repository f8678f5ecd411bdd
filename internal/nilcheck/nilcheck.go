// Package nilcheck finds nil values in the fields of a Config.
package nilcheck

import "reflect"

// IsNil reports whether v is nil, or an interface that contains a nil pointer, func, map, slice or channel. Such an interface
// is not equal to nil, but its methods usually panic. New must therefore reject it: otherwise the first request would panic.
// IsNil uses reflection, so do not call it for each request.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	switch value.Kind() { // values of all other kinds cannot be nil
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.UnsafePointer:
		return value.IsNil()
	}
	return false
}
