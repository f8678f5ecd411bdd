package registry

import (
	"testing"
	"time"
)

// The time that decides whether a secret has ended does not go backward with the wall clock, and does not stop while the
// machine sleeps.
func TestCaseX11_LaterOfTwoClocks(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		wall    time.Time
		elapsed time.Duration
		want    time.Duration // since started
	}{
		"both agree":                    {started.Add(time.Hour), time.Hour, time.Hour},
		"the machine slept":             {started.Add(72 * time.Hour), time.Hour, 72 * time.Hour},
		"the clock was set back":        {started.Add(-72 * time.Hour), time.Hour, time.Hour},
		"the clock was set forward":     {started.Add(72 * time.Hour), time.Second, 72 * time.Hour},
		"set back less than has passed": {started.Add(30 * time.Minute), time.Hour, time.Hour},
	} {
		if got := later(tt.wall, started, tt.elapsed); !got.Equal(started.Add(tt.want)) {
			t.Errorf("%s: %v after the start, want %v", name, got.Sub(started), tt.want)
		}
	}
}

// Authenticate rejects a secret that has ended by that time, although the wall clock says that it is still valid.
func TestCaseX11_EndedSecretStaysEnded(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(time.Hour)
	// Started two hours ahead: as if the wall clock had since been set back by two hours.
	r := &Registry{started: time.Now().Round(0).Add(2 * time.Hour)}
	u := use{of: secretRecord{ID: "x"}, now: func() time.Time { return later(time.Now(), r.started, 0) }}
	rec := &record{body: body{Confidential: true, Secrets: []secretRecord{{ID: "x", Hash: "h", NotAfter: ends}}}}
	if err := u.note(rec); err == nil {
		t.Error("note accepted a secret that had ended before the wall clock was set back")
	}
	if u.client != nil {
		t.Error("note returned the client")
	}
}
