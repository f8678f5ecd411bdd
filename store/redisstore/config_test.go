package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store/redisstore"
)

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	cluster := func(change func(*redis.ClusterOptions)) redis.UniversalClient {
		o := &redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true}
		change(o)
		return redis.NewClusterClient(o)
	}
	tests := map[string]struct {
		cfg  redisstore.Config
		want []string // in the error; nil: no error
	}{
		"defaults": {redisstore.Config{Client: client}, nil},
		"all set": {redisstore.Config{
			Client: client, Prefix: "p", Timeout: time.Second, ClockSkew: time.Second, PollInterval: time.Second, MaxSilence: time.Second,
		}, nil},
		"cluster":       {redisstore.Config{Client: cluster(func(*redis.ClusterOptions) {})}, nil},
		"no client":     {redisstore.Config{}, []string{"Config.Client is required"}},
		"nil client":    {redisstore.Config{Client: (*redis.Client)(nil)}, []string{"Config.Client contains a nil value"}},
		"nil cluster":   {redisstore.Config{Client: (*redis.ClusterClient)(nil)}, []string{"Config.Client contains a nil value"}},
		"nil wrapper":   {redisstore.Config{Client: (*wrapped)(nil)}, []string{"Config.Client contains a nil value"}},
		"no deadlines":  {redisstore.Config{Client: redis.NewClient(&redis.Options{})}, []string{"ContextTimeoutEnabled"}},
		"ring":          {redisstore.Config{Client: redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true})}, []string{"redis.Ring"}},
		"replicas":      {redisstore.Config{Client: cluster(func(o *redis.ClusterOptions) { o.ReadOnly = true })}, []string{"replicas"}},
		"nearest":       {redisstore.Config{Client: cluster(func(o *redis.ClusterOptions) { o.RouteByLatency = true })}, []string{"replicas"}},
		"random":        {redisstore.Config{Client: cluster(func(o *redis.ClusterOptions) { o.RouteRandomly = true })}, []string{"replicas"}},
		"cluster, both": {redisstore.Config{Client: cluster(func(o *redis.ClusterOptions) { o.ReadOnly, o.ContextTimeoutEnabled = true, false })}, []string{"replicas", "ContextTimeoutEnabled"}},
		"brace":         {redisstore.Config{Client: client, Prefix: "a{b}"}, []string{"Config.Prefix"}},
		"space":         {redisstore.Config{Client: client, Prefix: "my api"}, []string{"Config.Prefix"}},
		"line end":      {redisstore.Config{Client: client, Prefix: "a\n"}, []string{"Config.Prefix"}},
		"other signs":   {redisstore.Config{Client: client, Prefix: "a:b*ä%s[x]"}, nil},
		"long prefix":   {redisstore.Config{Client: client, Prefix: strings.Repeat("a", 65)}, []string{"Config.Prefix"}},
		"negative times": {redisstore.Config{Client: client, Timeout: -1, ClockSkew: -1, PollInterval: -1, MaxSilence: -2}, []string{
			"Config.Timeout", "Config.ClockSkew", "Config.PollInterval", "Config.MaxSilence",
		}},
		"long times": {redisstore.Config{Client: client, Timeout: time.Hour, ClockSkew: time.Hour, PollInterval: time.Hour}, []string{
			"Config.Timeout", "Config.ClockSkew", "Config.PollInterval",
		}},
		"silence is shorter than the interval": {redisstore.Config{Client: client, PollInterval: 2 * time.Second, MaxSilence: time.Second}, []string{"Config.MaxSilence"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := redisstore.New(tt.cfg)
			if (err == nil) != (tt.want == nil) || (s == nil) != (err != nil) {
				t.Fatalf("New = %v, %v", s, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
}

// Each method returns soon after its context has ended, and reports the end of the context.
func TestTimeout_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: answering(t, ""), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	s := newStore(t, client, func(c *redisstore.Config) { c.Timeout = 100 * time.Millisecond })
	_, marked := mark(t, s, "key", "a")
	_, found := s.Lookup(t.Context(), "a")
	for what, err := range map[string]error{
		"Mark": marked, "Lookup": found, "Save": save(t, s, "a"), "Delete": s.Delete(t.Context(), "a"), "Check": s.Check(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "Config.Timeout") || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v, want one that names the method and Config.Timeout", what, err)
		}
	}
}

// wrapped is a client of a type that the package does not know.
type wrapped struct{ *redis.Client }
