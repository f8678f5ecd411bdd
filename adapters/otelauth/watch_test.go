package otelauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// health is a source that never changes.
type health consumer.Health

func (h health) Health() consumer.Health { return consumer.Health(h) }

const bothOfOne = `
bearerkit.cache.evictions {token} counter 5 bearerkit.issuer=https://a.test
bearerkit.cache.limit {token} updowncounter 20 bearerkit.issuer=https://a.test
bearerkit.cache.usage {token} updowncounter 4 bearerkit.issuer=https://a.test
bearerkit.key.age s gauge 120 bearerkit.issuer=https://a.test
bearerkit.key.consecutive_failures {failure} gauge 5 bearerkit.issuer=https://a.test
bearerkit.key.count {key} updowncounter 1 bearerkit.issuer=https://a.test bearerkit.key.state=unusable
bearerkit.key.count {key} updowncounter 2 bearerkit.issuer=https://a.test bearerkit.key.state=usable
bearerkit.metadata.age s gauge 3600 bearerkit.issuer=https://a.test
bearerkit.metadata.consecutive_failures {failure} gauge 6 bearerkit.issuer=https://a.test
bearerkit.ready {issuer} gauge 0 bearerkit.issuer=https://a.test`

func TestWatch(t *testing.T) {
	t.Parallel()
	good := health{
		Issuer: "https://a.test", Ready: true,
		Keys:     jwks.Stats{Keys: 2, Unusable: 1, LastSuccess: time.Unix(1, 0), Age: time.Minute},
		Metadata: consumer.MetadataHealth{LastSuccess: time.Unix(1, 0), Age: time.Hour},
		Cache:    consumer.CacheHealth{Size: 10, Entries: 3, Evictions: 4},
	}
	bad := health{
		Issuer:   "https://a.test",
		Keys:     jwks.Stats{LastSuccess: time.Unix(1, 0), Age: 2 * time.Minute, ConsecutiveFailures: 5, LastError: errors.New("secret")},
		Metadata: consumer.MetadataHealth{ConsecutiveFailures: 6, LastError: errors.New("secret")},
		Cache:    consumer.CacheHealth{Size: 10, Entries: 1, Evictions: 1},
	}
	fetched := consumer.Health(good)
	fetched.Cache = consumer.CacheHealth{}
	shared := fetched
	shared.SharesKeys = true
	cold := health{Issuer: "https://cold.test"}
	byHand := health{Issuer: "https://hand.test", Ready: true}
	group := health{
		Cache:   consumer.CacheHealth{Size: 5},
		Members: []consumer.Health{consumer.Health(byHand), consumer.Health(cold)},
	}
	tests := []struct {
		name    string
		sources []health
		want    string
	}{
		{"nothing", nil, ""},
		{"a consumer", []health{good}, `
bearerkit.cache.evictions {token} counter 4 bearerkit.issuer=https://a.test
bearerkit.cache.limit {token} updowncounter 10 bearerkit.issuer=https://a.test
bearerkit.cache.usage {token} updowncounter 3 bearerkit.issuer=https://a.test
bearerkit.key.age s gauge 60 bearerkit.issuer=https://a.test
bearerkit.key.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://a.test
bearerkit.key.count {key} updowncounter 1 bearerkit.issuer=https://a.test bearerkit.key.state=unusable
bearerkit.key.count {key} updowncounter 2 bearerkit.issuer=https://a.test bearerkit.key.state=usable
bearerkit.metadata.age s gauge 3600 bearerkit.issuer=https://a.test
bearerkit.metadata.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://a.test
bearerkit.ready {issuer} gauge 1 bearerkit.issuer=https://a.test`},
		{"two of one issuer", []health{good, bad}, bothOfOne},
		{"two of one issuer that share their keys", []health{{Members: []consumer.Health{fetched, shared}}}, `
bearerkit.key.age s gauge 60 bearerkit.issuer=https://a.test
bearerkit.key.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://a.test
bearerkit.key.count {key} updowncounter 1 bearerkit.issuer=https://a.test bearerkit.key.state=unusable
bearerkit.key.count {key} updowncounter 2 bearerkit.issuer=https://a.test bearerkit.key.state=usable
bearerkit.metadata.age s gauge 3600 bearerkit.issuer=https://a.test
bearerkit.metadata.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://a.test
bearerkit.ready {issuer} gauge 1 bearerkit.issuer=https://a.test`},
		{"two of one issuer, the good one first", []health{{Members: []consumer.Health{consumer.Health(good), consumer.Health(bad)}}}, bothOfOne},
		{"two of one issuer, the bad one first", []health{{Members: []consumer.Health{consumer.Health(bad), consumer.Health(good)}}}, bothOfOne},
		{"a group of keys by hand and a cold start", []health{group}, `
bearerkit.cache.evictions {token} counter 0
bearerkit.cache.limit {token} updowncounter 5
bearerkit.cache.usage {token} updowncounter 0
bearerkit.key.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://cold.test
bearerkit.key.count {key} updowncounter 0 bearerkit.issuer=https://cold.test bearerkit.key.state=unusable
bearerkit.key.count {key} updowncounter 0 bearerkit.issuer=https://cold.test bearerkit.key.state=usable
bearerkit.metadata.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://cold.test
bearerkit.metadata.consecutive_failures {failure} gauge 0 bearerkit.issuer=https://hand.test
bearerkit.ready {issuer} gauge 0 bearerkit.issuer=https://cold.test
bearerkit.ready {issuer} gauge 1 bearerkit.issuer=https://hand.test`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t, false)
			var stops []func()
			for _, source := range test.sources {
				stops = append(stops, r.Watch(source))
			}
			if diff := cmp.Diff(strings.TrimSpace(test.want), r.metrics(t)); diff != "" {
				t.Error(diff)
			}
			for _, stop := range stops {
				stop()
				stop()
			}
			if left := r.metrics(t); left != "" {
				t.Errorf("still reported after stop:\n%s", left)
			}
		})
	}
}

// A nil source, or a nil pointer in an interface, is ignored. It must not end the process when metrics are collected.
func TestCaseX20_WatchNil(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	for _, source := range []interface{ Health() consumer.Health }{nil, (*consumer.Consumer)(nil), (*consumer.Group)(nil)} {
		defer r.Watch(source)()
	}
	if got := r.metrics(t); got != "" {
		t.Errorf("recorded:\n%s", got)
	}
}
