package ssf_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/ssf"
)

const pollEndpoint = "https://issuer.test/poll"

// queue is a transmitter with poll delivery. It delivers each SET until it is acknowledged or reported.
type queue struct {
	mu       sync.Mutex // guards the fields below
	sets     map[string]string
	order    []string
	errs     map[string]string // reported codes by jti
	acked    []string
	requests []pollRequest
	times    []time.Time
	response func(r *http.Request) (*http.Response, error) // if not nil, replaces the next response
	changed  chan struct{}
}

type pollRequest struct {
	MaxEvents         int
	ReturnImmediately bool
	Ack               []string
	SetErrs           map[string]map[string]string
	authorization     string
}

func newQueue() *queue {
	return &queue{sets: make(map[string]string), errs: make(map[string]string), changed: make(chan struct{}, 1000)}
}

func (q *queue) add(id, set string) {
	q.mu.Lock()
	q.sets[id] = set
	q.order = append(q.order, id)
	q.mu.Unlock()
	q.changed <- struct{}{}
}

func (q *queue) replaceNext(f func(r *http.Request) (*http.Response, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.response = f
}

// RoundTrip implements http.RoundTripper.
func (q *queue) RoundTrip(r *http.Request) (*http.Response, error) {
	var request pollRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	if r.URL.String() != pollEndpoint || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return respond(http.StatusBadRequest, ""), nil
	}
	request.authorization = r.Header.Get("Authorization")
	q.mu.Lock()
	q.requests = append(q.requests, request)
	q.times = append(q.times, time.Now())
	replaced := q.response
	q.response = nil
	q.mu.Unlock()
	if replaced != nil {
		return replaced(r)
	}
	q.settle(request)
	for {
		sets, more := q.next(request.MaxEvents)
		if len(sets) > 0 || request.ReturnImmediately || request.MaxEvents == 0 {
			body, err := json.Marshal(map[string]any{"sets": sets, "moreAvailable": more})
			return respond(http.StatusOK, string(body)), err
		}
		select {
		case <-q.changed:
		case <-time.After(30 * time.Second):
			return respond(http.StatusOK, `{"sets":{}}`), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// settle removes the SETs that a request acknowledges or reports.
func (q *queue) settle(request pollRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range request.Ack {
		q.acked = append(q.acked, id)
		delete(q.sets, id)
	}
	for id, e := range request.SetErrs {
		q.errs[id] = e["err"]
		delete(q.sets, id)
	}
	q.order = slices.DeleteFunc(q.order, func(id string) bool { return q.sets[id] == "" })
}

func (q *queue) next(limit int) (sets map[string]string, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sets = make(map[string]string)
	for _, id := range q.order {
		if len(sets) == limit {
			return sets, true
		}
		sets[id] = q.sets[id]
	}
	return sets, false
}

func (q *queue) log() []pollRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.requests)
}

// start runs Poll until the test ends.
func (w *world) start(t *testing.T, q *queue, change func(*ssf.PollConfig)) (stop func()) {
	t.Helper()
	cfg := ssf.PollConfig{Endpoint: pollEndpoint, HTTPClient: &http.Client{Transport: q}}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.receiver.Poll(ctx, cfg) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Poll: %v", err)
		}
	}
}

// Long polling: SETs take effect when they arrive, are acknowledged at once, and those that are not acceptable are reported.
func TestPoll_LongPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		token := w.issuer.AccessToken().Set("exp", time.Now().Add(lifetime).Unix()).Sign()
		stop := w.start(t, q, func(c *ssf.PollConfig) {
			c.Token = func(context.Context) (string, error) { return "secret", nil }
		})
		pause(10 * time.Minute)
		if n := len(q.log()); n < 18 || n > 22 { // each takes 30 s
			t.Errorf("%d requests in 10 minutes without an event, want about 20", n)
		}
		q.add("set-1", w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign())
		q.add("forged", w.set(ssf.TypeAccountDisabled, opaque("bob"), nil).Set("jti", "forged").Set("aud", "other").Sign())
		q.add("named", w.set(ssf.TypeAccountDisabled, opaque("bob"), nil).Set("jti", "another").Sign())
		q.add("text", "x")
		synctest.Wait()
		if w.accepts(t, token) {
			t.Error("the event has not taken effect")
		}
		if diff := cmp.Diff([]string{"set-1"}, q.acked); diff != "" {
			t.Errorf("acknowledged (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"forged": "invalid_audience", "named": "invalid_request", "text": "invalid_request"}, q.errs); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
		if w.storage.saved() != 2 {
			t.Errorf("%d entries were saved, want 2", w.storage.saved())
		}
		stop()
		for _, r := range q.log() {
			if r.authorization != "Bearer secret" || r.MaxEvents != 50 || r.ReturnImmediately {
				t.Errorf("request %+v", r)
			}
		}
		if w.receiver.Stats().Poll.LastSuccess.IsZero() {
			t.Error("Stats.Poll.LastSuccess is zero")
		}
	})
}

// Short polling: a request per Interval, and more at once while there are more events.
func TestPoll_ShortPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		stop := w.start(t, q, func(c *ssf.PollConfig) { c.Interval, c.MaxEvents = time.Minute, 2 })
		defer stop()
		pause(9*time.Minute + time.Second)
		if n := len(q.log()); n != 10 {
			t.Errorf("%d requests in 9 minutes, want 10", n)
		}
		for i := range 5 {
			id := fmt.Sprint("set-", i)
			q.add(id, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", id).Sign())
		}
		pause(time.Minute)
		if len(q.acked) != 5 || len(q.log()) != 14 { // 2, 2, 1, and the last acknowledgement
			t.Errorf("%d acknowledgements and %d requests, want 5 and 14", len(q.acked), len(q.log()))
		}
		for _, r := range q.log() {
			if !r.ReturnImmediately || r.MaxEvents != 2 {
				t.Errorf("request %+v", r)
			}
		}
	})
}

// A SET that has not taken effect is neither acknowledged nor reported. Others beside it take effect, and it is repeated.
func TestPoll_NothingIsAcknowledgedTooEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		w := newWorld(t, func(c *ssf.Config) {
			c.OnEvent = func(_ context.Context, e ssf.Event) error {
				if e.ID == "poison" && broken.Load() {
					return errDown
				}
				return nil
			}
		})
		q := newQueue()
		q.add("poison", w.set(ssf.TypeAccountDisabled, opaque("bob"), nil).Set("jti", "poison").Sign())
		stop := w.start(t, q, nil)
		defer stop()
		for i := range 10 { // an event takes effect within the longest pause, although another one always fails
			pause(10*time.Second + time.Millisecond)
			id := fmt.Sprint("set-", i)
			q.add(id, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", id).Sign())
			pause(10*time.Second + time.Millisecond)
			if w.receiver.Stats().Denied != uint64(i+1) {
				t.Errorf("event %d has not taken effect: %+v", i, w.receiver.Stats())
			}
		}
		pause(10 * time.Second)
		if len(q.acked) != 10 || slices.Contains(q.acked, "poison") || len(q.errs) != 0 {
			t.Errorf("acknowledged %v, reported %v", q.acked, q.errs)
		}
		w.storage.set(nil, errDown) // all fail
		q.add("last", w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", "last").Sign())
		pause(time.Minute)
		if slices.Contains(q.acked, "last") {
			t.Error("a SET was acknowledged although the Storage fails")
		}
		w.storage.set(nil, nil)
		broken.Store(false)
		pause(time.Minute)
		if !slices.Contains(q.acked, "last") || !slices.Contains(q.acked, "poison") {
			t.Errorf("acknowledged %v, want last and poison too", q.acked)
		}
	})
}

// If a request fails, the next one repeats its acknowledgements.
func TestPoll_AcknowledgementsAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		q.add("set-1", w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign())
		q.add("text", "x")
		failures := 0
		w.receiver = w.newReceiver(t, func(c *ssf.Config) {
			c.OnReceived = func(context.Context, ssf.Reception) {
				q.replaceNext(func(*http.Request) (*http.Response, error) { failures++; return nil, errDown })
			}
		})
		stop := w.start(t, q, nil)
		defer stop()
		pause(5 * time.Second)
		if failures != 1 || !slices.Equal(q.acked, []string{"set-1"}) || len(q.errs) != 1 {
			t.Errorf("%d failures, acknowledged %v, reported %v", failures, q.acked, q.errs)
		}
		sent := 0
		for _, r := range q.log() {
			if len(r.SetErrs) == 1 && slices.Equal(r.Ack, []string{"set-1"}) {
				sent++
			}
		}
		if sent != 2 {
			t.Errorf("the acknowledgements were sent %d times, want 2: %+v", sent, q.log())
		}
	})
}

// After failures the pauses grow up to a minute. A Retry-After header is followed, and a success resets the pause.
func TestPoll_Backoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var mu sync.Mutex // guards the variables below
		var times []time.Time
		var header http.Header
		status, body := http.StatusInternalServerError, ""
		transport := roundTripper(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Now())
			response := respond(status, body)
			for name := range header {
				response.Header.Set(name, header.Get(name))
			}
			return response, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- w.receiver.Poll(ctx, ssf.PollConfig{Endpoint: pollEndpoint, HTTPClient: &http.Client{Transport: transport}})
		}()
		pause(time.Hour)
		for i := 1; i < 10; i++ {
			longest := min(time.Second<<(i-1), time.Minute)
			if pause := times[i].Sub(times[i-1]); pause < longest/2 || pause > longest {
				t.Errorf("pause %d is %v, want %v to %v", i, pause, longest/2, longest)
			}
		}
		if len(times) < 60 || len(times) > 130 {
			t.Errorf("%d requests in an hour of failures", len(times))
		}
		mu.Lock()
		status, header, times = http.StatusTooManyRequests, http.Header{"Retry-After": {"120"}}, nil
		mu.Unlock()
		pause(time.Hour)
		for i := 1; i < len(times); i++ {
			if pause := times[i].Sub(times[i-1]); pause < 2*time.Minute {
				t.Errorf("a pause is %v although Retry-After is 2 minutes", pause)
			}
		}
		mu.Lock()
		status, header, body, times = http.StatusOK, nil, `{"sets":{}}`, nil // a transmitter that does not wait
		mu.Unlock()
		pause(time.Hour)
		if n := len(times); n < 3400 || n > 3601 {
			t.Errorf("%d requests in an hour to a transmitter that responds at once, want about one per second", n)
		}
		for _, invalid := range []string{"", "[]", `{"sets":[]}`, `{"sets":{"a":"x","a":"y"}}`, "{" + strings.Repeat("[", 100)} {
			mu.Lock()
			body, times = invalid, nil
			mu.Unlock()
			pause(10 * time.Minute)
			if n := len(times); n > 40 {
				t.Errorf("%d requests in 10 minutes with the response %.20s", n, invalid)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A response that is too large is not used. The next request allows fewer SETs.
func TestPoll_LargeResponses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var limits []int
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			var request pollRequest
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				return nil, err
			}
			limits = append(limits, request.MaxEvents)
			if request.MaxEvents > 10 {
				return respond(http.StatusOK, `{"sets":{},"x":"`+strings.Repeat("x", 4<<20)+`"}`), nil
			}
			return respond(http.StatusOK, `{"sets":{}}`), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if err := w.receiver.Poll(ctx, ssf.PollConfig{Endpoint: pollEndpoint, HTTPClient: &http.Client{Transport: transport}}); err != nil {
			t.Error(err)
		}
		if len(limits) < 4 || !slices.Equal(limits[:4], []int{50, 25, 12, 6}) {
			t.Errorf("maxEvents were %v", limits)
		}
	})
}

// A response with more SETs than maxEvents is handled in parts. A transmitter that always has more, and sends nothing, receives one
// request per second.
func TestPoll_TransmittersThatIgnoreMaxEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		for i := range 7 {
			id := fmt.Sprint("set-", i)
			q.add(id, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", id).Sign())
		}
		var acks []int
		stop := w.start(t, q, func(c *ssf.PollConfig) {
			c.MaxEvents = 3
			c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				var request pollRequest
				if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
					return nil, err
				}
				if acks = append(acks, len(request.Ack)); len(acks) > 1000 {
					return nil, errDown
				}
				q.settle(request)
				sets, _ := q.next(100)
				body, err := json.Marshal(map[string]any{"sets": sets, "moreAvailable": true})
				return respond(http.StatusOK, string(body)), err
			})}
		})
		pause(time.Minute)
		stop()
		if len(acks) < 4 || len(acks) > 65 || !slices.Equal(acks[:5], []int{0, 3, 3, 1, 0}) {
			t.Errorf("%d requests in a minute acknowledge %v SETs, want about 60, and 0, 3, 3 and 1", len(acks), acks[:min(len(acks), 10)])
		}
	})
}

// A transmitter that delivers the same SETs again, although they were acknowledged or reported, receives one request per second.
func TestPoll_TransmittersThatIgnoreAcknowledgements(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := newWorld(t, nil), 0
		sets := map[string]string{"set-1": w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign(), "bad": "x"}
		stop := w.start(t, newQueue(), func(c *ssf.PollConfig) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				if n++; n > 1000 {
					return nil, errDown
				}
				body, err := json.Marshal(map[string]any{"sets": sets})
				return respond(http.StatusOK, string(body)), err
			})}
		})
		pause(time.Minute)
		stop()
		if n < 50 || n > 65 {
			t.Errorf("%d requests in a minute, want about 60", n)
		}
	})
}

// After a response, the pause after the next failure is short again.
func TestPoll_BackoffEndsWithASuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var times []time.Time
		stop := w.start(t, newQueue(), func(c *ssf.PollConfig) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				if times = append(times, time.Now()); len(times) == 7 {
					return respond(http.StatusOK, `{"sets":{}}`), nil
				}
				return nil, errDown
			})}
		})
		pause(10 * time.Minute)
		stop()
		if long, short := times[6].Sub(times[5]), times[8].Sub(times[7]); long < 16*time.Second || short > time.Second {
			t.Errorf("the pauses after the sixth failure and after the next one are %v and %v", long, short)
		}
	})
}

// A long poll without an event ends at the Timeout. This is not a failure.
func TestPoll_TimeoutOfLongPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		n := 0
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			n++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := w.receiver.Poll(ctx, ssf.PollConfig{Endpoint: pollEndpoint, HTTPClient: &http.Client{Transport: transport}}); err != nil {
			t.Error(err)
		}
		if n < 38 || n > 40 || strings.Contains(w.log.String(), "WARN") {
			t.Errorf("%d requests of 90 s in an hour; log: %s", n, w.log)
		}
	})
}

// A timeout of another request, which obtains the token, is a failure. Otherwise nobody would notice that no event can be fetched.
func TestPoll_TimeoutOfToken(t *testing.T) {
	t.Parallel()
	slow := func() error {
		time.Sleep(3 * time.Second)
		return fmt.Errorf("token endpoint: %w", &oidcdiscovery.TimeoutError{Limit: 3 * time.Second})
	}
	for name, change := range map[string]func(*ssf.PollConfig){
		"Token": func(c *ssf.PollConfig) {
			c.Token = func(context.Context) (string, error) { return "", slow() }
		},
		"Token that takes longer than Timeout": func(c *ssf.PollConfig) {
			c.Timeout = 2 * time.Second
			c.Token = func(context.Context) (string, error) { return "", slow() }
		},
		"HTTPClient": func(c *ssf.PollConfig) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, slow() })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, q := newWorld(t, nil), newQueue()
				stop := w.start(t, q, change)
				defer stop()
				pause(10 * time.Minute)
				got := w.receiver.Stats().Poll
				if got.Timeouts != 0 || got.Failures == 0 || got.Failures > 20 || got.ConsecutiveFailures != int(got.Failures) {
					t.Errorf("%+v", got)
				}
				if !strings.Contains(w.log.String(), "token endpoint") {
					t.Errorf("the log has no error: %s", w.log)
				}
			})
		})
	}
}

// The Timeout of the HTTPClient ends a long poll too, without a failure.
func TestPoll_TimeoutOfHTTPClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		stop := w.start(t, q, func(c *ssf.PollConfig) { c.HTTPClient.Timeout = 10 * time.Second })
		defer stop()
		pause(time.Minute)
		if got := w.receiver.Stats().Poll; got.Timeouts != 5 || got.Failures != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// The token for each request comes from the function. If it fails, no request is sent.
func TestPoll_TokenFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(t, nil), newQueue()
		calls := 0
		stop := w.start(t, q, func(c *ssf.PollConfig) {
			c.Token = func(context.Context) (string, error) {
				if calls++; calls < 4 {
					return "", errDown
				}
				return fmt.Sprint("token-", calls), nil
			}
		})
		defer stop()
		pause(time.Minute)
		if got := q.log(); len(got) == 0 || got[0].authorization != "Bearer token-4" {
			t.Errorf("requests %+v", got)
		}
	})
}

func TestPoll_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for want, cfg := range map[string]ssf.PollConfig{
		"PollConfig.Endpoint":           {},
		"is not https":                  {Endpoint: "http://example.com/poll"},
		"PollConfig.Interval is 2h0m0s": {Endpoint: pollEndpoint, Interval: 2 * time.Hour},
		"PollConfig.MaxEvents is 1001":  {Endpoint: pollEndpoint, MaxEvents: 1001},
		"PollConfig.Timeout is 11m0s":   {Endpoint: pollEndpoint, Timeout: 11 * time.Minute},
		"PollConfig.HTTPClient":         {Endpoint: pollEndpoint, PublicAddressesOnly: true, HTTPClient: &http.Client{Transport: newQueue()}},
	} {
		if err := w.receiver.Poll(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not contain %q: %v", want, err)
		}
	}
}
