package statuslist_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// inBubble runs test with a new world in virtual time.
func inBubble(t *testing.T, edit func(*statuslist.Config), test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, 1, edit)) })
}

// lasting returns a token with the status at index that does not expire during the test.
func (w *world) lasting(index int) string {
	return w.issuer.AccessToken().Set("status", w.list.Claim(index)).Set("exp", time.Now().Add(1000*time.Hour).Unix()).Sign()
}

// isDown makes the server of the list fail.
func (w *world) isDown() {
	w.issuer.Fail("/statuslists/1", bearertest.Respond(http.StatusInternalServerError, ""))
}

func (w *world) expectRequests(t *testing.T, want int) {
	t.Helper()
	if got := w.requests(); got != want {
		t.Errorf("%d requests for the list, want %d", got, want)
	}
}

// A list is used for its ttl. A revocation takes effect at the next fetch, at the latest.
func TestListIsFetchedAgainAfterItsTTL(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) { // ttl is 60 s
		raw := w.lasting(0)
		w.expect(t, raw, "")
		w.list.Set(0, 1)
		time.Sleep(40 * time.Second)
		w.expect(t, raw, "")
		w.expectRequests(t, 1)
		time.Sleep(21 * time.Second)
		w.expect(t, raw, consumer.ReasonRevoked)
		w.expectRequests(t, 2)
	})
}

// Near the end of its ttl, a list is fetched in the background, and no request waits for it.
func TestListIsFetchedAhead(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		raw := w.lasting(0)
		w.expect(t, raw, "")
		w.list.Set(0, 1)
		w.issuer.Fail("/statuslists/1", bearertest.Delay(2*time.Second))
		time.Sleep(55 * time.Second)
		began := time.Now()
		w.expect(t, raw, "")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the request waited %v", waited)
		}
		time.Sleep(3 * time.Second)
		w.expect(t, raw, consumer.ReasonRevoked)
		w.expectRequests(t, 2)
	})
}

// How long a list may be used while its server is down.
func TestListThatCannotBeFetchedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config func(*statuslist.Config)
		list   func(*bearertest.Token)
		header string // Cache-Control
		last   time.Duration
	}{
		"ttl":                     {last: time.Minute},
		"ttl of 30 minutes":       {list: claim("ttl", 1800), last: 30 * time.Minute},
		"ttl longer than exp":     {list: claim("ttl", 86_400), last: time.Hour},
		"exp of 2 h, MaxTTL":      {list: both("ttl", 86_400, "exp", bearertest.Absent), last: time.Hour},
		"huge ttl":                {list: both("ttl", 1e300, "exp", bearertest.Absent), last: time.Hour},
		"own MaxTTL":              {config: func(c *statuslist.Config) { c.MaxTTL = 10 * time.Minute }, list: claim("ttl", 86_400), last: 10 * time.Minute},
		"ttl shorter than MinTTL": {list: claim("ttl", 1), last: 10 * time.Second},
		"tiny ttl":                {list: claim("ttl", 1e-12), last: 10 * time.Second},
		"own MinTTL":              {config: func(c *statuslist.Config) { c.MinTTL = 2 * time.Minute }, list: claim("ttl", 1), last: 2 * time.Minute},
		"exp, with the skew":      {list: func(token *bearertest.Token) { token.Set("exp", time.Now().Unix()+30) }, last: 40 * time.Second},
		"exp before MinTTL": {
			config: func(c *statuslist.Config) { c.ClockSkew, c.MinTTL = -1, time.Minute },
			list:   func(token *bearertest.Token) { token.Set("exp", time.Now().Unix()+30) }, last: 30 * time.Second,
		},
		"max-age":               {list: claim("ttl", bearertest.Absent), header: "max-age=120", last: 2 * time.Minute},
		"no-store":              {list: claim("ttl", bearertest.Absent), header: "no-store", last: 10 * time.Second},
		"ttl precedes max-age":  {header: "max-age=5", last: time.Minute},
		"nothing":               {list: claim("ttl", bearertest.Absent), last: 5 * time.Minute},
		"nothing, own interval": {config: func(c *statuslist.Config) { c.RefreshInterval = 7 * time.Minute }, list: claim("ttl", bearertest.Absent), last: 7 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, test.config, func(t *testing.T, w *world) {
				raw := w.lasting(0)
				if test.list != nil {
					w.list.Edit(test.list)
				}
				w.issuer.FailNext("/statuslists/1", func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
					if test.header != "" {
						rw.Header().Set("Cache-Control", test.header)
					}
					next.ServeHTTP(rw, r)
				})
				w.expect(t, raw, "")
				w.isDown()
				time.Sleep(test.last - time.Second)
				w.expect(t, raw, "")
				time.Sleep(2 * time.Second)
				w.expect(t, raw, consumer.ReasonStatusUnavailable)
				w.issuer.Fail("/statuslists/1", nil)
				time.Sleep(2 * time.Minute) // longer than any back-off
				w.expect(t, raw, "")
			})
		})
	}
}

// bubble is the time at which a bubble of testing/synctest begins: 2000-01-01T00:00:00Z.
const bubble = 946684800

func claim(name string, value any) func(*bearertest.Token) {
	return func(token *bearertest.Token) { token.Set(name, value) }
}

func both(name string, value any, other string, otherValue any) func(*bearertest.Token) {
	return func(token *bearertest.Token) { token.Set(name, value).Set(other, otherValue) }
}

// RefreshInterval limits the delay of a revocation if ttl is long, and does not shorten how long a list may be used.
func TestRefreshInterval(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *statuslist.Config) { c.RefreshInterval = time.Minute }, func(t *testing.T, w *world) {
		w.list.Edit(claim("ttl", 3000))
		raw := w.lasting(0)
		w.expect(t, raw, "")
		w.isDown()
		time.Sleep(20 * time.Minute)
		w.expect(t, raw, "")
		w.issuer.Fail("/statuslists/1", nil)
		w.list.Set(0, 1)
		time.Sleep(time.Minute)
		w.expect(t, raw, consumer.ReasonRevoked)
	})
}

// Neither an older list nor an invalid one replaces the list in use. It is used until it is too old.
func TestListIsReplacedOnlyByANewerOne(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit     func(*bearertest.Token)
		replaces bool
		want     string
	}{
		"newer":           {edit: func(*bearertest.Token) {}, replaces: true},
		"same iat":        {edit: claim("iat", bubble), replaces: true},
		"older":           {edit: claim("iat", bubble-1), want: "older"},
		"forged":          {edit: func(token *bearertest.Token) { token.EditSignature(flip) }, want: "signature"},
		"another list":    {edit: claim("sub", "https://issuer.test/statuslists/2"), want: "sub"},
		"not a list":      {edit: claim("status_list", 1), want: "status_list"},
		"expires at once": {edit: func(token *bearertest.Token) { token.Set("exp", time.Now().Unix()-10) }, want: "exp"},
		"too large":       {edit: claim("status_list", map[string]any{"bits": 1, "lst": base64url(zlibOf(make([]byte, 1<<17)))}), want: "MaxListBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small := func(c *statuslist.Config) { c.MaxListBytes, c.RefreshInterval = 1<<16, 100*time.Second }
			inBubble(t, small, func(t *testing.T, w *world) {
				raw := w.lasting(0)
				w.list.Set(0, 1)
				w.list.Edit(claim("ttl", 600))
				w.expect(t, raw, consumer.ReasonRevoked)
				w.list.Set(0, 0) // a list that is not valid must not bring the token back
				w.list.Edit(func(token *bearertest.Token) {
					token.Set("ttl", 600)
					test.edit(token)
				})
				time.Sleep(100 * time.Second)
				want := consumer.ReasonRevoked
				if test.replaces {
					want = ""
				}
				w.expect(t, raw, want)
				w.expectRequests(t, 2)
				if err := w.lists.Stats().Lists[0].LastError; !test.replaces && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("error %v, want %q in it", err, test.want)
				}
				if test.replaces {
					return
				}
				time.Sleep(502 * time.Second)
				w.expect(t, raw, consumer.ReasonStatusUnavailable)
			})
		})
	}
}

// A list that expires soon after each fetch is not fetched by one request after the other.
func TestShortLivedListsAreFetchedSeldom(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]time.Duration{"0.5 s": 500 * time.Millisecond, "1 s": time.Second, "2 s": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(c *statuslist.Config) { c.ClockSkew = -1 }, func(t *testing.T, w *world) {
				w.list.Edit(func(token *bearertest.Token) {
					token.Set("exp", float64(time.Now().Add(rest).UnixMilli())/1000).Set("iat", time.Now().Unix()-1)
				})
				raw := w.lasting(0)
				for range 1000 {
					_, _ = w.consumer.Verify(t.Context(), raw)
					time.Sleep(10 * time.Millisecond)
				}
				if n := w.requests(); n > 20 {
					t.Errorf("%d requests in 10 s, want at most 20", n)
				}
			})
		})
	}
}

// While the server of a list is down, requests for it pause.
func TestFailedFetchesBackOff(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.isDown()
		raw := w.lasting(0)
		for range 6000 {
			w.expect(t, raw, consumer.ReasonStatusUnavailable)
			time.Sleep(10 * time.Millisecond)
		}
		if n := w.requests(); n < 2 || n > 30 {
			t.Errorf("%d requests in 60 s, want 2 to 30", n)
		}
	})
}

// Many requests at the same time cause one fetch. They wait for it for at most 3 s.
func TestConcurrentRequestsShareAFetch(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{time.Second, 4 * time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(t *testing.T, w *world) {
				w.issuer.Fail("/statuslists/1", bearertest.Delay(delay))
				want := consumer.Reason("")
				if delay > 3*time.Second {
					want = consumer.ReasonStatusUnavailable
				}
				began := time.Now()
				var all sync.WaitGroup
				for index := range 50 {
					all.Go(func() { w.expect(t, w.lasting(index), want) })
				}
				all.Wait()
				if waited := time.Since(began); waited > 3*time.Second {
					t.Errorf("waited %v, want at most 3s", waited)
				}
				time.Sleep(2 * time.Second)
				w.expect(t, w.lasting(0), "") // the fetch has continued
				w.expectRequests(t, 1)
			})
		})
	}
}

// Tokens that name many lists cause few requests and little memory, and other tokens recover from that within seconds.
func TestManyLists(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *statuslist.Config) { c.MaxLists = 4 }, func(t *testing.T, w *world) {
		for n := range 2000 {
			w.expect(t, w.token(reference(n, fmt.Sprintf("https://issuer.test/%d", n))), consumer.ReasonStatusUnavailable)
			time.Sleep(10 * time.Millisecond)
		}
		if n := w.issuer.Requests()[""]; n > 4+20+1 {
			t.Errorf("%d requests in 20 s, want at most 25", n)
		}
		if n := len(w.lists.Stats().Lists); n != 4 {
			t.Errorf("%d lists, want 4", n)
		}
		time.Sleep(time.Second)
		w.expect(t, w.lasting(0), "")
		w.expectRequests(t, 1)
	})
}

// A list in use is not replaced by a new one, until no token has referred to it for an hour.
func TestListsInUseStay(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *statuslist.Config) { c.MaxLists = 2 }, func(t *testing.T, w *world) {
		second, third := w.issuer.StatusList(1, 8), w.issuer.StatusList(1, 8)
		of := func(list *bearertest.StatusList) string {
			return w.issuer.AccessToken().Set("status", list.Claim(0)).Set("exp", time.Now().Add(1000*time.Hour).Unix()).Sign()
		}
		a, b, c := of(w.list), of(second), of(third)
		w.expect(t, a, "")
		w.expect(t, b, "")
		w.expect(t, c, consumer.ReasonStatusUnavailable)
		time.Sleep(45 * time.Minute)
		w.expect(t, a, "")
		w.expect(t, c, consumer.ReasonStatusUnavailable)
		time.Sleep(16 * time.Minute)
		if got := w.lists.Stats().Lists; got[0].Idle || !got[1].Idle {
			t.Errorf("idle: %v and %v, want only the second list", got[0].Idle, got[1].Idle)
		}
		w.expect(t, c, "")
		w.expect(t, a, "")
		w.expect(t, b, consumer.ReasonStatusUnavailable)
		third.Set(0, 1) // b refers to the list that was removed
		time.Sleep(2 * time.Minute)
		w.expect(t, c, consumer.ReasonRevoked)
		if got := w.lists.Stats().Lists; len(got) != 2 || got[0].URL != w.list.URL() || got[1].URL != third.URL() {
			t.Errorf("lists %v, want those of a and c", got)
		}
	})
}

// An index that a list does not have causes a fetch if the token is newer than the list. The fetches for that are limited.
func TestListThatGrows(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.expect(t, w.lasting(0), "")
		time.Sleep(2 * time.Second)
		w.list.Edit(claim("status_list", map[string]any{"bits": 1, "lst": base64url(zlibOf(make([]byte, 100)))}))
		w.expect(t, w.lasting(700), "")
		w.expectRequests(t, 2)
		for index := range 50 {
			raw := w.lasting(800 + index)
			if _, err := w.consumer.Verify(t.Context(), raw); err == nil {
				t.Error("accepted")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.requests(); n > 5 {
			t.Errorf("%d requests, want at most 5", n)
		}
		w.expect(t, w.lasting(0), "")
	})
}

// A list that cannot be fetched again does not say that the token of a longer list is revoked.
func TestTokenThatIsNewerThanTheList(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.expect(t, w.lasting(0), "")
		old := w.lasting(64)
		time.Sleep(2 * time.Second)
		w.isDown()
		w.expect(t, w.lasting(64), consumer.ReasonStatusUnavailable)
		w.expect(t, old, consumer.ReasonRevoked)
		w.expect(t, w.lasting(0), "")
	})
}

// Neither a sleep of the machine nor a clock that is set back makes a list look younger.
func TestClocks(t *testing.T) { //nolint:paralleltest // the wall clock is shifted
	for name, test := range map[string]struct {
		shift time.Duration
		sleep time.Duration
		want  consumer.Reason
	}{
		"sleep of the machine": {2 * time.Minute, 0, consumer.ReasonStatusUnavailable},
		"clock set back":       {-24 * time.Hour, 61 * time.Second, consumer.ReasonStatusUnavailable},
		"clock set back soon":  {-24 * time.Hour, 30 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, w *world) {
				token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(0)))
				if active, err := w.lists.Active(t.Context(), token); err != nil || !active {
					t.Fatal(active, err)
				}
				w.isDown()
				time.Sleep(test.sleep)
				clock.ShiftWall(t, test.shift)
				active, err := w.lists.Active(t.Context(), token)
				if (err == nil) != (test.want == "") || active != (test.want == "") {
					t.Errorf("%v, %v, want %q", active, err, test.want)
				}
			})
		})
	}
}

// After the issuer has replaced its key, lists of the new key are accepted, and lists of the old one are not.
func TestKeysOfListsRotate(t *testing.T) {
	t.Parallel()
	discovery := func(c *statuslist.Config) { c.Keys = nil }
	inBubble(t, discovery, func(t *testing.T, w *world) {
		token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(0)))
		active := func() (bool, error) { return w.lists.Active(t.Context(), token) }
		if ok, err := active(); err != nil || !ok {
			t.Fatal(ok, err)
		}
		old := w.list.Token()
		w.issuer.Rotate()
		time.Sleep(61 * time.Second)
		if ok, err := active(); err != nil || !ok {
			t.Errorf("list of the new key: %v, %v", ok, err)
		}
		w.issuer.Fail("/statuslists/1", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = rw.Write([]byte(old.Set("iat", time.Now().Unix()).Sign()))
		})
		w.issuer.Retire()
		time.Sleep(2 * time.Hour)
		if ok, err := active(); !errors.Is(err, statuslist.ErrUnavailable) {
			t.Errorf("list of the old key: %v, %v", ok, err)
		}
	})
}

// StatusTTL caches a result no longer than its list is fresh, although its setting is longer.
func TestStatusTTLDoesNotOutliveTheList(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		c, err := consumer.New(consumer.Config{
			Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: keysOf(t, w.issuer), Status: w.lists, StatusTTL: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		raw := w.lasting(0)
		expect(t, c, raw, "") // not cached: there was no list before the call
		time.Sleep(30 * time.Second)
		expect(t, c, raw, "")
		w.list.Set(0, 1)
		time.Sleep(29 * time.Second)
		expect(t, c, raw, "")
		time.Sleep(2 * time.Second)
		expect(t, c, raw, consumer.ReasonRevoked)
	})
}

// Warm fetches what the Config names, and Run keeps it fresh without requests.
func TestWarmAndRun(t *testing.T) {
	t.Parallel()
	preload := func(c *statuslist.Config) { c.Preload = []string{"https://issuer.test/statuslists/1"} }
	inBubble(t, preload, func(t *testing.T, w *world) {
		w.isDown()
		if err := w.lists.Warm(t.Context()); !errors.Is(err, statuslist.ErrUnavailable) {
			t.Errorf("Warm while the server is down: %v", err)
		}
		w.issuer.Fail("/statuslists/1", nil)
		time.Sleep(time.Minute)
		for range 2 {
			if err := w.lists.Warm(t.Context()); err != nil {
				t.Errorf("Warm: %v", err)
			}
		}
		w.expectRequests(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.lists.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		began := w.requests()
		if began < 10 || began > 20 {
			t.Errorf("%d requests in 10 minutes, want 10 to 20", began)
		}
		w.list.Set(0, 1)
		time.Sleep(61 * time.Second)
		w.isDown() // the request below waits for nothing
		w.expect(t, w.lasting(0), consumer.ReasonRevoked)
		w.issuer.Fail("/statuslists/1", nil)
		time.Sleep(2 * time.Hour)
		idle := w.requests()
		time.Sleep(time.Hour)
		if n := w.requests(); n != idle {
			t.Errorf("%d requests for a list that no token refers to", n-idle)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// Warm reads the document that names lists, and fetches those that are allowed, up to MaxLists.
func TestAggregation(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for n := range 100 {
		fmt.Fprintf(&many, `,"https://issuer.test/%d"`, n)
	}
	for name, test := range map[string]struct {
		body  string
		lists int
		want  string
	}{
		"two lists":     {`{"status_lists":["https://issuer.test/statuslists/1","https://issuer.test/statuslists/2"]}`, 2, ""},
		"none":          {`{"status_lists":[]}`, 0, ""},
		"others":        {`{"status_lists":["http://169.254.169.254/","https://evil.test/1","https://issuer.test/statuslists/2"]}`, 1, ""},
		"too many":      {`{"status_lists":["https://issuer.test/0"` + many.String() + `]}`, 4, "404"},
		"one fails":     {`{"status_lists":["https://issuer.test/statuslists/1","https://issuer.test/9"]}`, 2, "404"},
		"not an object": {`[]`, 0, "AggregationURL"},
		"not strings":   {`{"status_lists":[1]}`, 0, "AggregationURL"},
		"no member":     {`{}`, 0, "AggregationURL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configure := func(c *statuslist.Config) { c.AggregationURL, c.MaxLists = "https://issuer.test/all", 4 }
			inBubble(t, configure, func(t *testing.T, w *world) {
				w.issuer.StatusList(1, 8)
				w.issuer.Fail("/all", bearertest.Respond(http.StatusOK, test.body))
				err := w.lists.Warm(t.Context())
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("Warm: %v, want %q in it", err, test.want)
				}
				if n := len(w.lists.Stats().Lists); n != test.lists {
					t.Errorf("%d lists, want %d", n, test.lists)
				}
				if err != nil && strings.Count(err.Error(), "\n") > 3 {
					t.Errorf("tried more than MaxLists lists: %v", err)
				}
			})
		})
	}
}

// A server that does not respond in time ends the fetch, and the error names the setting.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setting, want time.Duration
	}{"default": {0, 5 * time.Second}, "own": {20 * time.Second, 20 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(c *statuslist.Config) { c.Timeout = test.setting }, func(t *testing.T, w *world) {
				w.issuer.Fail("/statuslists/1", bearertest.Delay(time.Hour))
				w.expect(t, w.lasting(0), consumer.ReasonStatusUnavailable)
				time.Sleep(test.want - 3*time.Second - 1)
				if stats := w.lists.Stats().Lists[0]; stats.ConsecutiveFailures != 0 {
					t.Errorf("the fetch ended before %v: %v", test.want, stats.LastError)
				}
				time.Sleep(time.Millisecond)
				err := w.lists.Stats().Lists[0].LastError
				if err == nil || !strings.Contains(err.Error(), test.want.String()) || !strings.Contains(err.Error(), "Config.Timeout") {
					t.Errorf("error %v, want one that names %v and Config.Timeout", err, test.want)
				}
			})
		})
	}
}
