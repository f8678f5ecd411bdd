package openapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bearerkit/bearerkit/openapi"
)

// TestHostileReferences reads documents whose references form cycles or lead to other places than they seem to. None of them makes an
// operation public that the document protects, and Read ends.
func TestHostileReferences(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"a.yaml":        {Data: []byte("$ref: b.yaml")},
		"b.yaml":        {Data: []byte("$ref: a.yaml")},
		"self.yaml":     {Data: []byte("$ref: self.yaml")},
		"public.yaml":   {Data: []byte("get: {security: [], responses: {'200': {description: d}}}")},
		"schemes.yaml":  {Data: []byte("o: {type: http, scheme: bearer}")},
		"sub/path.yaml": {Data: []byte("get: {$ref: '../public.yaml#/get'}")},
	}
	for name, text := range map[string]string{
		"a cycle of two files":             "paths: {/a: {$ref: a.yaml}}",
		"a cycle of one file":              "paths: {/a: {$ref: self.yaml}}",
		"an operation that is a reference": "paths: {/a: {get: {$ref: 'public.yaml#/get'}}}",
		"the same, in another file":        "paths: {/a: {$ref: sub/path.yaml}}",
		"paths that are a reference":       "paths: {$ref: public.yaml}",
		"security that is a reference":     "paths: {/a: {get: {security: {$ref: '#/x-none'}}}}\nx-none: []",
		"an alternative as a reference":    "paths: {/a: {get: {security: [{$ref: '#/x-none'}]}}}\nx-none: {}",
		"components that are a reference":  "paths: {/a: {get: {security: [{o: []}]}}}\ncomponents: {$ref: schemes.yaml}",
		"schemes that are a reference":     "paths: {/a: {get: {security: [{o: []}]}}}\ncomponents: {securitySchemes: {$ref: schemes.yaml}}",
		"an encoded path of a file":        "paths: {/a: {$ref: '%2e%2e/public.yaml'}}",
		"a query":                          "paths: {/a: {$ref: 'public.yaml?x'}}",
		"two references":                   "paths: {/a: {$ref: public.yaml, $ref: a.yaml}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := openapi.Read([]byte(head+text), openapi.Config{Files: files})
			if err == nil {
				t.Errorf("Read accepts the document: %q, public %q", policy.Patterns(), policy.Public)
			}
		})
	}
}

// TestHandlerIsNotWeaker sends requests that are spelled differently from those of the document. Only the public operation passes
// without a token, exactly as the document describes it.
func TestHandlerIsNotWeaker(t *testing.T) {
	t.Parallel()
	policy, err := openapi.Read([]byte(head+`servers: [{url: "https://{host}.test/v1/", variables: {host: {default: a}}}]
paths:
  /open: {get: {security: []}}
  /open/: {get: {security: [{o: []}]}}
  /open/{id}: {get: {security: [{o: []}]}}
  /open/list: {get: {security: []}, head: {security: [{o: []}]}}
`+schemes), openapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	handler, err := policy.Handler(exampleGuard(), reached)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{
		"GET /v1/open": 204, "HEAD /v1/open": 204, "GET /v1/open/list": 204, "GET /v1/open?x=/../y": 204,
		"HEAD /v1/open/list": 401, "OPTIONS /v1/open": 401, "POST /v1/open": 401, "TRACE /v1/open": 401, "get /v1/open": 401,
		"GET /v1/open/": 401, "GET /v1/open/7": 401, "GET /open": 401, "GET /v1/v1/open": 401, "GET /v1": 401, "GET /v1/": 401, "GET /": 401,
		"GET //v1/open": 401, "GET /v1//open": 401, "GET /v1/./open": 401, "GET /v1/x/../open": 401, "GET /v1/open%2F7": 401,
		"GET /v1%2Fopen": 401, "GET /v1/open/%2e%2e/open": 401, "GET /V1/open": 401, "GET /v1/open/lis%74/": 401,
	} {
		method, target, _ := strings.Cut(line, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", line, w.Code, want)
		}
	}
}
