package consumer

import (
	"reflect"
	"sync"
	"time"
)

// ClaimsAs decodes the verified claims into a value of type T, like [Token.Decode], and returns the same errors. It
// caches the result in t, so that requests with the same token decode the claims once. The caller may change the
// returned value: slices, maps and pointers in it are copies. If T is recursive, or contains interfaces or unexported
// fields, values of T cannot be copied, and the claims are decoded on each call. ClaimsAs is safe for concurrent use.
func ClaimsAs[T any](t *Token) (T, error) {
	key := reflect.TypeFor[T]()
	if known, ok := t.cachedClaims(key); ok {
		claims := known.(T) //nolint:errcheck // only a T is stored under the type T
		return detach(claims), nil
	}
	var claims T
	if err := t.Decode(&claims); err != nil {
		// Decode may have filled a part of claims. A caller that ignores the error must not use that part.
		var none T
		return none, err
	}
	if detachable(key, nil) {
		t.cacheClaims(key, detach(claims))
	}
	return claims, nil
}

// cachedClaims returns the value of the given type that cacheClaims has stored.
func (t *Token) cachedClaims(key reflect.Type) (claims any, ok bool) {
	decoded := t.decoded.Load()
	if decoded == nil {
		return nil, false
	}
	return decoded.Load(key)
}

// cacheClaims stores claims for later calls with the same type. Two calls at the same time store equal values.
func (t *Token) cacheClaims(key reflect.Type, claims any) {
	if t.decoded.Load() == nil {
		t.decoded.CompareAndSwap(nil, new(sync.Map))
	}
	t.decoded.Load().Store(key, claims)
}

// detach returns a deep copy of claims, which shares nothing with it that can be changed.
func detach[T any](claims T) T {
	copied := reflect.New(reflect.TypeFor[T]()).Elem()
	deepCopy(copied, reflect.ValueOf(&claims).Elem())
	return copied.Interface().(T) //nolint:errcheck // it is a T
}

// detachable reports whether deepCopy can copy values of type t. within lists the types that contain t, so that a
// recursive type is found: values of such types could be cyclic, and detachable returns false.
func detachable(t reflect.Type, within []reflect.Type) bool {
	// A Time has unexported fields, but it is immutable and can be shared.
	if t == reflect.TypeFor[time.Time]() {
		return true
	}
	for _, outer := range within {
		if outer == t {
			return false
		}
	}
	within = append(within, t)
	switch t.Kind() {
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return detachable(t.Elem(), within)
	case reflect.Map:
		return detachable(t.Key(), within) && detachable(t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if !t.Field(i).IsExported() || !detachable(t.Field(i).Type, within) {
				return false
			}
		}
	}
	return true
}

// deepCopy sets dst to a copy of src. Pointers, slices, arrays, maps and structs are copied with their content. A
// [time.Time] is copied as a whole, because it has unexported fields and cannot be changed through a copy.
func deepCopy(dst, src reflect.Value) {
	switch src.Kind() {
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(reflect.New(src.Type().Elem()))
			deepCopy(dst.Elem(), src.Elem())
		}
	case reflect.Slice:
		if !src.IsNil() {
			dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
			copyElements(dst, src)
		}
	case reflect.Array:
		copyElements(dst, src)
	case reflect.Map:
		if !src.IsNil() {
			copyEntries(dst, src)
		}
	case reflect.Struct:
		if src.Type() == reflect.TypeFor[time.Time]() {
			dst.Set(src)
			return
		}
		for i := range src.NumField() {
			deepCopy(dst.Field(i), src.Field(i))
		}
	default:
		dst.Set(src)
	}
}

// copyElements copies a slice or an array. dst already has the length of src.
func copyElements(dst, src reflect.Value) {
	for i := range src.Len() {
		deepCopy(dst.Index(i), src.Index(i))
	}
}

// copyEntries copies a map. Keys are assigned and not copied with their content, because the keys of a map that was
// decoded from JSON are strings or numbers in nearly all types.
func copyEntries(dst, src reflect.Value) {
	dst.Set(reflect.MakeMapWithSize(src.Type(), src.Len()))
	for entry := src.MapRange(); entry.Next(); {
		value := reflect.New(src.Type().Elem()).Elem()
		deepCopy(value, entry.Value())
		dst.SetMapIndex(entry.Key(), value)
	}
}
