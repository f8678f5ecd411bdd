package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// The limits of a document. With aliases, a value counts each time that it is used.
const (
	maxBytes = 16 << 20
	maxNodes = 1_000_000
	maxDepth = 100
)

// parse returns the tree of a JSON or YAML document. It rejects what two parsers could read differently: duplicate members,
// names that are not texts, and further documents in the same file.
func parse(data []byte, file string, found *problems) (root place) {
	at := place{file: file}
	if len(data) > maxBytes {
		found.add(at, "has %d bytes, expected at most %d", len(data), maxBytes)
		return at
	}
	// JSON is a subset of YAML only in theory: the two parsers differ for escapes and duplicate members. So each format has its own.
	var err error
	if json.Valid(data) {
		at.node, err = jsonTree(data)
	} else {
		at.node, err = yamlTree(data)
	}
	if err != nil {
		found.add(place{file: file}, "cannot be read: %v", err)
		return place{file: file}
	}
	scan := scanner{found: found}
	if !scan.check(at, 0) {
		return place{file: file}
	}
	if !at.isObject() {
		found.add(at, "is not an object")
	}
	return at
}

// yamlTree parses exactly one YAML document. A reader that stops after the first document of a file would not see the requirements in
// the others.
func yamlTree(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the document is empty")
		}
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document, expected one")
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, errors.New("the document is empty")
	}
	return document.Content[0], nil
}

// scanner checks a tree before anything else reads it, so that other functions can follow aliases without limits of their own.
type scanner struct {
	found *problems
	nodes int
}

// check reports whether the tree is within the limits. Other problems are only recorded.
func (s *scanner) check(at place, depth int) bool {
	// An alias is followed each time that it occurs, so the count is that of the expanded document. This is what limits documents in which
	// a few aliases of aliases expand to billions of values.
	s.nodes++
	if s.nodes > maxNodes || depth > maxDepth {
		s.found.add(at, "exceeds %d values or %d levels, counting aliases each time", maxNodes, maxDepth)
		return false
	}
	ok := true
	seen := make(map[string]bool)
	if object := plain(at.node); object.Kind == yaml.MappingNode {
		for i := 0; ok && i+1 < len(object.Content); i += 2 {
			name, value := plain(object.Content[i]), object.Content[i+1]
			if name.Kind != yaml.ScalarNode {
				s.found.add(at, "has a member whose name is not a text")
				return false
			}
			below := place{node: value, file: at.file, pointer: at.pointer + "/" + escaped(name.Value)}
			if seen[name.Value] {
				s.found.add(below, "is a duplicate member")
			}
			seen[name.Value] = true
			ok = s.check(below, depth+1)
		}
		return ok
	}
	at.elements(func(element place) { ok = ok && s.check(element, depth+1) })
	return ok
}

// jsonTree returns the tree of a valid JSON document, with the lines of its values. The YAML parser does not accept all JSON
// documents: it rejects escaped surrogate pairs, for example.
func jsonTree(data []byte) (*yaml.Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	reader := &jsonReader{decoder: decoder, data: data, line: 1}
	return reader.value(0)
}

// jsonReader builds a tree from the tokens of a JSON document. It counts the lines, because problems name them and package json does not
// know them.
type jsonReader struct {
	decoder *json.Decoder
	data    []byte
	offset  int64
	line    int // of offset
}

// value reads one value with everything in it. depth is the number of objects and arrays around it.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth+1 { // scanner reports it
		return nil, errors.New("too many levels")
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	now := r.decoder.InputOffset()
	r.line += bytes.Count(r.data[r.offset:now], []byte("\n"))
	r.offset = now
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line}
	switch v := token.(type) {
	case string:
		node.Tag, node.Value, node.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = "!!float", v.String()
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(v)
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case json.Delim:
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
		if v == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.decoder.More() {
			child, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = r.decoder.Token() // the end of the object or array
	}
	return node, err
}
