package engine_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
)

// A server whose disk is full still runs, and has its data when there is room again.
func TestDisk_Fill(t *testing.T) {
	t.Parallel()
	long(t)
	s := engine.Start(t, engine.PostgreSQL, engine.Options{DiskMB: 64})
	s.Admin(t, "CREATE TABLE t (a text)")
	s.Disk().Fill(t)
	got := s.Admin(t, `DO $$ BEGIN
INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 1000);
EXCEPTION WHEN disk_full THEN PERFORM set_config('test.full', 'yes', false);
END $$; SELECT current_setting('test.full', true);`)
	if strings.TrimSpace(got) != "yes" {
		t.Error("1000 rows were stored on a full disk")
	}
	s.Disk().Free(t)
	s.Admin(t, "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
}
