package tokenstoretest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// fill sets every field of the struct v that encoding/json writes to a value that is not zero and occurs only once. The tests
// use it so that they also check fields that are added to the types of package client later. salt distinguishes the values
// of several calls.
func fill(v reflect.Value, salt string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Tag.Get("json") == "-" {
			continue
		}
		set(v.Field(i), salt+strconv.Itoa(i))
	}
}

// set sets one field. The texts have characters that are often stored wrongly.
func set(v reflect.Value, salt string) {
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		n, _ := strconv.Atoi(salt)
		*value = time.Date(2030, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("", 3600)).Add(time.Duration(n) * time.Hour)
		return
	case *json.RawMessage:
		*value = json.RawMessage(`{"keys":[],"salt":"` + salt + `"}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("Ünï 名前 🔑 \"\\\n\u2028<%?$1' " + salt + " ")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		set(v.Index(0), salt+"0")
		set(v.Index(1), salt+"1")
	case reflect.Struct:
		fill(v, salt)
	default:
		panic("tokenstoretest: a field of type " + v.Type().String() + " is new; add it to set") //nolint:forbidigo // a mistake in this package
	}
}

// difference returns which field of two structs that encoding/json writes is different, or "". Two times are equal if they are
// the same instant, and two lists if they have the same elements. JSON texts may differ in white space.
func difference(got, want reflect.Value) string {
	for i := range want.NumField() {
		field := want.Type().Field(i)
		if !field.IsExported() || field.Tag.Get("json") == "-" {
			continue
		}
		g, w := got.Field(i), want.Field(i)
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[time.Time]() {
			if inner := difference(g, w); inner != "" {
				return field.Name + "." + inner
			}
			continue
		}
		if !equal(g.Interface(), w.Interface()) {
			return fmt.Sprintf("%s = %#v, want %#v", field.Name, g.Interface(), w.Interface())
		}
	}
	return ""
}

func equal(got, want any) bool {
	switch want := want.(type) {
	case time.Time:
		other, ok := got.(time.Time)
		return ok && other.Equal(want)
	case json.RawMessage:
		other, ok := got.(json.RawMessage)
		var x, y any
		return ok && (len(other)+len(want) == 0 || json.Unmarshal(other, &x) == nil && json.Unmarshal(want, &y) == nil && reflect.DeepEqual(x, y))
	case []string:
		other, ok := got.([]string)
		return ok && (len(other)+len(want) == 0 || reflect.DeepEqual(other, want))
	}
	return reflect.DeepEqual(got, want)
}
