package openapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/openapi"
)

const audience = "https://api.test"

func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
}

// newGuard returns a Guard that accepts the tokens of issuer.
func newGuard(t testing.TB, issuer *bearertest.Issuer) *middleware.Guard {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return guardOf(t, c)
}

func guardOf(t testing.TB, v consumer.Verifier) *middleware.Guard {
	t.Helper()
	g, err := middleware.New(middleware.Config{Verifier: v})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

type verifierFunc func(ctx context.Context, raw string) (*consumer.Token, error)

func (f verifierFunc) Verify(ctx context.Context, raw string) (*consumer.Token, error) {
	return f(ctx, raw)
}

func document(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mustRead(t testing.TB, text []byte, cfg openapi.Config) *openapi.Policy {
	t.Helper()
	p, err := openapi.Read(text, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// served says which operation next has served, and with which path.
var served = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "served "+r.Method+" "+r.URL.EscapedPath())
})

// ask sends a request to a handler and returns the status and the scope of the challenge.
func ask(t testing.TB, h http.Handler, method, path string, tokens ...string) (status int, body, challenge string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for _, token := range tokens {
		r.Header.Add("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header().Get("WWW-Authenticate")
}

// TestEnforcement checks a document end to end: every status that its rules can cause.
func TestEnforcement(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	policy := mustRead(t, document(t), openapi.Config{})
	h, err := policy.Handler(newGuard(t, issuer), served)
	if err != nil {
		t.Fatal(err)
	}
	token := func(scope string, roles ...string) string {
		return issuer.AccessToken().Set("scope", scope).Set("roles", roles).Sign()
	}
	tests := []struct {
		name, request string
		tokens        []string
		status        int
		challenge     string
	}{
		{"public", "GET /v1/health", nil, 200, ""},
		{"public, HEAD", "HEAD /v1/health", nil, 200, ""},
		{"public, a bad token is not read", "GET /v1/health", []string{"x"}, 200, ""},
		{"public, another method", "POST /v1/health", nil, 401, ""},
		{"public, a path below", "GET /v1/health/x", nil, 401, ""},
		{"public, without the base path", "GET /health", nil, 401, ""},
		{"public, another case", "GET /v1/Health", nil, 401, ""},
		{"public, a slash at the end", "GET /v1/health/", nil, 401, ""},
		{"public, a detour", "GET /v1/orders/../health", nil, 401, ""},
		{"public, encoded", "GET /v1/%68ealth", nil, 200, ""},
		{"no token", "GET /v1/orders", nil, 401, "orders:read"},
		{"two tokens", "GET /v1/orders", []string{token("orders:read"), token("orders:read")}, 400, ""},
		{"invalid token", "GET /v1/orders", []string{"x.y.z"}, 401, "orders:read"},
		{"token of another audience", "GET /v1/orders", []string{issuer.AccessToken().Set("aud", "other").Sign()}, 401, "orders:read"},
		{"first alternative", "GET /v1/orders", []string{token("orders:read")}, 200, ""},
		{"HEAD has the rules of GET", "HEAD /v1/orders", []string{token("")}, 403, "orders:read"},
		{"HEAD", "HEAD /v1/orders", []string{token("orders:read")}, 200, ""},
		{"second alternative", "GET /v1/orders", []string{token("", "auditor")}, 200, ""},
		{"no alternative", "GET /v1/orders", []string{token("orders:write", "clerk")}, 403, "orders:read"},
		{"one scope is missing", "POST /v1/orders", []string{token("orders:write")}, 403, "orders:read orders:write"},
		{"all scopes", "POST /v1/orders", []string{token("orders:write orders:read")}, 200, ""},
		{"security of the document", "GET /v1/orders/7", []string{token("")}, 200, ""},
		{"security of the document, no token", "GET /v1/orders/7", nil, 401, ""},
		{"scope and role", "DELETE /v1/orders/7", []string{token("orders:write", "clerk")}, 200, ""},
		{"scope without role", "DELETE /v1/orders/7", []string{token("orders:write")}, 403, "orders:write"},
		{"role without scope", "DELETE /v1/orders/7", []string{token("", "clerk")}, 403, "orders:write"},
		{"the other scope", "DELETE /v1/orders/7", []string{token("orders:admin")}, 200, ""},
		{"a literal is more specific than a parameter", "GET /v1/orders/export", []string{token("orders:read")}, 403, "orders:admin"},
		{"an encoded literal", "GET /v1/orders/%65xport", []string{token("orders:read")}, 403, "orders:admin"},
		{"a path item elsewhere", "GET /v1/orders/7/items/", []string{token("orders:read")}, 200, ""},
		{"without its slash", "GET /v1/orders/7/items", []string{token("orders:read")}, 403, ""},
		{"below its slash", "GET /v1/orders/7/items/1", []string{token("orders:read")}, 403, ""},
		{"an encoded slash", "GET /v1/orders/7%2Fitems", []string{token("orders:admin")}, 403, ""},
		{"a method that is not described", "PUT /v1/orders", []string{token("orders:write")}, 403, ""},
		{"OPTIONS", "OPTIONS /v1/orders", []string{token("orders:write")}, 403, ""},
		{"CONNECT", "CONNECT /v1/orders", []string{token("orders:read")}, 403, ""},
		{"a path that is not described", "GET /v1/invoices", []string{token("orders:read")}, 403, ""},
		{"a webhook", "POST /v1/orderShipped", []string{token("orders:read")}, 403, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(test.request, " ")
			status, body, challenge := ask(t, h, method, path, test.tokens...)
			if status != test.status || strings.HasPrefix(body, "served") != (test.status == 200) {
				t.Errorf("status %d, want %d; body %q", status, test.status, body)
			}
			if want := `scope="` + test.challenge + `"`; strings.Contains(challenge, "scope=") != (test.challenge != "") || test.challenge != "" && !strings.Contains(challenge, want) {
				t.Errorf("challenge %q, want scope %q", challenge, test.challenge)
			}
		})
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	down := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return nil, consumer.ErrUnavailable })
	h, err := mustRead(t, document(t), openapi.Config{}).Handler(guardOf(t, down), served)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := ask(t, h, "GET", "/v1/orders", "x.y.z"); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
	if status, _, _ := ask(t, h, "GET", "/v1/health", "x.y.z"); status != 200 {
		t.Errorf("public: status %d, want 200", status)
	}
}

// TestPublicWildcard checks that a public operation with a parameter opens no path that has rules of its own.
func TestPublicWildcard(t *testing.T) {
	t.Parallel()
	const text = `openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /{page}: {get: {security: [], responses: {}}}
  /admin: {get: {security: [{o: [admin]}], responses: {}}}
components: {securitySchemes: {o: {type: openIdConnect, openIdConnectUrl: "https://issuer.test/x"}}}
`
	h, err := mustRead(t, []byte(text), openapi.Config{}).Handler(newGuard(t, newIssuer()), served)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/home": 200, "/admin": 401, "/%61dmin": 401, "/..%2fadmin": 401, "/x%2fadmin": 401, "//admin": 401, "/./admin": 401, "/admin/": 401, "/": 401, "/%2e%2e": 200,
	} {
		status, body, _ := ask(t, h, "GET", path)
		if path == "/%2e%2e" { // whatever ServeMux does with it, next must not see another path than the one that was matched
			if status == 200 && body != "served GET /.." {
				t.Errorf("%s: %d %q", path, status, body)
			}
			continue
		}
		if status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}

func TestOnlyPublic(t *testing.T) {
	t.Parallel()
	const text = `{"openapi": "3.0.4", "info": {"title": "t", "version": "1"}, "security": [], "paths": {"/a": {"get": {"responses": {}}}}}`
	issuer := newIssuer()
	h, err := mustRead(t, []byte(text), openapi.Config{}).Handler(newGuard(t, issuer), served)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/a": 200, "/b": 403, "/a/": 403} {
		if status, _, _ := ask(t, h, "GET", path, issuer.AccessToken().Sign()); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}

// head is the beginning of documents in tests.
const head = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"

// schemes is the end of documents in tests.
const schemes = `
components:
  securitySchemes:
    o: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://issuer.test/token", scopes: {a: "", b: ""}}}}
    oidc: {type: openIdConnect, openIdConnectUrl: "https://issuer.test/.well-known/openid-configuration"}
    other: {type: openIdConnect, openIdConnectUrl: "https://other.test/.well-known/openid-configuration"}
    bearer: {type: http, scheme: Bearer}
    dpop: {type: http, scheme: DPoP}
    mtls: {type: mutualTLS}
    basic: {type: http, scheme: basic}
    key: {type: apiKey, in: header, name: X-Key}
    ref: {$ref: "#/components/securitySchemes/o"}
`

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		cfg  openapi.Config
		want []string
	}{
		"names of parameters": {head + "paths: {'/a/{x-y}/{z}': {get: {security: []}, post: {security: []}}}", openapi.Config{}, []string{"GET /a/{p1}/{p2}", "POST /a/{p1}/{p2}"}},
		"slash":               {head + "paths: {/: {get: {security: []}}, /a/: {head: {security: []}}}", openapi.Config{}, []string{"GET /{$}", "HEAD /a/{$}"}},
		"relative server":     {head + "servers: [{url: /v2}]\npaths: {/a: {get: {security: []}}}", openapi.Config{}, []string{"GET /v2/a"}},
		"servers":             {head + "servers: [{url: 'https://a.test/v1'}, {url: 'https://{b}.test/v2/'}, {url: 'https://c.test'}]\npaths: {/a: {get: {security: []}}}", openapi.Config{}, []string{"GET /a", "GET /v1/a", "GET /v2/a"}},
		"servers of a path":   {head + "servers: [{url: /v1}]\npaths: {/a: {servers: [{url: /p}], get: {security: [], servers: [{url: /o}]}, put: {security: []}}, /b: {get: {security: []}}}", openapi.Config{}, []string{"GET /o/a", "GET /v1/b", "PUT /p/a"}},
		"base path":           {head + "servers: [{url: '/{v}'}]\npaths: {/a: {get: {security: []}}}", openapi.Config{BasePath: "/v3/"}, []string{"GET /v3/a"}},
		"no base path":        {head + "servers: [{url: /v1}]\npaths: {/a: {get: {security: []}}}", openapi.Config{BasePath: "/"}, []string{"GET /a"}},
		"extensions":          {head + "x-a: 1\npaths: {x-b: {get: {}}, /a: {x-c: 1, get: {x-d: 1, security: []}}}", openapi.Config{}, []string{"GET /a"}},
		"aliases":             {head + "paths: {/a: &a {get: {security: []}}, /b: *a}", openapi.Config{}, []string{"GET /a", "GET /b"}},
		"JSON": {
			`{"openapi": "3.1.0", "info": {"title": "\ud83d\ude00", "version": "1"}, "paths": {"/a": {"get": {"security": []}}}}`,
			openapi.Config{},
			[]string{"GET /a"},
		},
		"files": {
			head + "paths: {/a: {$ref: 'paths/a.yaml#/item'}}", openapi.Config{Name: "api/openapi.yaml", Files: fstest.MapFS{
				"api/paths/a.yaml": {Data: []byte("item: {get: {security: []}}")},
			}}, []string{"GET /a"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, mustRead(t, []byte(test.text), test.cfg).Patterns()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	op := func(operation string) string { return head + "paths:\n  /a:\n    get: " + operation + schemes }
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	laughs := "x-0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
	for i := 1; i < 9; i++ {
		last, this := string(rune('0'+i-1)), string(rune('0'+i))
		laughs += "x-" + this + ": &x" + this + " [" + strings.TrimSuffix(strings.Repeat("*x"+last+", ", 10), ", ") + "]\n"
	}
	tests := map[string]struct {
		text string
		want []string
	}{
		"nothing":                {"", []string{"document: cannot be read: the document is empty"}},
		"not YAML":               {"a: [", []string{"document: cannot be read"}},
		"an array":               {"[]", []string{"is not an object"}},
		"two documents":          {head + "paths: {}\n---\na: b", []string{"more than one YAML document"}},
		"Swagger":                {"swagger: '2.0'\npaths: {}", []string{`/openapi: is "", expected a text such as 3.1.1 or 3.0.4`}},
		"3.2":                    {"openapi: 3.2.0\npaths: {}", []string{`is "3.2.0"`}},
		"a number":               {"openapi: 3.1\npaths: {}", []string{"/openapi: is"}},
		"no operations":          {head + "paths: {}", []string{"/paths: has no operations"}},
		"no paths":               {head + "webhooks: {a: {post: {}}}", []string{"/paths: has no operations"}},
		"no security":            {op("{}"), []string{"line 5: /paths/~1a/get: has no security, and neither has the document"}},
		"null":                   {op("{security: }"), []string{"/paths/~1a/get/security: is not an array"}},
		"null in the document":   {head + "security:\npaths: {/a: {get: {}}}", []string{"/security: is not an array"}},
		"an object":              {op("{security: {o: []}}"), []string{"/security: is not an array"}},
		"null alternative":       {op("{security: [null]}"), []string{"/security/0: is not an object"}},
		"null names":             {op("{security: [{o: }]}"), []string{"/security/0/o: is not an array"}},
		"a name that is no text": {op("{security: [{o: [1]}]}"), []string{"/security/0/o/0: is not a text"}},
		"optional":               {op("{security: [{o: []}, {}]}"), []string{"makes a token optional with {}"}},
		"unknown scheme":         {op("{security: [{x: []}]}"), []string{"/security/0/x: is not a security scheme"}},
		"apiKey":                 {op("{security: [{key: []}]}"), []string{`line 5: /paths/~1a/get/security/0/key: is a scheme of the type "apiKey"`}},
		"basic":                  {op("{security: [{basic: []}]}"), []string{`is a scheme of the type "http" basic`}},
		"certificate alone":      {op("{security: [{mtls: []}]}"), []string{"requires a client certificate alone"}},
		"certificate with names": {op("{security: [{mtls: [x], o: []}]}"), []string{"a client certificate has neither scopes nor roles"}},
		"unknown scope":          {op("{security: [{o: [c]}]}"), []string{`has the scope "c", which no flow of the scheme lists`}},
		"not a scope":            {op("{security: [{oidc: ['a b']}]}"), []string{`"a b" is not a scope`}},
		"two servers":            {op("{security: [{oidc: []}, {other: []}]}"), []string{"names another authorization server than the scheme \"oidc\""}},
		"two servers, and OAuth": {op("{security: [{o: []}, {other: []}]}"), []string{"names another authorization server than the scheme \"o\""}},
		"misspelled":             {op("{securty: [{o: [a]}], security: []}"), []string{"/paths/~1a/get/securty: is not a member that OpenAPI 3.1 has here"}},
		"another case":           {head + "paths: {/a: {GET: {security: []}}}", []string{"/paths/~1a/GET: is not a member"}},
		"merge key":              {head + "x-a: &a {security: []}\npaths: {/a: {get: {<<: *a}}}" + schemes, []string{"/paths/~1a/get/<<: is not a member", "has no security"}},
		"a member of the root":   {head + "securityy: []\npaths: {/a: {get: {security: []}}}", []string{"/securityy: is not a member"}},
		"duplicate":              {op("{security: [{o: [a]}], security: []}"), []string{"/paths/~1a/get/security: is a duplicate member"}},
		"duplicate in JSON": {
			"{\"openapi\": \"3.1.0\", \"info\": {},\n\"paths\": {\"/a\": {\"get\": {\"security\": [],\n\"s\\u0065curity\": []}}}}",
			[]string{"line 3: /paths/~1a/get/security: is a duplicate member"},
		},
		"part of a segment":      {head + "paths: {'/a/{id}.json': {get: {security: []}}}", []string{`the path "/a/{id}.json" contains a parameter that is only a part of a segment`}},
		"a rest":                 {head + "paths: {'/a/{rest...}': {get: {security: []}}, '/{$}': {get: {security: []}}}", []string{`"/{$}"`}},
		"relative path":          {head + "paths: {a: {get: {security: []}}}", []string{"does not start with a slash"}},
		"dots":                   {head + "paths: {/a/../b: {get: {security: []}}}", []string{"contains an empty segment"}},
		"encoded dots":           {head + "paths: {/a/%2e%2E/b: {get: {security: []}}}", []string{"contains an encoded slash or dot segment"}},
		"encoded slash":          {head + "paths: {/a%2Fb: {get: {security: []}}}", []string{"contains an encoded slash or dot segment"}},
		"query":                  {head + "paths: {'/a?b': {get: {security: []}}}", []string{"contains white space, a control character, a query"}},
		"same path":              {head + "paths: {'/a/{x}': {get: {security: []}}, '/a/{y}': {get: {security: []}}}", []string{`the path "/a/{y}": pattern "GET /a/{p1}" conflicts with pattern "GET /a/{p1}": GET /a/{p1} matches the same requests as`}},
		"conflict":               {head + "paths: {'/{x}/b': {get: {security: []}}, '/a/{y}': {get: {security: []}}}", []string{`the path "/a/{y}"`}},
		"variable in the path":   {head + "servers: [{url: 'https://a.test/{v}'}]\npaths: {/a: {get: {security: []}}}", []string{"/servers/0/url: is", "whose path contains a variable"}},
		"server without slash":   {head + "servers: [{url: v1}]\npaths: {/a: {get: {security: []}}}", []string{"whose path does not start with a slash"}},
		"next to $ref":           {head + "paths: {/a: {$ref: '#/components/pathItems/a', post: {security: []}}}\ncomponents: {pathItems: {a: {get: {security: []}}}}", []string{"/paths/~1a/post: is next to $ref"}},
		"cycle":                  {head + "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}", []string{"is the end of a chain of more than 20 references, or of a cycle"}},
		"end of a chain":         {head + "paths: {/a: {$ref: '#/components/pathItems/a'}}\ncomponents: {pathItems: {a: {$ref: '#/components/pathItems/b'}, b: {$ref: '#/components/pathItems/c'}}}", []string{"refers to \"#/components/pathItems/c\""}},
		"no such place":          {head + "paths: {/a: {$ref: '#/components/pathItems/a'}}", []string{"/paths/~1a/$ref: refers to \"#/components/pathItems/a\", which does not exist"}},
		"another file":           {head + "paths: {/a: {$ref: other.yaml}}", []string{"refers to another file, but Config.Files is nil"}},
		"network":                {head + "paths: {/a: {$ref: 'http://127.0.0.1:1/a.yaml'}}", []string{"expected a relative path of a file"}},
		"network without scheme": {head + "paths: {/a: {$ref: '//127.0.0.1:1/a.yaml'}}", []string{"expected a relative path of a file"}},
		"a reference in a schema": {
			head + "paths: {/a: {get: {security: [], responses: {'200': {description: d, content: {a/b: {schema: {$ref: 'http://127.0.0.1:1/a'}}}}}}}}",
			[]string{"the parser kin-openapi cannot read it"},
		},
		"depth":             {head + "x-a: " + deep, []string{"exceeds 1000000 values or 100 levels"}},
		"depth in JSON":     {`{"a": ` + deep + `}`, []string{"too many levels"}},
		"expanding aliases": {head + laughs, []string{"exceeds 1000000 values or 100 levels, counting aliases each time"}},
		"size":              {"a: " + strings.Repeat("a", 16<<20), []string{"expected at most 16777216"}},
		"names in 3.0":      {strings.Replace(op("{security: [{bearer: [r]}]}"), "3.1.0", "3.0.3", 1), []string{"has names, which OpenAPI 3.0 allows only for"}},
		"several": {
			head + "paths: {/a: {get: {}, put: {security: [{x: []}]}}, '/b.{c}': {get: {security: []}}}",
			[]string{"/paths/~1a/get: has no security", "/paths/~1a/put/security/0/x: is not", `the path "/b.{c}" contains`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := openapi.Read([]byte(test.text), openapi.Config{})
			if err == nil || policy != nil {
				t.Fatalf("got %v, %v", policy, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %.500v, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), ".go:") {
				t.Errorf("the error contains the name of a source file: %v", err)
			}
		})
	}
}

func TestProblemIsTyped(t *testing.T) {
	t.Parallel()
	_, err := openapi.Read([]byte(head+"paths: {/a: {get: {}}}"), openapi.Config{Name: "api.yaml"})
	problem, ok := errors.AsType[*openapi.Problem](err)
	if !ok || problem.File != "api.yaml" || problem.Line != 3 || problem.Pointer != "/paths/~1a/get" {
		t.Errorf("got %#v", problem)
	}
}

func TestFilesStayInside(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"../secret.yaml", "/etc/passwd", "a/../../x.yaml", "file:///etc/passwd", "missing.yaml", "big.yaml"} {
		cfg := openapi.Config{Files: fstest.MapFS{"big.yaml": {Data: make([]byte, 16<<20+1)}}}
		if _, err := openapi.Read([]byte(head+"paths: {/a: {$ref: '"+ref+"'}}"), cfg); err == nil {
			t.Errorf("%s: no error", ref)
		}
	}
}

func TestManyFiles(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]bool{100: true, 101: false} {
		files, text := make(fstest.MapFS), head+"paths:\n"
		for i := range count {
			name := strconv.Itoa(i)
			files[name+".yaml"] = &fstest.MapFile{Data: []byte("get: {security: []}")}
			text += "  /" + name + ": {$ref: " + name + ".yaml}\n"
		}
		if _, err := openapi.Read([]byte(text), openapi.Config{Files: files}); (err == nil) != want {
			t.Errorf("%d files: %v", count, err)
		}
	}
}

func TestLongChain(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]bool{18: false, 30: true} { // whether the chain itself is a problem
		text := head + "paths: {/a: {$ref: '#/components/pathItems/p0'}}\ncomponents:\n  pathItems:\n"
		for i := range length {
			text += fmt.Sprintf("    p%d: {$ref: '#/components/pathItems/p%d'}\n", i, i+1)
		}
		text += fmt.Sprintf("    p%d: {get: {security: []}}\n", length)
		_, err := openapi.Read([]byte(text), openapi.Config{})
		if got := err != nil && strings.Contains(err.Error(), "chain of more than 20 references"); got != want {
			t.Errorf("%d references: %v", length, err)
		}
	}
}

// TestSchemes checks which tokens each kind of scheme accepts.
func TestSchemes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	custom := openapi.Config{Scheme: func(s openapi.Scheme) ([]middleware.Rule, bool) {
		switch s.Name {
		case "key":
			return []middleware.Rule{middleware.Scopes("from-the-key")}, true
		case "other":
			return []middleware.Rule{middleware.Claim("tenant", func(v any) bool { return v == "other" })}, true
		}
		return nil, false
	}}
	tests := map[string]struct {
		security string
		cfg      openapi.Config
		want     []middleware.Alternative
	}{
		"oauth2":           {"[{o: [a, b]}]", openapi.Config{}, []middleware.Alternative{{Scopes: []string{"a", "b"}}}},
		"by reference":     {"[{ref: [a]}]", openapi.Config{}, []middleware.Alternative{{Scopes: []string{"a"}}}},
		"roles":            {"[{bearer: [r, s]}]", openapi.Config{}, []middleware.Alternative{{Roles: []string{"r", "s"}}}},
		"DPoP":             {"[{dpop: [r]}]", openapi.Config{}, []middleware.Alternative{{Roles: []string{"r"}, Bound: true}}},
		"certificate":      {"[{mtls: [], o: [a]}]", openapi.Config{}, []middleware.Alternative{{Scopes: []string{"a"}, Bound: true}}},
		"any token":        {"[{o: []}]", openapi.Config{}, []middleware.Alternative{{}}},
		"any token counts": {"[{o: [a]}, {bearer: []}]", openapi.Config{}, []middleware.Alternative{{}}},
		"two schemes":      {"[{o: [a], oidc: [x]}]", openapi.Config{}, []middleware.Alternative{{Scopes: []string{"a", "x"}}}},
		"apiKey":           {"[{key: []}]", custom, []middleware.Alternative{{Scopes: []string{"from-the-key"}}}},
		"two servers":      {"[{oidc: [x]}, {other: []}]", custom, []middleware.Alternative{{Scopes: []string{"x"}}, {}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := mustRead(t, []byte(head+"paths: {/a: {get: {security: "+test.security+"}}}"+schemes), test.cfg)
			if diff := cmp.Diff(test.want, alternatives(policy)["GET /a"]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			h, err := policy.Handler(newGuard(t, issuer), served)
			if err != nil {
				t.Fatal(err)
			}
			want := 403
			if name == "DPoP" || name == "certificate" {
				want = 401
			}
			if strings.HasPrefix(name, "any token") {
				want = 200
			}
			if status, _, _ := ask(t, h, "GET", "/a", issuer.AccessToken().Set("scope", "none").Sign()); status != want {
				t.Errorf("a token without anything: %d, want %d", status, want)
			}
		})
	}
	invalid := openapi.Config{Scheme: func(openapi.Scheme) ([]middleware.Rule, bool) { return []middleware.Rule{{}}, true }}
	if _, err := openapi.Read([]byte(head+"paths: {/a: {get: {security: [{o: []}]}}}"+schemes), invalid); err == nil || !strings.Contains(err.Error(), "Config.Scheme returned an invalid rule") {
		t.Errorf("invalid rule: %v", err)
	}
}

// TestKindOfBinding checks that a token that is bound to a certificate is not accepted where a key for DPoP is required.
func TestKindOfBinding(t *testing.T) {
	t.Parallel()
	certificate := newCertificate(t)
	sum := sha256.Sum256(certificate.Raw)
	cnf := `{"scope": "a", "cnf": {"x5t#S256": "` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"}}`
	v := verifierFunc(func(context.Context, string) (*consumer.Token, error) {
		return consumer.NewToken("https://issuer.test", []byte(cnf))
	})
	guard, err := middleware.New(middleware.Config{Verifier: v, MTLS: &middleware.MTLSConfig{}})
	if err != nil {
		t.Fatal(err)
	}
	text := head + "paths: {/key: {get: {security: [{dpop: [], o: [a]}]}}, /certificate: {get: {security: [{mtls: [], o: [a]}]}}}" + schemes
	h, err := mustRead(t, []byte(text), openapi.Config{}).Handler(guard, served)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/key": 401, "/certificate": 200} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer opaque")
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{certificate}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// newCertificate returns a self-signed certificate.
func newCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
