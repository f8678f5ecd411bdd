package mcpauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// A token for another server is rejected, even if the Verifier accepts it.
func TestAudience(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resource   string
		configured []string
		audience   any
		status     int
	}{
		"resource":                {endpoint, nil, endpoint, 200},
		"one of several":          {endpoint, nil, []string{"https://other.test", endpoint}, 200},
		"another server":          {endpoint, nil, "https://other.test", 401},
		"parent of the resource":  {endpoint, nil, "https://mcp.test", 401},
		"configured":              {endpoint, []string{"https://other.test"}, "https://other.test", 200},
		"configured, resource":    {endpoint, []string{"https://other.test"}, endpoint, 401},
		"root":                    {"https://mcp.test", nil, "https://mcp.test", 200},
		"root with a slash":       {"https://mcp.test", nil, "https://mcp.test/", 200},
		"root, another server":    {"https://mcp.test", nil, "https://other.test", 401},
		"slash, without it":       {"https://mcp.test/", nil, "https://mcp.test", 401},
		"the Verifier rejects it": {endpoint, []string{"https://elsewhere.test"}, "https://elsewhere.test", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, options{
				guard:  func(cfg *middleware.Config) { cfg.Resource = test.resource },
				config: func(cfg *mcpauth.Config) { stateless(cfg); cfg.Audience = test.configured },
			})
			path := strings.TrimPrefix(test.resource, "https://mcp.test")
			if path == "" {
				path = "/"
			}
			got := k.send(request{path: path, token: k.token("read").Set("aud", test.audience).Sign(), body: callTool("look")})
			if got.Code != test.status {
				t.Errorf("%d %s, want %d", got.Code, got.Body, test.status)
			}
			if code := parameter(got.Header().Get("WWW-Authenticate"), "error"); (code == "invalid_token") != (test.status == 401) {
				t.Errorf("challenge with error %q", code)
			}
		})
	}
}

// Guard.Replace may change the resource. The audience follows.
func TestAudienceAfterReplace(t *testing.T) {
	t.Parallel()
	var current middleware.Config
	k := newKit(t, options{
		config: stateless, guard: func(cfg *middleware.Config) { current = *cfg },
		verify: func(cfg *consumer.Config) { cfg.Audience = append(cfg.Audience, "/") },
	})
	current.Resource = "https://other.test"
	if err := k.guard.Replace(current); err != nil {
		t.Fatal(err)
	}
	for audience, status := range map[string]int{endpoint: 401, "https://other.test": 200} {
		if got := k.send(request{path: "/", token: k.token("read").Set("aud", audience).Sign(), body: callTool("look")}); got.Code != status {
			t.Errorf("%s: %d %s", audience, got.Code, got.Body)
		}
	}
	current.Resource = ""
	if err := k.guard.Replace(current); err != nil {
		t.Fatal(err)
	}
	for _, audience := range []any{endpoint, "", []string{""}, "/"} {
		if got := k.send(request{path: "/", token: k.token("read").Set("aud", audience).Sign(), body: callTool("look")}); got.Code != http.StatusUnauthorized {
			t.Errorf("without a resource, %v: %d %s", audience, got.Code, got.Body)
		}
	}
}

// A request without a token receives a challenge with the metadata document and the scopes of Rules, and without an error.
func TestNoToken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*middleware.Config){
		"default": nil, "optional": func(cfg *middleware.Config) { cfg.Optional = true },
	} {
		k := newKit(t, options{config: stateless, guard: change})
		got := k.send(request{body: callTool("look")})
		challenge := got.Header().Get("WWW-Authenticate")
		if got.Code != http.StatusUnauthorized || parameter(challenge, "scope") != "read" || strings.Contains(challenge, "error") ||
			parameter(challenge, "resource_metadata") != "https://mcp.test/.well-known/oauth-protected-resource/mcp" {
			t.Errorf("%s: %d %s", name, got.Code, challenge)
		}
	}
}

// A token without a subject and a client has no principal.
func TestTokenWithoutAPrincipal(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	anonymous := k.token("read").Set("sub", bearertest.Absent).Set("client_id", bearertest.Absent)
	if got := k.send(request{token: anonymous.Sign(), body: callTool("look")}); got.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// In a session, each tool sees the token of the request that called it, and never the raw token.
func TestTokenOfTheMessage(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{
		guard: func(cfg *middleware.Config) {
			cfg.TokenSources = []middleware.TokenSource{
				middleware.FirstOf(middleware.BearerToken, middleware.HeaderToken("X-Token"), middleware.CookieToken("token")),
			}
		},
		config: func(cfg *mcpauth.Config) { cfg.ForwardHeaders = []string{"x-tenant"} },
	})
	t.Cleanup(k.handler.Close)
	first := k.token("read").Set("client_id", "first").Sign()
	id := k.initialize(first)
	second := k.token("read").Set("client_id", "second").Sign()
	for _, header := range []string{"", "X-Token", "Cookie"} {
		r := request{token: second, body: callTool("look"), header: inSession(id)}
		r.header["X-Tenant"], r.header["X-Secret"], r.header["Traceparent"] = "a", "b", "c"
		switch header {
		case "X-Token":
			r.token, r.header[header] = "", second
		case "Cookie":
			r.token, r.header[header] = "", "token="+second
		}
		if got := k.send(r); got.Code != http.StatusOK || got.Header().Get("Cache-Control") != "no-store, no-transform" {
			t.Fatalf("%q: %d %v %s", header, got.Code, got.Header(), got.Body)
		}
	}
	for _, one := range k.calls {
		if one.client != "second" || one.subject != "alice" || one.user != `"`+k.issuer.URL()+`" sub "alice"` {
			t.Errorf("the tool saw %s, %s, %s", one.client, one.subject, one.user)
		}
		for _, raw := range []string{first, second} {
			if strings.Contains(one.printed, raw) || strings.Contains(one.printed, raw[len(raw)-40:]) {
				t.Error("the tool can print the token")
			}
		}
		for name := range one.header {
			switch name {
			case "Accept", "Content-Type", "Mcp-Session-Id", "Mcp-Protocol-Version", "Traceparent", "X-Tenant":
			default:
				t.Errorf("the tool saw the header %s", name)
			}
		}
	}
	if len(k.calls) != 3 {
		t.Errorf("%d calls", len(k.calls))
	}
}

// Middleware that runs before that of the Handler finds no old token in the context.
func TestNoTokenBeforeTheRules(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{})
	t.Cleanup(k.handler.Close)
	found := 0
	k.server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
			if _, ok := mcpauth.Token(ctx); ok {
				found++
			}
			return next(ctx, method, r)
		}
	})
	token := k.token("read").Sign()
	id := k.initialize(token)
	if got := k.send(request{token: token, body: callTool("look"), header: inSession(id)}); got.Code != http.StatusOK || found != 0 {
		t.Errorf("%d, found %d tokens", got.Code, found)
	}
}

// A token that is bound to a key needs one proof for each request, although the Guard decides twice.
func TestDPoP(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless, guard: func(cfg *middleware.Config) {
		cfg.DPoP = &middleware.DPoPConfig{URL: "https://mcp.test"}
	}})
	key := bearertest.NewProofKey("ES256")
	send := func(scopes, tool, url string, again bool) *httptest.ResponseRecorder {
		token := k.token(scopes).BoundTo(key).Sign()
		header := map[string]string{"Authorization": "DPoP " + token, "DPoP": key.Proof(http.MethodPost, url, token).Sign()}
		if again {
			k.send(request{body: callTool(tool), header: header})
		}
		return k.send(request{body: callTool(tool), header: header})
	}
	if got := send("read admin", "erase", endpoint, false); got.Code != http.StatusOK || k.ran() != "erase" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := send("read", "erase", endpoint, false); got.Code != http.StatusForbidden ||
		!strings.HasPrefix(got.Header().Get("WWW-Authenticate"), "DPoP ") || parameter(got.Header().Get("WWW-Authenticate"), "scope") != "read admin" {
		t.Errorf("a scope is missing: %d %v", got.Code, got.Header())
	}
	if got := send("read", "look", "https://other.test/mcp", false); got.Code != http.StatusUnauthorized {
		t.Errorf("proof for another URL: %d", got.Code)
	}
	if got := send("read", "look", endpoint, true); got.Code != http.StatusUnauthorized {
		t.Errorf("proof used twice: %d", got.Code)
	}
	if got := k.send(request{token: k.token("read").BoundTo(key).Sign(), body: callTool("look")}); got.Code != http.StatusUnauthorized {
		t.Errorf("as a bearer token: %d", got.Code)
	}
	for _, one := range k.calls {
		if one.header.Get("DPoP") != "" {
			t.Error("the tool saw the proof")
		}
	}
}

// A token that is bound to a certificate needs the certificate.
func TestMTLS(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless, guard: func(cfg *middleware.Config) {
		cfg.MTLS = &middleware.MTLSConfig{}
	}})
	mine, other := certificate(t), certificate(t)
	token := k.token("read admin").BoundToCertificate(mine.Raw).Sign()
	for name, test := range map[string]struct {
		shown  *x509.Certificate
		status int
	}{"mine": {mine, 200}, "other": {other, 401}, "none": {nil, 401}} {
		r := k.httpRequest(request{token: token, body: callTool("erase")})
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 1234).String()
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13}
		if test.shown != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{test.shown}
			r.TLS.VerifiedChains = [][]*x509.Certificate{{test.shown}}
		}
		if got := serve(k, r); got.Code != test.status {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Rules that call the application see the token of the message, too. They cannot print the raw token.
func TestRulesSeeTheTokenOfTheMessage(t *testing.T) {
	t.Parallel()
	clients, printed := make(chan string, 10), make(chan string, 10)
	k := newKit(t, options{config: func(cfg *mcpauth.Config) {
		cfg.Tools = map[string][]middleware.Rule{"look": {middleware.Check("mine", func(ctx context.Context, t *consumer.Token) error {
			clients <- t.ClientID()
			printed <- fmt.Sprintf("%v %+v %#v %s", ctx, ctx, ctx, ctx)
			return nil
		})}}
	}})
	t.Cleanup(k.handler.Close)
	id := k.initialize(k.token("read").Set("client_id", "first").Sign())
	raw := k.token("read").Set("client_id", "second").Sign()
	got := k.send(request{token: raw, body: callTool("look"), header: inSession(id)})
	close(clients)
	close(printed)
	for text := range printed {
		if strings.Contains(text, raw[len(raw)-40:]) {
			t.Errorf("printed %s", text)
		}
	}
	var all []string
	for client := range clients {
		all = append(all, client)
	}
	if got.Code != http.StatusOK || strings.Join(all, " ") != "second second" { // one for each layer
		t.Errorf("%d, rules saw %v", got.Code, all)
	}
}

// slowBody takes long to arrive. meanwhile runs before its first byte.
type slowBody struct {
	io.Reader

	meanwhile func()
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.meanwhile != nil {
		b.meanwhile()
		b.meanwhile = nil
	}
	return b.Reader.Read(p)
}

// A token must still be accepted when the body has arrived.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		revoke bool
		wait   time.Duration
		want   int
	}{
		"accepted": {false, 9 * time.Minute, http.StatusOK},
		"expired":  {false, 11 * time.Minute, http.StatusUnauthorized},
		"revoked":  {true, 3 * time.Minute, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t, options{config: stateless})
				defer k.handler.Close()
				r := k.httpRequest(request{token: k.token("read").Set("jti", "1").Sign()})
				r.Body = io.NopCloser(&slowBody{strings.NewReader(callTool("look")), func() {
					if test.revoke {
						k.revoked.Store("1", true)
					}
					time.Sleep(test.wait)
				}})
				recorder := httptest.NewRecorder()
				k.handler.ServeHTTP(recorder, r)
				if recorder.Code != test.want || (k.ran() != "") != (test.want == http.StatusOK) {
					t.Errorf("status %d, want %d, ran %q", recorder.Code, test.want, k.ran())
				}
			})
		})
	}
}
