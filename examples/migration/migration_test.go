package migration_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/migration/auth0v2"
	"github.com/bearerkit/bearerkit/examples/migration/auth0v3"
	"github.com/bearerkit/bearerkit/examples/migration/echojwt"
	"github.com/bearerkit/bearerkit/examples/migration/golangjwt"
	"github.com/bearerkit/bearerkit/examples/migration/gooidc"
	"github.com/bearerkit/bearerkit/examples/migration/jwtauth"
	"github.com/bearerkit/bearerkit/examples/migration/mcpsdk"
)

// library is one library with the API that uses it, before and after the migration.
type library struct {
	page, folder string // docs/migrate/page.md has the code of folder
	name         string // the header of the column in the table
	before       func(t *testing.T, issuer *bearertest.Issuer) (http.Handler, error)
	after        func(issuer *bearertest.Issuer) (http.Handler, error)
	mcp          bool // an MCP server, whose tokens have no org
}

func libraries() []library {
	return []library{
		{page: "auth0-v2", folder: "auth0v2", name: "go-jwt-middleware v2.3.1", before: started(auth0v2.Before), after: discovered(auth0v2.After)},
		{page: "auth0-v3", folder: "auth0v3", name: "go-jwt-middleware v3.3.0", before: started(auth0v3.Before), after: discovered(auth0v3.After)},
		{page: "golang-jwt", folder: "golangjwt", name: "golang-jwt v5.3.1, keyfunc v3.9.1", before: started(golangjwt.Before), after: discovered(golangjwt.After)},
		{page: "go-oidc", folder: "gooidc", name: "go-oidc v3.21.0", before: started(gooidc.Before), after: discovered(gooidc.After)},
		{page: "echo-jwt", folder: "echojwt", name: "echo-jwt v4.4.0", before: started(echojwt.Before), after: discovered(echojwt.After)},
		{page: "mcp-go-sdk", folder: "mcpsdk", name: "go-sdk v1.8.0", before: started(mcpsdk.Before), after: discovered(mcpsdk.After), mcp: true},
		{
			page: "jwtauth", folder: "jwtauth", name: "jwtauth v5.3.3",
			before: func(t *testing.T, issuer *bearertest.Issuer) (http.Handler, error) {
				t.Helper()
				return jwtauth.Before(t.Context(), issuer.URL(), issuer.PEM("RS256"))
			},
			after: func(issuer *bearertest.Issuer) (http.Handler, error) {
				return jwtauth.After(issuer.URL(), issuer.PEM("RS256"))
			},
		},
	}
}

func started(before func(context.Context, string) (http.Handler, error)) func(*testing.T, *bearertest.Issuer) (http.Handler, error) {
	return func(t *testing.T, issuer *bearertest.Issuer) (http.Handler, error) {
		t.Helper()
		return before(t.Context(), issuer.URL())
	}
}

func discovered(after func(string) (http.Handler, error)) func(*bearertest.Issuer) (http.Handler, error) {
	return func(issuer *bearertest.Issuer) (http.Handler, error) { return after(issuer.URL()) }
}

// row is one request. It is sent to both APIs, each with an issuer of its own.
type row struct {
	name    string
	prepare func(s *setup) []string // returns the Authorization fields; runs when the API is ready
	noOrg   bool                    // the row is about the claim org, which MCP tokens do not have
	down    bool                    // the issuer is down from the beginning
}

// setup is an issuer with an API that accepts its tokens.
type setup struct {
	issuer *bearertest.Issuer
	api    http.Handler
	mcp    bool
}

// token returns a valid token.
func (s *setup) token() *bearertest.Token {
	if s.mcp {
		return s.issuer.AccessToken().Set("scope", "notes:read")
	}
	return s.issuer.AccessToken().Set("scope", "orders:read").Set("org", "acme")
}

func bearer(token *bearertest.Token) []string { return []string{"Bearer " + token.Sign()} }

// with returns a row whose token has another value of a claim.
func with(name, claim string, value func() any) row {
	return row{name: name, prepare: func(s *setup) []string { return bearer(s.token().Set(claim, value())) }}
}

func in(d time.Duration) func() any { return func() any { return time.Now().Add(d).Unix() } }

func value(v any) func() any { return func() any { return v } }

func rows() []row {
	return []row{
		{name: "a valid token", prepare: func(s *setup) []string { return bearer(s.token()) }},
		{name: "no token", prepare: func(*setup) []string { return nil }},
		{name: "`Authorization: Basic …`", prepare: func(*setup) []string { return []string{"Basic YTpi"} }},
		{name: "`bearer` in lower case", prepare: func(s *setup) []string { return []string{"bearer " + s.token().Sign()} }},
		{name: "not a JWT", prepare: func(*setup) []string { return []string{"Bearer abc"} }},
		with("expired one minute ago", "exp", in(-time.Minute)),
		with("expired five seconds ago", "exp", in(-5*time.Second)),
		with("no `exp`", "exp", value(bearertest.Absent)),
		with("`nbf` in one minute", "nbf", in(time.Minute)),
		with("`nbf` in five seconds", "nbf", in(5*time.Second)),
		with("for another audience", "aud", value("https://other.example.com")),
		with("no `aud`", "aud", value(bearertest.Absent)),
		with("of another issuer", "iss", value("https://other.example.com")),
		{name: "signed with an unknown key", prepare: func(s *setup) []string {
			stranger := bearertest.NewIssuer(bearertest.IssuerConfig{})
			stranger.Rotate() // to a kid that the issuer does not have
			return bearer(stranger.Token("at+jwt", claims(s)))
		}},
		with("without the scope", "scope", value("other")),
		{name: "without the claim `org`", noOrg: true, prepare: func(s *setup) []string {
			return bearer(s.token().Set("org", bearertest.Absent))
		}},
		{name: "signed with a new key of the issuer", prepare: func(s *setup) []string {
			_ = s.send(context.Background(), bearer(s.token())).Body.Close() // the API reads the keys
			s.issuer.Rotate()
			return bearer(s.token())
		}},
		{name: "a valid token, the issuer is down from the start", down: true, prepare: func(s *setup) []string { return bearer(s.token()) }},
	}
}

// claims returns the claims of a valid token for another issuer to sign.
func claims(s *setup) map[string]any {
	audience := "https://api.example.com"
	if s.mcp {
		audience = "https://mcp.example.com/mcp"
	}
	return map[string]any{
		"iss": s.issuer.URL(), "sub": "alice", "aud": audience, "client_id": "client", "jti": "1", "org": "acme",
		"scope": "orders:read notes:read", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
}

// send sends one request to the API.
func (s *setup) send(ctx context.Context, authorization []string) *http.Response {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/orders", nil)
	if s.mcp {
		r = httptest.NewRequestWithContext(ctx, http.MethodPost, "https://mcp.example.com/mcp", strings.NewReader(initialize))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
	}
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w.Result()
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",` +
	`"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// TestMeasuredTables sends each request to both APIs of each library. The table of the page must contain the results.
func TestMeasuredTables(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries() {
		t.Run(lib.page, func(t *testing.T) {
			t.Parallel()
			checkTable(t, lib.page, measure(t, lib))
		})
	}
}

func measure(t *testing.T, lib library) string {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "| request | %s | bearerkit |\n|---|---|---|\n", lib.name)
	for _, row := range rows() {
		if row.noOrg && lib.mcp {
			continue
		}
		before := result(t, lib, row, lib.before)
		after := result(t, lib, row, func(_ *testing.T, issuer *bearertest.Issuer) (http.Handler, error) { return lib.after(issuer) })
		fmt.Fprintf(&table, "| %s | %s | %s |\n", row.name, before, after)
	}
	return table.String()
}

// result returns the cell of one request.
func result(t *testing.T, lib library, row row, build func(*testing.T, *bearertest.Issuer) (http.Handler, error)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg := bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String(), Audience: "https://api.example.com"}
	if lib.mcp {
		cfg.Audience = "https://mcp.example.com/mcp"
	}
	issuer := bearertest.NewIssuer(cfg)
	server.Config.Handler = issuer
	if row.down {
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	}
	server.Start()
	defer server.Close()
	api, err := build(t, issuer)
	if err != nil {
		if !row.down {
			t.Fatalf("%s: %v", row.name, err)
		}
		return "does not start"
	}
	s := &setup{issuer: issuer, api: api, mcp: lib.mcp}
	response := s.send(t.Context(), row.prepare(s))
	defer func() { _ = response.Body.Close() }()
	cell := fmt.Sprint(response.StatusCode)
	if response.Header.Get("WWW-Authenticate") != "" {
		cell += ", challenge"
	}
	return cell
}
