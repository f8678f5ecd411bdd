package mcpauth

// This file reads the JSON-RPC messages of a body for the decision of the HTTP layer. It is stricter than the parser of the SDK: a
// body that both could read in different ways is rejected here. FuzzParse compares the two.

import (
	"bytes"
	"encoding/json"
	"errors"
)

// maxMessages is the largest number of messages in one body, and of URIs in subscriptions/listen. Only revisions before 2025-06-18
// allow several messages in one body (a batch).
const maxMessages = 100

// Faults of a message. The client receives their text.
var (
	errBatch    = errors.New("the body is an empty array, or an array of more than 100 messages")
	errMessage  = errors.New(`a message is not an object with "jsonrpc": "2.0"`)
	errKind     = errors.New("a message is neither a request with a method, nor a response with an id and either a result or an error")
	errID       = errors.New("the id of a message is neither a string nor a number")
	errParams   = errors.New("the params of a message are not an object")
	errTarget   = errors.New("the params of a message do not name the tool, prompt or resource of the method")
	errNewBatch = errors.New("the body is an array, but the request has the header Mcp-Method or Mcp-Name")
)

// message is one JSON-RPC message: a request, a notification, or the response to a request of the server.
type message struct {
	operation                 // what the policy decides about; without a method for a response
	id        json.RawMessage // as the client wrote it; nil for notifications
}

// parse returns the messages of a body. batch reports whether the body is an array. parse returns an error if parsers could read
// the body in different ways, or if the policy cannot find the tool, prompt or resource. It checks nothing else: the SDK checks
// the messages again.
func parse(body []byte) (messages []message, batch bool, err error) {
	if err := checkJSON(body); err != nil {
		return nil, false, err
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if body[0] != '[' { // one message, as in all recent revisions
		single, err := parseMessage(body)
		return []message{single}, false, err
	}
	var members []json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || len(members) == 0 || len(members) > maxMessages {
		return nil, true, errBatch
	}
	for _, member := range members {
		one, err := parseMessage(member)
		if err != nil {
			return nil, true, err
		}
		messages = append(messages, one)
	}
	return messages, true, nil
}

// parseMessage returns the message in data, which checkJSON has accepted.
func parseMessage(data json.RawMessage) (m message, err error) {
	members, err := object(data, "jsonrpc", "id", "method", "params", "result", "error")
	if errors.Is(err, errSpelling) {
		return m, err // the client receives this more precise error
	}
	if err != nil || string(members["jsonrpc"]) != `"2.0"` {
		return m, errMessage
	}
	// Without an id, the message is a notification. An id that is null or an object would make it unclear what it is.
	id, hasID := members["id"]
	if hasID && !isID(id) {
		return m, errID
	}
	m.id = id
	_, isResult := members["result"]
	_, isError := members["error"]
	method, isRequest := members["method"]
	if !isRequest { // the response to a request of the server
		if !hasID || isResult == isError {
			return m, errKind
		}
		return m, nil
	}
	// Parsers could treat a message with a method and a result as a request or as a response.
	if isResult || isError {
		return m, errKind
	}
	name, ok := text(method)
	if !ok || name == "" { // an empty method would look like a response of the client
		return m, errKind
	}
	m.operation, err = parseParams(name, members["params"])
	return m, err
}

// isID reports whether data is a string or a number. The first byte is enough, because data is valid JSON.
func isID(data json.RawMessage) bool {
	return len(data) > 0 && (data[0] == '"' || data[0] == '-' || '0' <= data[0] && data[0] <= '9')
}

// parseParams returns the operation of a request or notification. params is nil if the message has no such member.
func parseParams(method string, params json.RawMessage) (operation, error) {
	op := operation{method: method}
	if params == nil || string(params) == "null" { // some clients send null for methods without parameters
		params = json.RawMessage("{}")
	}
	// The names of all members that the policy or the transport reads, in any method.
	members, err := object(params, "_meta", "name", "uri", "ref", "arguments", "notifications")
	if errors.Is(err, errSpelling) {
		return op, err
	}
	if err != nil {
		return op, errParams
	}
	switch method { // these two do not name their target in a member of params
	case "completion/complete":
		return parseReference(members["ref"])
	case "subscriptions/listen":
		return parseListen(members["notifications"])
	}
	k, member := target(method)
	if k == none { // a method without a target, or a custom method
		return op, nil
	}
	name, ok := text(members[member]) // an empty name is a name: the policy has no entry for it, unless "*" fits
	if !ok {
		return op, errTarget
	}
	op.kind, op.names = k, []string{name}
	return op, nil
}

// parseReference returns the operation of completion/complete. ref names a prompt, or the URI (template) of a resource, whose
// arguments the server completes.
func parseReference(ref json.RawMessage) (operation, error) {
	op := operation{method: "completion/complete"}
	members, err := object(ref, "type", "name", "uri")
	if errors.Is(err, errSpelling) {
		return op, err
	}
	// type decides which member counts. For any other type, member is empty, and there is no target.
	typ, _ := text(members["type"])
	member := map[string]string{"ref/prompt": "name", "ref/resource": "uri"}[typ]
	name, ok := text(members[member])
	if err != nil || !ok {
		return op, errTarget
	}
	op.kind, op.names = prompt, []string{name}
	if member == "uri" {
		op.kind = resource
	}
	return op, nil
}

// parseListen returns the operation of subscriptions/listen. notifications.resourceSubscriptions lists the URIs of resources whose
// changes the client wants to receive. Without this list, the operation has no target.
func parseListen(notifications json.RawMessage) (operation, error) {
	op := operation{method: "subscriptions/listen"}
	if notifications == nil {
		return op, nil // nothing that needs an entry; the SDK rejects it
	}
	members, err := object(notifications, "resourceSubscriptions")
	if errors.Is(err, errSpelling) {
		return op, err
	}
	if err != nil {
		return op, errTarget
	}
	subscriptions, listed := members["resourceSubscriptions"]
	if !listed || string(subscriptions) == "null" {
		return op, nil
	}
	// The elements are decoded one by one, because text is stricter than encoding/json.
	var uris []json.RawMessage
	if err := json.Unmarshal(subscriptions, &uris); err != nil || len(uris) > maxMessages {
		return op, errTarget
	}
	for _, one := range uris {
		uri, ok := text(one)
		if !ok {
			return op, errTarget
		}
		op.kind, op.names = resource, append(op.names, uri)
	}
	return op, nil
}
