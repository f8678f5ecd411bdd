package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// scopedAPI is an API whose requests need scopes, and the sign-ins that provide them.
type scopedAPI struct {
	need func(path string) (status int, challenge string) // what a token without the scopes of the path gets; nil: a 403 with the scopes
	sign func(o client.AuthorizationOptions) (granted []string, err error)

	mu      sync.Mutex // guards the fields below
	tokens  map[string][]string
	signIns []client.AuthorizationOptions
	seen    []string // the path and the token of each request
}

// RoundTrip implements http.RoundTripper. The path of a request lists the scopes that it needs, separated by "+".
func (a *scopedAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.seen = append(a.seen, r.URL.Path+" "+token)
	needed := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "+")
	status, challenge := 403, `Bearer error="insufficient_scope", scope="`+strings.Join(needed, " ")+`"`
	if a.need != nil {
		status, challenge = a.need(r.URL.Path)
	}
	w := written(200, "", nil)
	if slices.ContainsFunc(needed, func(s string) bool { return !slices.Contains(a.tokens[token], s) }) {
		w = written(status, "", map[string]string{"WWW-Authenticate": challenge})
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// stepUp is TransportConfig.StepUp.
func (a *scopedAPI) stepUp(_ context.Context, o client.AuthorizationOptions) (*client.Token, error) {
	time.Sleep(time.Second)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signIns = append(a.signIns, o)
	granted, err := o.Scopes, error(nil)
	if a.sign != nil {
		granted, err = a.sign(o)
	}
	if err != nil {
		return nil, err
	}
	token := fmt.Sprintf("t%d", len(a.signIns))
	a.tokens[token] = granted
	return &client.Token{AccessToken: token, RefreshToken: "r", TokenType: "Bearer", Scopes: granted, Expiry: time.Now().Add(time.Hour)}, nil
}

// transport returns a Transport whose token is t0 with the scope read.
func (a *scopedAPI) transport(t *testing.T) *client.Transport {
	t.Helper()
	a.tokens = map[string][]string{"t0": {"read"}}
	c := newClient(t, says(500, ""), nil)
	source := sourceOf(t, c, client.TokenSourceConfig{Token: &client.Token{AccessToken: "t0", Scopes: []string{"read"}}})
	transport, err := client.NewTransport(client.TransportConfig{
		Source: source, Origins: []string{"https://api.test"}, Base: a, StepUp: a.stepUp,
	})
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

func post(t *testing.T, transport http.RoundTripper, path string) (int, error) {
	t.Helper()
	return sendTo(t, transport, path, strings.NewReader("body"))
}

func sendTo(t *testing.T, transport http.RoundTripper, path string, body io.Reader) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return statusFrom(transport, r)
}

func statusFrom(transport http.RoundTripper, r *http.Request) (int, error) {
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// scopesOf returns the scopes of each sign-in.
func (a *scopedAPI) scopesOf() (all []string) {
	for _, o := range a.signIns {
		all = append(all, strings.Join(o.Scopes, " "))
	}
	return all
}

func TestTransport_StepUp(t *testing.T) {
	t.Parallel()
	always := func(status int, challenge string) func(string) (int, string) {
		return func(string) (int, string) { return status, challenge }
	}
	refused := errors.New("the user closed the window")
	for name, test := range map[string]struct {
		need    func(string) (int, string)
		sign    func(client.AuthorizationOptions) ([]string, error)
		paths   []string
		want    []string // of each request: the status, or a part of the error
		signIns []string // the scopes of each
	}{
		"no sign-in needed": {paths: []string{"read"}, want: []string{"200"}},
		"scopes accumulate": {
			paths: []string{"write", "admin", "read+write+admin"}, want: []string{"200", "200", "200"},
			signIns: []string{"read write", "read write admin"},
		},
		"several scopes at once": {paths: []string{"write+admin"}, want: []string{"200"}, signIns: []string{"read write admin"}},
		"granted already": {
			need: always(403, `Bearer error="insufficient_scope", scope="read"`), paths: []string{"write", "write"},
			want: []string{"has these scopes already", "has these scopes already"},
		},
		"the same again": {
			need:  always(403, `Bearer error="insufficient_scope", scope="write"`),
			paths: []string{"admin", "admin"}, want: []string{"rejects the token of the new sign-in", "rejects the token of the new sign-in"},
			signIns: []string{"read write"},
		},
		"not granted, and not used": {
			sign:  func(client.AuthorizationOptions) ([]string, error) { return []string{"write"}, nil },
			paths: []string{"write+admin", "write+admin", "read"}, want: []string{"did not grant", "did not grant", "200"},
			signIns: []string{"read write admin"},
		},
		"granted under other names": {
			sign: func(o client.AuthorizationOptions) ([]string, error) {
				return append([]string{"https://api.test/all"}, o.Scopes[1:]...), nil
			},
			paths: []string{"write"}, want: []string{"200"}, signIns: []string{"read write"},
		},
		"the sign-in fails": {
			sign: func(client.AuthorizationOptions) ([]string, error) { return nil, refused }, paths: []string{"write", "write", "admin"},
			want: []string{refused.Error(), refused.Error(), refused.Error()}, signIns: []string{"read write", "read admin"},
		},
		"another status":         {need: always(401, `Bearer error="insufficient_scope", scope="write"`), paths: []string{"write"}, want: []string{"401"}},
		"another error":          {need: always(403, `Bearer error="access_denied", scope="write"`), paths: []string{"write"}, want: []string{"403"}},
		"another scheme":         {need: always(403, `Basic error="insufficient_scope", scope="write"`), paths: []string{"write"}, want: []string{"403"}},
		"no scope":               {need: always(403, `Bearer error="insufficient_scope"`), paths: []string{"write"}, want: []string{"403"}},
		"empty scope":            {need: always(403, `Bearer error="insufficient_scope", scope=" "`), paths: []string{"write"}, want: []string{"403"}},
		"not a scope":            {need: always(403, `Bearer error="insufficient_scope", scope="wr\"ite"`), paths: []string{"write"}, want: []string{"403"}},
		"ambiguous":              {need: always(403, `Bearer error="insufficient_scope", scope="a", scope="b"`), paths: []string{"write"}, want: []string{"403"}},
		"too many":               {need: always(403, `Bearer error="insufficient_scope", scope="`+manyScopes(101)+`"`), paths: []string{"write"}, want: []string{"403"}},
		"too many with its own":  {need: always(403, `Bearer error="insufficient_scope", scope="`+manyScopes(100)+`"`), paths: []string{"write"}, want: []string{"more than 100"}},
		"a DPoP challenge first": {need: always(403, `Basic realm="x", DPoP error="insufficient_scope", scope="write"`), paths: []string{"write"}, want: []string{"200"}, signIns: []string{"read write"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &scopedAPI{need: test.need, sign: test.sign}
				transport := api.transport(t)
				for i, path := range test.paths {
					status, err := post(t, transport, path)
					got := fmt.Sprint(status)
					if err != nil {
						got = err.Error()
						if _, ok := errors.AsType[*client.StepUpError](err); !ok {
							t.Errorf("%s: the error is a %T", path, err)
						}
					}
					if !strings.Contains(got, test.want[i]) {
						t.Errorf("request %d for %s: %s, want %s", i, path, got, test.want[i])
					}
				}
				if diff := cmp.Diff(test.signIns, api.scopesOf()); diff != "" {
					t.Errorf("sign-ins: %s", diff)
				}
			})
		})
	}
}

func manyScopes(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	return strings.Join(all, " ")
}

// A hostile API requires another scope in each response. One request causes at most three sign-ins.
func TestTransport_StepUpEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := 0
		api := &scopedAPI{need: func(string) (int, string) {
			count++
			return 403, fmt.Sprintf(`Bearer error="insufficient_scope", scope="s%d"`, count)
		}}
		transport := api.transport(t)
		_, err := post(t, transport, "none")
		if e, ok := errors.AsType[*client.StepUpError](err); !ok || !strings.Contains(err.Error(), "more than 3") {
			t.Errorf("%v, %v", e, err)
		}
		if diff := cmp.Diff([]string{"read s1", "read s1 s2", "read s1 s2 s3"}, api.scopesOf()); diff != "" {
			t.Error(diff)
		}
		if len(api.seen) != 4 {
			t.Errorf("the API got %d requests: %q", len(api.seen), api.seen)
		}
	})
}

// A failed sign-in is tried again after the pause, not before.
func TestTransport_StepUpPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fails := true
		api := &scopedAPI{sign: func(o client.AuthorizationOptions) ([]string, error) {
			if fails {
				return nil, client.ErrAccessDenied
			}
			return o.Scopes, nil
		}}
		transport := api.transport(t)
		for _, step := range []struct {
			wait    time.Duration
			signIns int
		}{{0, 1}, {29 * time.Second, 1}, {2 * time.Second, 2}} {
			time.Sleep(step.wait)
			_, err := post(t, transport, "write")
			if !errors.Is(err, client.ErrAccessDenied) || len(api.signIns) != step.signIns {
				t.Errorf("after %v: %v, %d sign-ins", step.wait, err, len(api.signIns))
			}
		}
		fails = false
		if _, err := post(t, transport, "write"); !errors.Is(err, client.ErrAccessDenied) {
			t.Errorf("in the pause: %v", err)
		}
		time.Sleep(31 * time.Second)
		if status, err := post(t, transport, "write"); status != 200 {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// Concurrent requests share a sign-in if they need the same scopes, and none has two sign-ins at the same time.
func TestTransport_StepUpIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &scopedAPI{}
		transport := api.transport(t)
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				path := []string{"write", "admin"}[i%2]
				if status, err := post(t, transport, path); status != 200 {
					t.Errorf("%s: %d, %v", path, status, err)
				}
			})
		}
		all.Wait()
		if len(api.signIns) != 2 || len(api.signIns[1].Scopes) != 3 {
			t.Errorf("sign-ins: %q", api.scopesOf())
		}
	})
}

// The sign-in continues if the request that started it ends, and the next request uses its token.
func TestTransport_StepUpOutlivesRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &scopedAPI{}
		transport := api.transport(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.test/write", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := statusFrom(transport, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("canceled: %v", err)
		}
		time.Sleep(2 * time.Second)
		if status, err := post(t, transport, "write"); status != 200 || len(api.signIns) != 1 {
			t.Errorf("%d, %v, %d sign-ins", status, err, len(api.signIns))
		}
	})
}

// A body that cannot be read again is sent once: the caller gets the 403, and the next request has the new token.
func TestTransport_StepUpBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &scopedAPI{}
		transport := api.transport(t)
		if status, err := sendTo(t, transport, "write", io.MultiReader(strings.NewReader("stream"))); status != 403 || err != nil {
			t.Errorf("stream: %d, %v", status, err)
		}
		if status, err := sendTo(t, transport, "write", io.MultiReader(strings.NewReader("stream"))); status != 200 {
			t.Errorf("stream after the sign-in: %d, %v", status, err)
		}
		if diff := cmp.Diff([]string{"/write t0", "/write t1"}, api.seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTransport_StepUpAuthentication(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		challenge string
		want      client.AuthorizationOptions
		status    int
	}{
		"both":      {`Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age=60`, client.AuthorizationOptions{Scopes: []string{"read"}, ACRValues: []string{"gold", "silver"}, MaxAge: time.Minute}, 200},
		"scopes":    {`Bearer error="insufficient_user_authentication", acr_values="gold", scope="write"`, client.AuthorizationOptions{Scopes: []string{"read", "write"}, ACRValues: []string{"gold"}}, 200},
		"now":       {`Bearer error="insufficient_user_authentication", max_age=0`, client.AuthorizationOptions{Scopes: []string{"read"}, MaxAge: time.Second}, 200},
		"no number": {`Bearer error="insufficient_user_authentication", max_age=soon`, client.AuthorizationOptions{}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &scopedAPI{
					need: func(string) (int, string) { return 401, test.challenge },
					sign: func(client.AuthorizationOptions) ([]string, error) { return []string{"read", "write", "strong"}, nil },
				}
				status, err := post(t, api.transport(t), "strong")
				if status != test.status {
					t.Errorf("%d, %v", status, err)
				}
				var got client.AuthorizationOptions
				if len(api.signIns) > 0 {
					got = api.signIns[0]
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// A challenge of another origin, to which the API redirected, causes no sign-in.
func TestTransport_StepUpOtherOrigin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &scopedAPI{}
		hop := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
			if r.URL.Host == "api.test" {
				return written(302, "", map[string]string{"Location": "https://files.test/x"})
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("the other origin got the token")
			}
			return written(403, "", map[string]string{"WWW-Authenticate": `Bearer error="insufficient_scope", scope="write"`})
		}}
		source := sourceOf(t, newClient(t, says(500, ""), nil), client.TokenSourceConfig{Token: &client.Token{AccessToken: "t0"}})
		transport, err := client.NewTransport(client.TransportConfig{
			Source: source, Origins: []string{"https://api.test"}, Base: hop, StepUp: api.stepUp,
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusForbidden || len(api.signIns) != 0 {
			t.Errorf("status %d, %d sign-ins", resp.StatusCode, len(api.signIns))
		}
	})
}

// The token of the sign-in is stored, and refreshed with the scopes of the sign-in.
func TestTransport_StepUpIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as := &rotating{}
		store := client.NewMemoryTokens()
		source := sourceOf(t, as.client(t), client.TokenSourceConfig{
			Token: first(time.Hour), Store: store, Key: "alice", Scopes: []string{"read"},
		})
		transport, err := client.NewTransport(client.TransportConfig{
			Source: source, Origins: []string{"https://api.test"},
			Base: &scopedAPI{tokens: map[string][]string{"stepped": {"write"}}},
			StepUp: func(_ context.Context, o client.AuthorizationOptions) (*client.Token, error) {
				return &client.Token{AccessToken: "stepped", RefreshToken: "rt0", Scopes: o.Scopes, Expiry: time.Now().Add(time.Hour)}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := post(t, transport, "write"); status != 200 {
			t.Fatal(err)
		}
		if stored, err := store.Load(t.Context(), "alice"); err != nil || stored.AccessToken != "stepped" {
			t.Errorf("stored: %v", err)
		}
		token, err := source.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if token.AccessToken != "at1@read write" {
			t.Errorf("the refresh requested %q", token.AccessToken)
		}
	})
}

// A renewal that ends during the sign-in does not replace the token of the sign-in.
func TestTransport_StepUpDuringRenewal(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			as := &rotating{delay: delay}
			source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Hour)})
			transport, err := client.NewTransport(client.TransportConfig{
				Source: source, Origins: []string{"https://api.test"}, Base: &scopedAPI{tokens: map[string][]string{"stepped": {"write"}}},
				StepUp: func(_ context.Context, o client.AuthorizationOptions) (*client.Token, error) {
					time.Sleep(time.Second)
					return &client.Token{AccessToken: "stepped", RefreshToken: "other", Scopes: o.Scopes, Expiry: time.Now().Add(time.Hour)}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			var both sync.WaitGroup
			both.Go(func() {
				if status, err := post(t, transport, "write"); status != 200 {
					t.Errorf("%v: %v", delay, err)
				}
			})
			both.Go(func() {
				time.Sleep(100 * time.Millisecond)
				if _, err := source.Refresh(t.Context()); err != nil {
					t.Errorf("%v: %v", delay, err)
				}
			})
			both.Wait()
			if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "stepped" {
				t.Errorf("%v: %v, the token is not that of the sign-in", delay, err)
			}
		})
	}
}

// A source for one resource refreshes the token of the sign-in for this resource.
func TestTransport_StepUpForResource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as := &rotating{}
		shared := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Hour)})
		source, err := shared.ForResource(client.ResourceConfig{Resource: []string{"https://api.test"}})
		if err != nil {
			t.Fatal(err)
		}
		api := &scopedAPI{tokens: map[string][]string{"at1@https://api.test": {"read"}, "at2@https://api.test": {"write"}}}
		transport, err := client.NewTransport(client.TransportConfig{
			Source: source, Origins: []string{"https://api.test"}, Base: api,
			StepUp: func(_ context.Context, o client.AuthorizationOptions) (*client.Token, error) {
				return &client.Token{AccessToken: "wide", RefreshToken: "rt1", Scopes: o.Scopes, Expiry: time.Now().Add(time.Hour)}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := post(t, transport, "write"); status != 200 {
			t.Errorf("%d, %v, %q", status, err, api.seen)
		}
		if token, err := shared.TokenContext(t.Context()); err != nil || token.AccessToken == "at2@https://api.test" {
			t.Errorf("the shared source has the token for the resource: %v", err)
		}
	})
}

// With the scope openid, the user of the current token must sign in.
func TestTransport_StepUpSubject(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token client.Token
		want  string
	}{
		"openid":            {client.Token{Scopes: []string{"openid"}, IDToken: unsigned(`{"alg":"ES256"}`, `{"sub":"alice"}`)}, "alice"},
		"without openid":    {client.Token{Scopes: []string{"read"}, IDToken: unsigned(`{"alg":"ES256"}`, `{"sub":"alice"}`)}, ""},
		"no ID token":       {client.Token{Scopes: []string{"openid"}}, ""},
		"not a JWT":         {client.Token{Scopes: []string{"openid"}, IDToken: "x"}, ""},
		"sub is not a text": {client.Token{Scopes: []string{"openid"}, IDToken: unsigned(`{"alg":"ES256"}`, `{"sub":1}`)}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.token.AccessToken = "t0"
			api := &scopedAPI{tokens: make(map[string][]string)}
			transport, err := client.NewTransport(client.TransportConfig{
				Source:  sourceOf(t, newClient(t, says(500, ""), nil), client.TokenSourceConfig{Token: &test.token}),
				Origins: []string{"https://api.test"}, Base: api, StepUp: api.stepUp,
			})
			if err != nil {
				t.Fatal(err)
			}
			if status, err := post(t, transport, "write"); status != 200 || api.signIns[0].Subject != test.want {
				t.Errorf("%s: %d, %v, subject %q", name, status, err, api.signIns[0].Subject)
			}
		})
	}
}

// A token of another client, and no token at all, are not used.
func TestTransport_StepUpForeignToken(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]*client.Token{
		"of another issuer": {AccessToken: "evil", Issuer: "https://other.test", ClientID: "x"},
		"none":              nil,
		"without a token":   {RefreshToken: "r"},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := &scopedAPI{tokens: map[string][]string{"evil": {"write"}}}
			source := sourceOf(t, newClient(t, says(500, ""), nil), client.TokenSourceConfig{Token: &client.Token{AccessToken: "t0"}})
			transport, err := client.NewTransport(client.TransportConfig{
				Source: source, Origins: []string{"https://api.test"}, Base: api,
				StepUp: func(context.Context, client.AuthorizationOptions) (*client.Token, error) { return token, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = post(t, transport, "write")
			if _, ok := errors.AsType[*client.StepUpError](err); !ok || len(api.seen) != 1 {
				t.Errorf("%s: %v, %q", name, err, api.seen)
			}
			if strings.Contains(fmt.Sprint(err), "evil") {
				t.Errorf("%s: the error has the token: %v", name, err)
			}
		})
	}
}

// A panic in StepUp is an error, and a later request can sign in.
func TestTransport_StepUpPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &scopedAPI{sign: func(client.AuthorizationOptions) ([]string, error) { panic("as it should") }}
		transport := api.transport(t)
		if _, err := post(t, transport, "write"); err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("%v", err)
		}
		api.sign = nil
		time.Sleep(time.Minute)
		if status, err := post(t, transport, "write"); status != 200 {
			t.Errorf("%d, %v", status, err)
		}
	})
}
