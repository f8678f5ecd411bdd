package redisstore_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
	"github.com/bearerkit/bearerkit/store/storetest"
)

// openEmpty returns a function that opens a store without entries on one server. Each store has its own prefix.
func openEmpty(t *testing.T) func(t *testing.T) *redisstore.Store {
	t.Helper()
	client := newServer(t).client(t)
	var stores atomic.Int32
	return func(t *testing.T) *redisstore.Store {
		t.Helper()
		return newStore(t, client, func(c *redisstore.Config) { c.Prefix = "store" + strconv.Itoa(int(stores.Add(1))) })
	}
}

func TestStorageSuite(t *testing.T) {
	t.Parallel()
	open := openEmpty(t)
	storetest.Storage(t, func(t *testing.T) store.Storage { return open(t) })
}

func TestReplaysSuite(t *testing.T) {
	t.Parallel()
	open := openEmpty(t)
	storetest.Replays(t, func(t *testing.T) storetest.ReplayStore { return open(t) })
}
