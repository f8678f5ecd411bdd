package client

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// failure is the error that a response reports.
type failure struct {
	failed                 bool
	code, description, uri string
	other                  bool // not in the form of RFC 6749, Section 5.2
}

// failureOf reads the error that a response reports. In the form of RFC 6749, Section 5.2, the member error is a string:
//
//	{"error": "invalid_grant", "error_description": "…"}
//
// Other forms count only if there is no such error:
//
//	{"error": {"message": "…", "type": "OAuthException", "code": 190}}
//	{"errors": [{"message": "…", "code": "…"}]}
//	{"error_code": 7, "message": "…"}
//	{"ok": false}
//
// failed is false if the response does not report an error, or reports success: {"error": null}, {"error": false},
// {"error_code": 0}. The description is set in any case if the response has one.
func failureOf(o compact.Object) (f failure) {
	f.code = firstText(o, "error")
	f.failed = !isSuccess(f.code)
	for _, name := range []string{"error", "errors", "fault", "error_code", "errorCode", "errcode"} {
		if value, _ := o.Get(name); !f.failed {
			f.code, f.description = problemIn(value, maxProblemDepth)
			f.failed, f.other = !isSuccess(f.code) || f.description != "" && f.code == "", true
		}
	}
	for _, name := range []string{"ok", "success"} {
		value, _ := o.Get(name)
		if is, ok := value.Bool(); ok && !is && !f.failed {
			f.failed, f.other, f.description = true, true, name+" is false"
		}
	}
	if !f.failed {
		f = failure{}
	}
	f.description = cmp.Or(firstText(o, "error_description"), f.description, firstText(o, descriptions()...))
	f.uri = firstText(o, "error_uri")
	return f
}

const maxProblemDepth = 3 // levels of objects in a response that are read

// problemIn returns the code and the description in a value that describes an error: a text, a number, an object, or the
// first element of an array. Both are empty if it does not describe an error.
func problemIn(value compact.Value, depth int) (code, description string) {
	switch value.Kind() {
	case compact.KindString:
		text, _ := value.Text()
		if strings.ContainsAny(text, " \t\r\n") {
			return "", text
		}
		return text, ""
	case compact.KindNumber:
		return value.Raw(), ""
	case compact.KindBool:
		if is, _ := value.Bool(); is {
			return "true", ""
		}
	case compact.KindArray:
		for element := range value.Elements() {
			if depth > 0 {
				return problemIn(element, depth-1)
			}
		}
	case compact.KindObject:
		if o, _ := value.Object(); depth > 0 {
			return problemOf(o, depth-1)
		}
	case compact.KindNone, compact.KindNull:
	}
	return "", ""
}

// problemOf returns the code and the description in an object that describes an error. A number is added to the
// description if there is also a text that can be the code, because such numbers say more.
func problemOf(o compact.Object, depth int) (code, description string) {
	description = firstText(o, append([]string{"error_description"}, descriptions()...)...)
	code = firstText(o, "error", "code", "errorCode", "error_code", "type", "status", "reason")
	for _, name := range []string{"code", "error_code", "errorCode", "status"} {
		value, _ := o.Get(name)
		switch number := value.Raw(); {
		case value.Kind() != compact.KindNumber:
			continue
		case code == "":
			code = number
		case !isSuccess(number):
			description = strings.TrimSpace(description + " (" + name + " " + number + ")")
		}
		break
	}
	for _, name := range []string{"error", "detail"} {
		if inner, _ := o.Get(name); code == "" && inner.Kind() == compact.KindObject {
			innerCode, innerText := problemIn(inner, depth)
			code, description = innerCode, cmp.Or(description, innerText)
		}
	}
	return code, description
}

// descriptions returns the names under which servers describe an error, apart from that of the RFC.
func descriptions() []string {
	return []string{
		"error_message", "error_msg", "errorMessage", "errorSummary", "message", "msg", "errmsg", "detail", "title", "faultstring",
	}
}

// firstText returns the first member of o, by these names, that is a string and not empty.
func firstText(o compact.Object, names ...string) string {
	for _, name := range names {
		if text, _ := o.OptionalText(name); text != "" {
			return text
		}
	}
	return ""
}

// isSuccess reports whether an error code means success.
func isSuccess(code string) bool {
	return slices.Contains([]string{"", "0", "ok", "success", "none", "false"}, strings.ToLower(code))
}
