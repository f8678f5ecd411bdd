package sqlstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// Without autocommit, a look-up reads an old snapshot, and a used proof is not committed. Migrate and Check notice it, whether the
// data source name or the server has turned it off. The change that the error suggests helps.
func TestCheckAutocommit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server; not with -short")
	}
	dsn, initialized := newDSN(t, sqlstore.MariaDB), newDSN(t, sqlstore.MariaDB)
	name := initialized[strings.LastIndex(initialized, "/")+1:]
	server := engine.Shared(t, engine.MariaDB)
	server.Admin(t, fmt.Sprintf("SET GLOBAL init_connect = \"SET autocommit = IF(DATABASE() = '%s', 0, 1)\"", name))
	t.Cleanup(func() { server.Admin(t, "SET GLOBAL init_connect = ''") })
	for _, tt := range []struct {
		dsn string
		on  bool
	}{
		{dsn, true}, {dsn + "?autocommit=0", false}, {initialized, false}, {initialized + "?autocommit=1", true},
	} {
		s, err := sqlstore.New(sqlstore.Config{DB: open(t, sqlstore.MariaDB, tt.dsn), Dialect: sqlstore.MariaDB, InsecureSkipServerCheck: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{s.Migrate(t.Context()), s.Check(t.Context()), s.Migrate(t.Context())} {
			noticed := err != nil && strings.Contains(err.Error(), "autocommit=1") && strings.Contains(err.Error(), "init_connect")
			if noticed == tt.on || tt.on && err != nil {
				t.Errorf("autocommit %v: error %v", tt.on, err)
			}
		}
		if !tt.on {
			continue
		}
		backdate(t, s)
		wantUse(t, s, "proof", true)
		if n := count(t, open(t, sqlstore.MariaDB, tt.dsn), "bearerkit_marks WHERE expires < 9000000000000000000"); n != 1 {
			t.Errorf("%d proofs are stored, want 1", n)
		}
	}
}

// If the server turns autocommit off while a process runs, its new connections do not store proofs, and Mark notices it.
func TestMark_Autocommit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server; not with -short")
	}
	dsn := newDSN(t, sqlstore.MariaDB)
	db := open(t, sqlstore.MariaDB, dsn)
	s := storeOf(t, db, sqlstore.MariaDB)
	backdate(t, s)
	wantUse(t, s, "before", true)
	db.SetMaxOpenConns(1)
	for _, on := range []int{0, 1} {
		do(t, db, fmt.Sprintf("SET SESSION autocommit = %d", on)) // as init_connect does for a new connection
		first, err := use(t, s, "proof")
		if on == 1 && (err != nil || !first) || on == 0 && (first || err == nil || !strings.Contains(err.Error(), "autocommit is off")) {
			t.Errorf("autocommit = %d: %t, %v", on, first, err)
		}
	}
	wantUse(t, s, "before", false)
}
