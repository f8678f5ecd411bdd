package otelauth

import (
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// WatchReceiver reports the Stats of source, a [*ssf.Receiver], whenever metrics are collected. Sources of the same issuer
// form one series.
//
// Call stop to remove the source. Further calls of stop have no effect. WatchReceiver ignores a nil source.
func (t *Telemetry) WatchReceiver(source interface{ Stats() ssf.Stats }) (stop func()) {
	if source == nil {
		return func() {}
	}
	return t.receivers.sources.add(func() named[ssf.Stats] {
		s := source.Stats()
		return named[ssf.Stats]{labels{issuer: t.issuers.label(s.Issuer)}, s}
	})
}

// createReceivers creates the instruments for Receivers, and returns them.
func (t *Telemetry) createReceivers(m *maker) []metric.Observable {
	b := builder[ssf.Stats]{maker: m, group: &t.receivers}
	b.count("bearerkit.ssf.outcomes", "{event}", "Security events by outcome.", parts[ssf.Stats]{
		{withOutcome(ssf.OutcomeDenied), always(func(s ssf.Stats) uint64 { return s.Denied })},
		{withOutcome(ssf.OutcomeNoted), always(func(s ssf.Stats) uint64 { return s.Noted })},
		{withOutcome(ssf.OutcomeDuplicate), always(func(s ssf.Stats) uint64 { return s.Duplicate })},
		{withOutcome(ssf.OutcomeUnknown), always(func(s ssf.Stats) uint64 { return s.Unknown })},
		{withOutcome(ssf.OutcomeUnmapped), always(func(s ssf.Stats) uint64 { return s.Unmapped })},
		{withOutcome(ssf.OutcomeRejected), always(func(s ssf.Stats) uint64 { return s.Rejected })},
		{withOutcome(ssf.OutcomeFailed), always(func(s ssf.Stats) uint64 { return s.Failed })},
	})
	b.seconds("bearerkit.ssf.accepted.age", "Time since an event last took effect or was a duplicate.", func(s ssf.Stats) (float64, bool) {
		return time.Since(s.LastAccepted).Seconds(), !s.LastAccepted.IsZero()
	})
	b.seconds("bearerkit.ssf.poll.age", "Time since the last response to a poll for events, or since polling began.", func(s ssf.Stats) (float64, bool) {
		return s.Poll.Age.Seconds(), s.Poll.Running > 0
	})
	b.worst("bearerkit.ssf.poll.consecutive_failures", "{failure}", "Failed polls for events since the last success.", func(s ssf.Stats) (float64, bool) {
		return float64(s.Poll.ConsecutiveFailures), s.Poll.Running > 0
	})
	b.count("bearerkit.ssf.polls", "{poll}", "Polls for events.", parts[ssf.Stats]{
		{withResult("ok"), ifPolled(func(p ssf.PollStats) uint64 { return p.Responses })},
		{withResult("timeout"), ifPolled(func(p ssf.PollStats) uint64 { return p.Timeouts })},
		{withResult("failed"), ifPolled(func(p ssf.PollStats) uint64 { return p.Failures })},
	})
	b.count("bearerkit.ssf.push.rejections", "{request}", "Requests with events that were rejected before the event was read.", parts[ssf.Stats]{
		{withCause("unauthorized"), always(func(s ssf.Stats) uint64 { return s.Push.Unauthorized })},
		{withCause("busy"), always(func(s ssf.Stats) uint64 { return s.Push.Busy })},
		{withCause("malformed"), always(func(s ssf.Stats) uint64 { return s.Push.Malformed })},
	})
	return b.observed
}

// The functions below set an attribute.

func withOutcome(value ssf.Outcome) func(*labels) {
	return func(l *labels) { l.outcome = string(value) }
}
func withResult(value string) func(*labels) { return func(l *labels) { l.poll = value } }
func withCause(value string) func(*labels)  { return func(l *labels) { l.why = value } }
func withState(value string) func(*labels)  { return func(l *labels) { l.lists = value } }

// ifPolled returns a reading of a count that does not apply to a Receiver whose Poll was never called.
func ifPolled(read func(ssf.PollStats) uint64) func(ssf.Stats) (float64, bool) {
	return func(s ssf.Stats) (float64, bool) {
		return float64(read(s.Poll)), s.Poll.Running > 0 || s.Poll.Responses+s.Poll.Timeouts+s.Poll.Failures > 0
	}
}

// WatchStore reports the statistics of source, a store of package store/redisstore or store/sqlstore, whenever metrics are
// collected. name becomes the attribute bearerkit.store: choose one such as "redis" or "sql", the same in all processes. If
// source also has a method RunStats, as that of store/sqlstore has, its result is reported too. Sources with the same name
// form one series.
//
// Call stop to remove the source. Further calls of stop have no effect. WatchStore ignores a nil source.
func (t *Telemetry) WatchStore(name string, source interface{ WatchStats() store.WatchStats }) (stop func()) {
	if source == nil {
		return func() {}
	}
	runner, _ := source.(interface{ RunStats() store.RunStats })
	return t.shared.sources.add(func() named[storeStats] {
		s := storeStats{watch: source.WatchStats()}
		if runner != nil {
			s.runs, s.run = true, runner.RunStats()
		}
		return named[storeStats]{labels{store: t.stores.label(name)}, s}
	})
}

// storeStats are the statistics of a shared store.
type storeStats struct {
	watch store.WatchStats
	runs  bool // false: the store has no expired rows to remove
	run   store.RunStats
}

// createShared creates the instruments for shared stores, and returns them. Those of Run do not apply to a store without it.
func (t *Telemetry) createShared(m *maker) []metric.Observable {
	b := builder[storeStats]{maker: m, group: &t.shared}
	b.level("bearerkit.watch.running", "{call}", "Running calls of Watch.", one(always(func(s storeStats) int { return s.watch.Running })))
	b.seconds("bearerkit.watch.behind", "Changes of the store that were saved longer ago than this have taken effect in the caches.",
		func(s storeStats) (float64, bool) { return s.watch.Behind.Seconds(), s.watch.Running > 0 })
	b.count("bearerkit.watch.failures", "{failure}", "Failed reads of the changes of the store.",
		one(always(func(s storeStats) uint64 { return s.watch.Failures })))
	b.count("bearerkit.watch.changes", "{entry}", "Changed entries that were received.",
		one(always(func(s storeStats) uint64 { return s.watch.Changes })))
	b.count("bearerkit.watch.removed", "{entry}", "Tokens and results that were removed from the caches.",
		one(always(func(s storeStats) uint64 { return s.watch.Removed })))
	b.count("bearerkit.watch.purges", "{purge}", "How often everything was removed from the caches.", parts[storeStats]{
		{withCause("started"), always(func(s storeStats) uint64 { return s.watch.Purges.Started })},
		{withCause("interrupted"), always(func(s storeStats) uint64 { return s.watch.Purges.Interrupted })},
		{withCause("flood"), always(func(s storeStats) uint64 { return s.watch.Purges.Flood })},
		{withCause("missed"), always(func(s storeStats) uint64 { return s.watch.Purges.Missed })},
		{withCause("silent"), always(func(s storeStats) uint64 { return s.watch.Purges.Silent })},
		{withCause("lost"), always(func(s storeStats) uint64 { return s.watch.Purges.Lost })},
	})
	b.level("bearerkit.cleanup.running", "{call}", "Running calls of Run, which removes expired rows.",
		one(func(s storeStats) (float64, bool) { return float64(s.run.Running), s.runs }))
	b.seconds("bearerkit.cleanup.age", "Time since all expired rows were removed, or since Run was called.",
		func(s storeStats) (float64, bool) { return s.run.Age.Seconds(), s.run.Running > 0 })
	b.count("bearerkit.cleanup.failures", "{failure}", "Failed attempts to remove expired rows.",
		one(func(s storeStats) (float64, bool) { return float64(s.run.Failures), s.runs }))
	b.count("bearerkit.cleanup.removed_rows", "{row}", "Expired rows that were removed.",
		one(func(s storeStats) (float64, bool) { return float64(s.run.Removed), s.runs }))
	return b.observed
}

// WatchLists reports the Stats of source, a [*statuslist.Lists], whenever metrics are collected. The lists of an issuer form
// one series, because their URLs come from tokens. Sources of the same issuer form one series.
//
// Call stop to remove the source. Further calls of stop have no effect. WatchLists ignores a nil source.
func (t *Telemetry) WatchLists(source interface{ Stats() statuslist.Stats }) (stop func()) {
	if source == nil {
		return func() {}
	}
	return t.lists.sources.add(func() named[statuslist.Stats] {
		s := source.Stats()
		return named[statuslist.Stats]{labels{issuer: t.issuers.label(s.Issuer)}, s}
	})
}

// createLists creates the instruments for status lists, and returns them. Idle lists have no age and no failures: no request needs them,
// and an age that grows would look like an outage.
func (t *Telemetry) createLists(m *maker) []metric.Observable {
	b := builder[statuslist.Stats]{maker: m, group: &t.lists}
	b.level("bearerkit.status_list.count", "{list}", "Status lists to which tokens refer.", parts[statuslist.Stats]{
		{withState("usable"), always(func(s statuslist.Stats) int { return len(listsIn(s, listUsable)) })},
		{withState("failed"), always(func(s statuslist.Stats) int { return len(listsIn(s, listFailed)) })},
		{withState("idle"), always(func(s statuslist.Stats) int { return len(listsIn(s, listIdle)) })},
	})
	b.seconds("bearerkit.status_list.age", "Time since the oldest status list in use was fetched.", func(s statuslist.Stats) (float64, bool) {
		return oldest(s, func(l statuslist.ListStats) time.Duration { return l.Age })
	})
	b.seconds("bearerkit.status_list.issued_age", "Time since the oldest status list in use was issued.", func(s statuslist.Stats) (float64, bool) {
		return oldest(s, func(l statuslist.ListStats) time.Duration { return time.Since(l.List.IssuedAt) })
	})
	b.worst("bearerkit.status_list.consecutive_failures", "{failure}", "Failed fetches since the last success, of the status list with the most failures.",
		func(s statuslist.Stats) (value float64, ok bool) {
			for _, l := range append(listsIn(s, listUsable), listsIn(s, listFailed)...) {
				value, ok = max(value, float64(l.ConsecutiveFailures)), true
			}
			return value, ok
		})
	b.count("bearerkit.status_list.rejections", "{token}", "Tokens that were rejected because of status lists.", parts[statuslist.Stats]{
		{withCause("invalid"), always(func(s statuslist.Stats) uint64 { return s.Rejected.Invalid })},
		{withCause("suspended"), always(func(s statuslist.Stats) uint64 { return s.Rejected.Suspended })},
		{withCause("other_status"), always(func(s statuslist.Stats) uint64 { return s.Rejected.Other })},
		{withCause("unlisted"), always(func(s statuslist.Stats) uint64 { return s.Rejected.Unlisted })},
		{withCause("malformed"), always(func(s statuslist.Stats) uint64 { return s.Rejected.Malformed })},
		{withCause("not_allowed"), always(func(s statuslist.Stats) uint64 { return s.Rejected.NotAllowed })},
		{withCause("out_of_range"), always(func(s statuslist.Stats) uint64 { return s.Rejected.OutOfRange })},
	})
	return b.observed
}

// listState is the state of a list, the value of the attribute bearerkit.status_list.state. A list that was not fetched yet is idle: its
// first fetch has neither succeeded nor failed.
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
