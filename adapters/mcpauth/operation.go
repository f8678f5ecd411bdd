package mcpauth

import (
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// kind says in which field of Config the names of an operation are listed.
type kind int

const (
	none kind = iota // the operation names nothing
	tool
	prompt
	resource

	kinds // the number of kinds
)

// operation is what a message does, as far as the policy distinguishes it.
type operation struct {
	method string // empty for the response to a request of the server
	kind   kind
	names  []string // of tools, prompts or resources
}

// targets says which member of the parameters names the target of a method.
func target(method string) (k kind, member string) {
	switch method {
	case "tools/call":
		return tool, "name"
	case "prompts/get":
		return prompt, "name"
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		return resource, "uri"
	}
	return none, ""
}

// operationOf returns the operation of a message that the SDK has parsed. ok is false if the type of its parameters does not
// fit the method.
func operationOf(method string, params mcp.Params) (op operation, ok bool) {
	named := func(k kind, names ...string) (operation, bool) { return operation{method, k, names}, true }
	switch p := params.(type) {
	case *mcp.CallToolParamsRaw:
		if p != nil && method == "tools/call" {
			return named(tool, p.Name)
		}
	case *mcp.GetPromptParams:
		if p != nil && method == "prompts/get" {
			return named(prompt, p.Name)
		}
	case *mcp.ReadResourceParams:
		if p != nil && method == "resources/read" {
			return named(resource, p.URI)
		}
	case *mcp.SubscribeParams:
		if p != nil && method == "resources/subscribe" {
			return named(resource, p.URI)
		}
	case *mcp.UnsubscribeParams:
		if p != nil && method == "resources/unsubscribe" {
			return named(resource, p.URI)
		}
	case *mcp.SubscriptionsListenParams:
		if p != nil && method == "subscriptions/listen" {
			return listen(p)
		}
	case *mcp.CompleteParams:
		if p != nil && method == "completion/complete" {
			return completion(p.Ref)
		}
	default:
		k, _ := target(method)
		return operation{method: method}, k == none && method != "completion/complete" && method != "subscriptions/listen"
	}
	return operation{}, false
}

// listen returns the operation of subscriptions/listen. It reads nothing from the resources, but its notifications say when
// they change.
func listen(p *mcp.SubscriptionsListenParams) (operation, bool) {
	op := operation{method: "subscriptions/listen"}
	if p.Notifications != nil && len(p.Notifications.ResourceSubscriptions) > 0 {
		op.kind, op.names = resource, p.Notifications.ResourceSubscriptions
	}
	return op, true
}

// completion returns the operation of completion/complete.
func completion(ref *mcp.CompleteReference) (operation, bool) {
	op := operation{method: "completion/complete"}
	switch {
	case ref == nil:
		return op, false
	case ref.Type == "ref/prompt" && ref.URI == "":
		op.kind, op.names = prompt, []string{ref.Name}
	case ref.Type == "ref/resource" && ref.Name == "":
		op.kind, op.names = resource, []string{ref.URI}
	default:
		return op, false
	}
	return op, true
}
