package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// withSettings returns a connection to c whose settings are unusual: another encoding, format of times and time zone.
func (c *crossauthDB) withSettings() *crossauthDB {
	c.Helper()
	other := *c
	switch c.dialect {
	case sqlstore.PostgreSQL:
		other.dsn += "&client_encoding=LATIN1&datestyle=SQL,%20DMY&timezone=Asia/Kolkata"
	case sqlstore.MariaDB:
		other.dsn += "?charset=latin1&time_zone=%27%2B05:30%27"
	case sqlstore.SQLite:
	}
	other.DB = open(c, c.dialect, other.dsn)
	return &other
}

// Texts and times arrive unchanged, whatever the settings of the connection are. Times with a time zone do not depend on
// Config.TimeZone, and those without one do not depend on the time zone of the session.
func TestCrossauth_ConnectionSettings(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -4*60*60)
	at := time.Date(2035, 7, 1, 12, 30, 15, 0, time.UTC)
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		for name, tt := range map[string]struct{ change, value string }{
			"local times": {"", "'2035-07-01 08:30:15'"},
			"instants": {map[sqlstore.Dialect]string{
				sqlstore.PostgreSQL: "ALTER TABLE keys ALTER expires TYPE timestamptz",
				sqlstore.MariaDB:    "ALTER TABLE `keys` MODIFY expires TIMESTAMP(3) NULL",
			}[dialect], map[sqlstore.Dialect]string{
				sqlstore.SQLite:     fmt.Sprint(at.UnixMilli()),
				sqlstore.PostgreSQL: "'2035-07-01 12:30:15Z'",
				sqlstore.MariaDB:    fmt.Sprintf("FROM_UNIXTIME(%d)", at.Unix()),
			}[dialect]},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
				if tt.change != "" {
					source.run(tt.change)
				}
				if dialect == sqlstore.MariaDB {
					source.run("ALTER TABLE oauthclient MODIFY client_name VARCHAR(191) CHARACTER SET utf8mb4")
				}
				source.client("a", false, "Página € 漢字 😀", nil, nil)
				source.run("INSERT INTO "+source.quote("keys")+" (value, expires) VALUES (?, "+tt.value+")", store.TokenKey("a"))
				source.run("INSERT INTO "+source.quote("keys")+" (value, expires) VALUES (?, NULL)", store.TokenKey("b"))
				cfg := source.withSettings().config(target)
				cfg.TimeZone = zone
				report := source.importInto(cfg)
				if len(report.Rejected) > 0 {
					t.Errorf("rejected: %v", report.Rejected)
				}
				if c, err := registryOf(t, target).Get(t.Context(), "a"); err != nil || c.Name != "Página € 漢字 😀" {
					t.Errorf("the client: %+v, %v", c, err)
				}
				found, err := target.Lookup(t.Context(), store.TokenKey("a"), store.TokenKey("b"))
				if got := found[store.TokenKey("a")].Expires; err != nil || !got.Equal(at) {
					t.Errorf("expires %v, %v, want %v", got.UTC(), err, at)
				}
				if entry, ok := found[store.TokenKey("b")]; !ok || !entry.Expires.IsZero() {
					t.Errorf("a token that does not expire: %v, %v", entry, ok)
				}
			})
		}
	})
}

// A text with a NUL byte is not cut: rows of another client would otherwise become those of a client with a shorter id.
func TestCrossauth_NUL(t *testing.T) {
	t.Parallel()
	for _, dialect := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.MariaDB} { // PostgreSQL has no such texts
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && dialect != sqlstore.SQLite {
				t.Skip("starts a server; not with -short")
			}
			source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), true), newStore(t, dialect)
			source.client("web", true, "web", nil, nil)
			source.uris("web", "https://web.example.com/")
			source.client("web\x00evil", true, "evil", nil, nil)
			source.uris("web\x00evil", "https://evil.example.com/")
			source.uris("web\x00orphan", "https://orphan.example.com/")
			source.flows("web\x00orphan", "clientCredentials")
			source.authorize("web\x00evil", 1, "admin")
			source.authorize("web", 1, "admin\x00")
			source.client("uri", true, "uri", nil, nil)
			source.uris("uri", "https://a.example.com/\x00.evil.example.com/")
			source.client("name", true, "name\x00", nil, nil)
			source.client("secret", true, "secret", hashPython+"\x00", nil)
			source.key(store.TokenKey("a")+"\x00", source.at(time.Hour))
			report := source.importInto(source.config(target))
			if want := (crossauth.Count{Read: 5, Imported: 1, Rejected: 4}); report.Clients != want {
				t.Errorf("clients: %+v, want %+v", report.Clients, want)
			}
			c, err := registryOf(t, target).Get(t.Context(), "web")
			if diff := cmp.Diff([]string{"https://web.example.com/"}, c.RedirectURIs); err != nil || diff != "" || len(c.Flows) > 0 {
				t.Errorf("the client has other rows: %v, %q\n%s", err, c.Flows, diff)
			}
			wantScopes(t, target, "web", "1")
			wantActive(t, target, "a", false)
			wantReasons(t, report, map[string]string{
				`client_id "web\x00evil"`:                   "client_id must have",
				`client_id "web\x00orphan", uri`:            "there is no such client",
				`client_id "web\x00orphan", flow`:           "there is no such client",
				`client_id "web", owner "1", scope "admin\`: "the scope must have",
				`client_id "name"`:                          "client_name must have",
				`client_id "secret"`:                        "client_secret must be",
				"access:…, a key of 51 bytes":               "is not the SHA-256 hash",
			})
		})
	}
}

// Bytes that are not UTF-8 are not replaced by other characters.
func TestCrossauth_InvalidUTF8(t *testing.T) {
	t.Parallel()
	for dialect, column := range map[sqlstore.Dialect]string{
		sqlstore.SQLite:  "",
		sqlstore.MariaDB: "ALTER TABLE oauthclient MODIFY client_name VARBINARY(100)",
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && dialect != sqlstore.SQLite {
				t.Skip("starts a server; not with -short")
			}
			source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), true), newStore(t, dialect)
			if column != "" {
				source.run(column)
			}
			source.run("INSERT INTO oauthclient (client_id, confidential, client_name) VALUES ('good', 1, ?)", []byte("Página"))
			source.run("INSERT INTO oauthclient (client_id, confidential, client_name) VALUES ('bad', 1, ?)", []byte("a\xffb"))
			report := source.importInto(source.config(target))
			if want := (crossauth.Count{Read: 2, Imported: 1, Rejected: 1}); report.Clients != want {
				t.Errorf("clients: %+v, want %+v", report.Clients, want)
			}
			wantReasons(t, report, map[string]string{`client_id "bad"`: "client_name must have"})
		})
	}
}

// A SQLite database can have another encoding. Texts are limited, and longer ones are not accepted as shorter ones.
func TestCrossauth_UTF16(t *testing.T) {
	t.Parallel()
	path := newDSN(t, sqlstore.SQLite)
	do(t, open(t, sqlstore.SQLite, path), `PRAGMA encoding = 'UTF-16le'`)
	db := open(t, sqlstore.SQLite, path)
	db.SetMaxOpenConns(1)
	do(t, db, `PRAGMA encoding = 'UTF-16le'`)
	do(t, db, `CREATE TABLE t (a)`)
	source := newCrossauthAt(t, sqlstore.SQLite, crossauth.LayoutSQL(), true, path)
	target := newStore(t, sqlstore.SQLite)
	source.client("a", true, "Página 漢字", hashPython, nil)
	uri := "https://a.example.com/"
	source.uris("a", uri+strings.Repeat("x", 2048-len(uri)))
	source.client("long", true, "long", nil, nil)
	source.uris("long", uri+strings.Repeat("x", 2049-len(uri)))
	report := source.importInto(source.config(target))
	if want := (crossauth.Count{Read: 2, Imported: 1, Rejected: 1}); report.Clients != want {
		t.Errorf("clients: %+v, want %+v, rejected: %v", report.Clients, want, report.Rejected)
	}
	if c, err := registryOf(t, target).Get(t.Context(), "a"); err != nil || c.Name != "Página 漢字" || len(c.RedirectURIs[0]) != 2048 {
		t.Errorf("the client: %+v, %v", c, err)
	}
	if _, err := registryOf(t, target).Authenticate(t.Context(), "a", crossauthSecret); err != nil {
		t.Errorf("Authenticate: %v", err)
	}
}

// Some schemas have no owner of clients, and other names of columns.
func TestCrossauth_NoClientOwner(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutPrisma(), false), newStore(t, dialect)
		source.fill()
		clients := source.quote("OAuthClient")
		source.run("ALTER TABLE " + clients + " DROP COLUMN userid")
		for _, column := range [][2]string{{"client_id", "clientId"}, {"client_name", "clientName"}, {"client_secret", "clientSecret"}} {
			source.run("ALTER TABLE " + clients + " RENAME COLUMN " + column[0] + " TO " + source.quote(column[1]))
		}
		source.run("ALTER TABLE " + source.quote("OAuthAuthorization") + " RENAME COLUMN userid TO user_id")
		args, env := places(dialect, source.dsn, newDSN(t, dialect))
		args = append(args, "-layout", "prisma", "-column-id", "clientId", "-column-name", "clientName", "-column-secret", "clientSecret", "-column-owner", "user_id")
		if code, _, errs := command(t, env, args...); code != 1 || !strings.Contains(errs, "user_id") || !strings.Contains(errs, "-no-client-owner") {
			t.Errorf("without the flag: exit code %d, %s", code, errs)
		}
		if code, out, errs := command(t, env, append(args, "-no-client-owner")...); code != 0 {
			t.Errorf("exit code %d\n%s%s", code, out, errs)
		}
		cfg := source.config(target)
		cfg.Layout.ID, cfg.Layout.Name, cfg.Layout.Secret, cfg.Layout.Owner = "clientId", "clientName", "clientSecret", "user_id"
		cfg.Layout.NoClientOwner = true
		wantReport(t, source.importInto(cfg), filled())
		if c, err := registryOf(t, target).Get(t.Context(), "web"); err != nil || c.Owner != "" {
			t.Errorf("the client: %+v, %v, want no owner", c, err)
		}
		wantScopes(t, target, "web", "7", "read", "write")
	})
}

// If the role may not see all rows of a table, the import fails, because it would not count the others.
func TestCrossauth_RowSecurity(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server; not with -short")
	}
	source, target := newCrossauth(t, sqlstore.PostgreSQL, crossauth.LayoutSQL(), false), newStore(t, sqlstore.PostgreSQL)
	source.fill()
	source.run("ALTER TABLE oauthclient ENABLE ROW LEVEL SECURITY")
	source.run("ALTER TABLE oauthclient FORCE ROW LEVEL SECURITY")
	source.run("CREATE POLICY few ON oauthclient USING (client_id <> 'web')")
	_, err := crossauth.Import(t.Context(), source.config(target))
	if err == nil || !strings.Contains(err.Error(), `"oauthclient"`) || !strings.Contains(err.Error(), "SQLSTATE 42501") {
		t.Errorf("Import: %v, want an error about the table", err)
	}
}

// An authorization with too many scopes does not end the import. All of its rows are named.
func TestCrossauth_ManyScopes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.client("a", true, "a", nil, nil)
		source.client("b", true, "b", nil, nil)
		insertMany(t, func(statement string) { source.run(statement) }, "oauthauthorization (client_id, userid, scope)", 2001, func(i int) string {
			return fmt.Sprintf("('%c', 1, 'scope%d')", 'a'+i%2, i)
		})
		report := source.importInto(source.config(target))
		if want := (crossauth.Count{Read: 2001, Imported: 1000, Rejected: 1001}); report.Authorizations != want {
			t.Errorf("authorizations: %+v, want %+v", report.Authorizations, want)
		}
		wantScopes(t, target, "a", "1")
		wantReasons(t, report, map[string]string{`client_id "a", owner "1", scope "scope0"`: "has 1001 scopes, expected at most 1000"})
	})
}

// An authorization that was changed in the target is kept and reported. Rows that cannot be imported are not reported as missing.
func TestCrossauth_ChangedAuthorizations(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.fill()
		source.importInto(source.config(target))
		set(t, target, "web", "7", "admin")
		if err := registryOf(t, target).Delete(t.Context(), "spa"); err != nil {
			t.Fatal(err)
		}
		for _, dry := range []bool{true, false} {
			cfg := source.config(target)
			cfg.DryRun = dry
			report := source.importInto(cfg)
			reasons := map[string]string{}
			for _, row := range report.Different {
				reasons[row.Row] = row.Reason
			}
			want := map[string]string{
				`client_id "spa"`:            "it was deleted in the target after its import; it stays deleted",
				`client_id "web", owner "7"`: "its scopes were changed in the target after its import; this change was kept",
			}
			if diff := cmp.Diff(want, reasons); diff != "" {
				t.Errorf("different (-want +got):\n%s", diff)
			}
			if len(report.Missing) > 0 || report.Authorizations != (crossauth.Count{Read: 4, Different: 2, Rejected: 2}) {
				t.Errorf("missing: %v, authorizations: %+v", report.Missing, report.Authorizations)
			}
			wantScopes(t, target, "web", "7", "admin")
		}
	})
}

// A token whose time cannot be read is not missing, so it is not revoked.
func TestCrossauth_UnreadableTime(t *testing.T) {
	t.Parallel()
	source, target := newCrossauth(t, sqlstore.SQLite, crossauth.LayoutSQL(), true), newStore(t, sqlstore.SQLite)
	source.key(store.TokenKey("a"), source.at(time.Hour))
	source.importInto(source.config(target))
	source.run(`UPDATE "keys" SET expires = 'tomorrow'`)
	cfg := source.config(target)
	cfg.RevokeMissing = true
	report := source.importInto(cfg)
	if report.MissingTokens != 0 || report.AccessTokens != (crossauth.Count{Read: 1, Rejected: 1}) {
		t.Errorf("report: %+v", report)
	}
	wantReasons(t, report, map[string]string{store.TokenKey("a")[:19] + "…": `expires is "tomorrow"`})
	wantActive(t, target, "a", true)
}

// Of two rows for one token, the one that expires first is imported, in whichever order the database returns them.
func TestCrossauth_TokenTwice(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		source, target := newCrossauth(t, sqlstore.SQLite, crossauth.LayoutSQL(), true), newStore(t, sqlstore.SQLite)
		for _, n := range order {
			source.key(store.TokenKey("a")+strings.Repeat("=", n), source.at(time.Duration(n+1)*time.Hour))
			source.key(store.TokenKey("b")+strings.Repeat("=", n), source.at(time.Duration(2*n-1)*time.Hour))
		}
		report := source.importInto(source.config(target))
		if want := (crossauth.Count{Read: 4, Imported: 1, Rejected: 2, Expired: 1}); report.AccessTokens != want {
			t.Errorf("tokens: %+v, want %+v", report.AccessTokens, want)
		}
		found, err := target.Lookup(t.Context(), store.TokenKey("a"))
		if left := time.Until(found[store.TokenKey("a")].Expires); err != nil || left > time.Hour {
			t.Errorf("the token expires in %v, %v, want at most an hour", left, err)
		}
		wantActive(t, target, "b", false)
	}
}

// A dry run neither creates nor changes a file. If a file is not a database, the error names it.
func TestImportCommand_SQLiteFiles(t *testing.T) {
	t.Parallel()
	source := newCrossauth(t, sqlstore.SQLite, crossauth.LayoutSQL(), false)
	source.fill()
	folder := t.TempDir()
	target := filepath.Join(folder, "kit.db")
	args, _ := places(sqlstore.SQLite, source.dsn, target)
	code, out, errs := command(t, nil, append(args, "-dry-run")...)
	if code != 0 || !strings.Contains(out, "Dry run: nothing was stored") || errs != "" {
		t.Errorf("dry run: %d\n%s%s", code, out, errs)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) > 0 {
		t.Errorf("the dry run has created %v, %v", files, err)
	}
	if code, _, errs := command(t, nil, args...); code != 0 || errs != "" {
		t.Errorf("import: %d\n%s", code, errs)
	}
	if code, out, errs := command(t, nil, append(args, "-dry-run", "-json")...); code != 0 || !strings.Contains(out, `"unchanged": 4`) || errs != "" {
		t.Errorf("dry run after the import: %d\n%s%s", code, out, errs)
	}
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change []string
		code   int
		want   string
	}{
		"not a database":       {[]string{"-from-file", text}, 1, "check that the file is a database: file is not a database"},
		"a folder":             {[]string{"-from-file", folder}, 1, "-from-file is a folder"},
		"a folder to write":    {[]string{"-to-file", folder, "-dry-run"}, 1, "-to-file is a folder"},
		"a data source name":   {[]string{"-from-dsn-file", text}, 2, "-from-dsn-file is not for sqlite"},
		"another source":       {[]string{"-from-file", target}, 1, "-layout"},
		"not a database (-to)": {[]string{"-to-file", text, "-dry-run"}, 1, "sqlstore"},
	} {
		code, out, errs := command(t, nil, append(args, tt.change...)...)
		if code != tt.code || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: exit code %d, %s, want %q", name, code, errs, tt.want)
		}
	}
	if got, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(got), "not a database") {
		t.Errorf("the file was changed: %v", err)
	}
}

// The error says what prevents the import from reading the source. Only a missing name is one of the layout.
func TestCrossauth_SourceErrors(t *testing.T) {
	t.Parallel()
	source, target := newCrossauth(t, sqlstore.SQLite, crossauth.LayoutSQL(), false), newStore(t, sqlstore.SQLite)
	writer := source.DB
	writer.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		do(t, writer, statement)
	}
	reader, err := sql.Open("sqlite", "file:"+filepath.ToSlash(source.dsn)+"?mode=ro&_pragma=busy_timeout(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	cfg := source.config(target)
	cfg.Source = reader
	_, err = crossauth.Import(t.Context(), cfg)
	fault, ok := errors.AsType[*crossauth.SourceError](err)
	if !ok || fault.IsMissing() || !strings.Contains(err.Error(), "another program is writing: try again") || strings.Contains(err.Error(), "Layout") {
		t.Errorf("Import from a locked database: %v", err)
	}
	do(t, writer, "ROLLBACK")
	do(t, writer, "DROP TABLE oauthclientvalidflow")
	_, err = crossauth.Import(t.Context(), cfg)
	fault, ok = errors.AsType[*crossauth.SourceError](err)
	if !ok || !fault.IsMissing() || fault.Table != "oauthclientvalidflow" || !strings.Contains(err.Error(), "Config.Layout") {
		t.Errorf("Import without a table: %v", err)
	}
}

// Source and target can be the same database. Records of tokens that have expired are deleted, in any number.
func TestCrossauth_SameDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source := newCrossauth(t, dialect, crossauth.LayoutSQL(), false)
		source.fill()
		db := source.DB
		target := storeOf(t, db, dialect)
		db.SetMaxOpenConns(1) // no connection is used for both
		wantReport(t, source.importInto(source.config(target)), filled())
		insertMany(t, func(statement string) { do(t, db, statement) }, "bearerkit_imports (kind, row_key, owner, digest, expires, created)", 3000, func(i int) string {
			return values(bytesOf(dialect, "token", 0), bytesOf(dialect, "k", i), bytesOf(dialect, "o", i%7), bytesOf(dialect, "d", i), 1+i/5, 1)
		})
		if n := count(t, db, "bearerkit_imports WHERE expires < 1000"); n != 3000 {
			t.Fatalf("%d records", n)
		}
		wantReport(t, source.importInto(source.config(target)), again(filled()))
		if n := count(t, db, "bearerkit_imports WHERE expires < 1000"); n != 0 {
			t.Errorf("%d records of expired tokens remain", n)
		}
	})
}

// A canceled import returns an error, and the next one completes it.
func TestCrossauth_Canceled(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.fill()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if report, err := crossauth.Import(ctx, source.config(target)); err == nil || report != nil {
			t.Errorf("Import = %v, %v, want an error", report, err)
		}
		wantReport(t, source.importInto(source.config(target)), filled())
		if list, err := registryOf(t, target).List(t.Context(), registry.Page{}); err != nil || len(list) != 4 {
			t.Errorf("%d clients, %v", len(list), err)
		}
	})
}
