package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// TestSmoke runs the program. It fails if a result is not the expected one.
func TestSmoke(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if err := run(t.Context(), nil, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	t.Logf("\n%s", &stdout)
}

// TestDetectsWrongResults checks that the program marks the results of a server without those methods.
func TestDetectsWrongResults(t *testing.T) {
	t.Parallel()
	issuer, err := startIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.stop)
	_, roots, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer() // without TLS, so all calls fail
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	var stdout bytes.Buffer
	wrong, err := callAll(t.Context(), &stdout, issuer, listener.Addr().String(), roots)
	if err != nil || wrong != 8 || strings.Count(stdout.String(), "WRONG") != 8 {
		t.Errorf("%d wrong results, %v, want 8:\n%s", wrong, err, &stdout)
	}
}
