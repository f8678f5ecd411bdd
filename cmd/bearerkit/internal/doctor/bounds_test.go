package doctor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
)

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Each issuer redirects to another one. Doctor requests the metadata of at most 10.
func TestEndlessRedirects(t *testing.T) {
	t.Parallel()
	hosts := make(map[string]bool)
	var requests int
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		requests++
		hosts[r.URL.Host] = true
		next := fmt.Sprintf("https://h%d.example.com%s", requests, r.URL.Path)
		header := http.Header{"Location": {next}}
		return &http.Response{StatusCode: http.StatusFound, Header: header, Body: http.NoBody, Request: r}, nil
	})
	var out bytes.Buffer
	env := &cli.Env{Stdout: &out, Stderr: &out, HTTPClient: &http.Client{Transport: transport}}
	code := cli.Run(t.Context(), env, []string{"doctor", "--issuer", "https://h.example.com", "--audience", "https://api.test"}, doctor.Command)
	if code != cli.ExitFailed || len(hosts) > 10 || len(hosts) < 2 || requests > 40 {
		t.Errorf("exit code %d, %d hosts, %d requests\n%s", code, len(hosts), requests, &out)
	}
}

// An API that never stops sending is read up to 64 KiB.
func TestEndlessResponse(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	var longest atomic.Int64
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "api.test" {
			return issuer.Client().Transport.RoundTrip(r)
		}
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: &endless{longest: &longest}, Request: r}, nil
	})
	var out bytes.Buffer
	env := &cli.Env{Stdout: &out, Stderr: &out, HTTPClient: &http.Client{Transport: transport}}
	args := []string{"doctor", "--issuer", issuer.URL(), "--audience", "https://api.test", "--api", "https://api.test/orders"}
	if code := cli.Run(t.Context(), env, args, doctor.Command); code != cli.ExitFailed {
		t.Errorf("exit code %d\n%s", code, &out)
	}
	if read := longest.Load(); read == 0 || read > 80<<10 {
		t.Errorf("%d bytes of a response were read, want at most 64 KiB and what one read adds", read)
	}
}

// Doctor suggests at most 8 MiB for a key set.
func TestHugeKeySet(t *testing.T) {
	t.Parallel()
	for size, setting := range map[int]string{7 << 20: "1 << 23", 9 << 20: ""} {
		issuer := newIssuer(home)
		issuer.SetJWKS([]byte(`{"filler":"` + strings.Repeat("x", size) + `","keys":[` + keysOf(issuer) + `]}`))
		checkSuggestion(t, &world{hosts: map[string]http.Handler{home: issuer}}, issuer.AccessToken().Sign(), "KeyCache.MaxBytes", setting)
	}
}

// Doctor waits and suggests to wait for at most 1 minute.
func TestVerySlowIssuer(t *testing.T) {
	t.Parallel()
	for slow, setting := range map[time.Duration]string{40 * time.Second: "60 * time.Second", 70 * time.Second: ""} {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer(home)
			raw := issuer.AccessToken().Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
			checkSuggestion(t, &world{hosts: map[string]http.Handler{home: issuer}, slow: slow}, raw, "DiscoveryTimeout", setting)
		})
	}
}

// Doctor suggests at most 64 KiB for a token.
func TestHugeToken(t *testing.T) {
	t.Parallel()
	for size, setting := range map[int]string{40 << 10: "1 << 16", 64 << 10: ""} {
		issuer := newIssuer(home)
		raw := issuer.AccessToken().Set("groups", strings.Repeat("g", size)).Sign()
		checkSuggestion(t, &world{hosts: map[string]http.Handler{home: issuer}}, raw, "MaxTokenBytes", setting)
	}
}

// checkSuggestion checks the suggested value of a field. An empty value means none.
func checkSuggestion(t *testing.T, w *world, raw, field, value string) {
	t.Helper()
	d, output := diagnose(t, w, raw, "--issuer", home, "--audience", audience)
	got := ""
	for _, s := range d.Settings {
		if s.Field == "consumer.Config."+field {
			got = s.Value
		}
	}
	if got != value || (d.Token == "accepted") != (value != "") {
		t.Errorf("%s: suggested %q, verdict %s, want %q:\n%s", field, got, d.Token, value, output)
	}
}

// endless is a body without an end. It fails after 1 MiB, so that a test of a reader without a limit ends.
type endless struct {
	read    int64
	longest *atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 1<<20 {
		return 0, errors.New("read more than 1 MiB")
	}
	n := copy(p, bytes.Repeat([]byte("x"), len(p)))
	e.read += int64(n)
	e.longest.Store(max(e.longest.Load(), e.read))
	return n, nil
}

func (e *endless) Close() error { return nil }

var _ io.ReadCloser = (*endless)(nil)
