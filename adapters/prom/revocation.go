package prom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// WatchReceiver adds the Stats of source, a [*ssf.Receiver], to every later scrape. Sources of the same issuer form one
// series. A source cannot be removed. WatchReceiver ignores a nil source.
func (m *Metrics) WatchReceiver(source interface{ Stats() ssf.Stats }) {
	if source == nil {
		return
	}
	m.receivers.add(func() []labeled[ssf.Stats] {
		s := source.Stats()
		return []labeled[ssf.Stats]{{m.issuers.label(s.Issuer), s}}
	})
}

// receiverReadings returns all metrics of the Stats of a Receiver.
func receiverReadings() []reading[ssf.Stats] {
	t := table[ssf.Stats]{label: "issuer"}
	t.gauge("ssf_accepted_age_seconds", "Time since an event last took effect or was a duplicate.", func(s ssf.Stats) (float64, bool) {
		return time.Since(s.LastAccepted).Seconds(), !s.LastAccepted.IsZero()
	}, most)
	t.gauge("ssf_poll_age_seconds", "Time since the last response to a poll for events, or since polling began.", func(s ssf.Stats) (float64, bool) {
		return s.Poll.Age.Seconds(), s.Poll.Running > 0
	}, most)
	t.gauge("ssf_poll_consecutive_failures", "Failed polls for events since the last success.", func(s ssf.Stats) (float64, bool) {
		return float64(s.Poll.ConsecutiveFailures), s.Poll.Running > 0
	}, most)
	t.divided(prometheus.CounterValue, "ssf_polls_total", "Polls for events.", "result", parts[ssf.Stats]{
		{fine, ifPolled(func(p ssf.PollStats) uint64 { return p.Responses })},
		{"timeout", ifPolled(func(p ssf.PollStats) uint64 { return p.Timeouts })},
		{"failed", ifPolled(func(p ssf.PollStats) uint64 { return p.Failures })},
	})
	t.divided(prometheus.CounterValue, "ssf_outcomes_total", "Security events by outcome.", "outcome", parts[ssf.Stats]{
		{string(ssf.OutcomeDenied), always(func(s ssf.Stats) uint64 { return s.Denied })},
		{string(ssf.OutcomeNoted), always(func(s ssf.Stats) uint64 { return s.Noted })},
		{string(ssf.OutcomeDuplicate), always(func(s ssf.Stats) uint64 { return s.Duplicate })},
		{string(ssf.OutcomeUnknown), always(func(s ssf.Stats) uint64 { return s.Unknown })},
		{string(ssf.OutcomeUnmapped), always(func(s ssf.Stats) uint64 { return s.Unmapped })},
		{string(ssf.OutcomeRejected), always(func(s ssf.Stats) uint64 { return s.Rejected })},
		{string(ssf.OutcomeFailed), always(func(s ssf.Stats) uint64 { return s.Failed })},
	})
	t.divided(prometheus.CounterValue, "ssf_push_rejections_total",
		"Requests with events that were rejected before the event was read.", "cause", parts[ssf.Stats]{
			{"unauthorized", always(func(s ssf.Stats) uint64 { return s.Push.Unauthorized })},
			{"busy", always(func(s ssf.Stats) uint64 { return s.Push.Busy })},
			{"malformed", always(func(s ssf.Stats) uint64 { return s.Push.Malformed })},
		})
	return t.readings
}

// ifPolled returns a reading of a count that does not apply to a Receiver whose Poll was never called.
func ifPolled(read func(ssf.PollStats) uint64) func(ssf.Stats) (float64, bool) {
	return func(s ssf.Stats) (float64, bool) {
		return float64(read(s.Poll)), s.Poll.Running > 0 || s.Poll.Responses+s.Poll.Timeouts+s.Poll.Failures > 0
	}
}

// WatchStore adds the statistics of source, a store of package store/redisstore or store/sqlstore, to every later scrape.
// name becomes the label store: choose one such as "redis" or "sql", the same in all processes. If source also has a method
// RunStats, as that of store/sqlstore has, its result is added too. Sources with the same name form one series. A source
// cannot be removed. WatchStore ignores a nil source.
func (m *Metrics) WatchStore(name string, source interface{ WatchStats() store.WatchStats }) {
	if source == nil {
		return
	}
	runner, _ := source.(interface{ RunStats() store.RunStats })
	m.shared.add(func() []labeled[storeStats] {
		s := storeStats{watch: source.WatchStats()}
		if runner != nil {
			s.runs, s.run = true, runner.RunStats()
		}
		return []labeled[storeStats]{{m.stores.label(name), s}}
	})
}

// storeStats are the statistics of a shared store.
type storeStats struct {
	watch store.WatchStats
	runs  bool // false: the store has no expired rows to remove
	run   store.RunStats
}

// storeReadings returns all metrics of a shared store. Those of Run do not apply to a store without it.
func storeReadings() []reading[storeStats] {
	t := table[storeStats]{label: "store"}
	t.gauge("watch_running", "Running calls of Watch.", always(func(s storeStats) int { return s.watch.Running }), sum)
	t.gauge("watch_behind_seconds", "Changes of the store that were saved longer ago than this have taken effect in the caches.", func(s storeStats) (float64, bool) {
		return s.watch.Behind.Seconds(), s.watch.Running > 0
	}, most)
	t.counter("watch_failures_total", "Failed reads of the changes of the store.", always(func(s storeStats) uint64 { return s.watch.Failures }))
	t.counter("watch_changes_total", "Changed entries that were received.", always(func(s storeStats) uint64 { return s.watch.Changes }))
	t.counter("watch_removed_total", "Tokens and results that were removed from the caches.", always(func(s storeStats) uint64 { return s.watch.Removed }))
	t.divided(prometheus.CounterValue, "watch_purges_total", "How often everything was removed from the caches.", "cause", parts[storeStats]{
		{"started", always(func(s storeStats) uint64 { return s.watch.Purges.Started })},
		{"interrupted", always(func(s storeStats) uint64 { return s.watch.Purges.Interrupted })},
		{"flood", always(func(s storeStats) uint64 { return s.watch.Purges.Flood })},
		{"missed", always(func(s storeStats) uint64 { return s.watch.Purges.Missed })},
		{"silent", always(func(s storeStats) uint64 { return s.watch.Purges.Silent })},
		{"lost", always(func(s storeStats) uint64 { return s.watch.Purges.Lost })},
	})
	t.gauge("cleanup_running", "Running calls of Run, which removes expired rows.", func(s storeStats) (float64, bool) {
		return float64(s.run.Running), s.runs
	}, sum)
	t.gauge("cleanup_age_seconds", "Time since all expired rows were removed, or since Run was called.", func(s storeStats) (float64, bool) {
		return s.run.Age.Seconds(), s.run.Running > 0
	}, most)
	t.counter("cleanup_failures_total", "Failed attempts to remove expired rows.", func(s storeStats) (float64, bool) {
		return float64(s.run.Failures), s.runs
	})
	t.counter("cleanup_removed_rows_total", "Expired rows that were removed.", func(s storeStats) (float64, bool) {
		return float64(s.run.Removed), s.runs
	})
	return t.readings
}

// WatchLists adds the Stats of source, a [*statuslist.Lists], to every later scrape. The lists of an issuer form one series,
// because their URLs come from tokens. Sources of the same issuer form one series. A source cannot be removed. WatchLists
// ignores a nil source.
func (m *Metrics) WatchLists(source interface{ Stats() statuslist.Stats }) {
	if source == nil {
		return
	}
	m.lists.add(func() []labeled[statuslist.Stats] {
		s := source.Stats()
		return []labeled[statuslist.Stats]{{m.issuers.label(s.Issuer), s}}
	})
}

// listReadings returns all metrics of the Stats of a Lists. Idle lists have no age and no failures: no request needs them, and
// an age that grows would look like an outage.
func listReadings() []reading[statuslist.Stats] {
	t := table[statuslist.Stats]{label: "issuer"}
	t.divided(prometheus.GaugeValue, "status_lists", "Status lists to which tokens refer.", "state", parts[statuslist.Stats]{
		{"usable", always(func(s statuslist.Stats) int { return len(listsIn(s, listUsable)) })},
		{"failed", always(func(s statuslist.Stats) int { return len(listsIn(s, listFailed)) })},
		{"idle", always(func(s statuslist.Stats) int { return len(listsIn(s, listIdle)) })},
	})
	t.gauge("status_list_age_seconds", "Time since the oldest status list in use was fetched.", func(s statuslist.Stats) (float64, bool) {
		return oldest(s, func(l statuslist.ListStats) time.Duration { return l.Age })
	}, most)
	t.gauge("status_list_issued_age_seconds", "Time since the oldest status list in use was issued.", func(s statuslist.Stats) (float64, bool) {
		return oldest(s, func(l statuslist.ListStats) time.Duration { return time.Since(l.List.IssuedAt) })
	}, most)
	t.gauge("status_list_consecutive_failures", "Failed fetches since the last success, of the status list with the most failures.",
		func(s statuslist.Stats) (value float64, ok bool) {
			for _, l := range append(listsIn(s, listUsable), listsIn(s, listFailed)...) {
				value, ok = max(value, float64(l.ConsecutiveFailures)), true
			}
			return value, ok
		}, most)
	t.divided(prometheus.CounterValue, "status_list_rejections_total", "Tokens that were rejected because of status lists.", "cause", parts[statuslist.Stats]{
		{"invalid", always(func(s statuslist.Stats) uint64 { return s.Rejected.Invalid })},
		{"suspended", always(func(s statuslist.Stats) uint64 { return s.Rejected.Suspended })},
		{"other_status", always(func(s statuslist.Stats) uint64 { return s.Rejected.Other })},
		{"unlisted", always(func(s statuslist.Stats) uint64 { return s.Rejected.Unlisted })},
		{"malformed", always(func(s statuslist.Stats) uint64 { return s.Rejected.Malformed })},
		{"not_allowed", always(func(s statuslist.Stats) uint64 { return s.Rejected.NotAllowed })},
		{"out_of_range", always(func(s statuslist.Stats) uint64 { return s.Rejected.OutOfRange })},
	})
	return t.readings
}

// listState is the state of a list, the value of the label state. A list that was not fetched yet is idle: its first fetch has neither
// succeeded nor failed.
type listState int

const (
	listUsable listState = iota // tokens can be checked
	listFailed                  // tokens get 503
	listIdle                    // the list is fetched when a token refers to it
)

// stateOf returns the state of a list.
func stateOf(l statuslist.ListStats) listState {
	switch {
	case l.Idle:
		return listIdle
	case l.Usable:
		return listUsable
	case l.ConsecutiveFailures > 0:
		return listFailed
	}
	return listIdle
}

// listsIn returns the lists that are in a state.
func listsIn(s statuslist.Stats, state listState) (lists []statuslist.ListStats) {
	for _, l := range s.Lists {
		if stateOf(l) == state {
			lists = append(lists, l)
		}
	}
	return lists
}

// oldest returns the largest age of the lists in use.
func oldest(s statuslist.Stats, age func(statuslist.ListStats) time.Duration) (seconds float64, ok bool) {
	for _, l := range listsIn(s, listUsable) {
		seconds, ok = max(seconds, age(l).Seconds()), true
	}
	return seconds, ok
}
