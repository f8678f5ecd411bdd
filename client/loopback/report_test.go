package loopback_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const description = "redirect_uri is not registered"

// TestCaseL3_ErrorWithoutState checks that the error of a sign-in that got no valid response quotes an error response that may
// belong to this sign-in, and nothing else.
func TestCaseL3_ErrorWithoutState(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode   string
		change func(b browser, r *http.Request)
		want   []string // in the error; nil: nothing of the response
	}{
		"no state": {change: func(_ browser, r *http.Request) {
			r.URL.RawQuery = url.Values{"error": {"invalid_scope"}, "error_description": {description}}.Encode()
		}, want: []string{`"invalid_scope"`, `"` + description + `"`}},
		"empty state":        {change: query("error=invalid_request&state="), want: []string{`"invalid_request"`}},
		"control characters": {change: query("error=a%1b%5d0%3bx&error_description=%0a%e2%80%ae"), want: []string{`"a\x1b]0;x"`, `"\n\u202e"`}},
		"long": {
			change: query("error=" + strings.Repeat("e", 1000) + "&error_description=" + strings.Repeat("%c3%a4", 1000)),
			want:   []string{`"` + strings.Repeat("e", 64) + `…"`, `"` + strings.Repeat("ä", 150) + `…"`},
		},
		"not signed":             {mode: "jwt", change: query("error=unsupported_response_mode"), want: []string{`"unsupported_response_mode"`}},
		"not signed, with state": {mode: "jwt", change: ours("error=invalid_request"), want: []string{`"invalid_request"`}},
		"not posted":             {mode: "form_post", change: ours("error=invalid_scope"), want: []string{`"invalid_scope"`}},
		"posted":                 {mode: "form_post", change: posted("error=invalid_scope"), want: []string{`"invalid_scope"`}},
		"another state":          {change: query("error=invalid_scope&state=x")},
		"another state, posted":  {mode: "form_post", change: posted("error=invalid_scope&state=x")},
		"another path":           {change: func(_ browser, r *http.Request) { r.URL.Path, r.URL.RawQuery = "/x", "error=invalid_scope" }},
		"another host":           {change: func(_ browser, r *http.Request) { r.Host, r.URL.RawQuery = "evil.test", "error=invalid_scope" }},
		"no error":               {change: query("code=secretcode")},
		"an empty error":         {change: query("error=&error_description=x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newClient(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := loopback.SignIn(ctx, c, loopback.Options{
				Out: io.Discard, Authorization: client.AuthorizationOptions{ResponseMode: test.mode},
				Open: func(_ context.Context, address string) error {
					b := open(t, address)
					if status, _, page := b.send(t, func(r *http.Request) { test.change(b, r) }); status < 400 || strings.Contains(page, description) {
						t.Error(status, page)
					}
					cancel()
					return nil
				},
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrCallback) || strings.Contains(err.Error(), "secretcode") {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
			}
			if test.want == nil && strings.Contains(err.Error(), "unverified response") {
				t.Error(err)
			}
		})
	}
}

// TestCaseL3_Timeout checks that the last of several error responses is quoted after the timeout, next to the reason of a
// rejected response with the state.
func TestCaseL3_Timeout(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	_, err := loopback.SignIn(t.Context(), c, loopback.Options{Out: io.Discard, Timeout: time.Second, Open: func(_ context.Context, address string) error {
		b := open(t, address)
		b.send(t, func(r *http.Request) { r.URL.RawQuery = "error=first" })
		b.send(t, func(r *http.Request) { r.URL.RawQuery = "error=last" })
		b.send(t, func(r *http.Request) { r.URL.RawQuery += "&iss=https://evil.test" })
		return nil
	}})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrCallback) ||
		!strings.Contains(err.Error(), `"last"`) || strings.Contains(err.Error(), `"first"`) {
		t.Error(err)
	}
}

// TestCaseL3_DoesNotEndTheSignIn checks that error responses without the state change nothing for the response that follows.
func TestCaseL3_DoesNotEndTheSignIn(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{Out: io.Discard, Open: func(_ context.Context, address string) error {
		b := open(t, address)
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			b.send(t, func(r *http.Request) { r.Method, r.URL.RawQuery = method, "error=access_denied" })
		}
		go b.send(t, nil)
		return nil
	}})
	if err != nil || token.AccessToken != "at" {
		t.Error(token, err)
	}
}

// outage is a server whose token endpoint is down.
type outage struct{ server }

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/token" {
		return nil, errors.New("no route to the server")
	}
	return o.server.RoundTrip(r)
}

// TestCaseL3_DeviceAfterAnOutage checks that the error of a code that has expired says that the server could not be reached.
func TestCaseL3_DeviceAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		transport http.RoundTripper
		timeout   time.Duration
		want      error
		says      bool
	}{
		"the code expires": {&outage{}, time.Hour, client.ErrExpiredToken, true},
		"the time is over": {&outage{}, 30 * time.Second, context.DeadlineExceeded, true},
		"only pending":     {pendingServer{}, time.Hour, client.ErrExpiredToken, false},
		"pending at last":  {&recovered{}, time.Hour, client.ErrExpiredToken, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, err := client.New(client.Config{
					Issuer: issuer, ClientID: "cli", HTTPClient: &http.Client{Transport: test.transport},
					Metadata: &oidcdiscovery.Metadata{Issuer: issuer, TokenEndpoint: issuer + "/token", DeviceAuthorizationEndpoint: issuer + "/device"},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				_, err = loopback.Device(ctx, c, loopback.DeviceOptions{Out: io.Discard})
				if !errors.Is(err, test.want) || errors.Is(err, client.ErrUnavailable) || strings.Contains(err.Error(), "no route") != test.says {
					t.Error(err)
				}
			})
		})
	}
}

// pendingServer is a server whose user does nothing.
type pendingServer struct{}

func (p pendingServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/token" {
		return deviceServer(`{"error":"authorization_pending"}`).RoundTrip(r)
	}
	return new(server).RoundTrip(r)
}

// recovered is a server whose token endpoint is down at first.
type recovered struct {
	pendingServer

	calls int
}

func (s *recovered) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/token" {
		if s.calls++; s.calls == 1 {
			return nil, errors.New("no route to the server")
		}
	}
	return s.pendingServer.RoundTrip(r)
}

func query(text string) func(browser, *http.Request) {
	return func(_ browser, r *http.Request) { r.URL.RawQuery = text }
}

// ours adds the state of the sign-in.
func ours(text string) func(browser, *http.Request) {
	return func(b browser, r *http.Request) { r.URL.RawQuery = text + "&state=" + url.QueryEscape(b.state) }
}

func posted(text string) func(browser, *http.Request) {
	return func(_ browser, r *http.Request) {
		r.Method, r.URL.RawQuery, r.Body = http.MethodPost, "", io.NopCloser(strings.NewReader(text))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}
