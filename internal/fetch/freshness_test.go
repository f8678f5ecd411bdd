package fetch_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

func TestK16_Freshness(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for name, test := range map[string]struct {
		header http.Header
		want   time.Duration
		ok     bool
	}{
		"nothing":            {http.Header{}, 0, false},
		"other directives":   {http.Header{"Cache-Control": {"public, immutable"}}, 0, false},
		"max-age":            {http.Header{"Cache-Control": {"public, max-age=60"}}, time.Minute, true},
		"first max-age":      {http.Header{"Cache-Control": {"max-age=60", "max-age=30"}}, time.Minute, true},
		"quoted":             {http.Header{"Cache-Control": {`Max-Age="60"`}}, time.Minute, true},
		"not a number":       {http.Header{"Cache-Control": {"max-age=soon"}}, 0, true},
		"minus Age":          {http.Header{"Cache-Control": {"max-age=60"}, "Age": {"90"}}, -30 * time.Second, true},
		"no-store":           {http.Header{"Cache-Control": {"max-age=60, no-store"}}, 0, true},
		"Expires":            {http.Header{"Expires": {at(time.Hour)}}, time.Hour, true},
		"Expires with Date":  {http.Header{"Expires": {at(time.Hour)}, "Date": {at(30 * time.Minute)}}, 30 * time.Minute, true},
		"Expires 0":          {http.Header{"Expires": {"0"}}, 0, true},
		"max-age is greater": {http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 4294967295 * time.Second, true},
	} {
		if got, ok := fetch.Freshness(test.header, now); got != test.want || ok != test.ok {
			t.Errorf("%s: %v, %v, want %v, %v", name, got, ok, test.want, test.ok)
		}
	}
}
