package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
)

// slowServer delays the responses of a server.
type slowServer struct {
	*server
	delay time.Duration
}

// RoundTrip implements http.RoundTripper.
func (s slowServer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.server.RoundTrip(r)
	select {
	case <-time.After(s.delay):
		return resp, err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// Concurrent callers with the same token share one request, accepted or not.
func TestConcurrentCallersShareOneRequest(t *testing.T) {
	t.Parallel()
	for _, body := range []string{active(), inactive, `{}`} {
		synctest.Test(t, func(t *testing.T) {
			s := says(200, body)
			v := newVerifier(t, slowServer{s, time.Second}, nil)
			var wg sync.WaitGroup
			errs := make([]error, 1000)
			for i := range errs {
				wg.Go(func() { _, errs[i] = v.Verify(t.Context(), opaque) })
			}
			wg.Wait()
			wantRequests(t, s, 1, "1000 callers")
			for _, err := range errs[1:] {
				if fmt.Sprint(err) != fmt.Sprint(errs[0]) {
					t.Fatalf("%v and %v", errs[0], err)
				}
				if err != nil && err == errs[0] { //nolint:errorlint // the pointers must differ
					t.Fatal("two callers have the same error value")
				}
			}
		})
	}
}

// A caller that leaves neither stops nor delays the request for the others, and does not wait for it.
func TestCanceledCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, slowServer{s, time.Second}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			began := time.Now()
			_, err := v.Verify(ctx, opaque)
			if reasonOf(t, err) != consumer.ReasonCanceled || time.Since(began) != 100*time.Millisecond {
				t.Errorf("the starter: %v after %v", err, time.Since(began))
			}
		})
		synctest.Wait()
		wg.Go(func() {
			began := time.Now()
			_, err := v.Verify(t.Context(), opaque)
			if err != nil || time.Since(began) != time.Second {
				t.Errorf("the other: %v after %v", err, time.Since(began))
			}
		})
		wg.Go(func() {
			short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := v.Verify(short, opaque); reasonOf(t, err) != consumer.ReasonIntrospectionUnavailable {
				t.Errorf("a deadline of the caller: %v", err)
			}
		})
		time.Sleep(100 * time.Millisecond)
		cancel()
		wg.Wait()
		wantRequests(t, s, 1, "three callers")
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for want, edit := range map[time.Duration]func(*introspection.Config){
		2 * time.Second: nil,
		time.Second:     func(cfg *introspection.Config) { cfg.Timeout = time.Second },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := says(0, "")
			v := newVerifier(t, s, edit)
			began := time.Now()
			wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable)
			if took := time.Since(began); took != want {
				t.Errorf("it took %v, want %v", took, want)
			}
		})
	}
}

// A function of the application that ignores the end of its context does not keep callers waiting.
func TestFunctionThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		v := newVerifier(t, says(200, active()), func(cfg *introspection.Config) {
			cfg.Check = func(context.Context, *consumer.Token) error { <-end; return nil }
		})
		began := time.Now()
		wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable)
		if took := time.Since(began); took != 2100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		close(end)
		synctest.Wait()
		wantReason(t, v, opaque, "")
	})
}

// If Check fails because its context has ended, the token could not be checked. The error matches ErrUnavailable and is not
// cached.
func TestCheckThatGivesUp(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(context.Context) error{
		"the error of the context": func(ctx context.Context) error { return ctx.Err() },
		"an error of its own":      func(context.Context) error { return errors.New("no rows") },
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := true
			v := newVerifier(t, says(200, active()), func(cfg *introspection.Config) {
				cfg.Check = func(ctx context.Context, _ *consumer.Token) error {
					if !slow {
						return nil
					}
					<-ctx.Done()
					return fail(ctx)
				}
			})
			if _, err := v.Verify(t.Context(), opaque); !errors.Is(err, consumer.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			synctest.Wait()
			slow = false
			wantReason(t, v, opaque, "")
		})
	}
}

// The number of concurrent requests is limited, and so is the number of waiting ones. The part that is reserved for tokens
// that were active before is not available to unknown ones.
func TestConcurrencyIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		slow := slowServer{s, 0}
		v := newVerifier(t, &slow, func(cfg *introspection.Config) { cfg.MaxConcurrent = 8 })
		wantReason(t, v, opaque, "")
		time.Sleep(time.Minute) // the entry is too old, but it shows that the token was active
		s.set(200, inactive)
		slow.delay = 900 * time.Millisecond
		reasons := make(chan consumer.Reason, 1000)
		for i := range cap(reasons) {
			go func() {
				_, err := v.Verify(t.Context(), fmt.Sprintf("random-%d", i))
				reasons <- reasonOf(t, err)
			}()
		}
		synctest.Wait()
		wantRequests(t, s, 1+6, "unknown tokens that are introspected at once")
		began := time.Now()
		wantReason(t, v, opaque, consumer.ReasonInactive)
		if took := time.Since(began); took != slow.delay {
			t.Errorf("the known token took %v", took)
		}
		count := make(map[consumer.Reason]int)
		for range cap(reasons) {
			count[<-reasons]++
		}
		// 102 of 136 flights may be of unknown tokens. Two groups of 6 get their responses before the 2 s of all end.
		if count[consumer.ReasonInactive] != 12 || count[consumer.ReasonIntrospectionUnavailable] != 988 {
			t.Errorf("reasons %v", count)
		}
		if s.most > 8 {
			t.Errorf("%d concurrent requests", s.most)
		}
	})
}

// After a flood, everything is free again.
func TestPlacesAreReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, inactive)
		v := newVerifier(t, slowServer{s, time.Millisecond}, func(cfg *introspection.Config) { cfg.MaxConcurrent = 1 })
		for round := range 3 {
			var wg sync.WaitGroup
			for i := range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond/10)
				wg.Go(func() {
					defer cancel()
					_, _ = v.Verify(ctx, fmt.Sprintf("%d-%d", round, i))
				})
			}
			wg.Wait()
			time.Sleep(time.Second)
			wantReason(t, v, fmt.Sprintf("last-%d", round), consumer.ReasonInactive)
		}
	})
}

// A function of the application that panics, or that ends its goroutine, ends neither the process nor other requests.
func TestFunctionsThatPanic(t *testing.T) {
	t.Parallel()
	boom := func() { panic("secret") }
	for name, edit := range map[string]func(*introspection.Config){
		"Check": func(cfg *introspection.Config) {
			cfg.Check = func(context.Context, *consumer.Token) error { boom(); return nil }
		},
		"exit": func(cfg *introspection.Config) {
			cfg.Check = func(context.Context, *consumer.Token) error { runtime.Goexit(); return nil }
		},
		"Status": func(cfg *introspection.Config) {
			cfg.Status = statusFunc(func(context.Context) (bool, error) { boom(); return true, nil })
		},
		"SecretSource": func(cfg *introspection.Config) {
			cfg.Client = newClient(t, says(200, active()), func(cfg *client.Config) {
				cfg.ClientSecret, cfg.SecretSource = "", func(context.Context) (string, error) { boom(); return "", nil }
			})
		},
	} {
		v := newVerifier(t, says(200, active()), edit)
		for range 3 {
			if _, err := v.Verify(t.Context(), opaque); reasonOf(t, err) != consumer.ReasonInternal && reasonOf(t, err) != consumer.ReasonIntrospectionUnavailable {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	v := newVerifier(t, says(200, active()), func(cfg *introspection.Config) {
		cfg.OnIntrospect = func(context.Context, introspection.Introspection) { boom() }
	})
	wantReason(t, v, opaque, "")
}

func TestOnIntrospect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []introspection.Introspection
		s := says(200, active())
		v := newVerifier(t, slowServer{s, time.Second}, func(cfg *introspection.Config) {
			cfg.OnIntrospect = func(_ context.Context, i introspection.Introspection) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, i)
			}
		})
		for range 2 {
			wantReason(t, v, opaque, "")
		}
		s.set(200, inactive)
		wantReason(t, v, "other", consumer.ReasonInactive)
		synctest.Wait()
		want := []introspection.Introspection{
			{Issuer: issuerURL, Duration: time.Second}, {Issuer: issuerURL, Reason: consumer.ReasonInactive, Duration: time.Second},
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", seen, want)
		}
	})
}

// The context of the caller reaches the functions of the application with its values, but without its end.
func TestContextValuesAreKept(t *testing.T) {
	t.Parallel()
	type key struct{}
	v := newVerifier(t, says(200, active()), func(cfg *introspection.Config) {
		cfg.Check = func(ctx context.Context, _ *consumer.Token) error {
			if ctx.Value(key{}) != "value" {
				return errors.New("the value is missing")
			}
			if _, limited := ctx.Deadline(); !limited {
				return errors.New("there is no deadline")
			}
			return nil
		}
	})
	if _, err := v.Verify(context.WithValue(t.Context(), key{}, "value"), opaque); err != nil {
		t.Error(err)
	}
}
