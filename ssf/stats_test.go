package ssf_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/ssf"
)

// Requests that are rejected before a SET is read are counted by cause.
func TestStats_Push(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(r *http.Request)
		want ssf.PushStats
	}{
		"accepted":             {func(*http.Request) {}, ssf.PushStats{}},
		"no Authorization":     {func(r *http.Request) { r.Header.Del("Authorization") }, ssf.PushStats{Unauthorized: 1}},
		"a wrong one":          {func(r *http.Request) { r.Header.Set("Authorization", authorization+"x") }, ssf.PushStats{Unauthorized: 1}},
		"two":                  {func(r *http.Request) { r.Header.Add("Authorization", authorization) }, ssf.PushStats{Unauthorized: 1}},
		"another method":       {func(r *http.Request) { r.Method = http.MethodPut }, ssf.PushStats{Malformed: 1}},
		"another media type":   {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, ssf.PushStats{Malformed: 1}},
		"a body that breaks":   {func(r *http.Request) { r.Body = io.NopCloser(brokenReader{}) }, ssf.PushStats{Malformed: 1}},
		"a body of 64 KiB + 1": {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 64<<10+1))) }, ssf.PushStats{Malformed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			r := pushed(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign())
			test.edit(r)
			push(t, w, ssf.PushConfig{Authorization: []string{authorization}}).ServeHTTP(httptest.NewRecorder(), r)
			got := w.receiver.Stats()
			if diff := cmp.Diff(test.want, got.Push); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if accepted := test.want == (ssf.PushStats{}); (got.Denied == 1) != accepted || got.LastAccepted.IsZero() == accepted || got.Rejected != 0 {
				t.Errorf("Stats = %+v", got)
			}
		})
	}
}

// A request beyond MaxConcurrent is counted.
func TestStats_PushBusy(t *testing.T) {
	t.Parallel()
	var h http.Handler
	var second *http.Request
	w := newWorld(t, func(c *ssf.Config) {
		c.OnEvent = func(context.Context, ssf.Event) error { // while the first request is handled
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, second)
			if recorder.Code != http.StatusServiceUnavailable {
				t.Errorf("status %d", recorder.Code)
			}
			return nil
		}
	})
	h = push(t, w, ssf.PushConfig{MaxConcurrent: 1})
	set := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign()
	second = pushed(t, set)
	h.ServeHTTP(httptest.NewRecorder(), pushed(t, set))
	if got := w.receiver.Stats(); got.Push != (ssf.PushStats{Busy: 1}) || got.Denied != 1 {
		t.Errorf("Stats = %+v", got)
	}
}

// The statistics of Poll show failures, and the time since the last response.
func TestStats_Poll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		if got := w.receiver.Stats(); got != (ssf.Stats{Issuer: w.issuer.URL()}) {
			t.Errorf("before the call: %+v", got)
		}
		for range 2 {
			down := func(*http.Request) (*http.Response, error) { return nil, errDown }
			q.replaceNext(down)
			stop := w.start(t, q, func(c *ssf.PollConfig) { c.Interval = time.Minute })
			before := w.receiver.Stats().Poll
			pause(100 * time.Millisecond)
			got := w.receiver.Stats().Poll
			if got.Running != 1 || got.Age != 100*time.Millisecond || got.Failures != before.Failures+1 || got.ConsecutiveFailures != 1 ||
				!errors.Is(got.LastError, errDown) || got.LastSuccess != before.LastSuccess {
				t.Errorf("after a failure: %+v", got)
			}
			pause(time.Second)
			got = w.receiver.Stats().Poll
			if got.Responses != before.Responses+1 || got.ConsecutiveFailures != 0 || got.LastError != nil || got.Age > time.Second ||
				got.LastSuccess.IsZero() {
				t.Errorf("after a response: %+v", got)
			}
			stop()
			if got := w.receiver.Stats().Poll; got.Running != 0 || got.Age != 0 || got.Failures != before.Failures+1 {
				t.Errorf("after the end: %+v", got)
			}
		}
	})
}

// A long poll that reaches its timeout is not a failure, but it is not a response either.
func TestStats_PollTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		stop := w.start(t, q, func(c *ssf.PollConfig) { c.Timeout = 10 * time.Second })
		defer stop()
		pause(time.Minute)
		got := w.receiver.Stats().Poll
		if got.Timeouts != 5 || got.Failures != 0 || got.Responses != 0 || got.ConsecutiveFailures != 0 || got.Age != time.Minute {
			t.Errorf("%+v", got)
		}
	})
}

// The timeout of a long poll ends a row of failures. A request that ends because Poll is stopped is not a failure.
func TestStats_PollTimeoutAfterFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		q.replaceNext(func(*http.Request) (*http.Response, error) { return nil, errDown })
		stop := w.start(t, q, func(c *ssf.PollConfig) { c.Timeout = 10 * time.Second })
		pause(15 * time.Second) // the second long poll is running
		want := ssf.PollStats{Running: 1, Age: 15 * time.Second, Failures: 1, Timeouts: 1}
		if got := w.receiver.Stats().Poll; got != want {
			t.Errorf("Stats = %+v, want %+v", got, want)
		}
		stop()
		if got := w.receiver.Stats().Poll; got != (ssf.PollStats{Failures: 1, Timeouts: 1}) {
			t.Errorf("after the end: %+v", got)
		}
	})
}

// A short poll that reaches its timeout is a failure, because the transmitter should respond at once.
func TestStats_TimeoutOfShortPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		q.replaceNext(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		stop := w.start(t, q, func(c *ssf.PollConfig) { c.Interval, c.Timeout = time.Minute, 10*time.Second })
		defer stop()
		pause(10*time.Second + time.Millisecond)
		got := w.receiver.Stats().Poll
		if got.Timeouts != 0 || got.Failures != 1 || got.ConsecutiveFailures != 1 || got.LastError == nil {
			t.Errorf("%+v", got)
		}
	})
}

// Each Reception names the issuer, also if the SET could not be read.
func TestReception_Issuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.receive(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil))
	if err := w.receiver.Receive(t.Context(), "x"); err == nil {
		t.Error("a text that is not a SET was accepted")
	}
	for _, reception := range w.receptions {
		if reception.Issuer != w.issuer.URL() {
			t.Errorf("%s: Issuer is %q", reception.Outcome, reception.Issuer)
		}
	}
	if len(w.receptions) != 2 {
		t.Errorf("%d receptions", len(w.receptions))
	}
}
