package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// A server cannot switch a source off for longer than 5 minutes, whatever its Retry-After header says.
func TestCaseX10_RetryAfterOfASource(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"99999999": 5 * time.Minute, "301": 5 * time.Minute, "299": 299 * time.Second, "1": 0,
		time.Now().Add(1000 * time.Hour).UTC().Format(http.TimeFormat): 5 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(server)
			s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
				return written(503, "", map[string]string{"Retry-After": header})
			}
			source := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
			_, _ = source.TokenContext(t.Context())
			if want > 0 {
				time.Sleep(want - time.Second)
				_, _ = source.TokenContext(t.Context())
				if len(s.requests) != 1 {
					t.Errorf("Retry-After: %s: %d requests before %v", header, len(s.requests), want)
				}
			}
			time.Sleep(8 * time.Second)
			if _, _ = source.TokenContext(t.Context()); len(s.requests) != 2 {
				t.Errorf("Retry-After: %s: no request %v after the failure", header, want+7*time.Second)
			}
		})
	}
}

// A sleep of the machine, which the monotonic clock does not show, counts as time. So does the time that passes before and
// after the wall clock is set back.
//
//nolint:paralleltest // ShiftWall moves the clock of the whole process
func TestCaseX11_TokenSourceCountsBothClocks(t *testing.T) {
	for name, test := range map[string]struct {
		shift, sleep time.Duration
		refreshed    bool
	}{
		"nothing happens":               {0, 0, false},
		"machine sleeps for 72 h":       {72 * time.Hour, 0, true},
		"machine sleeps for 10 min":     {11 * time.Minute, 0, true},
		"clock is set back":             {-time.Hour, 0, false},
		"clock is set back, token ends": {-71 * time.Hour, 11 * time.Minute, true},
		"clock is set forward":          {time.Hour, 0, true},
	} {
		for how, start := range map[string]func(*testing.T, *rotating) *client.TokenSource{
			"given": func(t *testing.T, s *rotating) *client.TokenSource {
				return sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(10 * time.Minute)})
			},
			"refreshed": func(t *testing.T, s *rotating) *client.TokenSource {
				return sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
			},
			"from a store": func(t *testing.T, s *rotating) *client.TokenSource {
				store := client.NewMemoryTokens()
				if err := store.Save(t.Context(), "k", first(10*time.Minute)); err != nil {
					t.Fatal(err)
				}
				return sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &rotating{}
					source := start(t, s)
					before, err := source.TokenContext(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					clock.ShiftWall(t, test.shift)
					time.Sleep(test.sleep)
					after, err := source.TokenContext(t.Context())
					if err != nil || after.AccessToken != before.AccessToken != test.refreshed {
						t.Errorf("%v, then %v: %s became %s, %v", test.shift, test.sleep, before.AccessToken, after.AccessToken, err)
					}
				})
			})
		}
	}
}

// A token that another process stored has no monotonic reading. If the wall clock shows a time before the token was
// received, it was set back, and the token counts as expired.
//
//nolint:paralleltest // ShiftWall moves the clock of the whole process
func TestCaseX11_StoredTokenAndAClockThatIsSetBack(t *testing.T) {
	for name, test := range map[string]struct {
		between, shift time.Duration
		refreshed      bool
	}{
		"at once":                        {0, 0, false},
		"later":                          {9 * time.Minute, 0, false},
		"expired":                        {11 * time.Minute, 0, true},
		"expired, clock is set back 1 h": {11 * time.Minute, -time.Hour, true},
		"expired while asleep":           {0, 71 * time.Hour, true},
		"clock of another machine":       {0, -5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			files, _ := fileTokens(t)
			synctest.Test(t, func(t *testing.T) {
				s := &rotating{}
				stored := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute), Store: files, Key: "k"})
				if _, err := stored.TokenContext(t.Context()); err != nil { // at1, for 10 minutes
					t.Fatal(err)
				}
				time.Sleep(test.between)
				clock.ShiftWall(t, test.shift)
				next := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: files, Key: "k"})
				token, err := next.TokenContext(t.Context())
				if err != nil || (token.AccessToken == "at2") != test.refreshed {
					t.Errorf("got %s, %v", token.AccessToken, err)
				}
				loaded, err := files.Load(t.Context(), "k")
				if err != nil || loaded.ExpiresIn() > 10*time.Minute+10*time.Second {
					t.Errorf("ExpiresIn is %v, %v", loaded.ExpiresIn(), err)
				}
			})
		})
	}
}

// ExpiresIn of a token that this process received does not grow when the wall clock is set back.
//
//nolint:paralleltest // ShiftWall moves the clock of the whole process
func TestCaseX11_ExpiresIn(t *testing.T) {
	for shift, want := range map[time.Duration]time.Duration{0: 50 * time.Second, -time.Hour: 50 * time.Second, time.Hour: 50*time.Second - time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			token, err := newClient(t, says(200, good), nil).ClientCredentials(t.Context()) // for 60 s
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			clock.ShiftWall(t, shift)
			if got := token.ExpiresIn(); got != want {
				t.Errorf("clock moved by %v: ExpiresIn is %v, want %v", shift, got, want)
			}
		})
	}
}

// The same for polling: the user's decision is received at most 5 minutes late.
func TestCaseX10_RetryAfterOfAPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(
			reply{200, `{"device_code":"d","user_code":"u","verification_uri":"https://login.test/go","expires_in":86400}`, nil},
			reply{503, "", map[string]string{"Retry-After": "99999999"}},
			reply{200, good, nil},
		)
		c := deviceClient(t, s.server)
		d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if pause := s.at[2] - s.at[1]; pause != 5*time.Minute { // in the time of the bubble
			t.Errorf("the next poll came after %v", pause)
		}
	})
}

// The same for an error that Grant returns, which need not come from this package.
func TestCaseX10_RetryAfterFromGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		grants := 0
		source := sourceOf(t, newClient(t, says(200, good), nil), client.TokenSourceConfig{
			Grant: func(context.Context, ...string) (*client.Token, error) {
				grants++
				return nil, &client.Error{Status: http.StatusServiceUnavailable, RetryAfter: 24 * time.Hour}
			},
		})
		_, _ = source.TokenContext(t.Context())
		time.Sleep(5*time.Minute + time.Second)
		if _, _ = source.TokenContext(t.Context()); grants != 2 {
			t.Errorf("Grant was called %d times in 5 minutes", grants)
		}
	})
}
