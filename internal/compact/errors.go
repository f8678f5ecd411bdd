package compact

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// The error texts of this package have no package prefix. The caller adds its own. They never contain a value of the
// JSON text, because it may be secret, and a path of member names is cut at maxPath bytes.

// SyntaxError reports that a text is not a JSON object that this package accepts.
type SyntaxError struct {
	Offset  int    // position of the fault in bytes
	Problem string // a fixed text
}

func (e *SyntaxError) Error() string {
	return e.Problem + " at byte " + strconv.Itoa(e.Offset)
}

// TypeError reports a JSON value that does not fit into its Go type.
type TypeError struct {
	// Path leads from the decoded object to the value, for example "address.city" or "roles[2]". It is empty for the
	// object itself and has at most 100 bytes.
	Path string

	// Kind is the kind of the JSON value.
	Kind Kind

	// Type is the Go type.
	Type reflect.Type

	// Err is the error of the type's own decoding method, or nil. The text of a TypeError does not include it, because
	// such errors often quote the value.
	Err error
}

func (e *TypeError) Error() string {
	subject := "member " + strconv.Quote(e.Path)
	if e.Path == "" {
		subject = "the document"
	}
	wanted := clip(e.Type.String())
	switch {
	case e.Err != nil:
		return subject + " is not a valid " + wanted
	case e.Kind == KindNumber && isNumeric(e.Type.Kind()):
		return subject + " is a number that does not fit into " + wanted
	}
	return subject + " is a JSON " + e.Kind.String() + ", expected " + wanted
}

// Unwrap returns Err.
func (e *TypeError) Unwrap() error { return e.Err }

// isNumeric reports whether kind is an integer or a floating-point kind. Package reflect declares these kinds in one
// row.
func isNumeric(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Float64 }

// TargetError reports a target that nothing can be decoded into: not a pointer, a nil pointer, or a pointer that leads
// to itself.
type TargetError struct {
	Type reflect.Type // nil for an untyped nil
}

func (e *TargetError) Error() string {
	name := "nil"
	if e.Type != nil {
		name = clip(e.Type.String())
	}
	return "cannot decode into a value of type " + name + ", expected a non-nil pointer that leads to a value"
}

// maxPath bounds the path in a TypeError, and the name of a type, in bytes.
const maxPath = 100

// clip cuts text at maxPath bytes and marks the cut. It drops a character that the cut has split.
func clip(text string) string {
	if len(text) <= maxPath {
		return text
	}
	return strings.ToValidUTF8(text[:maxPath-len("…")], "") + "…"
}

// typeError returns an error with an empty path. The callers put the steps in front with keepFirst, from the innermost
// to the outermost.
func (v Value) typeError(t reflect.Type, err error) error {
	return &TypeError{Kind: v.Kind(), Type: t, Err: err}
}

// keepFirst returns first if it is not nil. Otherwise it returns err with step, a member name or an index, at the
// beginning of its path.
func keepFirst(first error, step string, err error) error {
	if first != nil || err == nil {
		return first
	}
	var wrong *TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	path := step + "." + wrong.Path
	if wrong.Path == "" || strings.HasPrefix(wrong.Path, "[") {
		path = step + wrong.Path
	}
	return &TypeError{Path: clip(path), Kind: wrong.Kind, Type: wrong.Type, Err: wrong.Err}
}
