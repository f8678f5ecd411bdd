package ssf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// A SET that arrives again has no effect: in the same process, after a restart, and in another process.
func TestReceive_Duplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		count := func(c *ssf.Config) {
			c.OnEvent = func(context.Context, ssf.Event) error { calls.Add(1); return nil }
		}
		w := newWorld(t, count)
		raw := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign()
		for i, receiver := range []*ssf.Receiver{w.receiver, w.receiver, w.newReceiver(t, count)} {
			if err := receiver.Receive(t.Context(), raw); err != nil {
				t.Errorf("delivery %d: %v", i, err)
			}
		}
		if diff := cmp.Diff([]ssf.Outcome{ssf.OutcomeDenied, ssf.OutcomeDuplicate, ssf.OutcomeDuplicate}, w.outcomes()); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if calls.Load() != 1 || w.storage.saved() != 2 {
			t.Errorf("%d calls of OnEvent and %d saved entries, want 1 and 2", calls.Load(), w.storage.saved())
		}
		// The same jti of another transmitter is another SET.
		other := newWorld(t, nil)
		other.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test", Algorithms: []string{"ES256"}})
		receiver := w.newReceiver(t, func(c *ssf.Config) {
			count(c)
			c.Issuer, c.Keys = other.issuer.URL(), keysOf(t, other.issuer)
		})
		if err := receiver.Receive(t.Context(), other.set(ssf.TypeAccountDisabled, other.alice(), nil).Sign()); err != nil || calls.Load() != 2 {
			t.Errorf("another transmitter: %v, %d calls", err, calls.Load())
		}
		// After RememberFor, the SET is not known any more. Its event is old then, so it denies nothing new.
		time.Sleep(30*24*time.Hour - time.Second)
		if err := w.receiver.Receive(t.Context(), raw); err != nil || calls.Load() != 2 {
			t.Errorf("before RememberFor has passed: %v, %d calls", err, calls.Load())
		}
		fresh := w.issuer.AccessToken().Sign()
		time.Sleep(2 * time.Second)
		if err := w.receiver.Receive(t.Context(), raw); err != nil || calls.Load() != 3 || !w.accepts(t, fresh) {
			t.Errorf("after RememberFor: %v, %d calls", err, calls.Load())
		}
	})
}

// Many deliveries of one SET at the same time take effect once.
func TestReceive_ConcurrentDuplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		w := newWorld(t, func(c *ssf.Config) {
			c.OnEvent = func(context.Context, ssf.Event) error {
				time.Sleep(time.Second)
				calls.Add(1)
				return nil
			}
		})
		raw := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := w.receiver.Receive(t.Context(), raw); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls of OnEvent, want 1", calls.Load())
		}
	})
}

// If any step fails, the SET is not recorded, and its next delivery takes effect.
func TestReceive_FailuresAreRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config func(c *ssf.Config, broken *atomic.Bool)
		fail   func(w *world, broken bool)
		denied bool // although the SET has failed
	}{
		"Lookup": {fail: func(w *world, broken bool) { w.storage.set(when(broken), nil) }},
		"Save":   {fail: func(w *world, broken bool) { w.storage.set(nil, when(broken)) }},
		"full":   {fail: func(w *world, broken bool) { w.storage.set(nil, map[bool]error{true: store.ErrFull}[broken]) }},
		"MapSubject": {config: func(c *ssf.Config, broken *atomic.Bool) {
			c.MapSubject = func(context.Context, ssf.Subject) ([]ssf.Target, error) { return nil, when(broken.Load()) }
		}},
		"a target without a name": {config: func(c *ssf.Config, broken *atomic.Bool) {
			c.MapSubject = func(context.Context, ssf.Subject) ([]ssf.Target, error) {
				return make([]ssf.Target, map[bool]int{true: 1}[broken.Load()]), nil
			}
		}},
		"too many targets": {config: func(c *ssf.Config, broken *atomic.Bool) {
			c.MapSubject = func(context.Context, ssf.Subject) ([]ssf.Target, error) {
				targets := []ssf.Target{{Subject: "alice"}}
				for len(targets) <= 100 && broken.Load() {
					targets = append(targets, ssf.Target{Subject: "eve"})
				}
				return targets, nil
			}
		}},
		"OnEvent": {config: func(c *ssf.Config, broken *atomic.Bool) {
			c.OnEvent = func(context.Context, ssf.Event) error { return when(broken.Load()) }
		}, denied: true},
		"OnEvent is slow": {config: func(c *ssf.Config, broken *atomic.Bool) {
			c.OnEvent = func(ctx context.Context, _ ssf.Event) error {
				if broken.Load() {
					<-ctx.Done()
				}
				return ctx.Err()
			}
		}, denied: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				w := newWorld(t, func(c *ssf.Config) {
					if tt.config != nil {
						tt.config(c, &broken)
					}
				})
				token := w.issuer.AccessToken().Sign()
				raw := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign()
				for range 2 {
					broken.Store(true)
					if tt.fail != nil {
						tt.fail(w, true)
					}
					err := w.receiver.Receive(t.Context(), raw)
					if _, rejected := errors.AsType[*ssf.Error](err); err == nil || rejected {
						t.Errorf("the failure is reported as %v", err)
					}
				}
				broken.Store(false)
				w.storage.set(nil, nil)
				if w.accepts(t, token) == tt.denied {
					t.Errorf("after the failure: the token is denied: %v, want %v", !tt.denied, tt.denied)
				}
				if err := w.receiver.Receive(t.Context(), raw); err != nil || w.accepts(t, token) {
					t.Errorf("the next delivery: %v; the token is accepted: %v", err, w.accepts(t, token))
				}
				if diff := cmp.Diff([]ssf.Outcome{ssf.OutcomeFailed, ssf.OutcomeFailed, ssf.OutcomeDenied}, w.outcomes()); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func when(broken bool) error {
	if broken {
		return errDown
	}
	return nil
}

// A panic of the application does not block later deliveries of the SET.
func TestReceive_PanicOfTheApplication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		w := newWorld(t, func(c *ssf.Config) {
			c.OnEvent = func(context.Context, ssf.Event) error {
				if broken {
					panic("application")
				}
				return nil
			}
		})
		set := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
		func() {
			defer func() { _ = recover() }()
			_ = w.receiver.Receive(t.Context(), set.Sign())
		}()
		broken = false
		w.receive(t, set)
	})
}

// All events of a SET take effect, and the application receives each with its content.
func TestReceive_SeveralEvents(t *testing.T) {
	t.Parallel()
	var events []ssf.Event
	w := newWorld(t, func(c *ssf.Config) {
		c.OnEvent = func(_ context.Context, e ssf.Event) error { events = append(events, e); return nil }
	})
	now := time.Now().Truncate(time.Second)
	w.receive(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("txn", "8675309").Set("iat", now.Unix()).Set("events", object{
		ssf.TypeSessionRevoked: object{"event_timestamp": now.Unix() - 60, "reason_admin": object{"en": "policy"}},
		"https://example.com/": object{},
	}))
	if diff := cmp.Diff([]ssf.Outcome{ssf.OutcomeUnknown, ssf.OutcomeDenied}, w.outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if len(events) != 2 {
		t.Fatalf("%d events, want 2", len(events))
	}
	e := events[1]
	var content struct {
		Reason map[string]string `json:"reason_admin"`
	}
	if err := e.Decode(&content); err != nil || content.Reason["en"] != "policy" {
		t.Errorf("Decode: %v, %v", err, content)
	}
	type summary struct {
		Type, ID, Issuer, TransactionID, Subject string
		Time, IssuedAt                           time.Time
		Effect                                   ssf.Effect
		Targets                                  []ssf.Target
	}
	want := summary{
		ssf.TypeSessionRevoked, "set-1", w.issuer.URL(), "8675309", "alice", now.Add(-time.Minute), now, ssf.EffectSession,
		[]ssf.Target{{Issuer: w.issuer.URL(), Subject: "alice"}},
	}
	got := summary{e.Type, e.ID, e.Issuer, e.TransactionID, e.Subject.ID, e.Time, e.IssuedAt, e.Effect, e.Targets}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if err := (ssf.Event{}).Decode(&content); err == nil {
		t.Error("the zero Event was decoded")
	}
	for _, e := range []ssf.Effect{ssf.EffectNone, ssf.EffectSubject, ssf.EffectSession} {
		if e.String() == "" {
			t.Errorf("Effect %d has no name", e)
		}
	}
}

// Several token issuers: an event of the transmitter denies tokens of each of them, and MapSubject may leave the issuer out.
func TestReceive_TokenIssuers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ssf.Config) {
		c.TokenIssuers = []string{"https://a.test", "https://b.test"}
		c.MapSubject = func(_ context.Context, s ssf.Subject) ([]ssf.Target, error) {
			if s.Format == "email" {
				return []ssf.Target{{Subject: "u1"}, {Issuer: "https://c.test", Session: "s1"}}, nil
			}
			return nil, nil
		}
	})
	tests := map[string]struct {
		subject object
		want    []ssf.Target
	}{
		"opaque":                         {opaque("u1"), []ssf.Target{{Issuer: "https://a.test", Subject: "u1"}, {Issuer: "https://b.test", Subject: "u1"}}},
		"one":                            {object{"format": "iss_sub", "iss": "https://b.test", "sub": "u1"}, []ssf.Target{{Issuer: "https://b.test", Subject: "u1"}}},
		"transmitter is not one of them": {w.alice(), nil},
		"mapped": {email("u1@example.com"), []ssf.Target{
			{Issuer: "https://a.test", Subject: "u1"}, {Issuer: "https://b.test", Subject: "u1"}, {Issuer: "https://c.test", Session: "s1"},
		}},
		"session of one, user of the other": {complexSubject(object{
			"session": object{"format": "iss_sub", "iss": "https://a.test", "sub": "s1"},
			"user":    object{"format": "iss_sub", "iss": "https://b.test", "sub": "u1"},
		}), []ssf.Target{{Issuer: "https://b.test", Subject: "u1"}, {Issuer: "https://a.test", Session: "s1"}}},
		"token as a session": {complexSubject(object{
			"session": object{"format": "jwt_id", "iss": "https://a.test", "jti": "j1"}, "user": opaque("u1"),
		}), []ssf.Target{{Issuer: "https://a.test", Subject: "u1", TokenID: "j1"}, {Issuer: "https://b.test", Subject: "u1"}}},
		"token of a foreign issuer as a session": {complexSubject(object{
			"session": object{"format": "jwt_id", "iss": "https://c.test", "jti": "j1"},
			"user":    object{"format": "iss_sub", "iss": "https://b.test", "sub": "u1"},
		}), []ssf.Target{{Issuer: "https://b.test", Subject: "u1"}}},
		"token as a session without a user": {complexSubject(object{
			"session": object{"format": "jwt_id", "iss": "https://a.test", "jti": "j1"},
		}), []ssf.Target{{Issuer: "https://a.test", TokenID: "j1"}}},
	}
	n := 0
	for name, tt := range tests {
		n++
		w.receive(t, w.set(ssf.TypeAccountDisabled, tt.subject, nil).Set("jti", fmt.Sprint(n)))
		w.mu.Lock()
		got := w.receptions[len(w.receptions)-1].Event.Targets
		w.mu.Unlock()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: targets (-want +got):\n%s", name, diff)
		}
	}
}

// Events about the stream reach the application and the log. A verification event must have a state that was requested.
func TestReceive_EventsAboutTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.receive(t, w.set(ssf.TypeStreamUpdated, opaque("stream-1"), object{"status": "paused", "reason": "maintenance"}))
	if log := w.log.String(); !strings.Contains(log, `status of the stream to \"paused\"`) || !strings.Contains(log, `"level":"WARN"`) {
		t.Errorf("the change of the status is not logged: %s", log)
	}
	w.receive(t, w.set(ssf.TypeVerification, opaque("stream-1"), nil).Set("jti", "without state"))
	for _, state := range []any{"unexpected", "", 7} {
		err := w.receiver.Receive(t.Context(), w.set(ssf.TypeVerification, opaque("stream-1"), object{"state": state}).Set("jti", "s").Sign())
		if rejected, ok := errors.AsType[*ssf.Error](err); !ok || rejected.Code != "invalid_state" {
			t.Errorf("state %v: %v", state, err)
		}
	}
}

// The log has the issuer, the jti and the type, and neither the SET nor the subject. No verb of fmt prints them either.
func TestReceive_NothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	const secret = "alice@secret.example.com"
	w := newWorld(t, nil)
	for i, subject := range []object{email(secret), opaque(secret), complexSubject(object{"user": email(secret), "session": opaque(secret)})} {
		set := w.set(ssf.TypeSessionRevoked, subject, object{"reason_admin": object{"en": secret}}).Set("jti", fmt.Sprint("set-", i))
		w.receive(t, set)
		if _, err := w.receiver.PushHandler(ssf.PushConfig{}); err != nil {
			t.Fatal(err)
		}
		_ = w.receiver.Receive(t.Context(), set.Set("sub", secret).Sign())
		_ = w.receiver.Receive(t.Context(), set.Set("aud", secret+"x").Sign())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log.String()
	for _, reception := range w.receptions {
		log += fmt.Sprintf("%v %+v %#v %s %v %#v", reception.Event, reception.Event, reception.Event, reception.Event.Subject, reception, reception.Event.Subject.Members)
		log += reception.Event.LogValue().String() + reception.Event.Subject.LogValue().String()
	}
	log = strings.ReplaceAll(log, secret+"x", "")
	if strings.Contains(log, secret) || !strings.Contains(log, `"jti":"set-1"`) || !strings.Contains(log, `"format":"complex"`) {
		t.Errorf("the log is %s", log)
	}
}

// A Target with several names denies by those that the effect selects.
func TestTarget_Precedence(t *testing.T) {
	t.Parallel()
	all := ssf.Target{Subject: "alice", Session: "session", TokenID: "token", ClientID: "app"}
	without := func(change func(*ssf.Target)) ssf.Target {
		target := all
		change(&target)
		return target
	}
	tests := map[string]struct {
		effect       ssf.Effect
		sessionClaim bool
		target       ssf.Target
		denied       string
	}{
		"subject":                     {effect: ssf.EffectSubject, target: all, denied: "subject"},
		"session":                     {effect: ssf.EffectSession, target: all, denied: "session subject"},
		"session, in tokens with sid": {effect: ssf.EffectSession, sessionClaim: true, target: all, denied: "session"},
		"subject without a subject":   {effect: ssf.EffectSubject, target: without(func(t *ssf.Target) { t.Subject = "" }), denied: "session"},
		"session without a session":   {effect: ssf.EffectSession, target: without(func(t *ssf.Target) { t.Session = "" }), denied: "subject token"},
		"token":                       {effect: ssf.EffectSubject, target: without(func(t *ssf.Target) { t.Subject, t.Session = "", "" }), denied: "token"},
		"client":                      {effect: ssf.EffectSession, target: ssf.Target{ClientID: "app"}, denied: "client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *ssf.Config) {
				c.SessionClaim = tt.sessionClaim
				c.Effect = func(ssf.Event) ssf.Effect { return tt.effect }
				c.MapSubject = func(context.Context, ssf.Subject) ([]ssf.Target, error) { return []ssf.Target{tt.target}, nil }
			})
			w.receive(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil))
			denied := ""
			for _, claim := range [][3]string{
				{"session", "sid", "session"}, {"subject", "sub", "alice"}, {"token", "jti", "token"}, {"client", "client_id", "app"},
			} {
				token := w.issuer.AccessToken().Set("iat", time.Now().Add(-time.Minute).Unix()).Set("sub", "other").Set("client_id", "other")
				if !w.accepts(t, token.Set(claim[1], claim[2]).Sign()) {
					denied += claim[0] + " "
				}
			}
			if denied = strings.TrimSpace(denied); denied != tt.denied {
				t.Errorf("denied %q, want %q", denied, tt.denied)
			}
		})
	}
}

// A Storage may return anything after ctx has ended. Its result does not count: the SET is delivered again.
func TestReceive_StorageWithoutResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	receiver := w.newReceiver(t, func(c *ssf.Config) { c.Storage = endless{w.storage, cancel} })
	err := receiver.Receive(ctx, w.set(ssf.TypeVerification, opaque("stream-1"), object{"state": "expected"}).Sign())
	if _, rejected := errors.AsType[*ssf.Error](err); !errors.Is(err, context.Canceled) || rejected {
		t.Errorf("the error is %v, expected that of the context", err)
	}
}

// endless is a Storage whose ctx ends during Lookup.
type endless struct {
	store.Storage
	end context.CancelFunc
}

func (e endless) Lookup(context.Context, ...string) (map[string]store.Entry, error) {
	e.end()
	return nil, nil //nolint:nilnil // no entry, and no error
}
