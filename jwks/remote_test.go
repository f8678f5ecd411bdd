package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/jwks"
)

func TestNew_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := jwks.New(jwks.Config{
		URL:                 "ftp://issuer.example/keys",
		FreshFor:            10, // ns
		StaleFor:            10, // ns: every request would fetch
		MinRefetch:          -1,
		Timeout:             -1,
		MaxBytes:            -1,
		MaxKeys:             -1,
		HTTPClient:          &http.Client{Transport: &issuer{}},
		PublicAddressesOnly: true,
	})
	for _, field := range []string{"URL", "FreshFor", "StaleFor", "MinRefetch", "Timeout", "MaxBytes", "MaxKeys", "HTTPClient"} {
		if err == nil || !strings.Contains(err.Error(), "jwks: Config."+field) {
			t.Errorf("Config.%s is not among the faults: %v", field, err)
		}
	}
}

func TestK18_URLIsHTTPS(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg jwks.Config
		ok  bool
	}{
		"none":             {jwks.Config{}, false},
		"https":            {jwks.Config{URL: "https://issuer.example/keys"}, true},
		"http":             {jwks.Config{URL: "http://issuer.example/keys"}, false},
		"http to loopback": {jwks.Config{URL: "http://127.0.0.1:8080/keys"}, true},
		"http allowed":     {jwks.Config{URL: "http://issuer.example/keys", InsecureAllowHTTP: true}, true},
		"file":             {jwks.Config{URL: "file:///etc/keys", InsecureAllowHTTP: true}, false},
		"with user info":   {jwks.Config{URL: "https://me:secret@issuer.example/keys"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := jwks.New(tt.cfg)
			var fault *fetch.URLError
			if ok := err == nil; ok != tt.ok || (!ok && !errors.As(err, &fault)) {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestK23_NewFetchesNothingAndRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		pass(time.Hour)
		wantFetches(t, &i, 0)

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		pass(24 * time.Hour)
		if s := r.Stats(); s.Age > 9*time.Minute || s.Keys != 1 {
			t.Errorf("after a day of Run: %+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestK1_K2_FreshSetIsServedAndRefreshedAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		pass(7 * time.Minute)
		wantKey(t, r, "1", "RS256", rsaKey())
		wantFetches(t, &i, 1)
		pass(2 * time.Minute)
		i.slow(time.Second)
		began := time.Now()
		wantKey(t, r, "1", "RS256", rsaKey())
		if time.Since(began) != 0 {
			t.Error("the request waited for the fetch that it started")
		}
		wantFetches(t, &i, 2)
		pass(time.Second)
	})
}

//nolint:paralleltest // testing.AllocsPerRun counts the allocations of the whole process
func TestK1_KnownKidCostsNoAllocation(t *testing.T) {
	var i issuer
	i.serves(public("1", rsaKey()), public("2", p256()))
	r := i.remote(t, jwks.Config{})
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		if _, err := r.Keys(ctx, "2", "ES256"); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("Key allocates %v times", n)
	}
}

func TestK3_K4_K22_StaleSetIsUsedUntilStaleFor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg    jwks.Config
		usable time.Duration
	}{
		"default":  {jwks.Config{}, 24 * time.Hour},
		"StaleFor": {jwks.Config{StaleFor: 2 * time.Hour}, 2 * time.Hour},
		"negative": {jwks.Config{StaleFor: -1}, 10 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				r := i.remote(t, tt.cfg)
				wantKey(t, r, "1", "RS256", rsaKey())
				i.isDown()
				pass(tt.usable - time.Nanosecond)
				wantKey(t, r, "1", "RS256", rsaKey())
				wantNoKey(t, r, "unknown", "RS256", jwks.ErrKeyNotFound)
				wantNoKey(t, r, "1", "ES256", jwks.ErrAlgorithm)
				wantNoKey(t, r, "", "ES256", jwks.ErrAlgorithm)
				pass(time.Nanosecond)
				for _, kid := range []string{"1", "unknown", "", strings.Repeat("x", 300)} {
					wantNoKey(t, r, kid, "RS256", jwks.ErrUnavailable)
				}
				if s := r.Stats(); s.Keys != 0 || s.Age != tt.usable {
					t.Errorf("Stats = %+v", s)
				}
				i.serves(public("1", rsaKey()))
				pass(time.Minute)
				wantKey(t, r, "1", "RS256", rsaKey())
			})
		})
	}
}

func TestK5_RotationIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())

		i.serves(public("1", rsaKey()), public("2", otherRSA()))
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { wantKey(t, r, "2", "RS256", otherRSA()) })
		}
		wg.Wait()
		wantFetches(t, &i, 2)
		wantKey(t, r, "1", "RS256", rsaKey())
	})
}

func TestK5_K8_RunningFetchThatBringsTheKidIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.serves(public("2", otherRSA()))
		i.slow(400 * time.Millisecond)
		go func() { _ = r.Refresh(t.Context()) }()
		synctest.Wait()
		wantKey(t, r, "2", "RS256", otherRSA())
		wantFetches(t, &i, 2)
		if s := r.Stats(); s.ForcedFetches != 0 {
			t.Errorf("%d forced fetches, want none", s.ForcedFetches)
		}
	})
}

// exhaust uses up the fetches that unknown kids may cause now.
func exhaust(t *testing.T, r *jwks.Remote) {
	t.Helper()
	for n := range 3 {
		wantNoKey(t, r, fmt.Sprint("exhaust", n), "RS256", jwks.ErrKeyNotFound)
	}
}

func TestK5_LookupDoesNotWaitForAPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		exhaust(t, r)
		i.serves(public("3", otherRSA()))
		began := time.Now()
		wantNoKey(t, r, "3", "RS256", jwks.ErrKeyNotFound)
		if time.Since(began) != 0 {
			t.Error("the lookup waited for a permit")
		}
		wantFetches(t, &i, 1+3)
		if s := r.Stats(); s.ForcedFetches != 3 || s.SkippedForced != 1 {
			t.Errorf("Stats = %+v", s)
		}
		pass(10 * time.Second)
		wantKey(t, r, "3", "RS256", otherRSA())
	})
}

func TestCaseX6_FailedForcedFetchCounts(t *testing.T) {
	t.Parallel()
	for name, fails := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				r := i.remote(t, jwks.Config{MinRefetch: 30 * time.Second})
				wantKey(t, r, "1", "RS256", rsaKey())
				fails(&i)
				for began, n := time.Now(), 0; time.Since(began) < 29*time.Second; n++ {
					wantNoKey(t, r, fmt.Sprint("x", n), "RS256", jwks.ErrKeyNotFound)
					pass(100 * time.Millisecond)
				}
				if s := r.Stats(); s.ForcedFetches != 1 {
					t.Errorf("%d forced fetches in 29 s, want 1", s.ForcedFetches)
				}
				pass(10 * time.Second)
			})
		})
	}
}

// While an attacker sends one forged kid per second, a token of a new key is rejected for MinRefetch at most.
func TestCaseX8_NewKeyUnderAttack(t *testing.T) {
	t.Parallel()
	for offset := time.Duration(0); offset < 10*time.Second; offset += 2500 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			var i issuer
			i.serves(public("1", rsaKey()))
			r := i.remote(t, jwks.Config{})
			for n := range 65 {
				wantNoKey(t, r, fmt.Sprint("forged", n), "RS256", jwks.ErrKeyNotFound)
				pass(time.Second)
			}
			pass(offset)
			i.serves(public("1", rsaKey()), public("2", otherRSA()))
			rotated := time.Now()
			for n := range 600 {
				if n%10 == 0 {
					_, _ = r.Keys(t.Context(), fmt.Sprint("forged again", n), "RS256")
				}
				if _, err := r.Keys(t.Context(), "2", "RS256"); err == nil {
					break
				}
				pass(100 * time.Millisecond)
			}
			wantKey(t, r, "2", "RS256", otherRSA())
			if took := time.Since(rotated); took > 10*time.Second {
				t.Errorf("the new key was found after %v, want 10s at most", took)
			}
		})
	}
}

// An issuer that hangs takes half a second from a request with an unknown kid, not three.
func TestCaseX18_UnknownKidWaitsHalfASecondForAHangingIssuer(t *testing.T) {
	t.Parallel()
	for name, age := range map[string]time.Duration{"fresh keys": 0, "stale keys": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				r := i.remote(t, jwks.Config{})
				wantKey(t, r, "1", "RS256", rsaKey())
				i.slow(time.Hour)
				pass(age)
				for n := range 3 {
					began := time.Now()
					wantNoKey(t, r, fmt.Sprint("unknown", n), "RS256", jwks.ErrKeyNotFound)
					if waited := time.Since(began); waited > 500*time.Millisecond {
						t.Errorf("waited %v, want 500ms at most", waited)
					}
				}
				pass(10 * time.Second)
			})
		})
	}
}

// One forged token that names the next key must not keep valid tokens out for longer than MinRefetch.
func TestCaseX7_UnknownKidIsNotRememberedLongerThanMinRefetch(t *testing.T) {
	t.Parallel()
	for _, minRefetch := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, 30 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var i issuer
			i.serves(public("1", rsaKey()))
			r := i.remote(t, jwks.Config{MinRefetch: minRefetch})
			wantNoKey(t, r, "2", "RS256", jwks.ErrKeyNotFound)
			wantFetches(t, &i, 2)
			i.serves(public("1", rsaKey()), public("2", otherRSA()))
			pass(min(minRefetch, 30*time.Second) - time.Nanosecond)
			wantNoKey(t, r, "2", "RS256", jwks.ErrKeyNotFound)
			wantFetches(t, &i, 2)
			pass(time.Nanosecond)
			wantKey(t, r, "2", "RS256", otherRSA())
			wantFetches(t, &i, 3)
		})
	}
}

func TestK6_UnknownKidIsFoundAfterARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{MinRefetch: time.Second})
		wantNoKey(t, r, "2", "RS256", jwks.ErrKeyNotFound)
		i.serves(public("2", otherRSA()))
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKey(t, r, "2", "RS256", otherRSA())
	})
}

func TestK6_Attack28_FloodOfUnknownKids(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		i.slow(100 * time.Millisecond)
		r := i.remote(t, jwks.Config{})
		for round := range 30 { // five minutes; the set is fresh throughout
			var wg sync.WaitGroup
			for n := range 1000 {
				wg.Go(func() { wantNoKey(t, r, fmt.Sprintf("%d-%d", round, n), "RS256", jwks.ErrKeyNotFound) })
			}
			wg.Wait()
			wantKey(t, r, "1", "RS256", rsaKey())
			pass(10 * time.Second)
		}
		if fetches := i.count(); fetches > 1+30+2 {
			t.Errorf("%d fetches, want one in 10 s and a burst of 2 more", fetches)
		}
	})
}

func TestK5_Attack28_FloodWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.says(503, "", "Retry-After", "60")
		for n := range 10_000 { // ten seconds
			wantNoKey(t, r, fmt.Sprint("x", n), "RS256", jwks.ErrKeyNotFound)
			pass(time.Millisecond)
		}
		wantFetches(t, &i, 2)
	})
}

func TestS5_Attack4_LongKidIsUnknownWithoutAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantNoKey(t, r, strings.Repeat("x", 257), "RS256", jwks.ErrKeyNotFound)
		wantFetches(t, &i, 1)
		wantNoKey(t, r, strings.Repeat("x", 256), "RS256", jwks.ErrKeyNotFound)
		wantFetches(t, &i, 2)
	})
}

// A token whose key does not serve its algorithm causes at most one fetch for each kid in MinRefetch.
func TestK7_Attack29_KnownKidCausesFewFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()), public("", p256()))
		r := i.remote(t, jwks.Config{})
		for range 1000 {
			wantKey(t, r, "1", "RS256", rsaKey())
			wantNoKey(t, r, "1", "ES256", jwks.ErrAlgorithm)
			wantNoKey(t, r, "1", "none", jwks.ErrAlgorithm)
			wantNoKey(t, r, "", "ES384", jwks.ErrAlgorithm)
		}
		wantFetches(t, &i, 1+2)
	})
}

func TestK8_K9_Attack38_CanceledRequestDoesNotEndTheSharedFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		i.slow(2 * time.Second)
		r := i.remote(t, jwks.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := r.Keys(ctx, "1", "RS256")
		if !errors.Is(err, context.Canceled) || errors.Is(err, jwks.ErrUnavailable) || errors.Is(err, jwks.ErrKeyNotFound) {
			t.Errorf("Key of a canceled request: %v", err)
		}
		wantKey(t, r, "1", "RS256", rsaKey())
		wantFetches(t, &i, 1)
	})
}

// badAnswers are responses that must never replace a good set.
var badAnswers = map[string]func(*issuer){
	"down":            func(i *issuer) { i.isDown() },
	"slow":            func(i *issuer) { i.serves(public("2", otherRSA())); i.slow(time.Hour) },
	"HTML":            func(i *issuer) { i.says(200, "<html>Down for maintenance</html>", "Content-Type", "text/html") },
	"nothing":         func(i *issuer) { i.says(200, "") },
	"null":            func(i *issuer) { i.says(200, "null") },
	"no keys":         func(i *issuer) { i.says(200, `{}`) },
	"keys null":       func(i *issuer) { i.says(200, `{"keys":null}`) },
	"keys an object":  func(i *issuer) { i.says(200, `{"keys":{}}`) },
	"empty set":       func(i *issuer) { i.says(200, `{"keys":[]}`) },
	"single JWK":      func(i *issuer) { i.says(200, public("2", otherRSA()).String()) },
	"only unusable":   func(i *issuer) { i.serves(public("2", weakRSA())) },
	"trailing data":   func(i *issuer) { i.says(200, keySet(public("2", otherRSA()))+"{}") },
	"cut off":         func(i *issuer) { i.says(200, keySet(public("2", otherRSA()))[:100]) },
	"duplicate keys":  func(i *issuer) { i.says(200, `{"keys":[],"keys":[`+public("2", otherRSA()).String()+`]}`) },
	"nested too deep": func(i *issuer) { i.says(200, `{"keys":[`+strings.Repeat("[", 100_000)) },
	"oversized":       func(i *issuer) { i.says(200, keySet(public("2", otherRSA()))+strings.Repeat(" ", 512<<10)) },
	"404":             func(i *issuer) { i.says(404, keySet(public("2", otherRSA()))) },
	"500":             func(i *issuer) { i.says(500, "") },
	"206":             func(i *issuer) { i.says(206, keySet(public("2", otherRSA()))) },
	"redirect":        func(i *issuer) { i.says(302, "", "Location", "https://elsewhere.example/keys") },
	"304 unasked":     func(i *issuer) { i.says(304, "") },
	"panic":           func(i *issuer) { i.answers(func(*http.Request) (*http.Response, error) { panic("no") }) },
}

func TestK10_K18_Attack32_BadResponseKeepsTheGoodSet(t *testing.T) {
	t.Parallel()
	for name, goBad := range badAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				var seen refreshes
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				wantKey(t, r, "1", "RS256", rsaKey())
				synctest.Wait() // OnRefresh is called when the keys are in use already
				goBad(&i)
				if err := r.Refresh(t.Context()); err == nil {
					t.Error("Refresh: no error")
				}
				if seen.last(t).Err == nil || r.Stats().ConsecutiveFailures != 1 {
					t.Errorf("not counted as a failure: %+v, %+v", seen.last(t), r.Stats())
				}
				wantKey(t, r, "1", "RS256", rsaKey())
				wantNoKey(t, r, "2", "RS256", jwks.ErrKeyNotFound)
			})
		})
	}
}

func TestK20_K22_Attack39_FailedFirstFetchIsRetried(t *testing.T) {
	t.Parallel()
	for name, goBad := range badAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				goBad(&i)
				r := i.remote(t, jwks.Config{})
				for _, kid := range []string{"1", "unknown", ""} {
					wantNoKey(t, r, kid, "RS256", jwks.ErrUnavailable)
				}
				i.slow(0)
				i.serves(public("1", rsaKey()))
				pass(10 * time.Second) // longer than the back-off after three failures
				wantKey(t, r, "1", "RS256", rsaKey())
			})
		})
	}
}

func TestK11_Attack33_RemovedKeyIsNotTrusted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()), public("2", otherRSA()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.serves(public("2", otherRSA()))
		pass(10 * time.Minute)
		wantNoKey(t, r, "1", "RS256", jwks.ErrKeyNotFound)
		wantKey(t, r, "2", "RS256", otherRSA())
	})
}

func TestK11_KidWithNewKeyIsANewKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		before, _ := r.Keys(t.Context(), "1", "RS256")
		i.serves(public("1", otherRSA()))
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKey(t, r, "1", "RS256", otherRSA())
		after, _ := r.Keys(t.Context(), "1", "RS256")
		if before[0].Equal(after[0]) {
			t.Error("the keys before and after are equal")
		}
	})
}

func TestK11_UnchangedKeyStaysTheSameObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		before, _ := r.Keys(t.Context(), "1", "RS256")
		i.serves(public("2", otherRSA()), public("1", rsaKey()))
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, _ := r.Keys(t.Context(), "1", "RS256")
		if before[0].Public != after[0].Public {
			t.Error("a refresh that did not change the key replaced the object")
		}
	})
}

func TestK15_ConditionalGetRenewsTheSet(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{`"v1"`, `W/"v1"`} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.answers(func(r *http.Request) (*http.Response, error) {
					if r.Header.Get("If-None-Match") == tag {
						return response(304, "", "Cache-Control", "max-age=3600"), nil
					}
					return response(200, keySet(public("1", rsaKey())), "ETag", tag), nil
				})
				var seen refreshes
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				wantKey(t, r, "1", "RS256", rsaKey())
				if seen.last(t).NotModified {
					t.Error("the first response is reported as not modified")
				}
				if err := r.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := seen.last(t); !got.NotModified || got.Keys != 1 || got.Err != nil {
					t.Errorf("reported %+v", got)
				}
				pass(43 * time.Minute) // by the 304's own max-age
				wantKey(t, r, "1", "RS256", rsaKey())
				wantFetches(t, &i, 2)
			})
		})
	}
}

func TestK15_InvalidETagIsNotSentBack(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{`v1`, `"`, `"a"b"`, `"a b"`, "\"a\u00e9\"", `"` + strings.Repeat("a", 300) + `"`} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.answers(func(r *http.Request) (*http.Response, error) {
					if got := r.Header.Get("If-None-Match"); got != "" {
						t.Errorf("If-None-Match %q was sent", got)
					}
					return response(200, keySet(public("1", rsaKey())), "ETag", tag), nil
				})
				r := i.remote(t, jwks.Config{})
				for range 2 {
					if err := r.Refresh(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestK16_RetryAfterIsHonored(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.says(status, "", "Retry-After", "120")
				r := i.remote(t, jwks.Config{})
				wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				i.serves(public("1", rsaKey()))
				pass(120*time.Second - time.Nanosecond)
				wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				wantFetches(t, &i, 1)
				pass(time.Nanosecond)
				wantKey(t, r, "1", "RS256", rsaKey())
			})
		})
	}
}

func TestK18_Attack31_PrivateAddressIsRejectedWhenDialing(t *testing.T) {
	t.Parallel()
	r, err := jwks.New(jwks.Config{URL: "https://127.0.0.1:1/keys", PublicAddressesOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var refused *fetch.AddressError
	if err := r.Refresh(t.Context()); !errors.As(err, &refused) {
		t.Errorf("Refresh: %v, want an AddressError", err)
	}
}

func TestK18_ConfigTimeoutApplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.slow(time.Hour)
		r := i.remote(t, jwks.Config{Timeout: time.Second})
		began := time.Now()
		err := r.Refresh(t.Context())
		var limit *fetch.TimeoutError
		if !errors.As(err, &limit) || limit.Limit != time.Second || time.Since(began) != time.Second {
			t.Errorf("Refresh: %v after %v", err, time.Since(began))
		}
	})
}

func TestK18_ConfigMaxBytesApplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{MaxBytes: 100})
		var over *fetch.TooLargeError
		if err := r.Refresh(t.Context()); !errors.As(err, &over) || over.Limit != 100 {
			t.Errorf("Refresh: %v", err)
		}
	})
}

func TestK21_StatsReportWhetherASetIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()), public("2", weakRSA()))
		r := i.remote(t, jwks.Config{})
		if s := r.Stats(); s != (jwks.Stats{}) {
			t.Errorf("before the first fetch: %+v", s)
		}
		wantKey(t, r, "1", "RS256", rsaKey())
		fetched := time.Now()
		i.isDown()
		pass(time.Minute)
		_ = r.Refresh(t.Context())
		want := jwks.Stats{
			Keys: 1, Unusable: 1, LastSuccess: fetched, Age: time.Minute, ConsecutiveFailures: 1, LastError: errDown,
		}
		if diff := cmp.Diff(want, r.Stats(), cmpopts.EquateErrors()); diff != "" {
			t.Errorf("Stats (-want +got):\n%s", diff)
		}
	})
}

func TestK21_WarmIsNilIfAUsableSetIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.isDown()
		r := i.remote(t, jwks.Config{})
		if r.URL() != issuerURL {
			t.Errorf("URL = %q", r.URL())
		}
		if err := r.Warm(t.Context()); !errors.Is(err, jwks.ErrUnavailable) || !errors.Is(err, errDown) {
			t.Errorf("Warm: %v", err)
		}
		i.serves(public("1", rsaKey()))
		pass(time.Second)
		for range 10 {
			if err := r.Warm(t.Context()); err != nil {
				t.Errorf("Warm: %v", err)
			}
		}
		wantFetches(t, &i, 2)
		i.isDown()
		pass(time.Hour)
		if err := r.Warm(t.Context()); err != nil { // stale, and in use
			t.Errorf("Warm: %v", err)
		}
		pass(23 * time.Hour)
		if err := r.Warm(t.Context()); !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("Warm: %v", err)
		}
	})
}

func TestK25_FlappingIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		for n := range 3600 { // an hour: ten seconds up, fifty down, and a flood of unknown kids
			if n%60 < 10 {
				i.serves(public("1", rsaKey()))
			} else {
				i.isDown()
			}
			wantKey(t, r, "1", "RS256", rsaKey())
			wantNoKey(t, r, fmt.Sprint("x", n), "RS256", jwks.ErrKeyNotFound)
			pass(time.Second)
		}
		if n := i.count(); n > 600 {
			t.Errorf("%d fetches in an hour", n)
		}
	})
}

func TestOnRefresh_SaysWhatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()), public("2", p256()).with("use", "enc"))
		var seen refreshes
		r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
		enc := []jwks.UnusableKey{{KeyID: "2", Cause: jwks.FaultUse, Detail: "use is enc"}}
		wantKey(t, r, "1", "RS256", rsaKey())
		i.slow(time.Second)
		wantNoKey(t, r, "3", "RS256", jwks.ErrKeyNotFound)
		i.serves(public("2", p256()).with("use", "enc"))
		_ = r.Refresh(t.Context())
		i.isDown()
		pass(9 * time.Minute)
		wantKey(t, r, "1", "RS256", rsaKey())
		pass(time.Second)
		want := []jwks.Refresh{
			{URL: issuerURL, Cause: "expired", Keys: 1, Unusable: enc},
			{URL: issuerURL, Cause: "forced", Keys: 1, Unusable: enc, Duration: time.Second},
			{URL: issuerURL, Cause: "requested", Unusable: enc, Duration: time.Second, Err: cmpopts.AnyError},
			{URL: issuerURL, Cause: "ahead", Duration: time.Second, Err: errDown},
		}
		if diff := cmp.Diff(want, seen.all, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("Refreshes (-want +got):\n%s", diff)
		}
	})
}

// Real goroutines on real time, for the race detector.
func TestRemote_ConcurrentUse(t *testing.T) {
	t.Parallel()
	var i issuer
	i.serves(public("1", rsaKey()))
	r := i.remote(t, jwks.Config{MinRefetch: 1, OnRefresh: func(context.Context, jwks.Refresh) {}})
	var running, wg sync.WaitGroup
	background, stop := context.WithCancel(t.Context())
	running.Go(func() { _ = r.Run(background) })
	for worker := range 8 {
		wg.Go(func() {
			for n := range 200 {
				wantKey(t, r, "1", "RS256", rsaKey())
				wantNoKey(t, r, fmt.Sprint(worker, n), "RS256", jwks.ErrKeyNotFound)
				r.Stats()
				if err := r.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stop()
	running.Wait()
}

func BenchmarkKey(b *testing.B) {
	var i issuer
	i.serves(public("1", rsaKey()), public("2", p256()))
	r, err := jwks.New(jwks.Config{URL: issuerURL, HTTPClient: &http.Client{Transport: &i}})
	if err != nil {
		b.Fatal(err)
	}
	for _, kid := range []string{"2", "unknown"} {
		b.Run(kid, func(b *testing.B) {
			now := clock.Now()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.KeysAt(b.Context(), now, kid, "ES256")
			}
		})
	}
	b.Run("reads the clocks", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = r.Keys(b.Context(), "2", "ES256")
		}
	})
}
