package openapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v4"
)

// textNode returns a string.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// setMember replaces a member of an object, or appends it. Content has the names and the values in turn. The comment behind the old value
// remains, because the document is edited by people too.
func setMember(object *yaml.Node, name string, value *yaml.Node) {
	for i := 0; i+1 < len(object.Content); i += 2 {
		if plain(object.Content[i]).Value == name {
			if old := object.Content[i+1]; old.LineComment != "" {
				value.LineComment = old.LineComment
			}
			object.Content[i+1] = value
			return
		}
	}
	object.Content = append(object.Content, textNode(name), value)
}

// objectAt returns the object that is a member of another one. It adds an empty one if there is none. A member of another type is
// replaced.
func objectAt(object *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(object.Content); i += 2 {
		if value := plain(object.Content[i+1]); plain(object.Content[i]).Value == name && value.Kind == yaml.MappingNode {
			if len(value.Content) == 0 {
				value.Style = 0 // an empty object is written as {}, in which members would be on one line
			}
			return value
		}
	}
	value := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	setMember(object, name, value)
	return value
}

// textOf returns the content of a value as JSON, so that values can be compared.
func textOf(node *yaml.Node) string {
	var out bytes.Buffer
	writeJSON(&out, node, 0)
	return out.String()
}

// writeJSON writes a value as JSON. Numbers are written as they were, so that a large number does not lose digits. depth is the number of
// objects and arrays around the value.
func writeJSON(out *bytes.Buffer, node *yaml.Node, depth int) {
	node = plain(node)
	switch node.Kind {
	case yaml.MappingNode:
		writeList(out, "{}", len(node.Content)/2, depth, func(i int) {
			writeText(out, plain(node.Content[2*i]).Value)
			out.WriteString(": ")
			writeJSON(out, node.Content[2*i+1], depth+1)
		})
	case yaml.SequenceNode:
		writeList(out, "[]", len(node.Content), depth, func(i int) { writeJSON(out, node.Content[i], depth+1) })
	default:
		if node.ShortTag() == "!!str" {
			writeText(out, node.Value)
			return
		}
		out.WriteString(node.Value)
	}
}

// writeList writes the elements of an object or array, each on a line of its own. brackets are the opening and the closing one, and each
// writes the element i.
func writeList(out *bytes.Buffer, brackets string, count, depth int, each func(i int)) {
	if count == 0 {
		out.WriteString(brackets)
		return
	}
	out.WriteByte(brackets[0])
	for i := range count {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + strings.Repeat("  ", depth+1))
		each(i)
	}
	out.WriteString("\n" + strings.Repeat("  ", depth))
	out.WriteByte(brackets[1])
}

// writeText writes a string. The characters <, > and & are not escaped, because the text is not a part of an HTML page.
func writeText(out *bytes.Buffer, text string) {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can always be encoded
	out.Write(bytes.TrimRight(quoted.Bytes(), "\n"))
}
