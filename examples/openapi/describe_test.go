package main

import (
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/openapi"
)

// describe returns the document of the API with the rules of a Guard.
func describe() ([]byte, error) {
	policy := &openapi.Policy{
		Rules: map[string][]middleware.Rule{ // the policy of Guard.Routes
			"GET /me":          {}, // any valid token
			"GET /orders":      {middleware.Scopes("orders:read")},
			"GET /orders/{id}": {middleware.Scopes("orders:read")},
			"GET /admin":       {middleware.AnyRole("admin")},
		},
		Public: []string{"GET /{$}"},
	}
	described, err := openapi.Describe(document, policy, openapi.Description{Issuer: "https://login.example.com"})
	if err != nil {
		return nil, err
	}
	return described, nil
}

// TestDescribe checks that the description has the operations and the public operations of the published document.
func TestDescribe(t *testing.T) {
	t.Parallel()
	described, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	got, err := openapi.Read(described, openapi.Config{})
	if err != nil {
		t.Fatalf("%v\n%s", err, described)
	}
	want, err := openapi.Read(document, openapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Patterns(), want.Patterns()) || !slices.Equal(got.Public, want.Public) {
		t.Errorf("patterns %q, public %q, want %q and %q", got.Patterns(), got.Public, want.Patterns(), want.Public)
	}
}
