package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// maxSkew is the most that a Consumer grants a token after its expiry.
const maxSkew = 5 * time.Minute

// denyList is a [consumer.TokenStatus] that knows the revoked tokens of one issuer, in this process. In earnest all
// processes share one.
type denyList struct {
	mu    sync.RWMutex         // guards until
	until map[string]time.Time // by jti
}

func newDenyList() *denyList { return &denyList{until: make(map[string]time.Time)} }

// Active implements [consumer.TokenStatus].
func (l *denyList) Active(_ context.Context, token consumer.StatusToken) (bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, revoked := l.until[token.ID()]
	return !revoked, nil
}

// add revokes token, and forgets those that have ended since they were revoked.
func (l *denyList) add(token consumer.StatusToken) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(l.until, func(_ string, end time.Time) bool { return end.Before(now) })
	l.until[token.ID()] = token.Expiry().Add(maxSkew)
}
