package sqlstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// New returns all faults together, and each names its field.
func TestNew_Faults(t *testing.T) {
	t.Parallel()
	db := open(t, sqlstore.SQLite, filepath.Join(t.TempDir(), "kit.db"))
	for name, tt := range map[string]struct {
		change func(*sqlstore.Config)
		want   []string
	}{
		"nothing is wrong":   {func(*sqlstore.Config) {}, nil},
		"the longest times":  {func(c *sqlstore.Config) { c.Timeout, c.MaxSilence = 10*time.Second, 24*time.Hour }, nil},
		"a long interval":    {func(c *sqlstore.Config) { c.PollInterval = time.Minute }, nil},
		"everything missing": {func(c *sqlstore.Config) { *c = sqlstore.Config{} }, []string{"Config.DB", "Config.Dialect"}},
		"unknown dialect":    {func(c *sqlstore.Config) { c.Dialect = 9 }, []string{"Config.Dialect"}},
		"times": {
			func(c *sqlstore.Config) { c.Timeout, c.ClockSkew, c.PollInterval, c.MaxSilence = -1, 1, 1, 1<<62 },
			[]string{"Config.Timeout", "Config.ClockSkew", "Config.PollInterval", "Config.MaxSilence"},
		},
		"long timeout":                 {func(c *sqlstore.Config) { c.Timeout = time.Minute }, []string{"Config.Timeout"}},
		"MaxSilence below the default": {func(c *sqlstore.Config) { c.MaxSilence = 500 * time.Millisecond }, []string{"Config.MaxSilence"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := sqlstore.Config{DB: db, Dialect: sqlstore.SQLite}
			tt.change(&cfg)
			_, err := sqlstore.New(cfg)
			if (err == nil) != (tt.want == nil) {
				t.Errorf("New: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New: %v, want %s", err, want)
				}
			}
		})
	}
}

// Open creates a file that only its owner can read, also if its name has characters with a meaning in URLs.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"kit.db", "a b?c#d%41&mode=memory.db", "ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := storeOf(t, open(t, sqlstore.SQLite, path), sqlstore.SQLite)
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("%s: Check: %v", name, err)
		}
		for _, suffix := range []string{"", "-wal"} {
			if file, err := os.Stat(path + suffix); err != nil || file.Mode().Perm() != 0o600 {
				t.Errorf("%s%s: %v, %v", name, suffix, file, err)
			}
		}
	}
	for _, path := range []string{"", ":memory:", filepath.Join(t.TempDir(), "missing", "kit.db"), t.TempDir()} {
		if db, err := sqlite.Open(path); err == nil {
			_ = db.Close()
			t.Errorf("Open(%q) has no error", path)
		}
	}
}
