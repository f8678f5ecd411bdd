package propagation_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

var errStep = errors.New("the step fails")

// failing is a Storage of which one call fails: before the store receives it, or after the store has done it.
type failing struct {
	store.Storage

	step  int  // the number of the call that fails, from 1
	after bool // the store does it
	calls int
}

func (f *failing) do(call func() error) error {
	f.calls++
	if f.calls == f.step && !f.after {
		return errStep
	}
	if err := call(); err != nil || f.calls != f.step {
		return err
	}
	return errStep
}

func (f *failing) Lookup(ctx context.Context, keys ...string) (found map[string]store.Entry, err error) {
	err = f.do(func() error {
		found, err = f.Storage.Lookup(ctx, keys...)
		return err
	})
	return found, err
}

func (f *failing) Save(ctx context.Context, key string, entry store.Entry) error {
	return f.do(func() error { return f.Storage.Save(ctx, key, entry) })
}

// testSteps lets each step of receiving an event fail, before and after it. The event is not acknowledged then. It is recorded only
// after it has taken effect. Its next delivery, to another process, is acknowledged.
func (s *shop) testSteps(t *testing.T) {
	const steps = 4 // the look-up of the record, the entries of the session and of the user, and the record
	first, second := s.open(t), s.open(t)
	api := s.api(t, second.storage)
	for _, after := range []bool{false, true} {
		for step := 1; step <= steps+1; step++ {
			user := rand.Text()
			tokens := []string{
				s.issuer.AccessToken().Set("sub", user).Sign(),
				s.issuer.AccessToken().Set("sub", rand.Text()).Set("sid", "sid of "+user).Sign(),
			}
			event := set(s.issuer, ssf.TypeSessionRevoked, map[string]any{
				"format": "complex", "user": about(user), "session": map[string]any{"format": "opaque", "id": "sid of " + user},
			}, nil).Sign()
			storage := &failing{Storage: first.storage, step: step, after: after}
			want := http.StatusServiceUnavailable
			if step > steps {
				want = http.StatusAccepted
			}
			if status := push(t, s.receiver(t, storage, nil), event); status != want {
				t.Errorf("step %d fails (after it: %v): status %d, want %d", step, after, status, want)
			}
			if calls := min(step, steps); storage.calls != calls {
				t.Errorf("step %d fails: %d steps, want %d", step, storage.calls, calls)
			}
			denied := func() bool { return !accepts(t, api, tokens[0]) && !accepts(t, api, tokens[1]) }
			before := denied()
			var seen outcomes
			status := push(t, s.receiver(t, second.storage, func(c *ssf.Config) { c.OnReceived = seen.note }), event)
			if status != http.StatusAccepted || !denied() {
				t.Errorf("step %d has failed (after it: %v), the next delivery: status %d, denied: %v", step, after, status, denied())
			}
			if recorded := cmp.Equal(seen.take(), []ssf.Outcome{ssf.OutcomeDuplicate}); recorded != (step > steps || step == steps && after) || recorded && !before {
				t.Errorf("step %d has failed (after it: %v): recorded: %v, denied: %v", step, after, recorded, before)
			}
		}
	}
}

// start starts a process of the API.
func (s *shop) start(t *testing.T) *process {
	t.Helper()
	return startProcess(t, job{s.backend, s.address, s.issuer.JWKS()})
}

// deliver sends an event to a process until it is acknowledged, as a transmitter does.
func (p *process) deliver(t *testing.T, set string) {
	t.Helper()
	for range 100 {
		switch status, err := p.post(t.Context(), set); {
		case err == nil && status == http.StatusAccepted:
			return
		case err != nil || status != http.StatusServiceUnavailable:
			t.Fatalf("an event: %d, %v", status, err)
		}
	}
	t.Fatal("the event is never acknowledged")
}

// wantRejected checks that a process rejects a token.
func (p *process) wantRejected(t *testing.T, what, token string) {
	t.Helper()
	if status, err := p.send(t.Context(), token); err != nil || status != http.StatusUnauthorized {
		t.Errorf("%s: the token: %d, %v, want 401", what, status, err)
	}
}

// testTwoProcesses delivers one event to two processes several times at the same time. It takes effect at most once in each.
func (s *shop) testTwoProcesses(t *testing.T) {
	processes := []*process{s.start(t), s.start(t)}
	user := rand.Text()
	token := accessToken(s.issuer, user)
	event := eventAbout(s.issuer, user)
	const deliveries = 4
	var all sync.WaitGroup
	for _, p := range processes {
		for range deliveries {
			all.Go(func() { p.deliver(t, event) })
		}
	}
	all.Wait()
	var denied, duplicates uint64
	for i, p := range processes {
		stats := p.stats(t)
		if stats.Denied > 1 {
			t.Errorf("process %d: the event has taken effect %d times", i, stats.Denied)
		}
		denied, duplicates = denied+stats.Denied, duplicates+stats.Duplicate
		p.wantRejected(t, "after the event", token)
	}
	if denied == 0 || denied+duplicates != deliveries*uint64(len(processes)) {
		t.Errorf("denied %d times, %d duplicates", denied, duplicates)
	}
	for i, p := range processes {
		before := p.stats(t)
		p.deliver(t, event)
		if stats := p.stats(t); stats.Denied != before.Denied || stats.Duplicate != before.Duplicate+1 {
			t.Errorf("process %d, a later delivery: %+v, before %+v", i, stats, before)
		}
	}
}

// delivery is an event about one user.
type delivery struct{ event, token string }

// testKilledProcess kills a process that receives a stream of events. Each event that was acknowledged has taken effect and is
// recorded. The others take effect when they are sent again, to another process.
func (s *shop) testKilledProcess(t *testing.T) {
	const senders, enough = 8, 40
	victim, other := s.start(t), s.start(t)
	var mu sync.Mutex
	var acked, unacked []delivery
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for {
				user := rand.Text()
				d := delivery{token: accessToken(s.issuer, user)}
				d.event = eventAbout(s.issuer, user)
				status, err := victim.post(t.Context(), d.event)
				mu.Lock()
				if err == nil && status == http.StatusAccepted {
					acked = append(acked, d)
				} else {
					unacked = append(unacked, d)
				}
				full := len(acked) == enough
				mu.Unlock()
				if full {
					victim.kill()
				}
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if len(acked) < enough || len(unacked) == 0 {
		t.Fatalf("%d events were acknowledged, and %d were not", len(acked), len(unacked))
	}
	for _, d := range acked {
		other.wantRejected(t, "an acknowledged event", d.token)
	}
	for _, d := range acked {
		other.deliver(t, d.event)
	}
	if stats := other.stats(t); stats.Duplicate != uint64(len(acked)) {
		t.Errorf("%d of %d acknowledged events are recorded", stats.Duplicate, len(acked))
	}
	for _, d := range unacked {
		other.deliver(t, d.event)
		eventuallyRejected(t, other, d.token)
	}
}

// eventuallyRejected waits until a process rejects a token. The process may have cached that it was active.
func eventuallyRejected(t *testing.T, p *process, token string) {
	t.Helper()
	awaitRejection(t, time.Now(), token, []*process{p})
}

// testKilledServer kills the server after an event has denied its tokens, and before it is recorded. The event is not acknowledged
// until the server works again. Then it takes effect once more, and is recorded.
func (s *shop) testKilledServer(t *testing.T) {
	first, second := s.open(t), s.open(t)
	api := s.api(t, second.storage)
	var calls int
	var seen, again outcomes
	one := s.receiver(t, first.storage, func(c *ssf.Config) {
		c.OnReceived = seen.note
		c.OnEvent = func(context.Context, ssf.Event) error {
			if calls++; calls == 1 {
				s.server.Kill()
			}
			return nil
		}
	})
	other := s.receiver(t, second.storage, func(c *ssf.Config) { c.OnReceived = again.note })
	user := rand.Text()
	token := accessToken(s.issuer, user)
	event := eventAbout(s.issuer, user)
	for _, receiver := range []http.Handler{one, one, other} {
		if status := push(t, receiver, event); status != http.StatusServiceUnavailable {
			t.Errorf("the server is down: status %d, want 503", status)
		}
	}
	s.server.Restart(t)
	if accepts(t, api, token) {
		t.Error("the entry is lost, although the store has acknowledged it")
	}
	if status := push(t, one, event); status != http.StatusAccepted || calls != 2 {
		t.Errorf("the server works again: status %d, %d calls of OnEvent, want 2", status, calls)
	}
	if status := push(t, other, event); status != http.StatusAccepted {
		t.Errorf("a duplicate: status %d", status)
	}
	want := []ssf.Outcome{ssf.OutcomeFailed, ssf.OutcomeFailed, ssf.OutcomeDenied, ssf.OutcomeFailed, ssf.OutcomeDuplicate}
	if diff := cmp.Diff(want, append(seen.take(), again.take()...)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
