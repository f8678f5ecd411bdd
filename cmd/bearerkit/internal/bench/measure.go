package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// showEvery is the interval at which the progress is shown.
const showEvery = 200 * time.Millisecond

// measure sends the requests of all kinds, one kind after the other, and adds the results to r. When the API is unavailable or
// overloaded, it skips the kinds that remain.
func measure(ctx context.Context, env *cli.Env, r *report, all []*load) *report {
	progress := env.Progress()
	defer progress.Done()
	for i, l := range all {
		m := newMeasurement(l)
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(ctx, r.target, r.opts, l, m)
		}()
		watch(progress, fmt.Sprintf("%d/%d %s", i+1, len(all), l.kind), r.opts, m, done)
		r.results = append(r.results, m)
		if ctx.Err() != nil {
			r.interrupted = true
			return r
		}
		if m.stopped && m.transient {
			for _, rest := range all[i+1:] {
				r.skipped = append(r.skipped, rest.kind)
			}
			return r
		}
	}
	return r
}

// watch shows the progress of a kind until done is closed.
func watch(progress *cli.Progress, name string, o Options, m *measurement, done <-chan struct{}) {
	start := time.Now()
	ticker := time.NewTicker(showEvery)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		count, elapsed := m.progress(), time.Since(start)
		progress.Step(fmt.Sprintf("%s %3.0f%%  %d responses, %.0f per second",
			name, 100*share(count, elapsed, m.load.limit, o.Duration), count, float64(count)/elapsed.Seconds()))
	}
}

// share returns how much of a kind is done, from 0 to 1, by its limit of requests or its limit of time, whichever is closer.
func share(count int, elapsed time.Duration, limit int, duration time.Duration) float64 {
	done := elapsed.Seconds() / duration.Seconds()
	if limit > 0 {
		done = max(done, float64(count)/float64(limit))
	}
	return min(done, 1)
}
