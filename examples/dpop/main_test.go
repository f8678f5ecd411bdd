package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

// TestSmoke runs the program. It fails if a response is not the expected one.
func TestSmoke(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if err := run(t.Context(), nil, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if rejected := strings.Count(stdout.String(), "logged: reason="); rejected != 6 {
		t.Errorf("%d rejected requests were logged, want 6:\n%s", rejected, &stdout)
	}
	t.Logf("\n%s", &stdout)
}

// TestDetectsWrongResponses checks that the program marks the responses of an API without a Guard.
func TestDetectsWrongResponses(t *testing.T) {
	t.Parallel()
	issuer, err := startIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.stop)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	steps, err := newSteps(issuer, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	wrong, err := takeAll(t.Context(), steps, &stdout, new(logBuffer))
	if err != nil || wrong != 6 || strings.Count(stdout.String(), "WRONG") != 6 {
		t.Errorf("%d wrong responses, %v, want 6:\n%s", wrong, err, &stdout)
	}
}

// TestSettings sends a proof to an API with each of the settings that the document shows.
func TestSettings(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: issuer.Client()})
	if err != nil {
		t.Fatal(err)
	}
	of := func(guard *middleware.Guard, err error) http.Handler {
		if err != nil {
			t.Fatal(err)
		}
		return newRoutes(guard)
	}
	tests := []struct {
		name    string
		api     http.Handler
		header  http.Header
		nonce   bool
		exposed string
	}{
		{"several hosts", of(newGuardOfSeveralHosts(verifier)), http.Header{
			"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example.com"},
		}, false, ""},
		{"cluster", of(newGuardOfCluster(verifier, store.NewReplays(0), bytes.Repeat([]byte("k"), 32))), nil, true, ""},
		{"browsers", withCORS(of(newGuardForBrowsers(verifier))), http.Header{"Origin": {"https://app.example.com"}}, true, "DPoP-Nonce, WWW-Authenticate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key := bearertest.NewProofKey("ES256")
			token := issuer.AccessToken().BoundTo(key).Sign()
			send := func(nonce string) *httptest.ResponseRecorder {
				proof := key.Proof(http.MethodGet, "https://api.example.com/orders", token)
				if nonce != "" {
					proof.Set("nonce", nonce)
				}
				request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
				request.RemoteAddr = "10.1.2.3:4567"
				request.Header = test.header.Clone()
				if request.Header == nil {
					request.Header = make(http.Header)
				}
				request.Header.Set("Authorization", "DPoP "+token)
				request.Header.Set("DPoP", proof.Sign())
				recorder := httptest.NewRecorder()
				test.api.ServeHTTP(recorder, request)
				return recorder
			}
			got := send("")
			if test.nonce {
				exposed := strings.Join(got.Header().Values("Access-Control-Expose-Headers"), ", ")
				if got.Code != http.StatusUnauthorized || got.Header().Get("DPoP-Nonce") == "" || exposed != test.exposed {
					t.Fatalf("without a nonce: %d %v, want 401 with a nonce", got.Code, got.Header())
				}
				got = send(got.Header().Get("DPoP-Nonce"))
			}
			if got.Code != http.StatusOK {
				t.Errorf("got %d %v, want 200", got.Code, got.Header())
			}
		})
	}
}

const document = "../../docs/sender-constrained.md"

// TestGoBlocks checks that the Go blocks of docs/sender-constrained.md are functions of this folder, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, file := range files {
		sources = append(sources, read(t, file)+"\n")
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, document), -1)
	if len(blocks) < 6 {
		t.Errorf("%d Go blocks, want at least 6", len(blocks))
	}
	for _, block := range blocks {
		if !slices.ContainsFunc(sources, func(source string) bool { return strings.Contains(source, "\n"+block[1]+"\n") }) {
			t.Errorf("no file of this folder contains this block:\n%s", block[1])
		}
	}
}

// TestLogLines checks that the document explains the reason and the detail of each rejected request of the program.
func TestLogLines(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if err := run(t.Context(), nil, &stdout); err != nil {
		t.Fatal(err)
	}
	text := read(t, document)
	for _, line := range regexp.MustCompile(`reason=(\w+) .*detail="(.*)"\n`).FindAllStringSubmatch(stdout.String(), -1) {
		if row := "| `" + line[1] + "` | `" + strings.ReplaceAll(line[2], `\"`, `"`) + "`"; !strings.Contains(text, row) {
			t.Errorf("%s has no row %s", document, row)
		}
	}
}

// TestDocumentedDetails checks that the code contains the details of the table in the document, except for the quoted values.
func TestDocumentedDetails(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, pattern := range []string{"../../middleware/*.go", "../../internal/dpop/*.go", "../../internal/peer/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				code.WriteString(read(t, file))
			}
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `\\w+` \\| (`.*`) \\| .* \\|$").FindAllStringSubmatch(read(t, document), -1)
	if len(rows) < 15 {
		t.Errorf("%d rows, want at least 15", len(rows))
	}
	for _, row := range rows {
		for _, detail := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			for _, part := range regexp.MustCompile(`"[^"]*"|…|X-[\w-]+`).Split(detail[1], -1) {
				if !strings.Contains(code.String(), part) {
					t.Errorf("no detail contains %q, which is part of\n%s", part, detail[1])
				}
			}
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
