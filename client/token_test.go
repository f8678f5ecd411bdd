package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const issuerURL = "https://login.test"

// server is an authorization server whose responses the test defines.
type server struct {
	mu       sync.Mutex // guards the fields below
	requests []*http.Request
	forms    []url.Values
	answer   func(r *http.Request, form url.Values) *httptest.ResponseRecorder
}

// RoundTrip implements http.RoundTripper.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	form, _ := url.ParseQuery(string(body))
	s.mu.Lock()
	s.requests, s.forms = append(s.requests, r), append(s.forms, form)
	answer := s.answer
	s.mu.Unlock()
	response := answer(r, form).Result()
	response.Request = r
	return response, nil
}

func (s *server) lastForm() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forms[len(s.forms)-1]
}

// says returns a server that always sends the same response.
func says(status int, body string) *server {
	return &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(status, body, nil) }}
}

func written(status int, body string, header map[string]string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	return w
}

// newClient returns a client of s, with known metadata.
func newClient(t testing.TB, s *server, change func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{
		Issuer: issuerURL, ClientID: "app", ClientSecret: "s e/c:r+e~t", AuthMethod: client.AuthBasic,
		Metadata:   &oidcdiscovery.Metadata{Issuer: issuerURL, TokenEndpoint: issuerURL + "/token"},
		HTTPClient: &http.Client{Transport: s},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const good = `{"access_token":"at","token_type":"bearer","expires_in":60}`

func TestC1_C2_RequestIsAForm(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) { cfg.Scopes = []string{"a", "b"} })
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := s.requests[0]
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		t.Errorf("%s %s as %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	if diff := cmp.Diff(url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}}, s.lastForm()); diff != "" {
		t.Error(diff)
	}
}

func TestC3_C4_ClientAuthentication(t *testing.T) {
	t.Parallel()
	basic := func(credentials string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
	}
	for name, test := range map[string]struct {
		change func(*client.Config)
		header string
		form   []string
	}{
		"basic":      {nil, basic("app:s+e%2Fc%3Ar%2Be~t"), nil},
		"basic, raw": {func(cfg *client.Config) { cfg.BasicEncoding = client.BasicRaw }, basic("app:s e/c:r+e~t"), nil},
		"post": {
			func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost }, "",
			[]string{"client_id", "client_secret"},
		},
		"none": {func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = "", "" }, "", []string{"client_id"}},
		"by metadata": {func(cfg *client.Config) {
			cfg.AuthMethod = ""
			cfg.Metadata.TokenEndpointAuthMethodsSupported = []string{"private_key_jwt", "client_secret_post"}
		}, "", []string{"client_id", "client_secret"}},
		"by default": {func(cfg *client.Config) { cfg.AuthMethod = "" }, basic("app:s+e%2Fc%3Ar%2Be~t"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(401, `{"error":"invalid_client"}`)
			_, err := newClient(t, s, test.change).ClientCredentials(t.Context())
			if !errors.Is(err, client.ErrInvalidClient) || errors.Is(err, client.ErrInvalidGrant) {
				t.Errorf("got %v", err)
			}
			if len(s.requests) != 1 { // no other method is tried
				t.Errorf("%d requests", len(s.requests))
			}
			if got := s.requests[0].Header.Get("Authorization"); got != test.header {
				t.Errorf("Authorization: %s, want %s", got, test.header)
			}
			for _, parameter := range []string{"client_id", "client_secret"} {
				want := strings.Contains(strings.Join(test.form, " "), parameter)
				if got := s.lastForm().Get(parameter) != ""; got != want {
					t.Errorf("%s in the form: %v, want %v", parameter, got, want)
				}
			}
		})
	}
}

func TestC8_C9_C10_Responses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		err     error
		expires time.Duration // zero: unknown
	}{
		good: {nil, time.Minute},
		`{"access_token":"at","token_type":"BEARER","expires_in":"60"}`:       {nil, time.Minute},
		`{"access_token":"at","token_type":"Bearer","expires_in":60.0}`:       {nil, time.Minute},
		`{"access_token":"at","token_type":"Bearer","expires_in":6e1}`:        {nil, time.Minute},
		`{"access_token":"at","token_type":"Bearer","expires_in":-5}`:         {},
		`{"access_token":"at","token_type":"Bearer","expires_in":"NaN"}`:      {},
		`{"access_token":"at","token_type":"Bearer","expires_in":1e300}`:      {},
		`{"access_token":"at","token_type":"Bearer","expires_in":null}`:       {},
		`{"access_token":"at","token_type":"Bearer","expires_in":{}}`:         {},
		`{"access_token":"at","token_type":"Bearer"}`:                         {},
		`{"access_token":"at","token_type":"mac"}`:                            {err: client.ErrBadResponse},
		`{"access_token":"at","token_type":"DPoP"}`:                           {err: client.ErrBadResponse},
		`{"access_token":"","token_type":"Bearer"}`:                           {err: client.ErrBadResponse},
		`{"access_token":1,"token_type":"Bearer"}`:                            {err: client.ErrBadResponse},
		`{"access_token":"at","access_token":"b","token_type":"Bearer"}`:      {err: client.ErrBadResponse},
		`access_token=at&token_type=Bearer`:                                   {err: client.ErrBadResponse},
		`[]`:                                                                  {err: client.ErrBadResponse},
		``:                                                                    {err: client.ErrBadResponse},
		`{"error":"invalid_grant","access_token":"at","token_type":"Bearer"}`: {err: client.ErrInvalidGrant}, // C11
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			token, err := newClient(t, says(200, body), nil).ClientCredentials(t.Context(), "a", "b")
			if !errors.Is(err, want.err) || (err == nil) != (token != nil) {
				t.Fatalf("got %v, %v, want %v", token, err, want.err)
			}
			if err != nil {
				return
			}
			if left := token.ExpiresIn(); left > want.expires || left < want.expires-10*time.Second {
				t.Errorf("expires in %v, want %v", left, want.expires)
			}
			if diff := cmp.Diff([]string{"a", "b"}, token.Scopes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestC11_C12_ErrorResponses(t *testing.T) {
	t.Parallel()
	page := "<html>" + strings.Repeat("x", 8<<10)
	for name, test := range map[string]struct {
		answer *httptest.ResponseRecorder
		want   *client.Error
		is     error
	}{
		"OAuth": {
			written(400, `{"error":"invalid_grant","error_description":"used","error_uri":"https://login.test/e"}`, nil),
			&client.Error{Code: "invalid_grant", Description: "used", URI: "https://login.test/e", Status: 400}, client.ErrInvalidGrant,
		},
		"a proxy's page": {
			written(502, page, map[string]string{"Retry-After": "7"}),
			&client.Error{Status: 502, RetryAfter: 7 * time.Second}, client.ErrUnavailable,
		},
		"too many":    {written(429, `{}`, nil), &client.Error{Status: 429}, client.ErrUnavailable},
		"a challenge": {written(401, `{"error":"invalid_client"}`, map[string]string{"WWW-Authenticate": "Basic"}), &client.Error{Code: "invalid_client", Status: 401, Challenge: "Basic"}, client.ErrInvalidClient},
		"a success":   {written(201, `{"token":"at"}`, nil), &client.Error{Status: 201}, client.ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder { return test.answer }}
			token, err := newClient(t, s, nil).ClientCredentials(t.Context())
			got, ok := errors.AsType[*client.Error](err)
			if !ok || token != nil || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("got %v, %v", token, err)
			}
			if len(got.Body) > 4<<10 || strings.Contains(err.Error(), "html") {
				t.Errorf("%d bytes, %s", len(got.Body), err)
			}
			got.Body = nil
			if got.Code != test.want.Code || got.Description != test.want.Description || got.URI != test.want.URI ||
				got.Status != test.want.Status || got.RetryAfter != test.want.RetryAfter || got.Challenge != test.want.Challenge {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestC12_NoRedirectNoFlood(t *testing.T) {
	t.Parallel()
	moved := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(307, "", map[string]string{"Location": "https://evil.test/token"})
	}}
	if _, err := newClient(t, moved, nil).ClientCredentials(t.Context()); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("redirected: %v", err)
	}
	if len(moved.requests) != 1 {
		t.Errorf("%d requests", len(moved.requests))
	}
	long := says(200, `{"access_token":"`+strings.Repeat("a", 1<<20)+`","token_type":"Bearer"}`)
	if _, err := newClient(t, long, nil).ClientCredentials(t.Context()); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("too long: %v", err)
	}
}

func TestC28_RefreshKeepsTheOldToken(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		good: "old",
		`{"access_token":"at","token_type":"bearer","refresh_token":"new"}`: "new",
		`{"access_token":"at","token_type":"bearer","refresh_token":null}`:  "old",
	} {
		s := says(200, answer)
		token, err := newClient(t, s, func(cfg *client.Config) { cfg.Scopes = []string{"a"} }).Refresh(t.Context(), "old")
		if err != nil || token.RefreshToken != want {
			t.Errorf("got %v, %v, want %s", token, err, want)
		}
		if form := s.lastForm(); form.Get("refresh_token") != "old" || form.Has("scope") { // the scope never widens
			t.Errorf("sent %v", form)
		}
	}
}

func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	lost := errors.New("disk full")
	c := newClient(t, says(200, good), func(cfg *client.Config) {
		cfg.OnToken = func(context.Context, *client.Token) error { return lost }
	})
	token, err := c.Refresh(t.Context(), "old")
	late, ok := errors.AsType[*client.IncompleteError](err)
	if token != nil || !ok || !errors.Is(err, lost) || late.Token.AccessToken != "at" || late.Token.RefreshToken != "old" {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	token := &client.Token{AccessToken: "secret-at", RefreshToken: "secret-rt", IDToken: "secret-id", TokenType: "Bearer"}
	for _, text := range []string{fmt.Sprint(token), fmt.Sprintf("%+v %#v %x", token, *token, *token), token.LogValue().String()} {
		if strings.Contains(text, "secret") {
			t.Error(text)
		}
	}
	cfg := client.Config{ClientSecret: "secret", Key: &client.SigningKey{Private: []byte("secret")}}
	if text := fmt.Sprintf("%v %+v %#v %s %v", cfg, cfg, &cfg, cfg.LogValue(), cfg.Key); strings.Contains(text, "secret") {
		t.Error(text)
	}
	kept, err := json.Marshal(token) // for a store
	if err != nil || !strings.Contains(string(kept), "secret-rt") {
		t.Errorf("%s, %v", kept, err)
	}
}
