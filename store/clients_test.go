package store_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/storetest"
)

// The three say the same, though none imports another.
var (
	_ registry.Store        = (*store.Clients)(nil)
	_ registry.Store        = storetest.ClientStore(nil)
	_ storetest.ClientStore = registry.Store(nil)
)

func TestClients(t *testing.T) {
	t.Parallel()
	storetest.Clients(t, func(*testing.T) storetest.ClientStore { return store.NewClients() })
}

func TestClients_ZeroValue(t *testing.T) {
	t.Parallel()
	storetest.Clients(t, func(*testing.T) storetest.ClientStore { return new(store.Clients) })
}
