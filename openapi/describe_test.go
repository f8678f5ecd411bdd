package openapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/openapi"
)

type policyRules = map[string][]middleware.Rule

// TestDescribe checks that only the security changes, that everything else stays in its order, and that the result can be read
// again as the same policy.
func TestDescribe(t *testing.T) {
	t.Parallel()
	policy := &openapi.Policy{
		Public: []string{"GET /v1/health"},
		Rules: policyRules{
			"GET /v1/orders":              {middleware.AnyScope("orders:read", "orders:admin")},
			"POST /v1/orders":             {middleware.Scopes("orders:read"), middleware.Scopes("orders:write"), middleware.StepUp(time.Hour)},
			"/v1/orders/{id}":             {middleware.SenderConstrained(), middleware.AnyRole("clerk")},
			"GET /v1/orders/export":       {middleware.Any(middleware.All(middleware.Scopes("orders:read"), middleware.AnyRole("auditor")), middleware.Scopes("orders:admin"))},
			"GET /v1/orders/{id}/items/":  {},
			"GET /v1/not/in/the/document": {middleware.Scopes("x")},
		},
	}
	d := openapi.Description{Issuer: "https://issuer.test", DPoP: true, MutualTLS: true}
	got, err := openapi.Describe(document(t), policy, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# The API of a small shop. Comments like this one are preserved.\n", "x-team: shop # who maintains it\n", "x-internal:\n  owner: shop\n",
		"security: [] # anyone\n", "version: \"1.4.0\"\n", "security: {type: string} # a property, and not a requirement\n", "type: [string, \"null\"]",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the result has no %q", want)
		}
	}
	again := mustRead(t, got, openapi.Config{})
	want := map[string][]middleware.Alternative{
		"GET /v1/orders":                {{Scopes: []string{"orders:read"}}, {Scopes: []string{"orders:admin"}}},
		"POST /v1/orders":               {{Scopes: []string{"orders:read", "orders:write"}}},
		"GET /v1/orders/{p1}":           {{Roles: []string{"clerk"}, Bound: true}, {Roles: []string{"clerk"}, Bound: true}},
		"DELETE /v1/orders/{p1}":        {{Roles: []string{"clerk"}, Bound: true}, {Roles: []string{"clerk"}, Bound: true}},
		"GET /v1/orders/export":         {{Scopes: []string{"orders:read"}, Roles: []string{"auditor"}}, {Scopes: []string{"orders:admin"}}},
		"GET /v1/orders/{p1}/items/{$}": {{}},
	}
	if diff := cmp.Diff(want, alternatives(again)); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, got)
	}
	if diff := cmp.Diff([]string{"GET /v1/health"}, again.Public); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(withoutSecurity(t, document(t)), withoutSecurity(t, got)); diff != "" {
		t.Errorf("other members have changed:\n%s", diff)
	}
	twice, err := openapi.Describe(got, policy, d)
	if err != nil || string(twice) != string(got) {
		t.Errorf("the second description differs from the first: %v", err)
	}
}

// alternatives returns the alternatives of each pattern.
func alternatives(p *openapi.Policy) map[string][]middleware.Alternative {
	all := make(map[string][]middleware.Alternative)
	for pattern, rules := range p.Rules {
		all[pattern] = []middleware.Alternative{{}}
		if len(rules) > 0 {
			all[pattern] = middleware.All(rules...).Alternatives()
		}
	}
	return all
}

// withoutSecurity returns the document as a value, without security and security schemes.
func withoutSecurity(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, item := range objectIn(doc, "paths") {
		if operations, ok := item.(map[string]any); ok {
			for method := range operations {
				delete(objectIn(operations, method), "security")
			}
		}
	}
	delete(objectIn(doc, "components"), "securitySchemes")
	delete(objectIn(doc, "components", "pathItems", "Items", "get"), "security")
	return doc
}

// objectIn returns the object at a path of names, or nil if there is none.
func objectIn(object map[string]any, names ...string) map[string]any {
	for _, name := range names {
		object, _ = object[name].(map[string]any)
	}
	return object
}

func TestDescribeJSON(t *testing.T) {
	t.Parallel()
	const text = `{"openapi": "3.0.3", "x-number": 1.50e+2, "info": {"title": "<\u00e9\"\n>", "version": "1"}, "paths": {"/a": {"get": {"responses": {}}, "put": {"responses": {}}}}, "x-null": null, "x-empty": {}}`
	const want = `{
  "openapi": "3.0.3",
  "x-number": 1.50e+2,
  "info": {
    "title": "<é\"\n>",
    "version": "1"
  },
  "paths": {
    "/a": {
      "get": {
        "responses": {},
        "security": [
          {
            "openId": [
              "a"
            ]
          }
        ]
      },
      "put": {
        "responses": {},
        "security": []
      }
    }
  },
  "x-null": null,
  "x-empty": {},
  "components": {
    "securitySchemes": {
      "openId": {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://meta.test/m"
      }
    }
  }
}
`
	policy := &openapi.Policy{Public: []string{"PUT /a"}, Rules: policyRules{"/a": {middleware.Scopes("a"), middleware.AnyRole("omitted")}}}
	got, err := openapi.Describe([]byte(text), policy, openapi.Description{MetadataURL: "https://meta.test/m"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" || !json.Valid(got) {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDescribeProblems(t *testing.T) {
	t.Parallel()
	any100 := make([]string, 101)
	for i := range any100 {
		any100[i] = strings.Repeat("s", i+1)
	}
	valid := openapi.Description{Issuer: "https://issuer.test"}
	tests := map[string]struct {
		text  string
		rules policyRules
		d     openapi.Description
		want  []string
	}{
		"nothing":            {head, nil, openapi.Description{}, []string{"Description.Issuer or Description.MetadataURL is required", "the policy is empty"}},
		"no pattern":         {head + "paths: {/a: {get: {}}, /b: {get: {}}}", policyRules{"GET /a": nil}, valid, []string{"/paths/~1b/get: is described, but no pattern of the policy matches it"}},
		"another method":     {head + "paths: {/a: {get: {}}}", policyRules{"POST /a": nil}, valid, []string{"no pattern of the policy matches it"}},
		"one of two servers": {head + "servers: [{url: /v1}, {url: /v2}]\npaths: {/a: {get: {}}}", policyRules{"/v1/a": nil}, valid, []string{"no pattern"}},
		"invalid pattern":    {head + "paths: {/a: {get: {}}}", policyRules{"a b c": nil}, valid, []string{"parsing"}},
		"invalid rule":       {head + "paths: {/a: {get: {}}}", policyRules{"/a": {{}}}, valid, []string{"the zero Rule is invalid"}},
		"not bound":          {head + "paths: {/a: {get: {}}}", policyRules{"/a": {middleware.SenderConstrained()}}, valid, []string{"requires a bound token: set Description.DPoP"}},
		"alternatives":       {head + "paths: {/a: {get: {}}}", policyRules{"/a": {middleware.AnyScope(any100...)}}, valid, []string{"more than 100 alternatives"}},
		"shared path item": {
			head + "paths: {/a: {$ref: '#/components/pathItems/i'}, /b: {$ref: '#/components/pathItems/i'}}\ncomponents: {pathItems: {i: {get: {}}}}",
			policyRules{"/a": {middleware.Scopes("a")}, "/b": {middleware.Scopes("b")}},
			valid,
			[]string{"is used by several paths with different rules"},
		},
		"existing scheme": {
			head + "paths: {/a: {get: {}}}\ncomponents: {securitySchemes: {openId: {type: apiKey}}}",
			policyRules{"/a": nil},
			valid,
			[]string{"/components/securitySchemes/openId: exists and differs"},
		},
		"unreadable path": {head + "paths: {'/a{b}': {get: {}}}", policyRules{"/a": nil}, valid, []string{"only a part of a segment"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := openapi.Describe([]byte(test.text), &openapi.Policy{Rules: test.rules}, test.d)
			if err == nil || got != nil {
				t.Fatalf("got %s, %v", got, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}
