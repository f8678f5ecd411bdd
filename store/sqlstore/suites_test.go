package sqlstore_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/storetest"
)

func TestStorage(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		storetest.Storage(t, func(t *testing.T) store.Storage {
			s, _ := emptyStore(t, dialect)
			return s
		})
	})
}

func TestReplays(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		storetest.Replays(t, func(t *testing.T) storetest.ReplayStore {
			s, _ := emptyStore(t, dialect)
			return s
		})
	})
}
