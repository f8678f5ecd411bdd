package interop_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
)

// nodeLists runs statuslist/lists.mjs, which uses npm's @sd-jwt/jwt-status-list.
func nodeLists(t *testing.T, argument, stdin string, into any) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unavailable(t, "interop: node is not installed")
	}
	if _, err := os.Stat(filepath.Join("statuslist", "node_modules", "@sd-jwt", "jwt-status-list", "package.json")); err != nil {
		unavailable(t, "interop: run npm ci in interop/statuslist first")
	}
	cmd := exec.CommandContext(t.Context(), node, "lists.mjs", argument)
	cmd.Dir, cmd.Stdin = "statuslist", strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lists.mjs: %v", err)
	}
	succeed(t, json.Unmarshal(out, into))
}

// listedStatus is the status that lists.mjs gives to an index.
func listedStatus(index, bits int) int {
	return int(uint32(index)*2654435761>>16) & (1<<bits - 1)
}

// Package statuslist reads every status of lists with a million tokens that another implementation has made.
func TestStatusListsOfNode(t *testing.T) {
	t.Parallel()
	const size = 1_000_000
	var made struct {
		JWK   json.RawMessage
		Lists map[string]string
	}
	nodeLists(t, strconv.Itoa(size), "", &made)
	keys, err := jwks.ParseJWKS([]byte(`{"keys":[` + string(made.JWK) + `]}`))
	succeed(t, err)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		_, _ = w.Write([]byte(made.Lists[strings.TrimPrefix(r.URL.Path, "/lists/")]))
	})
	lists, err := statuslist.New(statuslist.Config{
		Issuer: "https://issuer.test", Keys: keys, HTTPClient: &http.Client{Transport: inMemory{handler}}, Timeout: time.Minute,
		Preload: []string{
			"https://issuer.test/lists/1", "https://issuer.test/lists/2", "https://issuer.test/lists/4", "https://issuer.test/lists/8",
		},
	})
	succeed(t, err)
	succeed(t, lists.Warm(t.Context()))
	for _, bits := range []int{1, 2, 4, 8} {
		for index := 0; index < size; index += 37 { // all of them would take long with the race detector
			if got := statusAt(t, lists, bits, index); int(got) != listedStatus(index, bits) {
				t.Fatalf("%d bits, index %d: status %v, want %d", bits, index, got, listedStatus(index, bits))
			}
		}
		if got := statusAt(t, lists, bits, size-1); int(got) != listedStatus(size-1, bits) {
			t.Errorf("%d bits, the last index: status %v, want %d", bits, got, listedStatus(size-1, bits))
		}
	}
	for _, list := range lists.Stats().Lists {
		if list.List.Statuses != size || list.ConsecutiveFailures != 0 {
			t.Errorf("list %+v, want %d statuses", list, size)
		}
	}
}

// statusAt looks a status up for a token with that reference.
func statusAt(t *testing.T, lists *statuslist.Lists, bits, index int) statuslist.Status {
	t.Helper()
	token, err := consumer.NewToken("https://issuer.test", json.RawMessage(
		`{"status":{"status_list":{"idx":`+strconv.Itoa(index)+`,"uri":"https://issuer.test/lists/`+strconv.Itoa(bits)+`"}}}`))
	succeed(t, err)
	status, err := lists.Lookup(t.Context(), token)
	succeed(t, err)
	return status
}

// inMemory is a transport that calls a handler.
type inMemory struct{ http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	m.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// The other implementation reads the lists of bearertest.
func TestNodeReadsListsOfBearertest(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, bits := range []int{1, 2, 4, 8} {
		list := issuer.StatusList(bits, 800)
		for index := range 800 {
			list.Set(index, byte(listedStatus(index, bits)))
		}
		var got []int
		nodeLists(t, "read", list.Token().Sign(), &got)
		if len(got) != 800 {
			t.Fatalf("%d bits: %d statuses, want 800", bits, len(got))
		}
		for index, status := range got {
			if status != listedStatus(index, bits) {
				t.Errorf("%d bits, index %d: %d, want %d", bits, index, status, listedStatus(index, bits))
			}
		}
	}
}
