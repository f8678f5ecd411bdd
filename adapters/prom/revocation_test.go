package prom_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// watching is a shared store in a given state.
type watching store.WatchStats

func (w watching) WatchStats() store.WatchStats { return store.WatchStats(w) }

// cleaning is a shared store that also removes expired rows.
type cleaning struct {
	watching
	run store.RunStats
}

func (c cleaning) RunStats() store.RunStats { return c.run }

func TestWatchStore(t *testing.T) {
	t.Parallel()
	watch := watching{
		Running: 1, Behind: 1500 * time.Millisecond, Failures: 2, ConsecutiveFailures: 1, LastError: errors.New("secret"), Changes: 3, Removed: 4,
		Purges: store.Purges{Started: 1, Interrupted: 2, Flood: 3, Missed: 4, Silent: 5, Lost: 6},
	}
	const stopped = `
watch_changes_total{store="s"} 0
watch_failures_total{store="s"} 0
watch_purges_total{cause="flood",store="s"} 0
watch_purges_total{cause="interrupted",store="s"} 0
watch_purges_total{cause="lost",store="s"} 0
watch_purges_total{cause="missed",store="s"} 0
watch_purges_total{cause="silent",store="s"} 0
watch_purges_total{cause="started",store="s"} 0
watch_removed_total{store="s"} 0
watch_running{store="s"} 0
`
	for name, test := range map[string]struct {
		sources []interface{ WatchStats() store.WatchStats }
		want    string
	}{
		"a store that is not watched": {[]interface{ WatchStats() store.WatchStats }{watching{}}, stopped},
		"Run without Watch": {
			[]interface{ WatchStats() store.WatchStats }{cleaning{run: store.RunStats{Running: 1, Age: time.Minute, Removed: 7, Failures: 8}}},
			`
cleanup_age_seconds{store="s"} 60
cleanup_failures_total{store="s"} 8
cleanup_removed_rows_total{store="s"} 7
cleanup_running{store="s"} 1
` + strings.TrimPrefix(stopped, "\n"),
		},
		"a store that could call Run": {[]interface{ WatchStats() store.WatchStats }{cleaning{}}, `
cleanup_failures_total{store="s"} 0
cleanup_removed_rows_total{store="s"} 0
cleanup_running{store="s"} 0
` + strings.TrimPrefix(stopped, "\n")},
		"two with the same name": {[]interface{ WatchStats() store.WatchStats }{watch, watching{Running: 1, Behind: time.Second, Changes: 10}}, `
watch_behind_seconds{store="s"} 1.5
watch_changes_total{store="s"} 13
watch_failures_total{store="s"} 2
watch_purges_total{cause="flood",store="s"} 3
watch_purges_total{cause="interrupted",store="s"} 2
watch_purges_total{cause="lost",store="s"} 6
watch_purges_total{cause="missed",store="s"} 4
watch_purges_total{cause="silent",store="s"} 5
watch_purges_total{cause="started",store="s"} 1
watch_removed_total{store="s"} 4
watch_running{store="s"} 2
`},
		"nil, and one that panics": {[]interface{ WatchStats() store.WatchStats }{nil, (*cleaning)(nil)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg, m := newMetrics(t)
			for _, source := range test.sources {
				m.WatchStore("s", source)
			}
			var got strings.Builder
			for line := range strings.Lines(scrape(t, reg)) {
				if series, ours := strings.CutPrefix(line, "bearerkit_"); ours {
					got.WriteString(series)
				}
			}
			if want := strings.TrimPrefix(test.want, "\n"); got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", &got, want)
			}
		})
	}
}

// wants fails for each series that is not in the scrape.
func wants(t *testing.T, text string, series ...string) {
	t.Helper()
	for _, line := range series {
		if !strings.Contains(text, "bearerkit_"+line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
}

// newReceiver returns a Receiver that uses m, and the transmitter.
func newReceiver(t *testing.T, m *prom.Metrics) (*ssf.Receiver, *bearertest.Issuer) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	r, err := ssf.New(ssf.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys, Storage: store.NewMemory(1000), TokenLifetime: time.Hour,
		OnReceived: m.OnReceived,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.WatchReceiver(r)
	return r, issuer
}

// newSET returns a SET about mallory.
func newSET(issuer *bearertest.Issuer, id, event string) *bearertest.Token {
	return issuer.Token("secevent+jwt", map[string]any{
		"iss": issuer.URL(), "aud": "https://api.test", "jti": "mallory " + id, "iat": time.Now().Unix(), "events": map[string]any{event: map[string]any{}},
		"sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL(), "sub": "mallory"},
	})
}

// A real Receiver changes the metrics of events.
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		r, issuer := newReceiver(t, m)
		before := scrape(t, reg)
		wants(t, before, `ssf_outcomes_total{issuer="https://issuer.test",outcome="unmapped"} 0`, `ssf_push_rejections_total{cause="unauthorized",issuer="https://issuer.test"} 0`)
		for _, absent := range []string{"ssf_accepted_age_seconds", "ssf_poll"} {
			if strings.Contains(before, absent) {
				t.Errorf("%s is not absent", absent)
			}
		}
		revoked := newSET(issuer, "1", ssf.TypeSessionRevoked).Sign()
		time.Sleep(20 * time.Second) // until it arrives
		for _, set := range []string{
			revoked, revoked,
			newSET(issuer, "2", "https://mallory.test/event").Sign(),
			newSET(issuer, "3", ssf.TypeAccountEnabled).Sign(),
			newSET(issuer, "4", ssf.TypeAccountDisabled).Set("aud", "mallory").Sign(),
			"mallory",
		} {
			_ = r.Receive(t.Context(), set) // the metrics have the result
		}
		time.Sleep(time.Minute)
		text := scrape(t, reg)
		wants(t, text,
			`ssf_events_total{event="session-revoked",issuer="https://issuer.test",outcome="denied"} 1`,
			`ssf_events_total{event="session-revoked",issuer="https://issuer.test",outcome="duplicate"} 1`,
			`ssf_events_total{event="other",issuer="https://issuer.test",outcome="unknown"} 1`,
			`ssf_events_total{event="account-enabled",issuer="https://issuer.test",outcome="noted"} 1`,
			`ssf_events_total{event="none",issuer="https://issuer.test",outcome="rejected"} 2`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="denied"} 1`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="duplicate"} 1`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="failed"} 0`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="noted"} 1`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="rejected"} 2`,
			`ssf_outcomes_total{issuer="https://issuer.test",outcome="unknown"} 1`,
			`ssf_event_duration_seconds_count{outcome="denied"} 1`,
			`ssf_denial_delay_seconds_bucket{issuer="https://issuer.test",le="10"} 0`,
			`ssf_denial_delay_seconds_bucket{issuer="https://issuer.test",le="30"} 1`,
			`ssf_accepted_age_seconds{issuer="https://issuer.test"} 60`,
		)
		if strings.Contains(text, "mallory") {
			t.Error("the metrics contain text of an event")
		}
	})
}

// A real Receiver changes the metrics of polls.
func TestPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		r, _ := newReceiver(t, m)
		var up atomic.Bool
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- r.Poll(ctx, ssf.PollConfig{Endpoint: "https://issuer.test/poll", Interval: time.Minute, HTTPClient: &http.Client{
				Transport: transport(func(*http.Request) (*http.Response, error) {
					if !up.Load() {
						return nil, errors.New("down")
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"sets":{}}`))}, nil
				}),
			}})
		}()
		time.Sleep(250 * time.Millisecond) // less than the first pause
		wants(t, scrape(t, reg),
			`ssf_poll_age_seconds{issuer="https://issuer.test"} 0.25`,
			`ssf_poll_consecutive_failures{issuer="https://issuer.test"} 1`,
			`ssf_polls_total{issuer="https://issuer.test",result="failed"} 1`,
			`ssf_polls_total{issuer="https://issuer.test",result="ok"} 0`,
			`ssf_polls_total{issuer="https://issuer.test",result="timeout"} 0`,
		)
		up.Store(true)
		time.Sleep(30 * time.Second)
		wants(t, scrape(t, reg),
			`ssf_poll_consecutive_failures{issuer="https://issuer.test"} 0`, `ssf_polls_total{issuer="https://issuer.test",result="ok"} 1`)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		text := scrape(t, reg)
		wants(t, text, `ssf_polls_total{issuer="https://issuer.test",result="failed"} 1`)
		if strings.Contains(text, "ssf_poll_age_seconds") {
			t.Error("the age is reported although Poll has ended")
		}
	})
}

// A real Lists changes the metrics of status lists.
func TestStatusLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		list := issuer.StatusList(2, 10)
		keys, err := jwks.ParseJWKS(issuer.JWKS())
		if err != nil {
			t.Fatal(err)
		}
		lists, err := statuslist.New(statuslist.Config{Issuer: issuer.URL(), Keys: keys, HTTPClient: issuer.Client(), OnRefresh: m.OnListRefresh})
		if err != nil {
			t.Fatal(err)
		}
		m.WatchLists(lists)
		c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys, Status: lists})
		if err != nil {
			t.Fatal(err)
		}
		list.Set(1, 1)
		list.Set(2, 2)
		list.Set(3, 3)
		verify := func(status any) {
			_, _ = c.Verify(t.Context(), issuer.AccessToken().Set("exp", time.Now().Add(24*time.Hour).Unix()).Set("status", status).Sign())
		}
		for index := range 4 {
			verify(list.Claim(index))
		}
		verify(list.Claim(99))
		verify("mallory")
		verify(map[string]any{"status_list": map[string]any{"idx": 0, "uri": "https://mallory.test/list"}})
		verify(map[string]any{"status_list": map[string]any{"idx": 0, "uri": "https://issuer.test/mallory"}}) // is not found
		verify(bearertest.Absent)
		time.Sleep(5 * time.Second)
		text := scrape(t, reg)
		wants(t, text,
			`status_lists{issuer="https://issuer.test",state="usable"} 1`,
			`status_lists{issuer="https://issuer.test",state="failed"} 1`,
			`status_lists{issuer="https://issuer.test",state="idle"} 0`,
			`status_list_age_seconds{issuer="https://issuer.test"} 5`,
			`status_list_consecutive_failures{issuer="https://issuer.test"} 1`,
			`status_list_refreshes_total{cause="expired",issuer="https://issuer.test",result="ok"} 1`,
			`status_list_refreshes_total{cause="expired",issuer="https://issuer.test",result="failed"} 1`,
			`status_list_rejections_total{cause="invalid",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="suspended",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="other_status",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="unlisted",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="malformed",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="not_allowed",issuer="https://issuer.test"} 1`,
			`status_list_rejections_total{cause="out_of_range",issuer="https://issuer.test"} 1`,
		)
		if !strings.Contains(text, "bearerkit_status_list_issued_age_seconds") || strings.Contains(text, "mallory") {
			t.Errorf("the time of issue is missing, or there is text of a token:\n%s", text)
		}
		time.Sleep(2 * time.Hour) // no token refers to the lists
		text = scrape(t, reg)
		wants(t, text, `status_lists{issuer="https://issuer.test",state="failed"} 0`, `status_lists{issuer="https://issuer.test",state="idle"} 2`)
		if strings.Contains(text, "bearerkit_status_list_consecutive_failures{") {
			t.Error("an idle list has failures")
		}
	})
}

func TestOnIntrospect(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	for _, reason := range []consumer.Reason{
		"", consumer.ReasonInactive, consumer.ReasonIntrospectionUnavailable, consumer.ReasonCanceled, "\xff",
	} {
		m.OnIntrospect(t.Context(), introspection.Introspection{Issuer: "https://login.test", Reason: reason, Duration: time.Millisecond})
	}
	wants(t, scrape(t, reg),
		`introspections_total{issuer="https://login.test",reason="ok"} 1`,
		`introspections_total{issuer="https://login.test",reason="inactive"} 1`,
		`introspections_total{issuer="https://login.test",reason="introspection_unavailable"} 1`,
		`introspections_total{issuer="https://login.test",reason="canceled"} 1`,
		`introspections_total{issuer="https://login.test",reason="other"} 1`,
		`introspection_duration_seconds_count{result="active"} 1`,
		`introspection_duration_seconds_count{result="inactive"} 2`,
		`introspection_duration_seconds_count{result="unavailable"} 1`,
		`introspection_duration_seconds_count{result="canceled"} 1`,
	)
}

// The number of series is bounded, whatever the hooks and the sources return.
func TestAttack44_RevocationIsBounded(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	count := func(from, to int) int {
		for i := from; i < to; i++ {
			text := fmt.Sprint("https://tenant", i, ".test")
			m.OnReceived(t.Context(), ssf.Reception{Issuer: text, Outcome: ssf.Outcome(text), Event: ssf.Event{Type: text, ID: text, Issuer: text}})
			m.OnReceived(t.Context(), ssf.Reception{Issuer: text, Outcome: ssf.OutcomeDenied, Event: ssf.Event{Type: ssf.TypeSessionRevoked + text}})
			m.OnIntrospect(t.Context(), introspection.Introspection{Issuer: text, Reason: consumer.Reason(text)})
			m.OnListRefresh(t.Context(), statuslist.Refresh{Issuer: text, URL: text, Cause: text})
			m.WatchStore(text, cleaning{watching: watching{Running: 1}})
			m.WatchReceiver(receiving{Issuer: text, Poll: ssf.PollStats{Running: 1}})
			m.WatchLists(listing{Issuer: text, Lists: []statuslist.ListStats{{URL: text, Usable: true}, {URL: text, ConsecutiveFailures: 1}}})
		}
		n, err := testutil.GatherAndCount(reg)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if before, after := count(0, 300), count(300, 900); before != after {
		t.Errorf("%d series became %d", before, after)
	}
	m.WatchReceiver(nil)
	m.WatchReceiver((*ssf.Receiver)(nil))
	m.WatchLists(nil)
	m.WatchLists((*statuslist.Lists)(nil))
	wants(t, scrape(t, reg), `watch_running{store="other"} 800`, `ssf_poll_age_seconds{issuer="other"} 0`, `status_lists{issuer="other",state="failed"} 800`)
}

// receiving is a Receiver in a given state.
type receiving ssf.Stats

func (r receiving) Stats() ssf.Stats { return ssf.Stats(r) }

// listing is a Lists in a given state.
type listing statuslist.Stats

func (l listing) Stats() statuslist.Stats { return statuslist.Stats(l) }

// Every event type and every outcome of package ssf has its own label.
func TestKnownEvents(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	var labels []string
	for _, typ := range untyped(t, "../../ssf/eventtypes.go") {
		m.OnReceived(t.Context(), ssf.Reception{Outcome: ssf.OutcomeNoted, Event: ssf.Event{Type: typ}})
		labels = append(labels, fmt.Sprintf("event=%q", path.Base(typ)))
	}
	for _, outcome := range constants(t, "../../ssf/reception.go", "Outcome") {
		m.OnReceived(t.Context(), ssf.Reception{Outcome: ssf.Outcome(outcome)})
		labels = append(labels, fmt.Sprintf("outcome=%q", outcome))
	}
	text := scrape(t, reg)
	for _, label := range labels {
		if !strings.Contains(text, label) {
			t.Errorf("no series has %s", label)
		}
	}
	if len(labels) < 18 {
		t.Errorf("found only %d constants", len(labels))
	}
}

// untyped returns the values of all string constants of a file.
func untyped(t *testing.T, file string) (values []string) {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(source, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(literal.Value)
					values = append(values, text)
				}
			}
		}
		return true
	})
	return values
}
