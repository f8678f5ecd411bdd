package sqlstore

import (
	"testing"
	"testing/synctest"
	"time"
)

// The size of a batch follows the time that the last one took, within limits. The pause is at least three times as long.
func TestBatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size     int
		took     time.Duration
		wantSize int
		pause    time.Duration
	}{
		"very fast":             {size: 100, took: 0, wantSize: 200, pause: 5 * time.Millisecond},
		"fast":                  {size: 50, took: 2 * time.Millisecond, wantSize: 100, pause: 6 * time.Millisecond},
		"fast, largest batch":   {size: 200, took: time.Millisecond, wantSize: 200, pause: 5 * time.Millisecond},
		"as intended":           {size: 100, took: 4 * time.Millisecond, wantSize: 100, pause: 12 * time.Millisecond},
		"slow":                  {size: 200, took: 6 * time.Millisecond, wantSize: 100, pause: 18 * time.Millisecond},
		"slow, smallest batch":  {size: 50, took: 20 * time.Millisecond, wantSize: 50, pause: 60 * time.Millisecond},
		"slow disk, long pause": {size: 60, took: time.Second, wantSize: 50, pause: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := batch{size: test.size}
				start := time.Now()
				if err := b.wait(t.Context(), test.took); err != nil {
					t.Fatal(err)
				}
				if pause := time.Since(start); b.size != test.wantSize || pause != test.pause {
					t.Errorf("size %d after %s, want %d after %s", b.size, pause, test.wantSize, test.pause)
				}
			})
		})
	}
}
