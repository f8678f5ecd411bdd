package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// Polling ends once a token was received, whatever fault came with it.
func TestC23_NoTokenIsLostInPolling(t *testing.T) {
	t.Parallel()
	pending := says400("authorization_pending")
	for name, fault := range map[string]error{
		"a store that is down":  fmt.Errorf("saving: %w", client.ErrUnavailable),
		"one that asks to wait": &client.Error{Code: "slow_down", Status: 400},
		"one that is not ready": client.ErrAuthorizationPending,
		"one that is late":      context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for kind, wait := range waits(t) {
					s := scripted(pending, reply{200, good, nil}, says400("invalid_grant"))
					c := newClient(t, s.server, func(cfg *client.Config) {
						cfg.OnToken = func(context.Context, *client.Token) error { return fault }
					})
					token, err := wait(t.Context(), c)
					late, ok := errors.AsType[*client.IncompleteError](err)
					if token != nil || !ok || late.Token.AccessToken != "at" || !errors.Is(err, fault) || len(s.at) != 2 {
						t.Errorf("%s: %v, %v after %d requests", kind, token, err, len(s.at))
					}
				}
			})
		})
	}
}

// If the keys of an ID token cannot be fetched, or the type of a token is unknown, the error has the token.
func TestC23_NoTokenIsLostWithItsIDToken(t *testing.T) {
	t.Parallel()
	for _, withIDToken := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			body := `{"access_token":"at","token_type":"mac"}`
			if withIDToken {
				body = `{"access_token":"at","token_type":"Bearer","id_token":"` + newProvider().idToken().Sign() + `"}`
			}
			for kind, wait := range waits(t) {
				s := scripted(reply{200, body, nil}, reply{503, "", nil})
				c := newClient(t, s.server, func(cfg *client.Config) {
					cfg.Metadata.JWKSURI, cfg.Algorithms = issuerURL+"/keys", []string{"ES256"}
				})
				_, err := wait(t.Context(), c)
				late, ok := errors.AsType[*client.IncompleteError](err)
				if !ok || late.Token.AccessToken != "at" || errors.Is(err, client.ErrUnavailable) != (late.Token.IDToken != "") {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
}

// waits contains every method that polls.
func waits(t *testing.T) map[string]func(context.Context, *client.Client) (*client.Token, error) {
	t.Helper()
	return map[string]func(context.Context, *client.Client) (*client.Token, error){
		"device": func(ctx context.Context, c *client.Client) (*client.Token, error) {
			return c.WaitDevice(ctx, &client.DeviceAuthorization{DeviceCode: "dc", ExpiresIn: time.Hour})
		},
		"CIBA": func(ctx context.Context, c *client.Client) (*client.Token, error) {
			return c.WaitCIBA(ctx, &client.CIBAAuthentication{AuthReqID: "id", ExpiresIn: time.Hour})
		},
		"push": func(ctx context.Context, c *client.Client) (*client.Token, error) {
			return c.MFAWaitOOB(ctx, "mfa", &client.MFAChallenge{OOBCode: "o"})
		},
	}
}

// The first wait is one interval. After outages the waits double up to a minute. A response makes them short again.
func TestC23_C36_Backoff(t *testing.T) {
	t.Parallel()
	pending, slow := says400("authorization_pending"), says400("slow_down")
	down, page, token := reply{500, "", nil}, reply{503, strings.Repeat("x", 2<<20), nil}, reply{200, good, nil}
	later := func(at string) reply {
		return reply{429, `{"error":"slow_down"}`, map[string]string{"Retry-After": at}}
	}
	for name, test := range map[string]struct {
		replies []reply
		want    []time.Duration
	}{
		"up to a minute":             {[]reply{down, down, down, down, down, down, token}, seconds(5, 15, 35, 75, 135, 195, 255)},
		"a proxy's long page":        {[]reply{page, token}, seconds(5, 15)},
		"an answer ends it":          {[]reply{down, down, pending, down, token}, seconds(5, 15, 35, 40, 50)},
		"slow_down stays":            {[]reply{slow, pending, down, slow, pending, token}, seconds(5, 15, 25, 45, 60, 75)},
		"slow_down and Retry-After":  {[]reply{later("30"), pending, token}, seconds(5, 35, 45)},
		"a shorter Retry-After":      {[]reply{later("1"), token}, seconds(5, 15)},
		"a code of its own for that": {[]reply{says400("temporarily_unavailable"), token}, seconds(5, 15)},
		"not UTF-8":                  {[]reply{{400, `{"error":"authorization_pending","error_description":"` + "\xe4" + `"}`, nil}, token}, seconds(5, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for kind, wait := range waits(t) {
					s := scripted(test.replies...)
					if _, err := wait(t.Context(), newClient(t, s.server, nil)); err != nil {
						t.Errorf("%s: %v", kind, err)
					}
					if diff := cmp.Diff(test.want, s.at); diff != "" {
						t.Errorf("%s: %s", kind, diff)
					}
				}
			})
		})
	}
}

// The end of ctx ends the polling at once, during a pause and during a request.
func TestC23_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := roundTrip(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		c := newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: hangs} })
		for kind, wait := range waits(t) {
			for _, after := range []time.Duration{0, 3 * time.Second, 7 * time.Second} {
				ctx, cancel := context.WithTimeout(t.Context(), after)
				start := time.Now()
				if _, err := wait(ctx, c); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != after {
					t.Errorf("%s: %v after %v", kind, err, time.Since(start))
				}
				cancel()
			}
		}
	})
}

// A push is polled for the lifetime of its MFA token. Without an OOB code there is no polling.
func TestC23_C36_Ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says400("authorization_pending"))
		c, start := newClient(t, s.server, nil), time.Now()
		_, err := c.MFAWaitOOB(t.Context(), "mfa", &client.MFAChallenge{OOBCode: "o"})
		if !errors.Is(err, client.ErrExpiredToken) || time.Since(start) != 10*time.Minute || len(s.at) != 119 {
			t.Errorf("%v after %v and %d requests", err, time.Since(start), len(s.at))
		}
		before := len(s.at)
		if _, err := c.WaitDevice(t.Context(), &client.DeviceAuthorization{ExpiresIn: time.Hour}); err == nil {
			t.Error("polled without a device code")
		}
		if _, err := c.WaitCIBA(t.Context(), &client.CIBAAuthentication{ExpiresIn: time.Hour}); err == nil {
			t.Error("polled without an auth_req_id")
		}
		if _, err := c.Refresh(t.Context(), ""); err == nil {
			t.Error("refreshed without a refresh token")
		}
		if len(s.at) != before {
			t.Errorf("%d requests", len(s.at)-before)
		}
	})
}

// The user's time is counted from the response. A stored authorization is polled with the same parameters.
func TestC22_C23_StartedAndStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(reply{200, `{"device_code":"dc","user_code":"AB","verification_uri":"https://login.test/d","expires_in":12}`, nil}, says400("authorization_pending"))
		c, start := deviceClient(t, s.server), time.Now()
		d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(6 * time.Second)
		if _, err := c.WaitDevice(t.Context(), d); !errors.Is(err, client.ErrExpiredToken) || time.Since(start) != 12*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if diff := cmp.Diff(seconds(0, 11), s.at); diff != "" {
			t.Error(diff)
		}
		granted := scripted(reply{200, good, nil})
		token, err := deviceClient(t, granted.server).WaitDevice(t.Context(), &client.DeviceAuthorization{DeviceCode: "dc", ExpiresIn: time.Hour})
		if diff := cmp.Diff([]string{"a"}, token.Scopes); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

// What a device shows to its user is safe to show.
func TestC22_UserCode(t *testing.T) {
	t.Parallel()
	for code, ok := range map[string]bool{
		"WDJB-MJHT": true, "кот 7": true, `\u001b[31m`: false, `a\nb`: false, `\u202eABC`: false, strings.Repeat("x", 257): false,
	} {
		body := `{"device_code":"dc","user_code":"` + code + `","verification_uri":"https://login.test/d","expires_in":60}`
		d, err := deviceClient(t, says(200, body)).StartDevice(t.Context(), client.DeviceOptions{})
		if (err == nil) != ok || (d == nil) == ok || err != nil && !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v, %v", code, d, err)
		}
	}
}

func TestCIBAHints(t *testing.T) {
	t.Parallel()
	for _, o := range []client.CIBAOptions{{}, {LoginHint: "a", IDTokenHint: "b"}, {LoginHintToken: "a", IDTokenHint: "b"}} {
		s := says(200, `{"auth_req_id":"r","expires_in":60}`)
		if _, err := deviceClient(t, s).StartCIBA(t.Context(), o); err == nil || len(s.requests) > 0 {
			t.Errorf("%v after %d requests", err, len(s.requests))
		}
	}
	s := says(200, `{"auth_req_id":"r","expires_in":"60","interval":"3"}`)
	a, err := deviceClient(t, s).StartCIBA(t.Context(), client.CIBAOptions{IDTokenHint: "h", RequestedExpiry: 1500 * time.Millisecond, ACRValues: []string{"x", "y"}})
	if err != nil || a.Interval != 3*time.Second || a.ExpiresIn != time.Minute {
		t.Fatal(a, err)
	}
	if form := s.lastForm(); form.Get("requested_expiry") != "2" || form.Get("acr_values") != "x y" || form.Get("id_token_hint") != "h" {
		t.Errorf("sent %v", form)
	}
}
