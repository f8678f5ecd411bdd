package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStepUp runs the whole program. The client signs in twice: once to connect, and once for the tool that needs more.
func TestStepUp(t *testing.T) {
	t.Parallel()
	for revision, args := range map[string][]string{"2026-07-28": nil, "2025-11-25": {"-sessions"}} {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := run(t.Context(), append(args, "-addr", "127.0.0.1:0"), &out); err != nil {
				t.Fatal(err, out.String())
			}
			want := `The client connects.
  The user signs in. The client requests: notes:read
The client is connected (revision ` + revision + `).
The client calls list_notes.
  result: {"notes":["Buy oat milk","Call Grandma","Water the plants"],"user":"alice"}
The client calls delete_note.
  The user signs in. The client requests: notes:admin notes:read
  result: {"notes":["Buy oat milk","Water the plants"],"user":"alice"}
The client calls delete_note.
  result: {"notes":["Water the plants"],"user":"alice"}
`
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// TestServe reads the two lines that other programs read, and connects to the server.
func TestServe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-serve", "-sessions", "-addr", "127.0.0.1:0"}, said) }()
	lines := bufio.NewScanner(out)
	var printed []string
	for len(printed) < 2 && lines.Scan() {
		printed = append(printed, lines.Text())
	}
	endpoint, isEndpoint := strings.CutPrefix(printed[0], "mcp ")
	issuer, isIssuer := strings.CutPrefix(printed[1], "authorization server ")
	if !isEndpoint || !isIssuer || !strings.HasSuffix(endpoint, "/mcp") || !strings.HasPrefix(issuer, "http://127.0.0.1:") {
		t.Errorf("printed %q", printed)
	}
	if err := tour(t.Context(), endpoint, io.Discard); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestProvider checks what the authorization server rejects. It never redirects to a URI that the client has not registered.
func TestProvider(t *testing.T) {
	t.Parallel()
	const resource = "http://127.0.0.1/mcp"
	p, err := startProvider(t.Context(), resource)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	documents := httptest.NewServer(nil)
	t.Cleanup(documents.Close)
	document := documents.URL + "/client.json"
	documents.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := document
		if r.URL.Path == "/other.json" { // the document of another client
			id = "https://other.test/client.json"
		}
		respond(w, http.StatusOK, map[string]any{"client_id": id, "redirect_uris": []string{redirectURI}})
	})
	registered := register(t, p, `{"redirect_uris":["`+redirectURI+`"]}`)
	for name, test := range map[string]struct {
		client string
		change url.Values
		want   string // of the redirect: code, or an error; empty: no redirect
	}{
		"registered client":      {registered, nil, "code"},
		"metadata document":      {document, nil, "code"},
		"document of another":    {documents.URL + "/other.json", nil, ""},
		"unknown client":         {"nobody", nil, ""},
		"unregistered redirect":  {registered, url.Values{"redirect_uri": {"http://127.0.0.1:3001/callback"}}, ""},
		"no PKCE":                {registered, url.Values{"code_challenge": nil}, "invalid_request"},
		"plain PKCE":             {registered, url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"no resource":            {registered, url.Values{"resource": nil}, "invalid_target"},
		"another resource":       {registered, url.Values{"resource": {"https://other.test"}}, "invalid_target"},
		"unknown scope":          {registered, url.Values{"scope": {"root"}}, "invalid_scope"},
		"another type of result": {registered, url.Values{"response_type": {"token"}}, "unsupported_response_type"},
	} {
		query := url.Values{
			"client_id": {test.client}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "code_challenge": {"x"},
			"code_challenge_method": {"S256"}, "resource": {resource}, "scope": {readScope}, "state": {"s"},
		}
		for parameter, values := range test.change {
			query[parameter] = values
		}
		recorder := httptest.NewRecorder()
		p.authorize(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authorize?"+query.Encode(), nil))
		location, err := url.Parse(recorder.Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		back := location.Query()
		got := back.Get("error")
		if back.Get("code") != "" {
			got = "code"
		}
		if got != test.want || got != "" && (back.Get("iss") != p.URL() || back.Get("state") != "s") {
			t.Errorf("%s: %d, redirect %v, want %q", name, recorder.Code, back, test.want)
		}
	}
	for _, metadata := range []string{`{}`, `[]`, `{"redirect_uris":["http://app.test/"]}`, `{"redirect_uris":["javascript:alert(1)"]}`, `{"redirect_uris":["https://a.test/#x"]}`} {
		if id := register(t, p, metadata); id != "" {
			t.Errorf("registered %s", metadata)
		}
	}
}

// register returns the client id, or "" if the provider rejects the metadata.
func register(t *testing.T, p *provider, metadata string) (id string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	p.register(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/register", strings.NewReader(metadata)))
	var response map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &response); err != nil {
		t.Fatal(err)
	}
	id, _ = response["client_id"].(string)
	return id
}
