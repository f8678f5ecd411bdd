package prom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// source is a Consumer or a Group in a given state.
type source consumer.Health

func (s source) Health() consumer.Health { return consumer.Health(s) }

// fetched returns the state of a Consumer whose keys are the given number of minutes old.
func fetched(issuer string, keys, minutes int) consumer.Health {
	age := time.Duration(minutes) * time.Minute
	return consumer.Health{
		Issuer: issuer, Ready: keys > 0,
		Keys: jwks.Stats{
			Keys: keys, LastSuccess: time.Unix(1, 0), Age: age,
			ConsecutiveFailures: minutes, ForcedFetches: 3, SkippedForced: 4,
		},
		Metadata: consumer.MetadataHealth{LastSuccess: time.Unix(1, 0), Age: 2 * age, ConsecutiveFailures: minutes + 1},
		Cache:    consumer.CacheHealth{Size: 100, Entries: 10, Evictions: 5},
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.test", "https://b.test"
	unreachable := consumer.Health{Issuer: a, Metadata: consumer.MetadataHealth{ConsecutiveFailures: 2}}
	shared := fetched(a, 2, 1)
	shared.SharesKeys = true
	tests := []struct {
		name    string
		sources []consumer.Health
		want    string
	}{
		{"a Group, two of whose Members share their keys", []consumer.Health{{Members: []consumer.Health{fetched(a, 2, 1), shared}}}, `
key_age_seconds{issuer="https://a.test"} 60
key_consecutive_failures{issuer="https://a.test"} 1
key_forced_fetches_total{issuer="https://a.test"} 3
key_skipped_fetches_total{issuer="https://a.test"} 4
keys_held{issuer="https://a.test"} 2
metadata_age_seconds{issuer="https://a.test"} 120
metadata_consecutive_failures{issuer="https://a.test"} 2
ready{issuer="https://a.test"} 1
`},
		{"a Consumer", []consumer.Health{fetched(a, 2, 1)}, `
cache_capacity{issuer="https://a.test"} 100
cache_entries{issuer="https://a.test"} 10
cache_evictions_total{issuer="https://a.test"} 5
key_age_seconds{issuer="https://a.test"} 60
key_consecutive_failures{issuer="https://a.test"} 1
key_forced_fetches_total{issuer="https://a.test"} 3
key_skipped_fetches_total{issuer="https://a.test"} 4
keys_held{issuer="https://a.test"} 2
metadata_age_seconds{issuer="https://a.test"} 120
metadata_consecutive_failures{issuer="https://a.test"} 2
ready{issuer="https://a.test"} 1
`},
		{"before the first fetch, without a cache", []consumer.Health{{Issuer: a}}, `
key_consecutive_failures{issuer="https://a.test"} 0
key_forced_fetches_total{issuer="https://a.test"} 0
key_skipped_fetches_total{issuer="https://a.test"} 0
keys_held{issuer="https://a.test"} 0
ready{issuer="https://a.test"} 0
`},
		{"metadata that never came", []consumer.Health{unreachable}, `
key_consecutive_failures{issuer="https://a.test"} 0
key_forced_fetches_total{issuer="https://a.test"} 0
key_skipped_fetches_total{issuer="https://a.test"} 0
keys_held{issuer="https://a.test"} 0
metadata_consecutive_failures{issuer="https://a.test"} 2
ready{issuer="https://a.test"} 0
`},
		{"keys given by hand", []consumer.Health{{Issuer: a, Ready: true}}, `
ready{issuer="https://a.test"} 1
`},
		{"two of one issuer: the worst, and the sums", []consumer.Health{fetched(a, 2, 1), fetched(a, 0, 3), fetched(a, 9, 2)}, `
cache_capacity{issuer="https://a.test"} 300
cache_entries{issuer="https://a.test"} 30
cache_evictions_total{issuer="https://a.test"} 15
key_age_seconds{issuer="https://a.test"} 180
key_consecutive_failures{issuer="https://a.test"} 3
key_forced_fetches_total{issuer="https://a.test"} 9
key_skipped_fetches_total{issuer="https://a.test"} 12
keys_held{issuer="https://a.test"} 0
metadata_age_seconds{issuer="https://a.test"} 360
metadata_consecutive_failures{issuer="https://a.test"} 4
ready{issuer="https://a.test"} 0
`},
		{"a Group, whose Members have one cache", []consumer.Health{{
			Members: []consumer.Health{fetched(a, 2, 1), {Issuer: b, Ready: true}},
			Cache:   consumer.CacheHealth{Size: 7, Entries: 6, Evictions: 1},
		}}, `
cache_capacity{issuer="all"} 7
cache_entries{issuer="all"} 6
cache_evictions_total{issuer="all"} 1
key_age_seconds{issuer="https://a.test"} 60
key_consecutive_failures{issuer="https://a.test"} 1
key_forced_fetches_total{issuer="https://a.test"} 3
key_skipped_fetches_total{issuer="https://a.test"} 4
keys_held{issuer="https://a.test"} 2
metadata_age_seconds{issuer="https://a.test"} 120
metadata_consecutive_failures{issuer="https://a.test"} 2
ready{issuer="https://a.test"} 1
ready{issuer="https://b.test"} 1
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reg, m := newMetrics(t)
			for _, h := range test.sources {
				m.Watch(source(h))
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

// TestWatchReadsAtScrapeTime follows a real Consumer from its first token through an outage to its end.
func TestWatchReadsAtScrapeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		up := true
		c, err := consumer.New(consumer.Config{
			Issuer: issuer.URL(), Audience: []string{"https://api.test"},
			HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if !up {
					return nil, errors.New("down")
				}
				return issuer.Client().Transport.RoundTrip(r)
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Watch(c)
		says := func(want ...string) {
			t.Helper()
			text := scrape(t, reg)
			for _, series := range want {
				name, value, _ := strings.Cut(series, " ")
				if line := fmt.Sprintf("bearerkit_%s{issuer=\"https://issuer.test\"} %s\n", name, value); !strings.Contains(text, line) {
					t.Errorf("no %s in\n%s", line, text)
				}
			}
		}
		says("ready 0", "keys_held 0")
		_, _ = c.Verify(t.Context(), issuer.AccessToken().Sign())
		time.Sleep(90 * time.Second)
		says("ready 1", "keys_held 1", "key_age_seconds 90", "cache_entries 1", "cache_capacity 10000")
		up = false
		time.Sleep(time.Hour)
		_, _ = c.Verify(t.Context(), issuer.AccessToken().Sign())
		says("ready 1", "key_age_seconds 3690", "key_consecutive_failures 1")
		time.Sleep(24 * time.Hour)
		says("ready 0", "keys_held 0", "key_age_seconds 90090")
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWatchIsBounded checks that the first hundred issuers have their own label value and the others share one.
func TestWatchIsBounded(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	group := consumer.Health{Members: []consumer.Health{}}
	for i := range 300 {
		group.Members = append(group.Members, fetched(fmt.Sprintf("https://tenant%03d.test", i), i%7, i))
	}
	m.Watch(source(group))
	m.Watch(source{Issuer: "\xff"})
	n, err := testutil.GatherAndCount(reg, "bearerkit_ready")
	if err != nil || n != 101 {
		t.Errorf("%d series, want 101; error %v", n, err)
	}
	if text := scrape(t, reg); !strings.Contains(text, `bearerkit_ready{issuer="other"} 0`) {
		t.Error("one of the others is not ready, and it does not show")
	}
}

// TestWatchBadSources: what has no state to tell ends neither the scrape nor the process.
func TestWatchBadSources(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	m.Watch(nil)
	m.Watch((*consumer.Consumer)(nil))
	m.Watch(source(fetched("https://a.test", 1, 1)))
	if text := scrape(t, reg); !strings.Contains(text, `bearerkit_ready{issuer="https://a.test"} 1`) {
		t.Errorf("the good source is not there:\n%s", text)
	}
}

func TestOnStatus(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	down := errors.New("down")
	for _, call := range []struct {
		ctx   context.Context //nolint:containedctx // a row of a table
		check consumer.StatusCheck
	}{
		{t.Context(), consumer.StatusCheck{Active: true, Duration: 2 * time.Millisecond}},
		{t.Context(), consumer.StatusCheck{Active: true, Cached: true}},
		{gone, consumer.StatusCheck{Active: true, Cached: true}},
		{t.Context(), consumer.StatusCheck{}},
		{t.Context(), consumer.StatusCheck{Err: down}},
		{t.Context(), consumer.StatusCheck{Err: context.Canceled}},
		{late, consumer.StatusCheck{Err: context.DeadlineExceeded}},
		{gone, consumer.StatusCheck{Err: context.Canceled}},
	} {
		call.check.Issuer = "https://login.test"
		m.OnStatus(call.ctx, call.check)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP bearerkit_status_checks_total Checks of the status of verified tokens.
# TYPE bearerkit_status_checks_total counter
bearerkit_status_checks_total{cached="false",issuer="https://login.test",result="active"} 1
bearerkit_status_checks_total{cached="false",issuer="https://login.test",result="canceled"} 1
bearerkit_status_checks_total{cached="false",issuer="https://login.test",result="inactive"} 1
bearerkit_status_checks_total{cached="false",issuer="https://login.test",result="unavailable"} 3
bearerkit_status_checks_total{cached="true",issuer="https://login.test",result="active"} 2
`), "bearerkit_status_checks_total"); err != nil {
		t.Error(err)
	}
	if n, _ := testutil.GatherAndCount(reg, "bearerkit_status_check_duration_seconds"); n != 2 {
		t.Errorf("%d histograms, want 2", n)
	}
}
