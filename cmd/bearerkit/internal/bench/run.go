package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// pause is how long a worker waits after a failure, so that failures cause no storm of requests.
const pause = 100 * time.Millisecond

// runner sends the requests of one kind.
type runner struct {
	target *target
	opts   Options
	load   *load
	result *measurement

	start time.Time
	end   time.Time    // no request starts later
	next  atomic.Int64 // the number of the next request
}

// run sends the requests of one kind until a limit is reached, everything fails, or ctx ends. Requests that are under way when the
// time is over are completed; those under way when ctx ends are not counted.
func run(ctx context.Context, t *target, o Options, l *load, m *measurement) {
	r := &runner{target: t, opts: o, load: l, result: m, start: time.Now()}
	r.end = r.start.Add(o.Duration)
	workers := o.Concurrency
	if l.limit > 0 {
		workers = min(workers, l.limit)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { r.work(ctx) })
	}
	all.Wait()
	m.elapsed = time.Since(r.start)
}

// work sends requests over one connection, which it replaces if necessary.
func (r *runner) work(ctx context.Context) {
	var c *conn
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for {
		number, due, ok := r.take(ctx)
		if !ok {
			return
		}
		if c != nil && time.Since(c.used) > maxIdle {
			c.close()
			c = nil
		}
		var good bool
		c, good = r.send(ctx, c, number, due)
		if !good {
			wait(ctx, pause)
		}
	}
}

// take returns the number of the next request and the time at which it is due, after waiting for that time. ok is false if no
// further request may be sent.
func (r *runner) take(ctx context.Context) (number int, due time.Time, ok bool) {
	if r.over(ctx) {
		return 0, due, false
	}
	number = int(r.next.Add(1) - 1)
	if r.load.limit > 0 && number >= r.load.limit {
		return 0, due, false
	}
	if r.opts.Rate > 0 {
		due = r.start.Add(time.Duration(number) * time.Second / time.Duration(r.opts.Rate))
		if !due.Before(r.end) {
			return 0, due, false
		}
		wait(ctx, time.Until(due))
	}
	return number, due, !r.over(ctx)
}

// over reports whether no further request may start.
func (r *runner) over(ctx context.Context) bool {
	return ctx.Err() != nil || !time.Now().Before(r.end) || r.result.isStopped()
}

// send sends one request over c, or over a new connection if c is nil. It returns the connection for the next request, or nil. good
// is false if the attempt failed.
func (r *runner) send(ctx context.Context, c *conn, number int, due time.Time) (next *conn, good bool) {
	if c == nil {
		raw, err := r.target.dial(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.result.lost(err, false)
			}
			return nil, false
		}
		c = newConn(raw)
	}
	if r.opts.Rate == 0 {
		due = time.Now()
	}
	status, reusable, err := c.exchange(ctx, r.opts.Method, r.load.requests[number%len(r.load.requests)], r.opts.Timeout)
	now := time.Now()
	if err != nil || !reusable {
		c.close()
		c = nil
	}
	switch {
	case ctx.Err() != nil && err != nil: // the interruption is the reason
		return c, false
	case err != nil:
		r.result.lost(err, true)
		return c, false
	}
	return c, r.result.response(status, now.Sub(due), now.Sub(r.start))
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
