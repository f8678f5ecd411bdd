package mcpauth

// This file is in the package itself, because parse is not exported.

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// FuzzParse compares parse with the SDK: for each body that parse accepts, the SDK must see the same operations.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":{"a":[1,{"b":null}]}}}`,
		`{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"note://a"}}`,
		`[{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":1,"result":{}}]`,
		`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a","b"]}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{"n\u0061me":"e\u0072ase","Name":"x"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","name":"b"}}`,
		" \t\r\n{\"jsonrpc\":\"2.0\",\"id\":-0.5e1,\"method\":\"ping\",\"params\":null} \n",
		`[{"a":1,"b":{"a":2},"c":["a","a",{}]},{"a\"":"}","a\\":"{","\u0061":0,"a":0}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if utf8.Valid(body) && json.Valid(body) {
			decoder := json.NewDecoder(bytes.NewReader(body))
			if want, got := repeats(decoder), checkMembers(body); !errors.Is(got, errDepth) && want != errors.Is(got, errDuplicate) {
				t.Fatalf("duplicate names: %v, checkMembers returned %v", want, got)
			}
		}
		messages, batch, err := parse(body)
		if err != nil {
			return
		}
		raw := []json.RawMessage{body}
		if batch {
			if err := json.Unmarshal(body, &raw); err != nil {
				t.Fatal(err)
			}
		}
		if len(raw) != len(messages) {
			t.Fatalf("%d messages, want %d", len(messages), len(raw))
		}
		for i, one := range raw {
			theirs, err := jsonrpc.DecodeMessage(one)
			if err != nil {
				continue // the SDK rejects it later
			}
			compare(t, messages[i], theirs)
		}
	})
}

// repeats reports whether an object in the next value has two members with the same name.
func repeats(decoder *json.Decoder) (found bool) {
	token, err := decoder.Token()
	opening, nested := token.(json.Delim)
	if err != nil || !nested {
		return false
	}
	names := make(map[any]bool)
	for decoder.More() {
		if opening == '{' {
			name, err := decoder.Token()
			if err != nil {
				return found
			}
			found, names[name] = found || names[name], true
		}
		found = repeats(decoder) || found
	}
	_, _ = decoder.Token() // the closing delimiter
	return found
}

// compare fails t if the SDK sees another operation than parse.
func compare(t *testing.T, ours message, theirs jsonrpc.Message) {
	t.Helper()
	request, ok := theirs.(*jsonrpc.Request)
	if !ok {
		if ours.method != "" {
			t.Fatalf("the SDK reads a response, not %q", ours.method)
		}
		return
	}
	if request.Method != ours.method {
		t.Fatalf("the SDK reads the method %q, not %q", request.Method, ours.method)
	}
	params, known := map[string]mcp.Params{
		"tools/call": new(mcp.CallToolParamsRaw), "prompts/get": new(mcp.GetPromptParams), "resources/read": new(mcp.ReadResourceParams),
		"resources/subscribe": new(mcp.SubscribeParams), "resources/unsubscribe": new(mcp.UnsubscribeParams),
		"completion/complete": new(mcp.CompleteParams), "subscriptions/listen": new(mcp.SubscriptionsListenParams),
	}[request.Method]
	if !known || json.Unmarshal(request.Params, params) != nil {
		return
	}
	op, ok := operationOf(request.Method, params)
	if ok && (op.kind != ours.kind || !slices.Equal(op.names, ours.names)) {
		t.Fatalf("the SDK reads %+v, not %+v", op, ours.operation)
	}
}
