package importcmd

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// place is one of the two databases.
type place struct {
	name    string // of its flags: from or to
	getenv  func(string) string
	dialect sqlstore.Dialect
	dsn     string // or the path of the file

	kind, file, dsnFile string // the flags
}

// flags defines the flags of the database.
func (p *place) flags(flags *flag.FlagSet, owner string) {
	flags.StringVar(&p.kind, p.name, "", "`kind` of the "+owner+" database: sqlite, postgresql or mariadb (required)")
	flags.StringVar(&p.file, p.name+"-file", "", "`path` of the "+owner+" database, for sqlite")
	flags.StringVar(&p.dsnFile, p.name+"-dsn-file", "", "`file` with the data source name, in place of "+p.variable())
}

// variable returns the name of the variable with the data source name.
func (p *place) variable() string {
	if p.name == "from" {
		return "BEARERKIT_IMPORT_FROM"
	}
	return "BEARERKIT_IMPORT_TO"
}

// check reads the data source name.
func (p *place) check() error {
	switch p.kind {
	case "sqlite":
		p.dialect, p.dsn = sqlstore.SQLite, p.file
		if p.file == "" {
			return fmt.Errorf("-%s-file is required with -%[1]s sqlite", p.name)
		}
		if p.dsnFile != "" {
			return fmt.Errorf("-%s-dsn-file is not for sqlite, expected a path in -%[1]s-file", p.name)
		}
		return nil
	case "postgresql":
		p.dialect = sqlstore.PostgreSQL
	case "mariadb":
		p.dialect = sqlstore.MariaDB
	default:
		return fmt.Errorf("-%s is %q, expected sqlite, postgresql or mariadb", p.name, p.kind)
	}
	if p.file != "" {
		return fmt.Errorf("-%s-file is only for sqlite, expected a data source name in %s", p.name, p.variable())
	}
	var err error
	if p.dsn, err = secret(p.getenv, p.variable(), p.name+"-dsn-file", p.dsnFile); err != nil {
		return err
	}
	if p.dsn == "" {
		return fmt.Errorf("the data source name is missing, expected it in %s or in the file of -%s-dsn-file", p.variable(), p.name)
	}
	return nil
}

// open opens the database. It does not connect yet, except to a file.
func (p *place) open(readOnly bool) (*sql.DB, error) {
	switch p.dialect {
	case sqlstore.PostgreSQL:
		return p.hidden(sql.Open("pgx", p.dsn))
	case sqlstore.MariaDB:
		return p.hidden(sql.Open("mysql", p.dsn))
	case sqlstore.SQLite:
	}
	if !readOnly {
		return sqlite.Open(p.dsn)
	}
	return p.openReadOnly()
}

// hidden replaces the error of a driver, whose text may contain the password.
func (p *place) hidden(db *sql.DB, err error) (*sql.DB, error) {
	if err != nil {
		return nil, fmt.Errorf("the data source name in %s is not valid", p.variable())
	}
	return db, nil
}

// openReadOnly opens a file of SQLite that is never written or created. A file for the data of bearerkit may be missing: then it
// opens an empty database in memory.
func (p *place) openReadOnly() (*sql.DB, error) {
	absolute, err := filepath.Abs(p.dsn)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.name == "to":
		return sql.Open("sqlite", ":memory:")
	case err != nil:
		return nil, fmt.Errorf("-%s-file: %w", p.name, err)
	case info.IsDir():
		return nil, fmt.Errorf("-%s-file is a folder, expected a file", p.name)
	}
	options := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	name := (&url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: options.Encode()}).String()
	return sql.Open("sqlite", name) // package sqlite has registered the driver
}
