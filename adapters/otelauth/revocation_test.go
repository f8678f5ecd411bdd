package otelauth_test

import (
	"context"
	"errors"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// The sources below are in a given state.

type receiving ssf.Stats

func (r receiving) Stats() ssf.Stats { return ssf.Stats(r) }

type listing statuslist.Stats

func (l listing) Stats() statuslist.Stats { return statuslist.Stats(l) }

type watching store.WatchStats

func (w watching) WatchStats() store.WatchStats { return store.WatchStats(w) }

type cleaning struct {
	watching
	run store.RunStats
}

func (c cleaning) RunStats() store.RunStats { return c.run }

func TestWatchStore(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	stop := r.WatchStore("sql", cleaning{
		watching{Running: 1, Behind: 1500 * time.Millisecond, Failures: 2, LastError: errors.New("secret"), Changes: 3, Removed: 4, Purges: store.Purges{
			Started: 1, Interrupted: 2, Flood: 3, Missed: 4, Silent: 5, Lost: 6,
		}},
		store.RunStats{Running: 1, Age: time.Minute, Removed: 7, Failures: 8, LastError: errors.New("secret")},
	})
	same := r.WatchStore("sql", watching{Running: 1, Behind: time.Second, Changes: 10})
	idle := r.WatchStore("redis", watching{})
	want := strings.TrimSpace(`
bearerkit.cleanup.age s gauge 60 bearerkit.store=sql
bearerkit.cleanup.failures {failure} counter 8 bearerkit.store=sql
bearerkit.cleanup.removed_rows {row} counter 7 bearerkit.store=sql
bearerkit.cleanup.running {call} updowncounter 1 bearerkit.store=sql
bearerkit.watch.behind s gauge 1.5 bearerkit.store=sql
bearerkit.watch.changes {entry} counter 0 bearerkit.store=redis
bearerkit.watch.changes {entry} counter 13 bearerkit.store=sql
bearerkit.watch.failures {failure} counter 0 bearerkit.store=redis
bearerkit.watch.failures {failure} counter 2 bearerkit.store=sql
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=flood bearerkit.store=redis
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=interrupted bearerkit.store=redis
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=lost bearerkit.store=redis
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=missed bearerkit.store=redis
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=silent bearerkit.store=redis
bearerkit.watch.purges {purge} counter 0 bearerkit.cause=started bearerkit.store=redis
bearerkit.watch.purges {purge} counter 1 bearerkit.cause=started bearerkit.store=sql
bearerkit.watch.purges {purge} counter 2 bearerkit.cause=interrupted bearerkit.store=sql
bearerkit.watch.purges {purge} counter 3 bearerkit.cause=flood bearerkit.store=sql
bearerkit.watch.purges {purge} counter 4 bearerkit.cause=missed bearerkit.store=sql
bearerkit.watch.purges {purge} counter 5 bearerkit.cause=silent bearerkit.store=sql
bearerkit.watch.purges {purge} counter 6 bearerkit.cause=lost bearerkit.store=sql
bearerkit.watch.removed {entry} counter 0 bearerkit.store=redis
bearerkit.watch.removed {entry} counter 4 bearerkit.store=sql
bearerkit.watch.running {call} updowncounter 0 bearerkit.store=redis
bearerkit.watch.running {call} updowncounter 2 bearerkit.store=sql
`)
	if diff := cmp.Diff(want, r.metrics(t)); diff != "" {
		t.Error(diff)
	}
	for _, end := range []func(){stop, same, idle, idle} {
		end()
	}
	if left := r.metrics(t); left != "" {
		t.Errorf("still reported after stop:\n%s", left)
	}
}

func TestWatchLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, false)
		issued := statuslist.ListInfo{IssuedAt: time.Now().Add(-2 * time.Minute)}
		defer r.WatchLists(listing{Issuer: "https://a.test", Rejected: statuslist.Rejections{
			Invalid: 1, Suspended: 2, Other: 3, Unlisted: 4, Malformed: 5, NotAllowed: 6, OutOfRange: 7,
		}, Lists: []statuslist.ListStats{
			{URL: "secret", Usable: true, Age: time.Minute, List: issued, ConsecutiveFailures: 1},
			{URL: "secret", ConsecutiveFailures: 3},
			{URL: "secret", Usable: true, Idle: true, Age: time.Hour, ConsecutiveFailures: 9},
			{URL: "secret"},
		}})()
		want := strings.TrimSpace(`
bearerkit.status_list.age s gauge 60 bearerkit.issuer=https://a.test
bearerkit.status_list.consecutive_failures {failure} gauge 3 bearerkit.issuer=https://a.test
bearerkit.status_list.count {list} updowncounter 1 bearerkit.issuer=https://a.test bearerkit.status_list.state=failed
bearerkit.status_list.count {list} updowncounter 1 bearerkit.issuer=https://a.test bearerkit.status_list.state=usable
bearerkit.status_list.count {list} updowncounter 2 bearerkit.issuer=https://a.test bearerkit.status_list.state=idle
bearerkit.status_list.issued_age s gauge 120 bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 1 bearerkit.cause=invalid bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 2 bearerkit.cause=suspended bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 3 bearerkit.cause=other_status bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 4 bearerkit.cause=unlisted bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 5 bearerkit.cause=malformed bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 6 bearerkit.cause=not_allowed bearerkit.issuer=https://a.test
bearerkit.status_list.rejections {token} counter 7 bearerkit.cause=out_of_range bearerkit.issuer=https://a.test
`)
		if diff := cmp.Diff(want, r.metrics(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// A real Receiver changes the metrics of events.
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, false)
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		keys, err := jwks.ParseJWKS(issuer.JWKS())
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := ssf.New(ssf.Config{
			Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys, Storage: store.NewMemory(1000), TokenLifetime: time.Hour,
			OnReceived: r.OnReceived,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer r.WatchReceiver(receiver)()
		event := func(id, typ string) string {
			return issuer.Token("secevent+jwt", map[string]any{
				"iss": issuer.URL(), "aud": "https://api.test", "jti": "mallory " + id, "iat": time.Now().Unix(),
				"events": map[string]any{typ: map[string]any{}},
				"sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL(), "sub": "mallory"},
			}).Sign()
		}
		for _, set := range []string{event("1", ssf.TypeSessionRevoked), event("2", "https://mallory.test/event"), "mallory"} {
			_ = receiver.Receive(t.Context(), set) // the metrics have the result
		}
		time.Sleep(time.Minute)
		got := r.metrics(t)
		for _, want := range []string{
			"bearerkit.ssf.events {event} counter 1 bearerkit.issuer=https://issuer.test bearerkit.ssf.event=session-revoked bearerkit.ssf.outcome=denied",
			"bearerkit.ssf.events {event} counter 1 bearerkit.issuer=https://issuer.test bearerkit.ssf.event=other bearerkit.ssf.outcome=unknown",
			"bearerkit.ssf.events {event} counter 1 bearerkit.issuer=https://issuer.test bearerkit.ssf.outcome=rejected",
			"bearerkit.ssf.outcomes {event} counter 1 bearerkit.issuer=https://issuer.test bearerkit.ssf.outcome=denied",
			"bearerkit.ssf.outcomes {event} counter 0 bearerkit.issuer=https://issuer.test bearerkit.ssf.outcome=unmapped",
			"bearerkit.ssf.denial.delay s histogram 1 bearerkit.issuer=https://issuer.test",
			"bearerkit.ssf.event.duration s histogram 1 bearerkit.ssf.outcome=denied",
			"bearerkit.ssf.accepted.age s gauge 60 bearerkit.issuer=https://issuer.test",
			"bearerkit.ssf.push.rejections {request} counter 0 bearerkit.cause=unauthorized bearerkit.issuer=https://issuer.test",
		} {
			if !strings.Contains(got+"\n", want+"\n") {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
		if strings.Contains(got, "ssf.poll") || strings.Contains(r.everything(t), "mallory") {
			t.Errorf("there are metrics of polls, or text of an event:\n%s", got)
		}
	})
}

func TestWatchReceiver_Polls(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	defer r.WatchReceiver(receiving{Issuer: "https://a.test", Poll: ssf.PollStats{
		Running: 1, Age: time.Minute, Responses: 1, Timeouts: 2, Failures: 3, ConsecutiveFailures: 4, LastError: errors.New("secret"),
	}})()
	var got []string
	for line := range strings.SplitSeq(r.metrics(t), "\n") {
		if strings.HasPrefix(line, "bearerkit.ssf.poll") {
			got = append(got, line)
		}
	}
	want := []string{
		"bearerkit.ssf.poll.age s gauge 60 bearerkit.issuer=https://a.test",
		"bearerkit.ssf.poll.consecutive_failures {failure} gauge 4 bearerkit.issuer=https://a.test",
		"bearerkit.ssf.polls {poll} counter 1 bearerkit.issuer=https://a.test bearerkit.ssf.poll.result=ok",
		"bearerkit.ssf.polls {poll} counter 2 bearerkit.issuer=https://a.test bearerkit.ssf.poll.result=timeout",
		"bearerkit.ssf.polls {poll} counter 3 bearerkit.issuer=https://a.test bearerkit.ssf.poll.result=failed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Nil sources are ignored.
func TestWatch_NilSources(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	for _, stop := range []func(){
		r.WatchReceiver(nil), r.WatchReceiver((*ssf.Receiver)(nil)), r.WatchLists(nil), r.WatchLists((*statuslist.Lists)(nil)),
		r.WatchStore("a", nil), r.WatchStore("a", (*cleaning)(nil)),
	} {
		defer stop()
	}
	if got := r.metrics(t); got != "" {
		t.Errorf("recorded:\n%s", got)
	}
}

// Each event type has its own attribute. A failed event has error.type.
func TestOnReceived(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	types := []string{
		ssf.TypeSessionRevoked, ssf.TypeTokenClaimsChange, ssf.TypeCredentialChange, ssf.TypeAssuranceLevelChange, ssf.TypeAccountDisabled,
		ssf.TypeAccountEnabled, ssf.TypeAccountPurged, ssf.TypeIdentifierChanged, ssf.TypeSessionsRevoked, ssf.TypeVerification, ssf.TypeStreamUpdated,
	}
	for _, typ := range types {
		r.OnReceived(t.Context(), ssf.Reception{
			Outcome: ssf.OutcomeFailed, Event: ssf.Event{Type: typ}, Err: context.DeadlineExceeded,
		})
	}
	got := r.metrics(t)
	for _, typ := range types {
		want := "bearerkit.ssf.events {event} counter 1 bearerkit.ssf.event=" + path.Base(typ) + " bearerkit.ssf.outcome=failed error.type=timeout"
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestOnIntrospect(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	r.OnIntrospect(t.Context(), introspection.Introspection{Issuer: "https://a.test"})
	r.OnIntrospect(t.Context(), introspection.Introspection{Issuer: "https://a.test", Reason: "inactive"})
	r.OnIntrospect(t.Context(), introspection.Introspection{Issuer: "https://a.test", Reason: "introspection_unavailable"})
	want := strings.TrimSpace(`
bearerkit.introspection.duration s histogram 1 error.type=introspection_unavailable
bearerkit.introspection.duration s histogram 2
bearerkit.introspections {introspection} counter 1 bearerkit.issuer=https://a.test
bearerkit.introspections {introspection} counter 1 bearerkit.issuer=https://a.test bearerkit.reason=inactive
bearerkit.introspections {introspection} counter 1 bearerkit.issuer=https://a.test bearerkit.reason=introspection_unavailable error.type=introspection_unavailable
`)
	if diff := cmp.Diff(want, r.metrics(t)); diff != "" {
		t.Error(diff)
	}
}

func TestOnListRefresh(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	r.OnListRefresh(t.Context(), statuslist.Refresh{Issuer: "https://a.test", URL: "https://a.test/secret", Cause: "expired"})
	r.OnListRefresh(t.Context(), statuslist.Refresh{Issuer: "https://a.test", Cause: "a new one", Err: errors.New("secret")})
	want := strings.TrimSpace(`
bearerkit.status_list.refreshes {refresh} counter 1 bearerkit.issuer=https://a.test bearerkit.refresh.cause=expired bearerkit.refresh.result=ok
bearerkit.status_list.refreshes {refresh} counter 1 bearerkit.issuer=https://a.test bearerkit.refresh.cause=other bearerkit.refresh.result=failed error.type=_OTHER
`)
	if diff := cmp.Diff(want, r.metrics(t)); diff != "" {
		t.Error(diff)
	}
}
