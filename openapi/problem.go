package openapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Problem is a mistake in a document. The errors of [Read] and [Describe] join a Problem for each mistake.
type Problem struct { //nolint:errname // a document has problems, and each is an error
	File    string // the name of the file in Config.Files; empty: the document itself
	Pointer string // the place of the mistake, as a JSON pointer (RFC 6901)
	Line    int    // the line of that place; zero: unknown
	Text    string // what is wrong, and what is expected
}

// Error returns the file, the line, the pointer and the text.
func (p *Problem) Error() string {
	place := "document"
	if p.File != "" {
		place = strconv.Quote(p.File)
	}
	if p.Line > 0 {
		place += " line " + strconv.Itoa(p.Line)
	}
	if p.Pointer != "" {
		place += ": " + p.Pointer
	}
	return "openapi: " + place + ": " + p.Text
}

// problems collects the problems of a document.
type problems struct{ list []error }

// add records a problem at a place.
func (p *problems) add(at place, format string, args ...any) {
	problem := &Problem{File: at.file, Pointer: at.pointer, Text: fmt.Sprintf(format, args...)}
	if at.node != nil {
		problem.Line = at.node.Line
	}
	p.list = append(p.list, problem)
}

// err joins the problems. It is nil if there are none.
func (p *problems) err() error { return errors.Join(p.list...) }

// place is a value in a document, and where it is.
type place struct {
	node    *yaml.Node // nil: the value does not exist
	file    string
	pointer string
}

// exists reports whether there is a value.
func (at place) exists() bool { return at.node != nil }

// member returns the member of an object. It does not exist if the value is not an object or has no such member.
func (at place) member(name string) place {
	child := place{file: at.file, pointer: at.pointer + "/" + escaped(name)}
	object := plain(at.node)
	if object == nil || object.Kind != yaml.MappingNode {
		return child
	}
	for i := 0; i+1 < len(object.Content); i += 2 {
		if plain(object.Content[i]).Value == name {
			child.node = object.Content[i+1]
		}
	}
	return child
}

// members calls each for each member of an object, in order.
func (at place) members(each func(name string, value place)) {
	object := plain(at.node)
	if object == nil || object.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(object.Content); i += 2 {
		name := plain(object.Content[i]).Value
		each(name, place{node: object.Content[i+1], file: at.file, pointer: at.pointer + "/" + escaped(name)})
	}
}

// elements calls each for each element of an array, in order.
func (at place) elements(each func(value place)) {
	array := plain(at.node)
	if array == nil || array.Kind != yaml.SequenceNode {
		return
	}
	for i, element := range array.Content {
		each(place{node: element, file: at.file, pointer: at.pointer + "/" + strconv.Itoa(i)})
	}
}

// isObject and isArray report the kind of the value.
func (at place) isObject() bool { return at.is(yaml.MappingNode) }

func (at place) isArray() bool { return at.is(yaml.SequenceNode) }

func (at place) is(kind yaml.Kind) bool {
	value := plain(at.node)
	return value != nil && value.Kind == kind
}

// text returns the value of a string. ok is false if the value is not a string.
func (at place) text() (text string, ok bool) {
	value := plain(at.node)
	if value == nil || value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" {
		return "", false
	}
	return value.Value, true
}

// plain returns the value that an alias refers to, or the node itself.
func plain(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// escaped returns name as a reference token of a JSON pointer (RFC 6901 section 3).
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
