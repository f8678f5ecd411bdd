package sqlstore_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// After kill -9 of the server during writes, everything that was acknowledged is there, and all records are complete. The process
// goes on.
func TestCrash_Server(t *testing.T) {
	t.Parallel()
	requireServices(t)
	for kind, dialect := range servers {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := engine.Start(t, kind, engine.Options{Durable: true})
			dsn := server.Database(t)
			s, ring := migrated(t, dialect, open(t, dialect, dsn)), keyring(t, "1")
			w := startWriting(t, s, ring)
			for range 3 {
				w.wait(t, 20)
				server.Kill()
				server.Restart(t)
			}
			w.wait(t, 1)
			w.end()
			wantRecords(t, s, ring, "writer", w.progress())
			wantLogged(t, dialect, dsn)
			wantRecovery(t, s)
		})
	}
}

// wantLogged checks that the log of changes has the keys of all entries, because one transaction writes both.
func wantLogged(t *testing.T, dialect sqlstore.Dialect, dsn string) {
	t.Helper()
	var entries, logged int
	err := open(t, dialect, dsn).QueryRowContext(t.Context(), `SELECT COUNT(*),
		(SELECT COUNT(DISTINCT e.entry_key) FROM bearerkit_entries e JOIN bearerkit_changes c ON c.entry_key = e.entry_key)
		FROM bearerkit_entries`).Scan(&entries, &logged)
	if err != nil || entries != logged || entries == 0 {
		t.Errorf("%d entries, %d of them in the log, error %v", entries, logged, err)
	}
}

// The variable names a database. It makes TestCrash_Writer write to it.
const crashVariable = "BEARERKIT_TEST_CRASH"

// After kill -9 of a process that writes, everything that was acknowledged is there, and all records are complete.
func TestCrash_Process(t *testing.T) {
	t.Parallel()
	requireServices(t)
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		dsn := newDSN(t, dialect)
		s, ring := migrated(t, dialect, open(t, dialect, dsn)), keyring(t, "1")
		for round := range 3 {
			acked := killWriter(t, dialect, dsn, round)
			wantRecords(t, s, ring, strconv.Itoa(round), acked)
		}
		wantLogged(t, dialect, dsn)
		wantRecovery(t, s)
	})
}

// killWriter starts a process that writes, kills it, and returns what was acknowledged.
func killWriter(t *testing.T, dialect sqlstore.Dialect, dsn string, round int) (acked progress) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash_Writer$", "-test.v")
	cmd.Env = append(os.Environ(), crashVariable+"="+strconv.Itoa(int(dialect))+" "+strconv.Itoa(round)+" "+dsn)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "acked ")
		if kind, err := strconv.Atoi(text); ok && err == nil {
			acked[kind]++
		}
		if slices.Min(acked[:]) >= 20 {
			_ = cmd.Process.Kill() // the pipe still has what the process has written
		}
	}
	_ = cmd.Wait() // it was killed
	if slices.Min(acked[:]) < 20 {
		t.Fatalf("the process has written %v records only", acked)
	}
	return acked
}

// TestCrash_Writer is the process that is killed. It does nothing in an ordinary run.
func TestCrash_Writer(t *testing.T) {
	t.Parallel()
	job := strings.SplitN(os.Getenv(crashVariable), " ", 3)
	if len(job) != 3 {
		return
	}
	number, err := strconv.Atoi(job[0])
	if err != nil {
		t.Fatal(err)
	}
	dialect := sqlstore.Dialect(number)
	s := migrated(t, dialect, open(t, dialect, job[2]))
	_, _ = io.WriteString(os.Stdout, "\n")
	write(t.Context(), s, keyring(t, "1"), job[1], func(kind int) {
		_, _ = io.WriteString(os.Stdout, "acked "+strconv.Itoa(kind)+"\n")
	})
}
