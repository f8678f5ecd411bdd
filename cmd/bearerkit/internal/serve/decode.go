package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is the number of bytes that a configuration file may have.
const maxFile = 1 << 20

// decode reads one YAML document. Every key must be known and unique. A value that is empty is an error: it would silently
// remove a requirement, as in a route whose list of scopes was forgotten. Aliases, merge keys and tags are errors, because a
// configuration does not need them. The error joins all faults; each names its line.
func decode(data []byte) (config, error) {
	var c config
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return c, errors.New("the file is empty")
		}
		return c, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return c, errors.New("the file has more than one YAML document")
	}
	var found faults
	found.check(document.Content[0], reflect.TypeFor[config](), "")
	if err := found.join(); err != nil {
		return c, err
	}
	return c, document.Content[0].Decode(&c)
}

// faultAt returns an error that names the line of node.
func faultAt(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{node.Line}, args...)...)
}

// faults collects the faults of a document.
type faults []error

func (f *faults) add(node *yaml.Node, format string, args ...any) {
	*f = append(*f, faultAt(node, format, args...))
}

func (f *faults) join() error { return errors.Join(*f...) }

// check checks the keys and the form of node, which is to be decoded into a value of type t. place is its path, for messages.
func (f *faults) check(node *yaml.Node, t reflect.Type, place string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		f.add(node, "%s has an anchor or an alias, which are not supported", name(place))
	case !isPlain(node.ShortTag()):
		f.add(node, "%s has the tag %s, which is not supported", name(place), node.ShortTag())
	case node.ShortTag() == "!!null":
		f.add(node, "%s has no value: write one, or remove the key%s", name(place), anyToken(t))
	case isEmpty(node, t):
		f.add(node, "%s is empty: write a value, or remove the key", name(place))
	case t.Kind() == reflect.Int && isZero(node.Value):
		f.add(node, "%s is zero, which has no effect: write another number, or remove the key", name(place))
	case node.Kind == yaml.MappingNode:
		f.checkMapping(node, t, place)
	case node.Kind == yaml.SequenceNode:
		for _, element := range node.Content {
			f.check(element, elem(t), place)
		}
	}
}

// isEmpty reports whether node is an empty list, mapping or string. A route may be an empty mapping, and a claim (the type
// list, with elements of any type) may be required to be an empty string.
func isEmpty(node *yaml.Node, t reflect.Type) bool {
	if node.Kind != yaml.ScalarNode {
		return len(node.Content) == 0 && t != reflect.TypeFor[routeConfig]()
	}
	return node.Value == "" && t.Kind() != reflect.Interface && t != reflect.TypeFor[list]()
}

// isZero reports whether text is an integer that is zero.
func isZero(text string) bool {
	number, err := strconv.ParseInt(text, 0, 64)
	return err == nil && number == 0
}

// anyToken returns how to write a route that every valid token passes.
func anyToken(t reflect.Type) string {
	if t == reflect.TypeFor[routeConfig]() {
		return "; write {} to require a valid token only"
	}
	return ""
}

// isPlain reports whether tag is that of a value without an explicit tag.
func isPlain(tag string) bool {
	switch tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map", "!!timestamp":
		return true
	}
	return false
}

// elem returns the type of the elements of t. A value of another type is reported by the decoder.
func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		return t.Elem()
	}
	return reflect.TypeFor[any]()
}

// checkMapping checks the keys of a mapping and their values.
func (f *faults) checkMapping(node *yaml.Node, t reflect.Type, place string) {
	lines := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		inner := strings.TrimPrefix(place+"."+key.Value, ".")
		switch earlier, repeated := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.ShortTag() == "!!merge":
			f.add(key, "a key of %s is not a string", name(place))
			continue
		case repeated:
			f.add(key, "%s is repeated: line %d has it too", inner, earlier)
			continue
		}
		lines[key.Value] = key.Line
		if t.Kind() != reflect.Struct {
			f.check(value, elem(t), inner)
			continue
		}
		keys := keysOf(t)
		if field, known := keys[key.Value]; known {
			f.check(value, field, inner)
			continue
		}
		f.add(key, "unknown key %s%s", inner, suggestion(key.Value, keys))
	}
}

// keysOf returns the keys of a struct with the types of their values.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		keys[key] = t.Field(i).Type
	}
	return keys
}

// name returns place for a message.
func name(place string) string {
	if place == "" {
		return "the file"
	}
	return place
}

// suggestion returns a hint with the known key that is most similar to key. Of two keys that are equally similar, it is the
// first one in alphabetical order.
func suggestion(key string, keys map[string]reflect.Type) string {
	best, distance := "", len(key)/2+2
	for known := range keys {
		d := editDistance(strings.ToLower(key), known)
		if d < distance || d == distance && best != "" && known < best {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// editDistance returns the number of bytes that must be inserted, removed or replaced to convert a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
