package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// requireServices skips a test that takes long, except in the run that tests all services.
func requireServices(t testing.TB) {
	t.Helper()
	if os.Getenv("BEARERKIT_REQUIRE_SERVICES") != "1" {
		t.Skip("takes long: run make interop")
	}
}

// operation is one method of the stores.
type operation struct {
	writes bool
	do     func(ctx context.Context, s *sqlstore.Store, key string) error
}

// operations returns the methods that a process calls while it serves requests. key is new for each call.
func operations(ring seal.Sealer) map[string]operation {
	all := map[string]operation{
		"Delete": {true, func(ctx context.Context, s *sqlstore.Store, key string) error { return s.Delete(ctx, key) }},
		"Check":  {true, func(ctx context.Context, s *sqlstore.Store, _ string) error { return s.Check(ctx) }},
		"Mark": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			_, err := s.Mark(ctx, key, "proof", time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
			return err
		}},
		"Save of access": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			return s.Save(ctx, "access:"+key, entryOf(key))
		}},
		"Clients.Update": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			_, err := s.Clients().Update(ctx, clientOf(key))
			return err
		}},
		"Clients.Delete": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			_, err := s.Clients().Delete(ctx, key)
			return err
		}},
		"Clients.ByName": {false, func(ctx context.Context, s *sqlstore.Store, key string) error {
			_, err := s.Clients().ByName(ctx, key, nil, 0, 10)
			return err
		}},
		"Authorizations.Delete": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			return s.Authorizations().Delete(ctx, key, "alice")
		}},
		"Tokens.Delete": {true, func(ctx context.Context, s *sqlstore.Store, key string) error { return s.Tokens(ring).Delete(ctx, key) }},
		"Tokens.Lock": {true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			unlock, err := s.Tokens(ring).Lock(ctx, key)
			if err == nil {
				unlock()
			}
			return err
		}},
	}
	for i, r := range records() {
		all["save of kind "+strconv.Itoa(i)] = operation{true, func(ctx context.Context, s *sqlstore.Store, key string) error {
			return r.save(ctx, s, ring, key)
		}}
		all["load of kind "+strconv.Itoa(i)] = operation{false, func(ctx context.Context, s *sqlstore.Store, key string) error {
			_, _, err := r.load(ctx, s, ring, key)
			return err
		}}
	}
	return all
}

var calls atomic.Int64 // makes the keys of operations unique

// call calls all operations at the same time. It fails the test if one does not return. For each it returns the error.
func call(t *testing.T, s *sqlstore.Store) map[string]error {
	t.Helper()
	results := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, op := range operations(keyring(t, "1")) {
		all.Go(func() {
			err := op.do(t.Context(), s, "call:"+strconv.FormatInt(calls.Add(1), 10))
			mu.Lock()
			defer mu.Unlock()
			results[name] = err
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("an operation has not returned after a minute")
	}
	return results
}

// faultyServer is a database server that can be made to fail, and the network in front of it.
type faultyServer struct {
	*engine.Server
	proxy *engine.Proxy
}

// fault is a state of a server.
type fault struct {
	begin, end    func(t *testing.T, s faultyServer)
	reads, writes error // what operations return; nil means that they work
}

func faults() map[string]fault {
	return map[string]fault{
		"down": {
			begin: func(_ *testing.T, s faultyServer) { s.Kill() },
			end:   func(t *testing.T, s faultyServer) { s.Restart(t) },
			reads: sqlstore.ErrUnavailable, writes: sqlstore.ErrUnavailable,
		},
		"paused": {
			begin: func(t *testing.T, s faultyServer) { s.Pause(t) },
			end:   func(t *testing.T, s faultyServer) { s.Resume(t) },
			reads: sqlstore.ErrUnavailable, writes: sqlstore.ErrUnavailable,
		},
		"the network hangs": {
			begin: func(_ *testing.T, s faultyServer) { s.proxy.Hang(true) },
			end:   func(_ *testing.T, s faultyServer) { s.proxy.Hang(false) },
			reads: sqlstore.ErrUnavailable, writes: sqlstore.ErrUnavailable,
		},
		"the network resets connections": {
			begin: func(_ *testing.T, s faultyServer) { s.proxy.Redirect("") },
			end:   func(_ *testing.T, s faultyServer) { s.proxy.Redirect(s.Addr()) },
			reads: sqlstore.ErrUnavailable, writes: sqlstore.ErrUnavailable,
		},
		"read-only": {
			begin:  func(t *testing.T, s faultyServer) { s.ReadOnly(t, true) },
			end:    func(t *testing.T, s faultyServer) { s.ReadOnly(t, false) },
			writes: sqlstore.ErrReadOnly,
		},
		"no connections": {
			begin: takeConnections,
			end: func(t *testing.T, s faultyServer) {
				if s.Kind() == engine.MariaDB {
					s.Admin(t, "SET GLOBAL max_connections = 200")
				} else {
					s.Admin(t, "ALTER ROLE api CONNECTION LIMIT -1")
				}
			},
			reads: sqlstore.ErrUnavailable, writes: sqlstore.ErrUnavailable,
		},
	}
}

// takeConnections leaves no connection for the store.
func takeConnections(t *testing.T, s faultyServer) {
	t.Helper()
	if s.Kind() == engine.PostgreSQL {
		s.Admin(t, "ALTER ROLE api CONNECTION LIMIT 0")
		s.proxy.Reset()
		return
	}
	const least = 10 // MariaDB allows no lower limit
	s.Admin(t, "SET GLOBAL max_connections = "+strconv.Itoa(least))
	s.proxy.Reset()
	others := open(t, sqlstore.MariaDB, s.DSN("t1", s.Addr()))
	taken := 0
	eventually(t, "all connections are taken", func() bool { // the server takes a moment to close the others
		_, err := others.Conn(t.Context())
		if err == nil {
			taken++
		}
		return err != nil && taken >= least
	})
}

// servers are the kinds of database servers.
var servers = map[engine.Kind]sqlstore.Dialect{engine.PostgreSQL: sqlstore.PostgreSQL, engine.MariaDB: sqlstore.MariaDB}

// newFaultyServer starts a server, and returns the data source name of a database through the proxy.
func newFaultyServer(t *testing.T, kind engine.Kind, o engine.Options) (faultyServer, string) {
	t.Helper()
	s := engine.Start(t, kind, o)
	proxy := engine.NewProxy(t, s.Addr())
	s.Database(t)
	return faultyServer{s, proxy}, s.DSN("t1", proxy.Addr())
}

// migrated returns a Store with a short timeout on a new database.
func migrated(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect, Timeout: time.Second, InsecureSkipServerCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantResults checks what all operations return.
func wantResults(t *testing.T, s *sqlstore.Store, reads, writes error) {
	t.Helper()
	all := operations(keyring(t, "1"))
	for name, err := range call(t, s) {
		want := reads
		if all[name].writes {
			want = writes
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
}

// wantRecovery waits until all operations work again, with the same Store.
func wantRecovery(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	eventually(t, "all operations work", func() bool {
		for _, err := range call(t, s) {
			if err != nil {
				return false
			}
		}
		return true
	})
}

// While a server fails, every operation returns an error of the right class within its timeout, and a Guard responds with 503.
// Afterwards, everything works again in the same process, and nothing that was acknowledged is lost.
func TestFaults_Servers(t *testing.T) {
	t.Parallel()
	requireServices(t)
	for kind, dialect := range servers {
		for name, tt := range faults() {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				t.Parallel()
				server, dsn := newFaultyServer(t, kind, engine.Options{})
				s := migrated(t, dialect, open(t, dialect, dsn))
				if err := s.Save(t.Context(), "before", store.Entry{Before: time.Now()}); err != nil {
					t.Fatal(err)
				}
				a, token := newAPI(t, s), testIssuer().AccessToken().Sign()
				if got := a.get(t, token); got != http.StatusOK {
					t.Fatalf("before: status %d, reason %q", got, a.lastReason())
				}
				backdate(t, s)
				proofs := newProofAPI(t, s)
				proofs.wantProof(t, nil)
				tt.begin(t, server)
				wantResults(t, s, tt.reads, tt.writes)
				wantStatus(t, a, token, tt.reads)
				proofs.wantProof(t, tt.writes)
				tt.end(t, server)
				wantRecovery(t, s)
				backdate(t, s) // a server that was restarted may have lost marks
				proofs.wantProof(t, nil)
				if got := a.get(t, token); got != http.StatusOK {
					t.Errorf("afterwards: status %d, reason %q", got, a.lastReason())
				}
				if found, err := s.Lookup(t.Context(), "before"); err != nil || len(found) != 1 {
					t.Errorf("an entry of before: %v, %v", found, err)
				}
			})
		}
	}
}

// wantStatus checks the response to a request whose token's status must be read.
func wantStatus(t *testing.T, a *api, token string, reads error) {
	t.Helper()
	got := a.get(t, token)
	if reads == nil && got != http.StatusOK {
		t.Errorf("a token: status %d, reason %q, want 200", got, a.lastReason())
	}
	if reads != nil && (got != http.StatusServiceUnavailable || a.lastReason() != consumer.ReasonStatusUnavailable) {
		t.Errorf("a token: status %d, reason %q, want 503", got, a.lastReason())
	}
}

// On a full disk, entries can be read, and cannot be saved. The first error may come late, because files have free space.
func TestFaults_FullDisk(t *testing.T) {
	t.Parallel()
	requireServices(t)
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		var disk *engine.Disk
		var db *sql.DB
		if dialect == sqlstore.SQLite {
			disk = engine.NewDisk(t, 4)
			db = open(t, dialect, filepath.Join(disk.Dir, "kit.db"))
		} else {
			server, dsn := newFaultyServer(t, engine.Kind(dialect.String()), engine.Options{DiskMB: 96})
			disk, db = server.Disk(), open(t, dialect, dsn)
		}
		s := migrated(t, dialect, db)
		a, token := newAPI(t, s), testIssuer().AccessToken().Sign()
		backdate(t, s)
		proofs := newProofAPI(t, s)
		proofs.wantProof(t, nil)
		disk.Fill(t)
		saved := 0
		var err error
		for ; saved < 20000 && err == nil; saved++ {
			err = s.Save(t.Context(), "entry:"+strconv.Itoa(saved), store.Entry{Before: time.Now()})
		}
		if !errors.Is(err, sqlstore.ErrFull) {
			t.Errorf("after %d entries: error %v, want ErrFull", saved, err)
		}
		wantStatus(t, a, token, nil)
		fillMarks(t, s)
		proofs.wantProof(t, sqlstore.ErrFull)
		disk.Free(t)
		wantRecovery(t, s)
		backdate(t, s)
		proofs.wantProof(t, nil)
		for i := range saved - 1 {
			if found, err := s.Lookup(t.Context(), "entry:"+strconv.Itoa(i)); err != nil || len(found) != 1 {
				t.Fatalf("acknowledged entry %d: %v, %v", i, found, err)
			}
		}
	})
}

// A standby takes over. Everything that was acknowledged is there, and the process goes on.
func TestFaults_Failover(t *testing.T) {
	t.Parallel()
	requireServices(t)
	for kind, dialect := range servers {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			primary, standby := engine.Pair(t, kind, engine.Options{})
			primary.Database(t)
			proxy := engine.NewProxy(t, primary.Addr())
			dsn := primary.DSN("t1", proxy.Addr())
			if kind == engine.PostgreSQL { // its driver finds the primary among several servers
				dsn = primary.DSN("t1", primary.Addr()+","+standby.Addr()) + "&target_session_attrs=read-write"
			}
			s, ring := migrated(t, dialect, open(t, dialect, dsn)), keyring(t, "1")
			w := startWriting(t, s, ring)
			w.wait(t, 20)
			primary.Kill()
			standby.Promote(t)
			proxy.Redirect(standby.Addr())
			wantRecovery(t, s)
			w.wait(t, 20)
			w.end()
			wantRecords(t, s, ring, "writer", w.progress())
		})
	}
}

// While another process holds the lock of writers, entries can be read, and writing returns an error in time.
func TestFaults_SQLiteLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kit.db")
	s := migrated(t, sqlstore.SQLite, open(t, sqlstore.SQLite, path))
	other, err := open(t, sqlstore.SQLite, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	a, token := newAPI(t, s), testIssuer().AccessToken().Sign()
	results := call(t, s)
	for name, want := range map[string]error{"load of kind 0": nil, "save of kind 0": sqlstore.ErrUnavailable, "Delete": sqlstore.ErrUnavailable} {
		if err := results[name]; !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	wantStatus(t, a, token, nil)
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	wantRecovery(t, s)
}

// A file that cannot be written can be read. A file that is not a database cannot be used.
func TestFaults_SQLiteFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "kit.db"), filepath.Join(folder, "bad.db")
	migrated(t, sqlstore.SQLite, open(t, sqlstore.SQLite, good))
	if err := os.WriteFile(bad, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		dsn           string
		reads, writes error
	}{
		"read-only":      {"file:" + filepath.ToSlash(good) + "?mode=ro", nil, sqlstore.ErrReadOnly},
		"not a database": {"file:" + filepath.ToSlash(bad), sqlstore.ErrUnavailable, sqlstore.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open("sqlite", tt.dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, InsecureSkipServerCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			wantResults(t, s, tt.reads, tt.writes)
			wantStatus(t, newAPI(t, s), testIssuer().AccessToken().Sign(), tt.reads)
		})
	}
}
