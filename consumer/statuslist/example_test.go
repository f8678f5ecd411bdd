package statuslist_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

// The functions of this file are in docs/status-lists.md.

func newVerifier(issuer, api string, client *http.Client) (*consumer.Consumer, *statuslist.Lists, error) {
	lists, err := statuslist.New(statuslist.Config{Issuer: issuer, HTTPClient: client})
	if err != nil {
		return nil, nil, err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer, Audience: []string{api}, HTTPClient: client,
		Status: lists,
	})
	return verifier, lists, err
}

func anotherParty() statuslist.Config {
	return statuslist.Config{
		Issuer:     "https://login.example.com",
		ListIssuer: "https://status.example.net",                      // its keys verify the lists
		URLs:       []string{"https://cdn.example.net/status-lists/"}, // where the lists are
	}
}

func withDenyList(lists *statuslist.Lists, denied store.DenyList) consumer.Config {
	return consumer.Config{
		Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"},
		Status: store.All(lists, denied),
	}
}

func readStatus(lists *statuslist.Lists) http.HandlerFunc {
	const limited = 0x03 // a status that the issuer has documented, and that is in Config.AlsoActive
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		status, err := lists.Lookup(r.Context(), token)
		switch {
		case err != nil:
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		case status == limited && r.Method != http.MethodGet:
			http.Error(w, "read only", http.StatusForbidden)
		default:
			fmt.Fprintln(w, "welcome")
		}
	}
}

func TestRevokedToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	list := issuer.StatusList(1, 1000) // 1 bit per token, 1000 tokens
	token := issuer.AccessToken().Set("status", list.Claim(7)).Sign()
	list.Set(7, 1) // INVALID

	verifier, _, err := newVerifier(issuer.URL(), "https://api.test", issuer.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(t.Context(), token); err == nil {
		t.Error("the revoked token was accepted")
	}
}

// TestGoBlocks checks that the Go blocks of docs/status-lists.md are functions of this file, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/status-lists.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(document), -1)
	if len(blocks) < 5 {
		t.Errorf("%d Go blocks, want at least 5", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(string(source), "\n"+block[1]+"\n") {
			t.Errorf("this file does not contain this block:\n%s", block[1])
		}
	}
}

// The handler of the document distinguishes the statuses.
func TestHandlerThatReadsTheStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(c *statuslist.Config) { c.AlsoActive = []statuslist.Status{3} })
	w.list.Set(1, 3)
	guard, err := middleware.New(middleware.Config{Verifier: w.consumer})
	if err != nil {
		t.Fatal(err)
	}
	handler := guard.Handler(readStatus(w.lists))
	for _, test := range []struct {
		method string
		index  int
		want   int
	}{
		{http.MethodGet, 0, http.StatusOK},
		{http.MethodPost, 0, http.StatusOK},
		{http.MethodGet, 1, http.StatusOK},
		{http.MethodPost, 1, http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, "/", nil)
		r.Header.Set("Authorization", "Bearer "+w.at(test.index))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != test.want {
			t.Errorf("%s, index %d: status %d, want %d", test.method, test.index, rec.Code, test.want)
		}
	}
}

// The settings of the document are accepted.
func TestSettingsOfTheDocument(t *testing.T) {
	t.Parallel()
	lists := newLists(t, anotherParty())
	if _, err := consumer.New(withDenyList(lists, store.DenyList{Storage: store.NewMemory(1)})); err != nil {
		t.Error(err)
	}
}

func ExampleNew() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	list := issuer.StatusList(1, 1000)
	lists, err := statuslist.New(statuslist.Config{Issuer: issuer.URL(), HTTPClient: issuer.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(), Status: lists,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	list.Set(8, 1)
	for _, index := range []int{7, 8} {
		_, err := verifier.Verify(context.Background(), issuer.AccessToken().Set("status", list.Claim(index)).Sign())
		fmt.Println(index, err)
	}
	// Output:
	// 7 <nil>
	// 8 consumer: revoked: Config.Status reports that the token may not be used
}

func ExampleLists_Stats() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	list := issuer.StatusList(1, 1000)
	lists, err := statuslist.New(statuslist.Config{
		Issuer: issuer.URL(), HTTPClient: issuer.Client(), Preload: []string{list.URL()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := lists.Warm(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range lists.Stats().Lists {
		fmt.Println(s.URL, s.Usable, s.List.Bits, s.List.Statuses, s.Age < time.Minute)
	}
	// Output:
	// https://issuer.test/statuslists/1 true 1 1000 true
}
