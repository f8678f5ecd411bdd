package mcpauth

import (
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// kind is the kind of the targets of an operation. It selects the field of Config with the rules for them.
type kind int

const (
	none     kind = iota // the operation has no target
	tool                 // Config.Tools
	prompt               // Config.Prompts
	resource             // Config.Resources

	kinds // the number of kinds
)

// operation is the part of a message that the policy decides about. Both layers make operations: parse makes them from the body,
// and operationOf from the values of the SDK. Equal messages must result in equal operations.
type operation struct {
	method string   // empty for the response to a request of the server
	kind   kind     // of all names
	names  []string // the targets: the names of tools or prompts, or the URIs of resources
}

// target returns the kind of the target of a method, and the member of the parameters that contains its name. It returns none for
// methods without a target, and for those whose target is not a member of the parameters: completion/complete and
// subscriptions/listen.
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

// operationOf returns the operation of a message that the SDK has parsed. ok is false if the type of its parameters is not the one
// that the SDK uses for the method: then the target is not known, and the message must be rejected. Each case therefore compares
// the method too.
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
	default: // a method without a target, or with parameters of a type that a later version of the SDK adds
		k, _ := target(method)
		return operation{method: method}, k == none && method != "completion/complete" && method != "subscriptions/listen"
	}
	return operation{}, false
}

// listen returns the operation of subscriptions/listen, like parseListen. The notifications contain no content of the resources,
// but they show when it changes. So the client needs the rights to read them.
func listen(p *mcp.SubscriptionsListenParams) (operation, bool) {
	op := operation{method: "subscriptions/listen"}
	if p.Notifications != nil && len(p.Notifications.ResourceSubscriptions) > 0 {
		op.kind, op.names = resource, p.Notifications.ResourceSubscriptions
	}
	return op, true
}

// completion returns the operation of completion/complete, like parseReference. A reference with a name and a URI has no clear
// target.
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
