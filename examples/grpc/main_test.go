package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestGoBlocks checks that the Go blocks of docs/grpc.md are functions of the examples, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	const document = "../../docs/grpc.md"
	var sources []string
	for _, pattern := range []string{"*.go", "../connect/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			sources = append(sources, read(t, file)+"\n")
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, document), -1)
	if len(blocks) < 3 {
		t.Errorf("%d Go blocks, want at least 3", len(blocks))
	}
	for _, block := range blocks {
		if !slices.ContainsFunc(sources, func(source string) bool { return strings.Contains(source, "\n"+block[1]+"\n") }) {
			t.Errorf("no example contains this block:\n%s", block[1])
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
