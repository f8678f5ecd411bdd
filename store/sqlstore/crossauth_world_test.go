package sqlstore_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// Hashes of crossauthSecret in the format of crossauth, made by Python's hashlib.
const (
	crossauthSecret = "an old client's secret"
	hashPython      = "pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88="
	hashTypeScript  = "pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88"
	hashPepper      = "pbkdf2:sha256:32:1200:1:6RRIUw1K54i8r6bunm7Ezw:Bxfq5kuLKpwdueSDIwOH6jSzFM022C_x8j7e8W07LXw="
	pepper          = "kitchen pepper"
)

// crossauthDB is a database with the tables of crossauth.
type crossauthDB struct {
	testing.TB
	*sql.DB

	dialect sqlstore.Dialect
	layout  crossauth.Layout
	dsn     string
}

// newCrossauth creates the tables of crossauth. loose leaves out the constraints, so that the tables can contain wrong rows.
func newCrossauth(t *testing.T, dialect sqlstore.Dialect, layout crossauth.Layout, loose bool) *crossauthDB {
	t.Helper()
	return newCrossauthAt(t, dialect, layout, loose, newDSN(t, dialect))
}

// newCrossauthAt creates the tables in an existing database.
func newCrossauthAt(t *testing.T, dialect sqlstore.Dialect, layout crossauth.Layout, loose bool, dsn string) *crossauthDB {
	t.Helper()
	c := &crossauthDB{TB: t, dialect: dialect, layout: layout, dsn: dsn}
	c.DB = open(t, dialect, c.dsn)
	names := strings.NewReplacer(
		"{time}", map[sqlstore.Dialect]string{sqlstore.SQLite: "DATETIME", sqlstore.PostgreSQL: "TIMESTAMP(3)", sqlstore.MariaDB: "DATETIME(3)"}[dialect],
		"{id}", map[sqlstore.Dialect]string{
			sqlstore.SQLite: "INTEGER PRIMARY KEY", sqlstore.PostgreSQL: "SERIAL PRIMARY KEY", sqlstore.MariaDB: "INT AUTO_INCREMENT PRIMARY KEY",
		}[dialect],
		"{key}", map[bool]string{false: "VARCHAR(191) PRIMARY KEY", true: "VARCHAR(191)"}[loose],
		"{unique}", map[bool]string{false: ", UNIQUE (client_id, %s)", true: ""}[loose],
		"{text}", map[bool]string{false: "VARCHAR(191)", true: "TEXT"}[loose],
	)
	unique := func(ddl, column string) string {
		return strings.ReplaceAll(names.Replace(ddl), "%s", column)
	}
	for _, table := range []struct{ name, columns, column string }{
		{layout.Clients, "client_id {key}, confidential BOOLEAN DEFAULT true, client_name {text}, client_secret VARCHAR(256), userid INT", ""},
		{layout.RedirectURIs, "id {id}, client_id VARCHAR(191), uri {text}{unique}", "uri"},
		{layout.Flows, "id {id}, client_id VARCHAR(191), flow {text}{unique}", "flow"},
		{layout.Authorizations, "id {id}, client_id VARCHAR(191), userid INT, scope {text}", ""},
		{layout.Keys, "id {id}, value {text}, userid INT, created {time}, expires {time} NULL, data TEXT", ""},
	} {
		c.run("CREATE TABLE " + c.quote(table.name) + " (" + unique(table.columns, table.column) + ")")
	}
	return c
}

// quote quotes a name.
func (c *crossauthDB) quote(name string) string {
	if c.dialect == sqlstore.MariaDB {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// run runs a statement, in which each question mark is a parameter.
func (c *crossauthDB) run(text string, args ...any) {
	c.Helper()
	if c.dialect == sqlstore.PostgreSQL {
		for i := range args {
			text = strings.Replace(text, "?", fmt.Sprint("$", i+1), 1)
		}
	}
	if _, err := c.ExecContext(c.Context(), text, args...); err != nil {
		c.Fatalf("%s: %v", text, err)
	}
}

// insert inserts a row into a table with columns.
func (c *crossauthDB) insert(table, columns string, values ...any) {
	c.Helper()
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
	c.run("INSERT INTO "+c.quote(table)+" ("+columns+") VALUES ("+marks+")", values...)
}

func (c *crossauthDB) client(id string, confidential, name, secret, owner any) {
	c.Helper()
	c.insert(c.layout.Clients, "client_id, confidential, client_name, client_secret, userid", id, confidential, name, secret, owner)
}

func (c *crossauthDB) uris(client any, uris ...any) {
	c.Helper()
	for _, uri := range uris {
		c.insert(c.layout.RedirectURIs, "client_id, uri", client, uri)
	}
}

func (c *crossauthDB) flows(client any, flows ...any) {
	c.Helper()
	for _, flow := range flows {
		c.insert(c.layout.Flows, "client_id, flow", client, flow)
	}
}

func (c *crossauthDB) authorize(client, owner any, scopes ...any) {
	c.Helper()
	for _, scope := range scopes {
		c.insert(c.layout.Authorizations, "client_id, userid, scope", client, owner, scope)
	}
}

func (c *crossauthDB) key(value, expires any) {
	c.Helper()
	c.insert(c.layout.Keys, "value, created, expires", value, c.at(0), expires)
}

// at returns a time in the type that crossauth stores. In SQLite, TypeScript stores milliseconds.
func (c *crossauthDB) at(fromNow time.Duration) any {
	t := time.Now().Add(fromNow).UTC().Truncate(time.Second)
	if c.dialect == sqlstore.SQLite {
		return t.UnixMilli()
	}
	return t
}

// fill adds clients of every kind, authorizations and keys.
func (c *crossauthDB) fill() {
	c.Helper()
	c.client("web", true, "Web shop", hashPython, 7)
	c.uris("web", "https://app.example.com/callback", "com.example.app:/callback")
	c.flows("web", "authorizationCodeWithPKCE", "refresh_token")
	c.client("spa", false, "Página", nil, nil)
	c.uris("spa", "https://spa.example.com/callback")
	c.flows("spa", "authorizationCodeWithPKCE", "refreshToken")
	c.client("robot", true, "Robot", hashTypeScript, 7)
	c.flows("robot", "clientCredentials")
	c.client("idle", true, "Idle", nil, 8)
	c.authorize("web", 7, "write", "read")
	c.authorize("spa", nil, nil)
	c.authorize("spa", 8, "read")
	c.key(store.TokenKey("jti-1"), c.at(time.Hour))
	c.key(store.TokenKey("jti-2")+"=", nil) // Python wrote padding in some versions
	c.key(store.TokenKey("jti-3"), c.at(-time.Hour))
	for _, key := range []string{"s:session-1", "s:session-2", "refresh:secret-refresh", "api:secret-api", "dc:1", "uc:1", "custom", "x:1"} {
		c.key(key, c.at(time.Hour))
	}
}

// filled is the report of the first import of fill.
func filled() crossauth.Report {
	return crossauth.Report{
		Clients:        crossauth.Count{Read: 4, Imported: 4},
		RedirectURIs:   crossauth.Count{Read: 3, Imported: 3},
		Flows:          crossauth.Count{Read: 5, Imported: 5},
		Authorizations: crossauth.Count{Read: 4, Imported: 4},
		AccessTokens:   crossauth.Count{Read: 3, Imported: 2, Expired: 1},
		Rejected:       []crossauth.Row{}, Different: []crossauth.Row{}, Missing: []crossauth.Row{},
	}
}

// again returns the report of a second import: all rows that were imported are unchanged.
func again(r crossauth.Report) crossauth.Report {
	for _, c := range []*crossauth.Count{&r.Clients, &r.RedirectURIs, &r.Flows, &r.Authorizations, &r.AccessTokens} {
		c.Unchanged, c.Imported = c.Imported, 0
	}
	return r
}

// config returns the configuration of an import.
func (c *crossauthDB) config(target *sqlstore.Store) crossauth.Config {
	return crossauth.Config{Source: c.DB, Dialect: c.dialect, Layout: c.layout, Target: target}
}

// importInto imports, and checks that the counts of the report are complete.
func (c *crossauthDB) importInto(cfg crossauth.Config) *crossauth.Report {
	c.Helper()
	report, err := crossauth.Import(c.Context(), cfg)
	if err != nil {
		c.Fatal(err)
	}
	rejected := 0
	for name, n := range map[string]crossauth.Count{
		"clients": report.Clients, "redirect URIs": report.RedirectURIs, "flows": report.Flows, "authorizations": report.Authorizations,
		"tokens": report.AccessTokens,
	} {
		if n.Read != n.Imported+n.Unchanged+n.Different+n.Rejected+n.Expired {
			c.Errorf("the counts of %s are not complete: %+v", name, n)
		}
		rejected += n.Rejected
	}
	if rejected != len(report.Rejected) {
		c.Errorf("%d rows were rejected, and %d are named", rejected, len(report.Rejected))
	}
	return report
}

// dump returns all rows of all tables as text.
func (c *crossauthDB) dump() string {
	c.Helper()
	var text strings.Builder
	for _, table := range []string{c.layout.Clients, c.layout.RedirectURIs, c.layout.Flows, c.layout.Authorizations, c.layout.Keys} {
		rows, err := c.QueryContext(c.Context(), "SELECT * FROM "+c.quote(table))
		if err != nil {
			c.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			c.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			targets := make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				c.Fatal(err)
			}
			fmt.Fprintln(&text, table, values)
		}
		if err := rows.Err(); err != nil {
			c.Fatal(err)
		}
		_ = rows.Close()
	}
	return text.String()
}

// registryOf returns the registry on a target, as an application uses it.
func registryOf(t testing.TB, s *sqlstore.Store) *registry.Registry {
	t.Helper()
	r, err := registry.New(registry.Config{
		Store: s.Clients(), Hash: registry.HashParams{Iterations: 41_000}, Pepper: registry.NewSecret(pepper),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
