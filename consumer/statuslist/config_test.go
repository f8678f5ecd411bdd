package statuslist_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
)

// New reports all faults, and each error names its field.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(*statuslist.Config)
		want []string
	}{
		"empty":                 {func(c *statuslist.Config) { *c = statuslist.Config{} }, []string{"Config.Issuer"}},
		"issuer without TLS":    {func(c *statuslist.Config) { c.Issuer = "http://issuer.test" }, []string{"Config.URLs", "InsecureAllowHTTP"}},
		"issuer without server": {func(c *statuslist.Config) { c.Issuer = "accounts.example" }, []string{"Config.URLs"}},
		"URLs without TLS":      {func(c *statuslist.Config) { c.URLs = []string{"http://issuer.test/"} }, []string{"Config.URLs"}},
		"URLs with a query":     {func(c *statuslist.Config) { c.URLs = []string{"https://issuer.test/?x"} }, []string{"Config.URLs"}},
		"URLs with dots":        {func(c *statuslist.Config) { c.URLs = []string{"https://issuer.test/a/../"} }, []string{"Config.URLs"}},
		"URLs empty":            {func(c *statuslist.Config) { c.URLs = []string{""} }, []string{"Config.URLs"}},
		"MinTTL":                {func(c *statuslist.Config) { c.MinTTL = time.Millisecond }, []string{"Config.MinTTL"}},
		"MinTTL negative":       {func(c *statuslist.Config) { c.MinTTL = -1 }, []string{"Config.MinTTL"}},
		"MaxTTL":                {func(c *statuslist.Config) { c.MaxTTL = 25 * time.Hour }, []string{"Config.MaxTTL"}},
		"MinTTL beyond MaxTTL":  {func(c *statuslist.Config) { c.MinTTL, c.MaxTTL = time.Minute, time.Second }, []string{"MinTTL", "RefreshInterval"}},
		"RefreshInterval":       {func(c *statuslist.Config) { c.RefreshInterval = 2 * time.Hour; c.MaxTTL = time.Hour }, []string{"Config.RefreshInterval"}},
		"RefreshInterval short": {func(c *statuslist.Config) { c.RefreshInterval = time.Second }, []string{"Config.RefreshInterval"}},
		"MaxLists":              {func(c *statuslist.Config) { c.MaxLists = 1025 }, []string{"Config.MaxLists"}},
		"MaxLists negative":     {func(c *statuslist.Config) { c.MaxLists = -1 }, []string{"Config.MaxLists"}},
		"MaxListBytes":          {func(c *statuslist.Config) { c.MaxListBytes = 65 << 20 }, []string{"Config.MaxListBytes"}},
		"MaxListBytes negative": {func(c *statuslist.Config) { c.MaxListBytes = -1 }, []string{"Config.MaxListBytes"}},
		"Timeout":               {func(c *statuslist.Config) { c.Timeout = time.Hour }, []string{"Config.Timeout"}},
		"AlsoActive VALID":      {func(c *statuslist.Config) { c.AlsoActive = []statuslist.Status{0} }, []string{"Config.AlsoActive", "VALID"}},
		"AlsoActive INVALID":    {func(c *statuslist.Config) { c.AlsoActive = []statuslist.Status{3, 1} }, []string{"Config.AlsoActive", "INVALID"}},
		"AlsoActive SUSPENDED":  {func(c *statuslist.Config) { c.AlsoActive = []statuslist.Status{2} }, []string{"Config.AlsoActive", "SUSPENDED"}},
		"Preload elsewhere":     {func(c *statuslist.Config) { c.Preload = []string{"https://evil.test/1"} }, []string{"Config.Preload"}},
		"Preload too many":      {func(c *statuslist.Config) { c.Preload = make([]string, 65) }, []string{"Config.Preload", "MaxLists"}},
		"AggregationURL":        {func(c *statuslist.Config) { c.AggregationURL = "http://issuer.test/all" }, []string{"Config.AggregationURL"}},
		"MetadataURL and Keys":  {func(c *statuslist.Config) { c.MetadataURL = "https://issuer.test/m" }, []string{"MetadataURL"}},
		"Algorithms":            {func(c *statuslist.Config) { c.Algorithms = []string{"none"} }, []string{"Algorithms"}},
		"HMAC with public keys": {func(c *statuslist.Config) { c.Algorithms = []string{"HS256"} }, []string{"Algorithms"}},
		"ClockSkew":             {func(c *statuslist.Config) { c.ClockSkew = time.Hour }, []string{"ClockSkew"}},
		"PublicAddressesOnly":   {func(c *statuslist.Config) { c.PublicAddressesOnly = true }, []string{"PublicAddressesOnly"}},
		"several":               {func(c *statuslist.Config) { c.MaxLists, c.Timeout, c.ClockSkew = -1, -1, time.Hour }, []string{"MaxLists", "Timeout", "ClockSkew"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := statuslist.Config{
				Issuer: "https://issuer.test", Keys: jwks.Static{{ID: "1", Algorithm: "EdDSA", Public: make([]byte, 32)}},
				HTTPClient: &http.Client{Transport: roundTripper(nil)},
			}
			test.edit(&cfg)
			lists, err := statuslist.New(cfg)
			if err == nil || lists != nil {
				t.Fatalf("New: %v, %v, want an error", lists, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %q", err, want)
				}
			}
		})
	}
}

// A Config with these values is accepted.
func TestConfigsAtTheirLimits(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*statuslist.Config){
		"only the issuer": func(*statuslist.Config) {},
		"long interval":   func(c *statuslist.Config) { c.RefreshInterval = 12 * time.Hour },
		"short MaxTTL":    func(c *statuslist.Config) { c.MaxTTL = time.Minute },
		"largest": func(c *statuslist.Config) {
			c.MaxTTL, c.MaxLists, c.MaxListBytes, c.Timeout = 24*time.Hour, 1024, 64<<20, time.Minute
		},
		"http":        func(c *statuslist.Config) { c.Issuer, c.InsecureAllowHTTP = "http://issuer.test", true },
		"loopback":    func(c *statuslist.Config) { c.Issuer = "http://127.0.0.1:8080" },
		"public only": func(c *statuslist.Config) { c.PublicAddressesOnly = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := statuslist.Config{Issuer: "https://issuer.test"}
			edit(&cfg)
			if _, err := statuslist.New(cfg); err != nil {
				t.Error(err)
			}
		})
	}
}

// The connection to an internal address is rejected if PublicAddressesOnly is set, although the URL is allowed.
func TestPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, func(c *statuslist.Config) {
		c.HTTPClient, c.PublicAddressesOnly = nil, true
		c.URLs = []string{"http://127.0.0.1:1/"}
	})
	w.expect(t, w.token(reference(0, "http://127.0.0.1:1/list")), "status_unavailable")
	if err := w.lists.Stats().Lists[0].LastError; err == nil || !strings.Contains(err.Error(), "not public") {
		t.Errorf("error %v, want that the address is not public", err)
	}
}

// OnRefresh and Stats describe the list.
func TestReports(t *testing.T) {
	t.Parallel()
	reports := make(chan statuslist.Refresh, 1)
	w := newWorld(t, 2, func(c *statuslist.Config) {
		c.OnRefresh = func(_ context.Context, r statuslist.Refresh) { reports <- r }
	})
	if got := w.lists.Stats(); len(got.Lists) != 0 {
		t.Errorf("Stats before the first token: %v", got)
	}
	w.expect(t, w.at(0), "")
	got := <-reports
	if got.Duration <= 0 || got.List.IssuedAt.IsZero() || !got.List.Expires.After(got.List.IssuedAt) {
		t.Errorf("times of %+v", got)
	}
	info := statuslist.ListInfo{Bits: 2, Statuses: 64, IssuedAt: got.List.IssuedAt, Expires: got.List.Expires}
	want := statuslist.Refresh{Issuer: w.issuer.URL(), URL: w.list.URL(), Cause: "expired", Duration: got.Duration, List: info}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OnRefresh: %s", diff)
	}
	stats := w.lists.Stats().Lists
	if len(stats) != 1 || stats[0].FetchedAt.IsZero() {
		t.Fatalf("Stats: %+v", stats)
	}
	wanted := statuslist.ListStats{URL: w.list.URL(), List: info, Usable: true, FetchedAt: stats[0].FetchedAt, Age: stats[0].Age}
	if diff := cmp.Diff(wanted, stats[0]); diff != "" {
		t.Errorf("Stats: %s", diff)
	}
}

// Errors say to which class they belong.
func TestErrorClasses(t *testing.T) {
	t.Parallel()
	for err, other := range map[error]error{statuslist.ErrRejected: statuslist.ErrUnavailable} {
		if errors.Is(err, other) || errors.Is(other, err) {
			t.Errorf("%v matches %v", err, other)
		}
	}
}
