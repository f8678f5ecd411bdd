package jwks

import (
	"strings"
	"sync"
	"time"
)

const (
	maxUnknown = 1024
	unknownFor = 30 * time.Second
)

// unknownIDs remembers the kids that the issuer was asked for in vain, so that a flood of them costs a map lookup. The
// set is looked at first: a refresh that brings the kid needs to remove nothing here.
type unknownIDs struct {
	mu    sync.Mutex // guards until
	until map[string]time.Time
}

func (u *unknownIDs) has(kid string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	until, ok := u.until[kid]
	return ok && time.Now().Before(until)
}

// add starts over when the memory is full. What is forgotten costs a call of the limiter, no fetch.
func (u *unknownIDs) add(kid string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.until) >= maxUnknown || u.until == nil {
		u.until = make(map[string]time.Time)
	}
	u.until[strings.Clone(kid)] = time.Now().Add(unknownFor) // a substring would keep the whole token in memory
}
