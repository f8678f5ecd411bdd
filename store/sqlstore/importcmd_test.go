package sqlstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // TestCrossauth_Times must not depend on the machine

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
	"github.com/bearerkit/bearerkit/store/sqlstore/internal/importcmd"
)

// command runs bearerkit-import in this process.
func command(t testing.TB, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = importcmd.Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

// places returns the flags and variables for an import between two databases.
func places(dialect sqlstore.Dialect, from, to string) (args []string, env map[string]string) {
	kind := strings.ToLower(dialect.String())
	args = []string{"-from", kind, "-to", kind}
	if dialect == sqlstore.SQLite {
		return append(args, "-from-file", from, "-to-file", to), nil
	}
	return args, map[string]string{"BEARERKIT_IMPORT_FROM": from, "BEARERKIT_IMPORT_TO": to}
}

// The program imports between two databases of each kind. It creates the tables, and its exit code says whether rows are left.
func TestImportCommand(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutPrisma(), false), newDSN(t, dialect)
		source.fill()
		args, env := places(dialect, source.dsn, target)
		args = append(args, "-layout", "prisma")
		if dialect == sqlstore.SQLite { // bearerkit-import creates the file; a dry run does not need the tables
			open(t, dialect, target)
		}
		code, out, errs := command(t, env, append(args, "-dry-run")...)
		if code != 0 || !strings.Contains(out, "Dry run: nothing was stored") || errs != "" {
			t.Errorf("dry run: %d\n%s%s", code, out, errs)
		}
		code, out, errs = command(t, env, append(args, "-json")...)
		var report crossauth.Report
		if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil || errs != "" {
			t.Fatalf("exit code %d, %v\n%s", code, err, errs)
		}
		wantReport(t, &report, filled())
		wantImported(t, connect(t, dialect, target))

		source.client("bad", true, "", nil, nil)
		code, out, errs = command(t, env, args...)
		for _, part := range []string{
			"OAuthClient, client_id \"bad\": client_name must have", "Rejected (1):", "s:        sessions (2): ",
		} {
			if !strings.Contains(out, part) {
				t.Errorf("the report does not contain %q", part)
			}
		}
		if code != 3 || errs != "" {
			t.Errorf("with a rejected row: %d, want 3\n%s%s", code, out, errs)
		}
	})
}

// Wrong flags are reported together. No message contains a data source name.
func TestImportCommand_Usage(t *testing.T) {
	t.Parallel()
	const dsn = "postgres://api:secret-password@127.0.0.1:1/db"
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(dsn+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BEARERKIT_IMPORT_FROM": dsn, "BEARERKIT_IMPORT_TO": dsn}
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		code int
		want []string
	}{
		"help":             {nil, []string{"-help"}, 0, []string{"Usage: bearerkit-import", "-dry-run"}},
		"nothing":          {nil, nil, 2, []string{`-from is ""`, `-to is ""`}},
		"unknown flag":     {nil, []string{"-force"}, 2, []string{"flag provided but not defined"}},
		"argument":         {env, []string{"-from", "postgresql", "-to", "postgresql", dsn[:8]}, 2, []string{"unexpected argument"}},
		"no file":          {nil, []string{"-from", "sqlite", "-to", "sqlite", "-to-file", "x"}, 2, []string{"-from-file is required"}},
		"file and server":  {env, []string{"-from", "mariadb", "-from-file", "x", "-to", "mariadb"}, 2, []string{"-from-file is only for sqlite"}},
		"no DSN":           {nil, []string{"-from", "mariadb", "-to", "postgresql"}, 2, []string{"BEARERKIT_IMPORT_FROM", "BEARERKIT_IMPORT_TO"}},
		"two DSNs":         {env, []string{"-from", "mariadb", "-from-dsn-file", file, "-to", "mariadb"}, 2, []string{"both BEARERKIT_IMPORT_FROM and -from-dsn-file"}},
		"layout and zone":  {env, []string{"-from", "mariadb", "-to", "mariadb", "-layout", "x", "-time-zone", "x/y"}, 2, []string{"-layout is", "-time-zone is"}},
		"name of a table":  {env, []string{"-from", "postgresql", "-to", "postgresql", "-dry-run", "-table-keys", "a; b"}, 1, []string{"Layout.Keys is"}},
		"missing source":   {nil, []string{"-from", "sqlite", "-from-file", file + "x", "-to", "sqlite", "-to-file", file}, 1, []string{"-from-file"}},
		"no server":        {env, []string{"-from", "postgresql", "-to", "postgresql"}, 1, []string{"the target (-to)"}},
		"invalid DSN":      {map[string]string{"BEARERKIT_IMPORT_FROM": "secret-password", "BEARERKIT_IMPORT_TO": "secret-password"}, []string{"-from", "mariadb", "-to", "mariadb"}, 1, []string{"is not valid"}},
		"DSN from a file":  {map[string]string{"BEARERKIT_IMPORT_TO": dsn}, []string{"-from", "postgresql", "-from-dsn-file", file, "-to", "postgresql"}, 1, []string{"the target (-to)"}},
		"missing DSN file": {nil, []string{"-from", "postgresql", "-from-dsn-file", file + "x", "-to", "postgresql"}, 2, []string{"-from-dsn-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(t, tt.env, tt.args...)
			if code != tt.code || out != "" {
				t.Errorf("exit code %d, want %d; stdout %q", code, tt.code, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(errs, want) {
					t.Errorf("%q does not contain %q", errs, want)
				}
			}
			if strings.Contains(errs, "secret-password") {
				t.Errorf("a message contains the data source name: %s", errs)
			}
		})
	}
}

// A missing table or column is named, with the text of the database. Other tables can be skipped.
func TestCrossauth_Layouts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.fill()
		for name, change := range map[string]func(*crossauth.Layout){
			"nokeys":  func(l *crossauth.Layout) { l.Keys = "nokeys" },
			"noowner": func(l *crossauth.Layout) { l.Owner = "noowner" },
		} {
			cfg := source.config(target)
			change(&cfg.Layout)
			_, err := crossauth.Import(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "Config.Layout") {
				t.Errorf("%s: %v", name, err)
			}
		}
		cfg := source.config(target)
		cfg.Layout.Keys, cfg.Layout.Authorizations = "", ""
		report := source.importInto(cfg)
		if report.Clients.Imported != 4 || report.AccessTokens.Read+report.Authorizations.Read+len(report.OtherKeys) != 0 {
			t.Errorf("only clients: %+v", report)
		}
		cfg.Layout = crossauth.Layout{Keys: "keys"}
		report = source.importInto(cfg)
		if report.AccessTokens.Imported != 2 || report.Clients.Read != 0 || len(report.Missing) != 0 {
			t.Errorf("only keys: %+v", report)
		}
	})
	for name, layout := range map[string]crossauth.Layout{
		"quote":         {Clients: `a"b`, RedirectURIs: "b", Flows: "c"},
		"three parts":   {Keys: "a.b.c"},
		"column":        {Keys: "k", Owner: "a.b"},
		"one of three":  {Clients: "c"},
		"digit":         {Keys: "1k"},
		"no clients":    {Authorizations: "a"},
		"long":          {Keys: strings.Repeat("k", 64)},
		"empty part":    {Keys: "a."},
		"not ASCII":     {Keys: "schlüssel"},
		"space in name": {Keys: "a b"},
	} {
		if _, err := crossauth.Import(t.Context(), crossauth.Config{Layout: layout}); err == nil || !strings.Contains(err.Error(), "Layout") {
			t.Errorf("%s: %v, want an error about Layout", name, err)
		}
	}
}

// SQLite has no type for times. Each version of crossauth stores them in another way.
func TestCrossauth_Times(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2040, 7, 1, 12, 30, 15, 0, time.UTC)
	for name, column := range map[string]any{
		"milliseconds":                 want.UnixMilli(),
		"seconds":                      want.Unix(),
		"seconds with fraction":        float64(want.Unix()) + 0.0000001,
		"milliseconds as text":         fmt.Sprint(want.UnixMilli()),
		"ISO 8601":                     "2040-07-01T12:30:15.000Z",
		"offset":                       "2040-07-01 14:30:15.000000+02:00",
		"short offset":                 "2040-07-01 14:30:15+02",
		"local time":                   "2040-07-01 08:30:15",
		"local time with microseconds": "2040-07-01 08:30:15.000000",
		"local time with T":            "2040-07-01T08:30:15",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := newCrossauth(t, sqlstore.SQLite, crossauth.LayoutSQL(), true), newStore(t, sqlstore.SQLite)
			source.key(store.TokenKey("a"), column)
			cfg := source.config(target)
			cfg.TimeZone = zone
			if report := source.importInto(cfg); report.AccessTokens.Imported != 1 {
				t.Fatalf("report: %+v", report)
			}
			entries, err := target.Lookup(t.Context(), store.TokenKey("a"))
			if got := entries[store.TokenKey("a")].Expires; err != nil || got.Sub(want).Abs() > time.Millisecond {
				t.Errorf("expires %v, %v, want %v", got.UTC(), err, want)
			}
		})
	}
}

// An import that was killed can be repeated. The result is the same as without the crash.
func TestImportCommand_Killed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source := newCrossauth(t, dialect, crossauth.LayoutSQL(), false)
		for n := range 150 {
			source.register(fmt.Sprintf("client-%03d", n))
		}
		source.fill()
		target, dsn := newStoreAt(t, dialect)
		args, env := places(dialect, source.dsn, dsn)
		child := start(t, "import", dialect, dsn, "")
		child.Args = append(child.Args, "--")
		child.Args = append(child.Args, args...)
		for name, value := range env {
			child.Env = append(child.Env, name+"="+value)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for ctx := t.Context(); ; { // until the child has imported something
			if _, found, err := target.Imports().Get(ctx, sqlstore.ImportedClient, "client-010", ""); err != nil || found {
				if err != nil {
					t.Error(err)
				}
				break
			}
			time.Sleep(time.Millisecond)
		}
		_ = child.Process.Kill() // it may have ended already
		_ = child.Wait()
		report := source.importInto(source.config(target))
		if n := report.Clients; n.Imported+n.Unchanged != 154 || n.Unchanged < 10 || report.Incomplete() {
			t.Errorf("after the crash: %+v, %v, %v", n, report.Rejected, report.Different)
		}
		got := source.importInto(source.config(target))
		if got.Clients.Unchanged != 154 || got.Authorizations.Unchanged != 4 || got.AccessTokens.Unchanged != 2 {
			t.Errorf("after the repetition: %+v", got)
		}
		list, err := target.Clients().List(t.Context(), nil, 0, 1000)
		if err != nil || len(list) != 154 {
			t.Errorf("%d clients, %v, want 154", len(list), err)
		}
	})
}

// importInChild is the part of a child process that runs bearerkit-import.
func importInChild(t *testing.T) {
	t.Helper()
	args := os.Args
	for i, arg := range args {
		if arg == "--" {
			args = args[i+1:]
			break
		}
	}
	importcmd.Run(context.Background(), args, os.Getenv, os.Stdout, os.Stderr)
}
