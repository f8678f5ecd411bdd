package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func startIssuer(t *testing.T) *demo.Issuer {
	t.Helper()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	return issuer
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	red, blue, stranger := startIssuer(t), startIssuer(t), startIssuer(t)
	tenants := newDirectory()
	tenants.onLoopback = true
	tenants.add(red.URL(), "red")
	tenants.add(blue.URL(), "blue")
	api, err := newAPI(tenants)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name, token string
		status      int
		body        string
	}{
		{"red", red.Good().Sign(), 200, "hello alice of red\n"},
		{"blue", blue.Good().Sign(), 200, "hello alice of blue\n"},
		{"no token", "", 401, ""},
		{"not a tenant", stranger.Good().Sign(), 401, ""},
		{"red in the name of blue", red.Good().Set("iss", blue.URL()).Sign(), 401, ""},
	}
	for _, test := range tests {
		got := demotest.Get(t.Context(), api, "/me", test.token)
		if got.Code != test.status || test.body != "" && got.Body.String() != test.body {
			t.Errorf("%s: %d %q, want %d %q", test.name, got.Code, got.Body, test.status, test.body)
		}
	}
	if requests := stranger.Requests(); len(requests) > 0 {
		t.Errorf("the issuer that is not a tenant's was asked for %v", requests)
	}

	tenants.remove(blue.URL())
	if got := demotest.Get(t.Context(), api, "/me", blue.Good().Sign()); got.Code != 403 {
		t.Errorf("a tenant who has left: %d, want 403", got.Code)
	}
}

func TestPrivateAddressesAreNotAsked(t *testing.T) {
	t.Parallel()
	red := startIssuer(t)
	tenants := newDirectory()
	tenants.add(red.URL(), "red")
	api, err := newAPI(tenants)
	if err != nil {
		t.Fatal(err)
	}
	if got := demotest.Get(t.Context(), api, "/me", red.Good().Sign()); got.Code != 503 {
		t.Errorf("status %d, want 503", got.Code)
	}
	if requests := red.Requests(); len(requests) > 0 {
		t.Errorf("an issuer on loopback was asked for %v", requests)
	}
}
