package watching_test

import (
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/internal/watching"
)

// Start does not wait for a check. One check runs at a time, and one that is due meanwhile runs afterwards.
func TestChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var checks watching.Checks
		running, done := 0, 0
		end := make(chan struct{})
		for i, test := range []struct {
			due                   bool
			ends                  bool // the running check, before the call of Start
			wantRunning, wantDone int
		}{
			{due: false},
			{due: true, wantRunning: 1},
			{due: false, wantRunning: 1},
			{due: true, wantRunning: 1},
			{due: true, wantRunning: 1},
			{ends: true, wantRunning: 1, wantDone: 1},
			{ends: true, wantDone: 2},
			{due: false, wantDone: 2},
			{due: true, wantRunning: 1, wantDone: 2},
		} {
			if test.ends {
				end <- struct{}{}
				synctest.Wait()
			}
			checks.Start(test.due, func() {
				running++
				<-end
				running--
				done++
			})
			synctest.Wait()
			if running != test.wantRunning || done != test.wantDone {
				t.Errorf("call %d: %d checks are running and %d have ended, want %d and %d", i, running, done, test.wantRunning, test.wantDone)
			}
		}
		go func() { end <- struct{}{} }()
		if checks.Wait(); running != 0 || done != 3 {
			t.Errorf("after Wait, %d checks are running and %d have ended", running, done)
		}
	})
}
