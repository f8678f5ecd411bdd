package store

import "time"

// WatchStats describes the calls of the Watch method of a shared store in this process, since the store was made. It is for
// metrics and alerts. Packages store/redisstore and store/sqlstore return it.
type WatchStats struct {
	// Running is the number of running calls of Watch. If it is 0, a token that another process denies is accepted for as long as
	// this process caches its status (StatusTTL of package consumer).
	Running int

	// Behind is how far the caches are behind the store: a change that was saved longer ago than Behind has taken effect in them.
	// Behind grows while the store cannot be read. Otherwise it is at most about two intervals of Config.PollInterval with Redis,
	// and one with SQL. Before the first successful read, it is the time since the call of Watch. If several calls are running, it
	// is the largest of their values. Zero: no call is running.
	Behind time.Duration

	// LastSuccess is when Watch last read the store successfully. Zero: never.
	LastSuccess time.Time

	// Failures counts the reads of the store that failed. ConsecutiveFailures counts those since the last success. If several calls
	// are running, it is the largest of their values. LastError is the error of the last failure, and nil after a success. It is for
	// logs: do not send it to clients.
	Failures            uint64
	ConsecutiveFailures int
	LastError           error

	// Changes counts the changed entries that Watch has received, including the changes of this process.
	Changes uint64

	// Removed counts the tokens and results that were removed from the caches, for any reason.
	Removed uint64

	// Purges counts how often everything was removed from the caches, by cause.
	Purges Purges
}

// Purges counts how often everything was removed from the caches, by cause. Such a removal is called a purge. After it, tokens are
// verified again, and their status is read again. If there are several causes at once, the last of them in this list is counted. With
// SQL, most purges are repeated once after 11 s, because transactions that had begun earlier may commit after the first purge. The
// second purge is counted with the same cause.
type Purges struct {
	// Started counts purges because Watch had just started: earlier changes are not known.
	Started uint64

	// Interrupted counts purges because the subscription to Redis was lost and has been renewed, or because the SQL database may have
	// lost rows, for example in a restart of its server.
	Interrupted uint64

	// Flood counts purges because too many entries have changed at once.
	Flood uint64

	// Missed counts purges because a change was not received: a message was lost or not readable, or a row was removed before Watch
	// had read it.
	Missed uint64

	// Silent counts purges because the store could not be read for Config.MaxSilence. From then on, there is a purge in each
	// interval until it can be read.
	Silent uint64

	// Lost counts purges because the store has lost changes that were saved, for example because a backup was restored. Denied
	// tokens may be accepted again.
	Lost uint64
}

// RunStats describes the calls of the Run method of a shared store in this process, which removes expired rows, since the store was
// made. It is for metrics and alerts. Package store/sqlstore returns it.
type RunStats struct {
	// Running is the number of running calls of Run. It may be 0 in this process if another process calls Run.
	Running int

	// LastPass is when the last complete pass over all tables ended. Zero: never.
	LastPass time.Time

	// Age is the time since the last complete pass of a running call of Run, or since the call if there was none yet. If it exceeds a
	// few minutes, passes fail, or more rows expire than Run removes. If several calls are running, it is the smallest of their
	// values, because one call that keeps up is enough. Zero: no call is running.
	Age time.Duration

	// Removed counts the removed rows.
	Removed uint64

	// Failures counts the passes that failed. ConsecutiveFailures counts those since the last complete pass. If several calls are
	// running, it is the largest of their values. LastError is the error of the last failure, and nil after a complete pass. It is
	// for logs: do not send it to clients.
	Failures            uint64
	ConsecutiveFailures int
	LastError           error
}
