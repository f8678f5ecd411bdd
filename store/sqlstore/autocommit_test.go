package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// Without autocommit, a look-up reads an old snapshot, and a used proof is not committed.
func TestCheckAutocommit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server; not with -short")
	}
	dsn := newDSN(t, sqlstore.MariaDB)
	s := storeOf(t, open(t, sqlstore.MariaDB, dsn), sqlstore.MariaDB)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	s = storeOf(t, open(t, sqlstore.MariaDB, dsn+separator+"autocommit=0"), sqlstore.MariaDB)
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "autocommit") {
		t.Errorf("Check returned %v, expected an error about autocommit", err)
	}
}
