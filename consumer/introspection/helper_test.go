package introspection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	issuerURL = "https://login.test"
	audience  = "https://api.test"
	opaque    = "opaque-token-of-alice"
)

// server is an authorization server without a socket.
type server struct {
	mu       sync.Mutex // guards the fields below
	requests []*http.Request
	forms    []url.Values
	running  int
	most     int // requests that ran at the same time
	respond  func(r *http.Request, form url.Values) (status int, header http.Header, body string)
}

// RoundTrip implements http.RoundTripper. It calls respond outside of the lock.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.requests, s.forms = append(s.requests, r), append(s.forms, form)
	s.running++
	s.most = max(s.most, s.running)
	respond := s.respond
	s.mu.Unlock()
	status, header, text := respond(r, form)
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	if status == 0 { // no response
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r,
	}, nil
}

// count returns the number of requests so far.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// set replaces the response to all later requests.
func (s *server) set(status int, body string) {
	s.setFunc(func(*http.Request, url.Values) (int, http.Header, string) { return status, nil, body })
}

func (s *server) setFunc(respond func(*http.Request, url.Values) (int, http.Header, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.respond = respond
}

// says returns a server that always sends the same response.
func says(status int, body string) *server {
	s := new(server)
	s.set(status, body)
	return s
}

// active returns a response about an active token for this API. Each pair of more is the name and the value of another
// member; nil removes the member.
func active(more ...any) string {
	members := map[string]any{
		"active": true, "iss": issuerURL, "aud": audience, "sub": "alice", "client_id": "app", "scope": "orders:read",
		"token_type": "Bearer", "exp": time.Now().Add(time.Hour).Unix(),
	}
	for i := 0; i < len(more); i += 2 {
		name, ok := more[i].(string)
		if !ok {
			panic("the name of a member must be a string")
		}
		members[name] = more[i+1]
		if more[i+1] == nil {
			delete(members, name)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const inactive = `{"active":false}`

// newClient returns a client of s.
func newClient(t testing.TB, s http.RoundTripper, edit func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{
		Issuer: issuerURL, ClientID: "orders-api", ClientSecret: "a-secret-of-more-than-32-characters",
		Metadata:   &oidcdiscovery.Metadata{Issuer: issuerURL, IntrospectionEndpoint: issuerURL + "/introspect"},
		HTTPClient: &http.Client{Transport: s},
	}
	if edit != nil {
		edit(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newVerifier returns a Verifier that sends its requests to s.
func newVerifier(t testing.TB, s http.RoundTripper, edit func(*introspection.Config)) *introspection.Verifier {
	t.Helper()
	cfg := introspection.Config{Client: newClient(t, s, nil), Audience: []string{audience}}
	if edit != nil {
		edit(&cfg)
	}
	v, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// reasonOf returns the Reason of err, or "" if err is nil. It fails if err is not a *consumer.Error.
func reasonOf(t testing.TB, err error) consumer.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok {
		t.Fatalf("%T is not a *consumer.Error: %v", err, err)
	}
	if e.Issuer != issuerURL {
		t.Errorf("the error names the issuer %q", e.Issuer)
	}
	return e.Reason
}

// wantReason verifies raw, and checks the result.
func wantReason(t testing.TB, v consumer.Verifier, raw string, want consumer.Reason) {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if got := reasonOf(t, err); got != want {
		t.Errorf("reason %q, want %q (%v)", got, want, err)
	}
	if (token == nil) == (err == nil) {
		t.Errorf("token %v with error %v", token, err)
	}
	if strings.Contains(fmt.Sprint(err), raw) {
		t.Errorf("the error contains the token: %v", err)
	}
}

// wantRequests checks the number of requests that the server has received.
func wantRequests(t testing.TB, s *server, want int, when string) {
	t.Helper()
	if got := s.count(); got != want {
		t.Errorf("%s: %d requests, want %d", when, got, want)
	}
}

type statusFunc func(ctx context.Context) (bool, error)

func (f statusFunc) Active(ctx context.Context, _ consumer.StatusToken) (bool, error) { return f(ctx) }
