package client

import (
	"errors"
	"sync"
	"time"
)

// signInBurst is the number of sign-ins that an API can cause at once, in addition to one in signInPause.
const signInBurst = 5

// signInBudget limits the sign-ins that an API causes, and that do not get it further. Limits for each requirement are not
// enough, because an API could require something else in each response. The zero value is a full budget. It is safe for
// concurrent use.
type signInBudget struct {
	mu   sync.Mutex
	full time.Time // when the budget is full again; only limits a rate, so the monotonic clock is enough
}

var errTooManySignIns = errors.New("the API has caused too many sign-ins; the next one is possible in 30 seconds")

// isSpent reports whether no sign-in is allowed now.
func (b *signInBudget) isSpent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.full) > (signInBurst-1)*signInPause
}

// spend counts one sign-in.
func (b *signInBudget) spend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(signInPause)
}
