package interop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/client"
)

// stepUpEvent is a line that mcp/stepup.mjs writes: a sign-in with its scopes, a call of a tool with its result, or an error.
type stepUpEvent struct {
	SignIn  []string `json:"signIn,omitempty"`
	Tool    string   `json:"tool,omitempty"`
	Result  notes    `json:"result,omitzero"`
	IsError bool     `json:"isError,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// notes is the result of the tools of examples/mcp.
type notes struct {
	User  string   `json:"user"`
	Notes []string `json:"notes"`
}

// stepUpEvents returns what a client does that calls list_notes, delete_note, list_notes and delete_note: it signs in for the
// first tool, and once more for the second.
func stepUpEvents() []stepUpEvent {
	after := func(titles ...string) notes { return notes{"alice", titles} }
	return []stepUpEvent{
		{SignIn: []string{"notes:read"}},
		{Tool: "list_notes", Result: after("Buy oat milk", "Call Grandma", "Water the plants")},
		{SignIn: []string{"notes:admin", "notes:read"}},
		{Tool: "delete_note", Result: after("Buy oat milk", "Water the plants")},
		{Tool: "list_notes", Result: after("Buy oat milk", "Water the plants")},
		{Tool: "delete_note", Result: after("Water the plants")},
	}
}

// TestMCPStepUp lets clients of other projects step up at the server of examples/mcp without any help: the one of the npm
// package @modelcontextprotocol/sdk, which does its own sign-ins, and the one of the Go SDK with client.ResourceTransport.
func TestMCPStepUp(t *testing.T) {
	t.Parallel()
	node := mcpNode(t)
	program := buildProgram(t, "../examples", "./mcp")
	for name, flags := range map[string][]string{"stateless": nil, "sessions": {"-sessions"}} {
		t.Run(name+"/npm", func(t *testing.T) {
			t.Parallel()
			var got []stepUpEvent
			out, err := mcpCommand(t.Context(), node, "stepup.mjs", serveMCP(t, program, flags)).Output()
			for line := range strings.Lines(string(out)) {
				var event stepUpEvent
				if err := json.Unmarshal([]byte(line), &event); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				got = append(got, event)
			}
			if diff := cmp.Diff(stepUpEvents(), got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
		t.Run(name+"/ResourceTransport", func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(stepUpEvents(), stepUpWithGo(t, serveMCP(t, program, flags))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// serveMCP runs examples/mcp until the test ends, and returns the URL of the MCP server.
func serveMCP(t *testing.T, program string, flags []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, append([]string{"-serve", "-addr", "127.0.0.1:0"}, flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	stderr := new(output)
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was ended by a signal
		if t.Failed() {
			t.Logf("examples/mcp wrote to stderr:\n%s", stderr)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "mcp ")
	if err != nil || !ok {
		t.Fatalf("examples/mcp does not start: %q, %v", line, err)
	}
	return address
}

// stepUpWithGo does what stepup.mjs does, with the client of the Go SDK and client.ResourceTransport.
func stepUpWithGo(t *testing.T, server string) (events []stepUpEvent) {
	t.Helper()
	const redirectURI = "http://127.0.0.1:3000/callback" // nothing listens there
	transport, err := client.NewResourceTransport(client.ResourceTransportConfig{
		Resource: server,
		SignIn: client.BrowserSignIn(func(ctx context.Context, address string) (string, error) {
			u, err := url.Parse(address)
			if err != nil {
				return "", err
			}
			scopes := strings.Fields(u.Query().Get("scope"))
			slices.Sort(scopes)
			events = append(events, stepUpEvent{SignIn: scopes})
			return redirectOf(ctx, address)
		}),
		Registration: &client.DynamicRegistration{
			Metadata: client.ClientMetadata{ClientName: "interop", RedirectURIs: []string{redirectURI}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1"}, nil).Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: server, HTTPClient: &http.Client{Transport: transport}, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	for _, call := range []*mcp.CallToolParams{
		{Name: "list_notes"},
		{Name: "delete_note", Arguments: map[string]any{"title": "Call Grandma"}},
		{Name: "list_notes"},
		{Name: "delete_note", Arguments: map[string]any{"title": "Buy oat milk"}},
	} {
		result, err := session.CallTool(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(result.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		event := stepUpEvent{Tool: call.Name, IsError: result.IsError}
		if err := json.Unmarshal(text, &event.Result); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// redirectOf returns the URL to which the server redirects a browser at address.
func redirectOf(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil {
		return "", err
	}
	return to.String(), nil
}
