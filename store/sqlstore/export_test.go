package sqlstore

import "time"

// SetLease sets the time after which a lock that is not renewed becomes free.
func (t *Tokens) SetLease(d time.Duration) { t.locks.lease = d }
