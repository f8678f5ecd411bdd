package openapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/openapi"
)

// FuzzRead reads hostile documents. If one is accepted, its policy can be enforced, and every operation that is not public
// requires a token. Its description is accepted too.
func FuzzRead(f *testing.F) {
	f.Add(document(f))
	for _, operation := range []string{
		"{security: []}", "{security: [{o: [a]}]}", "{security: [{oidc: [x], mtls: []}, {dpop: [r]}]}", "{security: [{}]}", "{security: [{ref: [a, b]}]}", "*x", "{<<: {}}",
	} {
		f.Add([]byte(head + "paths: {'/a/{b}': {get: " + operation + "}, /a/c/: {head: " + operation + "}}" + schemes))
	}
	f.Add([]byte(`{"openapi":"3.0.0","security":[],"paths":{"/":{"get":{}}}}`))
	guard := newGuard(f, newIssuer())
	f.Fuzz(func(t *testing.T, text []byte) {
		policy, err := openapi.Read(text, openapi.Config{})
		if err != nil {
			return
		}
		h, err := policy.Handler(guard, served)
		if err != nil {
			t.Fatalf("the policy cannot be enforced: %v", err)
		}
		if status, _, _ := ask(t, h, "UNKNOWN", "/no/such/operation"); status == 200 {
			t.Error("a request that the document does not describe has passed")
		}
		for pattern := range policy.Rules {
			method, path, _ := strings.Cut(pattern, " ")
			path = strings.TrimSuffix(path, "{$}")
			if strings.ContainsAny(path, "%\"\\^`|<>{}") || slices.Contains(policy.Public, pattern) {
				continue
			}
			if status, _, _ := ask(t, h, method, path); status == 200 {
				t.Errorf("%s has passed without a token", pattern)
			}
		}
		described, err := openapi.Describe(text, policy, openapi.Description{Issuer: "https://issuer.test", DPoP: true})
		if err == nil && len(described) == 0 {
			t.Error("the description is empty")
		}
	})
}
