package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// rejecting returns an API that rejects all tokens up to last, with these challenges.
func rejecting(last string, challenges ...string) *server {
	return &server{answer: func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
		if r.Header.Get("Authorization") > "Bearer "+last {
			return written(200, form.Encode(), nil)
		}
		w := httptest.NewRecorder()
		w.Header()["Www-Authenticate"] = challenges
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no")
		return w
	}}
}

// call sends one request and returns the status, or 0 with an error.
func call(t testing.TB, transport http.RoundTripper, body io.Reader) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/x", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// Every 401 renews the token, unless the challenge says that a new token does not help.
func TestCaseU1_ReasonsToRenew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		challenges []string
		renews     bool
	}{
		"no challenge":                  {nil, true},
		"an empty header":               {[]string{""}, true},
		"only a realm":                  {[]string{`Bearer realm="api"`}, true},
		"only the scheme":               {[]string{`Bearer`}, true},
		"another scheme":                {[]string{`Basic realm="api"`}, true},
		"a scheme with a token68":       {[]string{`Negotiate a87421000492aa874209af8bc028==`}, true},
		"an error of another scheme":    {[]string{`Basic error="insufficient_scope"`}, true},
		"invalid_token":                 {[]string{`Bearer error="invalid_token"`}, true},
		"invalid_token, without quotes": {[]string{`bearer error=invalid_token`}, true},
		"invalid_token of DPoP":         {[]string{`DPoP error="invalid_token"`}, true},
		"an unknown error":              {[]string{`Bearer error="token_expired"`}, true},
		"an error that is not a string": {[]string{`Bearer error=401`}, true},
		"cannot be parsed":              {[]string{`Bearer error="invalid_token", =`}, true},
		"too long":                      {[]string{`Bearer realm="` + strings.Repeat("x", 9000) + `", error="insufficient_scope"`}, true},
		"two, one with invalid_token":   {[]string{`Bearer error="insufficient_scope"`, `DPoP error="invalid_token"`}, true},
		"insufficient_scope":            {[]string{`Bearer error="insufficient_scope", scope="a"`}, false},
		"insufficient_scope after one":  {[]string{`Basic realm="x", Bearer realm="a", error="insufficient_scope"`}, false},
		"on two lines":                  {[]string{`Bearer realm="a"`, `Bearer error="insufficient_scope"`}, false},
		"step-up":                       {[]string{`Bearer error="insufficient_user_authentication", acr_values="mfa"`}, false},
		"invalid_request":               {[]string{`Bearer error="invalid_request"`}, false},
		"a proof is missing":            {[]string{`DPoP error="invalid_dpop_proof"`}, false},
		"a nonce, without DPoP":         {[]string{`DPoP error="use_dpop_nonce"`}, false},
	} {
		for expiry, lifetime := range map[string]time.Duration{"expires in an hour": time.Hour, "no known expiry": 0} {
			t.Run(name+", "+expiry, func(t *testing.T) {
				t.Parallel()
				given := first(lifetime)
				if lifetime == 0 {
					given.Expiry = time.Time{}
				}
				as, api := &rotating{}, rejecting("at0", test.challenges...)
				transport := transportOf(t, sourceOf(t, as.client(t), client.TokenSourceConfig{Token: given}), api, "https://api.test")
				status, err := call(t, transport, strings.NewReader("b=1"))
				if want := map[bool]int{true: 200, false: 401}[test.renews]; err != nil || status != want || as.requests != len(api.requests)-1 {
					t.Errorf("status %d, %v after %d requests and %d refreshes", status, err, len(api.requests), as.requests)
				}
			})
		}
	}
}

// Other statuses say nothing about the token, whatever the challenge.
func TestCaseU1_OtherStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 403, 404, 407, 429, 500} {
		as, api := &rotating{}, refusing{status, "", map[string]string{"WWW-Authenticate": invalidToken}}.server()
		transport := transportOf(t, sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Hour)}), api, "https://api.test")
		if got, err := call(t, transport, nil); err != nil || got != status || as.requests != 0 || len(api.requests) != 1 {
			t.Errorf("%d: %d, %v", status, got, err)
		}
	}
}

// The request is sent once more if its body can be sent again. If not, the next request has the new token.
func TestCaseU1_Bodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body io.Reader
		want []int
	}{
		"none":     {nil, []int{200, 200}},
		"no bytes": {http.NoBody, []int{200, 200}},
		"a string": {strings.NewReader("b=1"), []int{200, 200}},
		"bytes":    {bytes.NewReader([]byte("b=1")), []int{200, 200}},
		"a stream": {io.MultiReader(strings.NewReader("b=1")), []int{401, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, as := tokens(t)
			transport := transportOf(t, source, rejecting("at0"), "https://api.test")
			var got []int
			for _, body := range []io.Reader{test.body, nil} {
				status, err := call(t, transport, body)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, status)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || as.requests != 1 {
				t.Error(diff, as.requests)
			}
		})
	}
}

// An API that responds to every request with 401 causes one renewal in 30 seconds, also through Grant, and with many
// callers and Transports.
func TestCaseU1_OneRenewalIn30Seconds(t *testing.T) {
	t.Parallel()
	for name, challenges := range map[string][]string{"no challenge": nil, "only a realm": {`Bearer realm="api"`}, "Basic": {`Basic realm="api"`}} {
		for _, grants := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", Grant: ", grants), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					as, cfg := &rotating{}, client.TokenSourceConfig{Token: first(time.Hour)}
					granted := 0
					if grants {
						cfg.Token, cfg.Grant = nil, func(context.Context, ...string) (*client.Token, error) {
							granted++
							return &client.Token{AccessToken: fmt.Sprint("at", granted), TokenType: "Bearer"}, nil
						}
					}
					source, api := sourceOf(t, as.client(t), cfg), rejecting("at99", challenges...)
					var all sync.WaitGroup
					for range 10 {
						all.Go(func() {
							transport := transportOf(t, source, api, "https://api.test")
							for range 95 {
								if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
									t.Error(status, err)
								}
								time.Sleep(time.Second)
							}
						})
					}
					all.Wait()
					renewals := as.requests
					if grants {
						renewals = granted - 1
					}
					if renewals != 4 { // at 0, 30, 60 and 90 s
						t.Errorf("%d renewals in 95 s", renewals)
					}
				})
			})
		}
	}
}

// The API rejects the access token, and the server the refresh token: the source reports the end, and never returns the
// token again, although it has not expired.
func TestCaseA14_RejectedTokenIsNotReturnedAgain(t *testing.T) {
	t.Parallel()
	for name, challenge := range map[string][]string{"invalid_token": {invalidToken}, "no challenge": nil} {
		for expiry, lifetime := range map[string]time.Duration{"an hour": time.Hour, "unknown": 0} {
			for kept, store := range map[string]client.TokenStore{"in memory": nil, "stored": client.NewMemoryTokens()} {
				t.Run(name+", "+expiry+", "+kept, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						given := first(lifetime)
						if lifetime == 0 {
							given.Expiry = time.Time{}
						}
						as, api := &rotating{revoked: true}, rejecting("at9", challenge...)
						source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: given, Store: store, Key: "k"})
						transport := transportOf(t, source, api, "https://api.test")
						if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
							t.Fatal(status, err)
						}
						for range 100 {
							if token, err := source.TokenContext(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) ||
								!errors.Is(err, client.ErrInvalidGrant) || !errors.Is(err, client.ErrInvalidToken) {
								t.Fatal(token, err)
							}
							if token, err := source.Refresh(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) {
								t.Fatal(token, err)
							}
							if _, err := call(t, transport, nil); !errors.Is(err, client.ErrNoToken) {
								t.Fatal(err)
							}
							if !errors.Is(source.Err(), client.ErrNoToken) {
								t.Fatal(source.Err())
							}
							time.Sleep(3 * time.Second)
						}
						if as.requests != 1 || len(api.requests) != 1 {
							t.Errorf("%d refreshes, %d requests to the API", as.requests, len(api.requests))
						}
						if store == nil {
							return
						}
						as.revoked, as.current = false, 7
						if err := store.Save(t.Context(), "k", &client.Token{AccessToken: "at8", RefreshToken: "rt7", Expiry: time.Now().Add(time.Hour)}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(7 * time.Second)
						if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at8" {
							t.Error("after a new sign-in:", token, err)
						}
					})
				})
			}
		}
	}
}

// The order does not matter: the server rejects the refresh token first, in the background, and the API the access token
// later. In between, the access token is returned.
func TestCaseA14_RefreshTokenIsRejectedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as, api := &rotating{revoked: true}, rejecting("")
		source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Hour), Early: 10 * time.Minute})
		transport := transportOf(t, source, api, "https://api.test")
		for range 59 {
			if status, err := call(t, transport, nil); status != http.StatusOK {
				t.Fatal(status, err)
			}
			time.Sleep(time.Minute)
		}
		if as.requests != 1 || !errors.Is(source.Err(), client.ErrNoToken) {
			t.Errorf("%d refreshes, %v", as.requests, source.Err())
		}
		api.answer = rejecting("at9").answer
		if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
			t.Fatal(status, err)
		}
		if token, err := source.TokenContext(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) || as.requests != 1 {
			t.Error(token, err, as.requests)
		}
	})
}

// A rejection counts at once, also during the pause after the server has rejected the refresh token.
func TestCaseA14_RejectedDuringThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as, api := &rotating{revoked: true}, rejecting("at9", invalidToken)
		source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Minute), Early: 20 * time.Second})
		transport := transportOf(t, source, api, "https://api.test")
		time.Sleep(45 * time.Second)
		if token, err := source.TokenContext(t.Context()); err != nil { // starts the refresh
			t.Fatal(token, err)
		}
		synctest.Wait()
		if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
			t.Fatal(status, err)
		}
		token, err := source.TokenContext(t.Context())
		if token != nil || !errors.Is(err, client.ErrNoToken) || !errors.Is(err, client.ErrInvalidToken) || as.requests != 1 {
			t.Error(token, err, as.requests)
		}
	})
}

// A rejection that arrives while the refresh is in progress counts too.
func TestCaseA14_RejectedDuringTheRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as, api := &rotating{revoked: true, delay: 10 * time.Second}, rejecting("at9", invalidToken)
		source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Minute), Early: 20 * time.Second})
		transport := transportOf(t, source, api, "https://api.test")
		time.Sleep(45 * time.Second)
		if token, err := source.TokenContext(t.Context()); err != nil { // starts the refresh
			t.Fatal(token, err)
		}
		time.Sleep(5 * time.Second)
		if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
			t.Fatal(status, err)
		}
		if token, err := source.TokenContext(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) || as.requests != 1 {
			t.Error(token, err, as.requests)
		}
	})
}

// An outage of the server is not the end: the token may still work elsewhere, and the next attempt may succeed.
func TestCaseA14_AnOutageIsNotTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as, api := &rotating{status: http.StatusServiceUnavailable}, rejecting("at0", invalidToken)
		source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: first(time.Hour)})
		transport := transportOf(t, source, api, "https://api.test")
		if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
			t.Fatal(status, err)
		}
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
			t.Error(token, err)
		}
		as.set(0)
		time.Sleep(31 * time.Second)
		if status, err := call(t, transport, nil); status != http.StatusOK {
			t.Error(status, err)
		}
	})
}

// A token without a known expiry, a refresh token or a Grant is used until an API rejects it.
func TestCaseA7_UsedUntilItIsRejected(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		challenge []string
		lifetime  time.Duration // 0: unknown
		ends      bool
	}{
		"invalid_token":                    {[]string{invalidToken}, 0, true},
		"no challenge":                     {nil, 0, true},
		"another scheme":                   {[]string{`Basic realm="x"`}, 0, true},
		"insufficient_scope":               {[]string{`Bearer error="insufficient_scope"`}, 0, false},
		"known expiry, invalid_token":      {[]string{invalidToken}, 10000 * time.Hour, true},
		"known expiry, no challenge":       {nil, 10000 * time.Hour, false},
		"known expiry, only a realm":       {[]string{`Bearer realm="x"`}, 10000 * time.Hour, false},
		"known expiry, insufficient scope": {[]string{`Bearer error="insufficient_scope"`}, 10000 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				given := &client.Token{AccessToken: "at0", TokenType: "Bearer"}
				if test.lifetime > 0 {
					given.Expiry = time.Now().Add(test.lifetime)
				}
				as, api := &rotating{}, rejecting("")
				source := sourceOf(t, as.client(t), client.TokenSourceConfig{Token: given})
				transport := transportOf(t, source, api, "https://api.test")
				for range 100 {
					if status, err := call(t, transport, nil); status != http.StatusOK {
						t.Fatal(status, err)
					}
					time.Sleep(24 * time.Hour)
				}
				api.answer = rejecting("at9", test.challenge...).answer
				if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
					t.Fatal(status, err)
				}
				for range 10 {
					token, err := source.TokenContext(t.Context())
					if ended := token == nil && errors.Is(err, client.ErrNoToken) && errors.Is(err, client.ErrInvalidToken); ended != test.ends || !ended && err != nil {
						t.Fatal(token, err)
					}
					time.Sleep(time.Minute)
				}
				if as.requests != 0 {
					t.Errorf("%d requests to the server", as.requests)
				}
			})
		})
	}
}
