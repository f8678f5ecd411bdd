package mcpauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/consumer"
)

// open sends a request whose response stays open. ended is closed when the response has ended.
func (k *kit) open(r request) (response *httptest.ResponseRecorder, ended chan struct{}) {
	response, ended = httptest.NewRecorder(), make(chan struct{})
	made := k.httpRequest(r)
	go func() {
		defer close(ended)
		k.handler.ServeHTTP(response, made)
	}()
	synctest.Wait()
	return response, ended
}

func isOpen(ended chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// A response ends when its token expires or is revoked, and so does the context of the tool. The session can be used with
// another token.
func TestStreamsEndWithTheToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stateless bool
		request   request
		revoke    bool
		after     time.Duration // when it ends
		tool      bool
	}{
		"stream expires":         {false, request{method: http.MethodGet}, false, 10 * time.Minute, false},
		"stream revoked":         {false, request{method: http.MethodGet}, true, 3 * time.Minute, false},
		"call expires":           {false, request{body: callTool("wait")}, false, 10 * time.Minute, true},
		"call revoked":           {false, request{body: callTool("wait")}, true, 3 * time.Minute, true},
		"stateless call expires": {true, request{body: callTool("wait")}, false, 10 * time.Minute, true},
		"stateless call revoked": {true, request{body: callTool("wait")}, true, 3 * time.Minute, true},
		"subscription expires":   {true, listening(), false, 10 * time.Minute, false},
		"subscription revoked":   {true, listening(), true, 3 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t, options{config: func(cfg *mcpauth.Config) { cfg.HTTP.Stateless = test.stateless }})
				defer k.handler.Close()
				owner := k.token("read").Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
				r, id := test.request, ""
				if !test.stateless {
					id = k.initialize(owner)
					r.header = inSession(id)
				}
				r.token = k.token("read").Set("jti", "this one").Sign()
				response, ended := k.open(r)
				time.Sleep(2*time.Minute + time.Second)
				if test.revoke {
					k.revoked.Store("this one", true)
				}
				time.Sleep(test.after - 2*time.Minute - 2*time.Second)
				if !isOpen(ended) {
					t.Fatalf("ended too early: %d %s", response.Code, response.Body)
				}
				time.Sleep(2 * time.Second)
				if isOpen(ended) {
					t.Fatal("still open")
				}
				if test.tool {
					k.checkEnding(map[bool]consumer.Reason{true: consumer.ReasonRevoked, false: consumer.ReasonExpired}[test.revoke])
				}
				if id == "" {
					return
				}
				if got := k.send(request{token: owner, body: callTool("look"), header: inSession(id)}); got.Code != http.StatusOK {
					t.Errorf("the session afterwards: %d %s", got.Code, got.Body)
				}
			})
		})
	}
}

// listening is a request of revision 2026-07-28 that stays open.
func listening() request {
	return request{
		body: rpc("subscriptions/listen", `{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
			`"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`),
		header: map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"},
	}
}

// checkEnding checks the cause with which the context of the tool wait ended.
func (k *kit) checkEnding(want consumer.Reason) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.endings) != 1 {
		k.t.Fatalf("the tool ended %d times", len(k.endings))
	}
	if cause, ok := errors.AsType[*consumer.Error](k.endings[0]); !ok || cause.Reason != want {
		k.t.Errorf("cause %v, want %s", k.endings[0], want)
	}
}

// A tool that ignores its context cannot keep the response open in a session. The client receives an error that
// says that its request was not completed. The status is not 401, so the client does not repeat the request.
func TestStubbornTool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{})
		defer k.handler.Close()
		defer close(k.released)
		token := k.token("read").Sign()
		id := k.initialize(token)
		response, ended := k.open(request{token: token, body: callTool("stubborn"), header: inSession(id)})
		time.Sleep(10*time.Minute + time.Second)
		if isOpen(ended) {
			t.Fatal("still open")
		}
		if got := response.Body.String(); response.Code != http.StatusOK || !strings.Contains(got, `"id":7`) ||
			!strings.Contains(got, "may have been performed") {
			t.Errorf("%d %s", response.Code, got)
		}
	})
}

// The verification tolerates clock skew. Streams do not, so such a token is rejected, and the client obtains a new one.
func TestTokenWithinTheClockSkew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{config: stateless})
		got := k.send(request{token: k.token("read").Set("exp", time.Now().Add(-time.Second).Unix()).Sign(), body: callTool("look")})
		if got.Code != http.StatusUnauthorized || parameter(got.Header().Get("WWW-Authenticate"), "error") != "invalid_token" || k.ran() != "" {
			t.Errorf("%d %v, ran %q", got.Code, got.Header(), k.ran())
		}
	})
}

// Close ends streams, tools and sessions.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{})
		token := k.token("read").Sign()
		id := k.initialize(token)
		_, stream := k.open(request{method: http.MethodGet, token: token, header: inSession(id)})
		_, call := k.open(request{token: token, body: callTool("wait"), header: inSession(id)})
		if !isOpen(stream) || !isOpen(call) {
			t.Fatal("not open")
		}
		k.handler.Close()
		if isOpen(stream) || isOpen(call) || count(k) != 0 {
			t.Errorf("open: %v %v, %d sessions", isOpen(stream), isOpen(call), count(k))
		}
		if got := k.send(request{token: token, body: rpc("initialize", `{}`)}); got.Code != http.StatusServiceUnavailable {
			t.Errorf("afterwards: %d", got.Code)
		}
		k.handler.Close() // has no effect
	})
}

// A client that only listens keeps its session. Its stream ends with its token, and it reconnects with the next one. Until
// then, the session can be used neither with the old token nor by others.
func TestListenersReconnectAfterTheExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, options{})
		defer k.handler.Close()
		first := k.token("read").Sign() // until minute 10
		id := k.initialize(first)
		for range 3 {
			// The request returns when the token of the stream expires.
			if got := k.send(request{method: http.MethodGet, token: first, header: inSession(id)}); got.Code != http.StatusOK {
				t.Fatalf("stream: %d %s", got.Code, got.Body)
			}
			time.Sleep(30 * time.Second) // more than the clock skew
			next := k.token("read")
			for who, test := range map[string]struct {
				token string
				want  int
			}{
				"old token":    {first, http.StatusUnauthorized},
				"another user": {k.token("read").Set("sub", "bob").Sign(), http.StatusNotFound},
				"no token":     {"", http.StatusUnauthorized},
			} {
				if got := k.send(request{body: callTool("look"), token: test.token, header: inSession(id)}); got.Code != test.want {
					t.Errorf("%s: %d, want %d", who, got.Code, test.want)
				}
			}
			first = next.Sign()
		}
		if got := k.send(request{body: callTool("look"), token: first, header: inSession(id)}); got.Code != http.StatusOK {
			t.Errorf("after all: %d %s", got.Code, got.Body)
		}
	})
}
