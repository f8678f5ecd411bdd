package watching

import (
	"testing"
	"time"
)

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	for pass, want := range map[time.Duration]time.Duration{
		0:                     100 * time.Millisecond,
		time.Millisecond:      100 * time.Millisecond,
		20 * time.Millisecond: 400 * time.Millisecond,
		time.Second:           time.Second,
		time.Minute:           time.Second,
	} {
		if got := pauseAfter(pass); got != want {
			t.Errorf("after a pass of %v: %v, want %v", pass, got, want)
		}
	}
}
