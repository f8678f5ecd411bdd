package mcpauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/bearertest"
)

// A session belongs to the principal that created it. Tokens of others cannot use it, whatever scopes they have.
func TestSessionBelongsToItsPrincipal(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: func(cfg *mcpauth.Config) { cfg.HTTP.EventStore = mcp.NewMemoryEventStore(nil) }})
	t.Cleanup(k.handler.Close)
	machine := func() *bearertest.Token { return k.token("read").Set("sub", bearertest.Absent) }
	for name, test := range map[string]struct {
		owner, other *bearertest.Token
		same         bool
	}{
		"another token of the same user":   {k.token("read"), k.token("read admin"), true},
		"same user through another client": {k.token("read"), k.token("read").Set("client_id", "other"), true},
		"same client without a subject":    {machine(), machine(), true},
		"another user":                     {k.token("read"), k.token("read admin notes").Set("sub", "bob"), false},
		"other case of the subject":        {k.token("read"), k.token("read").Set("sub", "Alice"), false},
		"another client":                   {machine(), machine().Set("client_id", "other"), false},
		"client with the name of a user":   {k.token("read"), machine().Set("client_id", "alice"), false},
		"user with the name of a client":   {machine(), k.token("read").Set("sub", "client"), false},
		"quotes in a subject":              {k.token("read").Set("sub", `a" sub "b`), k.token("read").Set("sub", `a\" sub \"b`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := k.initialize(test.owner.Sign())
			other := test.other.Sign()
			for what, r := range map[string]request{
				"call":     {body: callTool("look")},
				"response": {body: `{"jsonrpc":"2.0","id":1,"result":{}}`},
				"cancel":   {body: `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`},
				"stream":   {method: http.MethodGet},
				"resume":   {method: http.MethodGet},
				"end":      {method: http.MethodDelete},
				"no JSON":  {body: "{"}, // the body of others is not even read
			} {
				r.token, r.header = other, inSession(id)
				if what == "resume" {
					r.header["Last-Event-Id"] = "_0"
				}
				if test.same && (r.method != "" || r.body == "{") {
					continue // streams do not return
				}
				got := k.send(r)
				if want := map[bool]int{true: got.Code, false: http.StatusNotFound}[test.same]; got.Code != want || test.same && got.Code >= 300 {
					t.Errorf("%s: %d %s", what, got.Code, got.Body)
				}
			}
			if got := k.send(request{token: test.owner.Sign(), body: callTool("look"), header: inSession(id)}); got.Code != http.StatusOK {
				t.Errorf("the owner afterwards: %d %s", got.Code, got.Body)
			}
		})
	}
}

// The response about a session of another principal does not differ from that about a session that does not exist.
func TestSessionsOfOthersAreInvisible(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{})
	t.Cleanup(k.handler.Close)
	id := k.initialize(k.token("read").Sign())
	bob := k.token("read").Set("sub", "bob").Sign()
	var bodies []string
	for _, session := range []string{id, "nothing"} {
		got := k.send(request{token: bob, body: callTool("look"), header: inSession(session)})
		if got.Code != http.StatusNotFound {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		bodies = append(bodies, got.Body.String()+got.Header().Get("WWW-Authenticate"))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("responses differ: %q", bodies)
	}
}

// A session ends one minute after the newest token that was used in it has expired, and not before.
func TestSessionEndsWithItsTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{})
		defer k.handler.Close()
		id := k.initialize(k.token("read").Sign()) // until minute 10
		time.Sleep(8 * time.Minute)
		call := func(scopes string) int {
			return k.send(request{token: k.token(scopes).Sign(), body: callTool("look"), header: inSession(id)}).Code
		}
		if got := call("read"); got != http.StatusOK { // until minute 18
			t.Errorf("in minute 8: %d", got)
		}
		time.Sleep(8 * time.Minute)
		if got := call(""); got != http.StatusForbidden { // a rejected request does not extend the session
			t.Errorf("in minute 16: %d", got)
		}
		if sessions := count(k); sessions != 1 {
			t.Errorf("in minute 16: %d sessions", sessions)
		}
		time.Sleep(2*time.Minute + 59*time.Second)
		synctest.Wait()
		if sessions := count(k); sessions != 1 { // the time to reconnect
			t.Errorf("in minute 19: %d sessions", sessions)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if sessions := count(k); sessions != 0 {
			t.Errorf("after the expiry: %d sessions", sessions)
		}
		if got := call("read"); got != http.StatusNotFound {
			t.Errorf("after the expiry: %d", got)
		}
	})
}

// count returns the number of sessions of the SDK.
func count(k *kit) (n int) {
	for range k.server.Sessions() {
		n++
	}
	return n
}

// The sessions of one principal are limited. Those of others are not affected.
func TestSessionsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{config: func(cfg *mcpauth.Config) { cfg.MaxSessions = 2 }})
		defer k.handler.Close()
		alice, bob := k.token("read").Sign(), k.token("read").Set("sub", "bob").Sign()
		call := func(token, id string) int {
			return k.send(request{token: token, body: callTool("look"), header: inSession(id)}).Code
		}
		of := k.initialize(bob)
		first, second := k.initialize(alice), k.initialize(alice)
		synctest.Wait()                                      // the SDK handles notifications after their response
		if got := call(alice, first); got != http.StatusOK { // so the second is the oldest
			t.Error(got)
		}
		third := k.initialize(alice)
		synctest.Wait()
		for id, want := range map[string]int{first: 200, second: 404, third: 200} {
			if got := call(alice, id); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		}
		if got := call(bob, of); got != http.StatusOK {
			t.Errorf("bob: %d", got)
		}
		if sessions := count(k); sessions != 3 {
			t.Errorf("%d sessions", sessions)
		}
	})
}

// DELETE ends the session, and requests that need one are rejected afterwards.
func TestSessionIsDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{})
		defer k.handler.Close()
		token := k.token("read").Sign()
		id := k.initialize(token)
		if got := k.send(request{method: http.MethodDelete, token: token, header: inSession(id)}); got.Code != http.StatusNoContent {
			t.Errorf("DELETE: %d %s", got.Code, got.Body)
		}
		synctest.Wait()
		if got := k.send(request{token: token, body: callTool("look"), header: inSession(id)}); got.Code != http.StatusNotFound {
			t.Errorf("afterwards: %d %s", got.Code, got.Body)
		}
	})
}

// Resuming a stream needs the rules of everything that was done in the session, because it repeats results.
func TestResumeNeedsTheScopesOfTheSession(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: func(cfg *mcpauth.Config) { cfg.HTTP.EventStore = mcp.NewMemoryEventStore(nil) }})
	t.Cleanup(k.handler.Close)
	admin, read := k.token("read admin").Sign(), k.token("read").Sign()
	id := k.initialize(admin)
	done := k.send(request{token: admin, body: callTool("erase"), header: inSession(id)})
	_, after, found := strings.Cut(done.Body.String(), "id: ")
	event, _, _ := strings.Cut(after, "\n")
	if !found || !strings.Contains(done.Body.String(), "did erase") {
		t.Fatalf("%d %s", done.Code, done.Body)
	}
	resume := func(token string) *httptest.ResponseRecorder {
		header := inSession(id)
		header["Last-Event-Id"] = event
		return k.send(request{method: http.MethodGet, token: token, header: header})
	}
	if got := resume(read); got.Code != http.StatusForbidden || parameter(got.Header().Get("WWW-Authenticate"), "scope") != "read admin" ||
		strings.Contains(got.Body.String(), "did erase") {
		t.Errorf("with the base scope: %d %q %s", got.Code, got.Header(), got.Body)
	}
	if got := resume(admin); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "did erase") {
		t.Errorf("with all scopes: %d %s", got.Code, got.Body)
	}
	// The same for what the request that creates the session does (a batch, as in revision 2025-03-26).
	started := k.send(request{token: admin, body: `[` + rpc("initialize", `{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"t","version":"1"}}`) +
		`,` + strings.Replace(callTool("erase"), `"id":7`, `"id":8`, 1) + `]`})
	created := started.Header().Get("Mcp-Session-Id")
	if got := k.send(request{method: http.MethodGet, token: read, header: inSession(created)}); created == "" || got.Code != http.StatusForbidden {
		t.Errorf("after a batch: %d %s, %s", got.Code, got.Body, started.Body)
	}
	// A stream from the beginning repeats results too.
	if got := k.send(request{method: http.MethodGet, token: read, header: inSession(id)}); got.Code != http.StatusForbidden {
		t.Errorf("from the beginning: %d %s", got.Code, got.Body)
	}
	// Another principal cannot use the event id in a session of its own.
	bob := k.token("read admin").Set("sub", "bob").Sign()
	id = k.initialize(bob)
	if got := resume(bob); strings.Contains(got.Body.String(), "did erase") {
		t.Errorf("in another session: %d %s", got.Code, got.Body)
	}
}

// Stateless servers ignore session ids.
func TestStatelessIgnoresSessions(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	got := k.send(request{token: k.token("read").Sign(), body: callTool("look"), header: map[string]string{"Mcp-Session-Id": "any"}})
	if got.Code != http.StatusOK || got.Header().Get("Mcp-Session-Id") != "" || k.calls[0].header.Get("Mcp-Session-Id") != "" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodOptions, http.MethodHead} {
		if got := k.send(request{method: method, token: k.token("read").Sign()}); got.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, got.Code)
		}
	}
}

// The middleware of the server compares the owner of the session too, in case the SDK assigns a message to another session.
func TestSecondLayerChecksTheOwner(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{})
	t.Cleanup(k.handler.Close)
	var first *mcp.RequestExtra
	k.server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
			if call, ok := r.(*mcp.CallToolRequest); ok {
				if first == nil {
					first = call.Extra
				}
				call.Extra = first
			}
			return next(ctx, method, r)
		}
	})
	for user, runs := range map[string]string{"bob": "look", "alice": "look"} {
		token := k.token("read").Set("sub", user).Sign()
		id := k.initialize(token)
		got := k.send(request{token: token, body: callTool("look"), header: inSession(id)})
		if first == nil || k.ran() != runs {
			t.Errorf("%s: %d %s, ran %s", user, got.Code, got.Body, k.ran())
		}
	}
}

// A session id that is in use does not get a second owner.
func TestSessionIDIsUsedTwice(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{newID: func() string { return "same" }})
	t.Cleanup(k.handler.Close)
	alice, bob := k.token("read").Sign(), k.token("read").Set("sub", "bob").Sign()
	id := k.initialize(alice)
	second := k.send(request{token: bob, body: rpc("initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}`)})
	if !strings.Contains(second.Body.String(), "mcpauth: request rejected") {
		t.Errorf("the second initialize: %d %s", second.Code, second.Body)
	}
	if got := k.send(request{token: bob, body: callTool("look"), header: inSession(id)}); got.Code != http.StatusNotFound || k.ran() != "" {
		t.Errorf("the second principal: %d %s", got.Code, got.Body)
	}
}
