package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// refusing is a server that rejects every refresh.
type refusing struct {
	status int
	body   string
	header map[string]string
}

func (r refusing) server() *server {
	return &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(r.status, r.body, r.header) }}
}

func (r refusing) String() string { return fmt.Sprintf("%d %.40s", r.status, r.body) }

// ended reports what a source does after a rejection: with Grant, and without.
func (r refusing) ended(t *testing.T, scopes ...string) (granted, ended bool, requests int) {
	t.Helper()
	grants := 0
	grant := func(context.Context, ...string) (*client.Token, error) { grants++; return first(time.Hour), nil }
	source := sourceOf(t, newClient(t, r.server(), nil), client.TokenSourceConfig{Token: first(-time.Minute), Grant: grant, Scopes: scopes})
	_, _ = source.TokenContext(t.Context())
	alone := r.server()
	source = sourceOf(t, newClient(t, alone, nil), client.TokenSourceConfig{Token: first(-time.Minute), Scopes: scopes})
	for range 3 {
		token, err := source.TokenContext(t.Context())
		if token != nil {
			t.Errorf("%v: the source returned a token", r)
		}
		ended = errors.Is(err, client.ErrNoToken)
		if refusal, ok := errors.AsType[*client.Error](err); !ok || refusal.Status != r.status {
			t.Errorf("%v: the error does not have the server's response: %v", r, err)
		}
		time.Sleep(10 * time.Minute)
	}
	return grants > 0, ended, len(alone.requests)
}

// code returns the body of an error response.
func code(code string) string { return fmt.Sprintf(`{"error":%q}`, code) }

func checkEnds(t *testing.T, r refusing, want bool, scopes ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		granted, ended, requests := r.ended(t, scopes...)
		if granted != want || ended != want || (requests == 1) != want {
			t.Errorf("%v: Grant called: %t, ErrNoToken: %t, the refresh token was sent %d times; want the end: %t", r, granted, ended, requests, want)
		}
	})
}

// The table in the comment of endsRefreshToken, for responses with a code.
func TestCaseA8_TheMeaningOfACodeDecides(t *testing.T) {
	t.Parallel()
	all := []int{200, 400, 401, 403, 404, 409, 422, 500}
	client4xx := []int{200, 400, 403, 404, 409, 422}
	for _, test := range []struct {
		about       string
		codes       []string
		ends, lasts []int
	}{
		{
			about: "the token",
			codes: []string{"invalid_grant", "invalid_token", "bad_refresh_token", "invalid_refresh_token", "expired_token", "token_revoked", "Invalid_Grant"},
			ends:  all, lasts: []int{302, 408, 421, 425, 429, 502, 503, 504},
		},
		{
			about: "the token or the user",
			codes: []string{"invalid_request", "login_required", "interaction_required", "consent_required", "mfa_required"},
			ends:  append(client4xx, 401), lasts: []int{408, 429, 500, 503},
		},
		{
			about: "the client",
			codes: []string{
				"invalid_client", "unauthorized_client", "incorrect_client_credentials", "bad_client_secret", "invalid_client_id",
				"use_dpop_nonce", "invalid_dpop_proof", "unsupported_grant_type", "invalid_grant_type",
			},
			lasts: append(all, 429, 503),
		},
		{
			about: "the request",
			codes: []string{"invalid_target", "invalid_resource", "invalid_authorization_details", "redirect_uri_mismatch", "unsupported_response_type"},
			lasts: append(all, 429, 503),
		},
		{
			about: "the moment",
			codes: []string{
				"slow_down", "temporarily_unavailable", "server_error", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
				"rate_limit_exceeded", "ratelimited", "too_many_requests", "authorization_pending",
			},
			lasts: append(all, 429, 503),
		},
		{
			about: "unknown",
			codes: []string{"access_denied", "session_not_active", "unauthorized", "x"},
			ends:  client4xx, lasts: []int{401, 429, 500, 503},
		},
	} {
		for _, name := range test.codes {
			for status, want := range outcomes(test.ends, test.lasts) {
				t.Run(fmt.Sprintf("%s: %s %d", test.about, name, status), func(t *testing.T) {
					t.Parallel()
					checkEnds(t, refusing{status, code(name), nil}, want)
				})
			}
		}
	}
}

func outcomes(ends, lasts []int) map[int]bool {
	all := make(map[int]bool)
	for _, status := range ends {
		all[status] = true
	}
	for _, status := range lasts {
		all[status] = false
	}
	return all
}

// invalid_scope is about the request if that named scopes. Without them, it is about the scopes of the grant.
func TestCaseA8_InvalidScope(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400} {
		checkEnds(t, refusing{status, code("invalid_scope"), nil}, true)
		checkEnds(t, refusing{status, code("invalid_scope"), nil}, false, "orders:read")
	}
}

// invalid_request is about the request if its description names a parameter that the refresh had in addition to the token.
func TestCaseA8_InvalidRequestAboutAParameter(t *testing.T) {
	t.Parallel()
	for description, test := range map[string]struct {
		with url.Values // the additional parameters
		ends bool
	}{
		"Requested scopes contain unauthorized scope(s): [\"a\"].":             {url.Values{"scope": {"a"}}, false},
		"AADSTS901002: The 'resource' request parameter is not supported.":     {url.Values{"resource": {mail}}, false},
		"AADSTS9010010: The resource parameter doesn't match with the scopes.": {url.Values{"resource": {mail}}, false},
		"unknown audience":                                                       {url.Values{"audience": {"mail"}}, false},
		"The parameter P is not valid":                                           {url.Values{"p": {"policy"}}, false},
		"Audience and scopes do not match":                                       {url.Values{"scope": {"a"}}, false},
		"The 'resource' request parameter is not supported.":                     {nil, true}, // it was not sent
		"AADSTS90009: supported only if resource is specified":                   {url.Values{"scope": {"a"}}, true},
		"Refresh token is invalid or has already been claimed by another client": {url.Values{"scope": {"a"}}, true},
		"The refresh_token is not valid for the resource":                        {url.Values{"resource": {mail}}, true},
		"The resource owner must sign in":                                        {url.Values{"resource": {mail}}, true},
		"The user is not a member of the organization":                           {url.Values{"p": {"policy"}, "org": {"x"}}, true},
		"":                {url.Values{"scope": {"a"}, "resource": {mail}}, true},
		"client is wrong": {url.Values{"scope": {"a"}}, true},
	} {
		body, err := json.Marshal(map[string]string{"error": "invalid_request", "error_description": description})
		if err != nil {
			t.Fatal(err)
		}
		s := refusing{400, string(body), nil}.server()
		source := sourceOf(t, newClient(t, s, nil).WithParams(test.with), client.TokenSourceConfig{Token: first(-time.Minute)})
		if _, err := source.TokenContext(t.Context()); err == nil || errors.Is(err, client.ErrNoToken) != test.ends {
			t.Errorf("%q with %v: %v, want the end: %t", description, test.with, err, test.ends)
		}
		if test.with.Has("resource") { // the same for a source of one resource
			source := forAPI(t, sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)}), mail)
			if _, err := source.TokenContext(t.Context()); err == nil || errors.Is(err, client.ErrNoToken) != test.ends {
				t.Errorf("%q for a resource: %v, want the end: %t", description, err, test.ends)
			}
		}
	}
}

// A server may report a rate limit with status 400 and a code that says something else.
func TestCaseX22_RateLimitInTheDescription(t *testing.T) {
	t.Parallel()
	for body, ends := range map[string]bool{
		`{"error":"Access Denied","error_description":"You have made too many requests continuously.","status":"failure"}`: false,
		`{"error":"invalid_request","error_description":"Rate limit exceeded"}`:                                            false,
		`{"error":"Access Denied","error_description":"The user has revoked the access."}`:                                 true,
		`{"error":"invalid_grant","error_description":"too many requests with this token"}`:                                true,
	} {
		checkEnds(t, refusing{400, body, nil}, ends)
	}
}

// The rest of the table: responses without a code.
func TestCaseA13_TheStatusDecidesWithoutACode(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><title>403 Forbidden</title>"
	for status, test := range map[int]struct{ empty, object, page, text, large bool }{
		400: {true, true, true, true, true},
		422: {true, true, true, true, true},
		403: {empty: true, object: true},
		404: {empty: true, object: true},
		410: {empty: true, object: true},
		401: {}, 402: {}, 405: {}, 406: {}, 407: {}, 408: {}, 409: {}, 411: {}, 413: {}, 414: {}, 415: {}, 417: {}, 421: {}, 423: {},
		425: {}, 426: {}, 428: {}, 429: {}, 431: {}, 451: {}, 302: {}, 500: {}, 502: {}, 503: {}, 504: {},
	} {
		for body, want := range map[string]bool{
			"": test.empty, " \n": test.empty, "{}": test.object, ` {"message":"no"}`: test.object, page: test.page, "no": test.text,
		} {
			t.Run(fmt.Sprintf("%d %.20q", status, body), func(t *testing.T) {
				t.Parallel()
				checkEnds(t, refusing{status, body, nil}, want)
			})
		}
		if status/100 == 4 && status != http.StatusTooManyRequests { // an *Error has no other status if the body is too large
			t.Run(fmt.Sprintf("%d large", status), func(t *testing.T) {
				t.Parallel()
				checkEnds(t, refusing{status, strings.Repeat("x", 2<<20), nil}, test.large)
			})
		}
	}
}

// A rate limiter in front of the server says when to retry. That is not a rejection, unless there is an OAuth error code.
func TestCaseX22_RetryAfterIsNotARejection(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403} {
		for body, ends := range map[string]bool{"": false, "{}": false, "too many requests": false, `{"error":"invalid_request"}`: true} {
			checkEnds(t, refusing{status, body, map[string]string{"Retry-After": "10"}}, ends)
		}
	}
}

// Before a refresh token counts as ended, the store is read once more: another process without a lock may have refreshed.
func TestCaseA8_TheStoreIsReadBeforeTheEnd(t *testing.T) {
	t.Parallel()
	newer := func(lifetime time.Duration) *client.Token {
		return &client.Token{AccessToken: "newer", TokenType: "Bearer", RefreshToken: "rt5", Expiry: time.Now().Add(lifetime)}
	}
	broken := errors.New("the disk is broken")
	for name, test := range map[string]struct {
		second  func(*shelf) (*client.Token, error) // what the store returns before the end
		want    string
		err     error
		sent    int
		granted bool
	}{
		"the same token":         {func(*shelf) (*client.Token, error) { return first(-time.Minute), nil }, "", client.ErrInvalidGrant, 1, true},
		"a newer token":          {func(*shelf) (*client.Token, error) { return newer(time.Hour), nil }, "newer", nil, 1, false},
		"a newer, expired token": {func(*shelf) (*client.Token, error) { return newer(-time.Minute), nil }, "at6", nil, 2, false},
		"no token":               {func(*shelf) (*client.Token, error) { return nil, client.ErrNoToken }, "", client.ErrInvalidGrant, 1, true},
		"an error":               {func(*shelf) (*client.Token, error) { return nil, broken }, "", broken, 1, false},
	} {
		for _, withGrant := range []bool{false, true} {
			t.Run(fmt.Sprint(name, withGrant), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s, store := &rotating{current: 5}, &twice{shelf: &shelf{TokenStore: client.NewMemoryTokens()}, second: test.second}
					c := s.client(t)
					s.reuse = true // rt0 is rejected, and ends nothing else
					granted := false
					cfg := client.TokenSourceConfig{Store: store, Key: "k"}
					if withGrant {
						cfg.Grant = func(context.Context, ...string) (*client.Token, error) {
							granted = true
							return &client.Token{AccessToken: "granted", TokenType: "Bearer"}, nil
						}
					}
					token, err := sourceOf(t, c, cfg).TokenContext(t.Context())
					switch {
					case withGrant && test.granted:
						if err != nil || token.AccessToken != "granted" {
							t.Error(token, err)
						}
					case test.err != nil:
						if !errors.Is(err, test.err) || errors.Is(err, client.ErrNoToken) != test.granted {
							t.Error(token, err)
						}
					case err != nil || token.AccessToken != test.want:
						t.Error(token, err)
					}
					if granted != (withGrant && test.granted) || s.requests != test.sent {
						t.Errorf("granted: %t, sent %d times", granted, s.requests)
					}
				})
			})
		}
	}
}

// twice is a store that returns an expired token first, and then what second returns.
type twice struct {
	*shelf

	loads  int
	second func(*shelf) (*client.Token, error)
}

func (s *twice) Load(context.Context, string) (*client.Token, error) {
	s.loads++
	if s.loads == 1 {
		return first(-time.Minute), nil
	}
	return s.second(s.shelf)
}
