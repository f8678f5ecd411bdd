package crossauth

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// Config describes an import.
type Config struct {
	// Source is the database of crossauth, opened by the caller with a driver for Dialect. Required. A database
	// user with read access only is sufficient.
	Source *sql.DB

	// Dialect is the kind of Source. Required.
	Dialect sqlstore.Dialect

	// Layout has the names of the tables and columns in Source. If no name is set, the names are those of LayoutSQL.
	Layout Layout

	// TimeZone is the time zone of the times that Source stores without one. Set it to the time zone of the crossauth server for
	// crossauth for Python, and for crossauth for TypeScript in PostgreSQL without Prisma, because these write local times. Nil:
	// UTC.
	TimeZone *time.Location

	// Target receives the data. Required. Call its Migrate first, except with DryRun.
	Target *sqlstore.Store

	// Pepper is the value that crossauth calls its secret. The registry that authenticates the clients needs the same value
	// (registry.Config.Pepper). Zero: a client whose hash needs it is rejected.
	Pepper registry.Secret

	// InsecureAllowLocalhost accepts http redirect URIs on "localhost", as the field of the same name in registry.Config does.
	// False: a client with such a URI is rejected.
	InsecureAllowLocalhost bool

	// Partial imports a client even if some of its redirect URIs and flows are not valid, and leaves these out. False: the whole
	// client is rejected, so that it can be imported after the rows were corrected in crossauth.
	Partial bool

	// RevokeMissing deletes the entries of tokens that were imported before and that crossauth does not have any more: it assumes
	// that they were revoked there. Set it only if crossauth still issues and revokes the tokens. False: they stay active in the
	// target.
	RevokeMissing bool

	// DryRun reads both databases, and returns the report of an import without storing anything. The tables of Target need not
	// exist.
	DryRun bool
}

// Layout has the names of the tables and columns of a crossauth database. They are quoted, so PostgreSQL distinguishes upper and
// lower case. A table in another schema is written as schema.table.
type Layout struct {
	Clients, RedirectURIs, Flows string // required, unless all three are empty: then clients are not imported
	Authorizations               string // empty: authorizations are not imported
	Keys                         string // empty: stored access tokens are not imported

	// ID, Name and Secret are columns of Clients. Empty: client_id, client_name and client_secret.
	ID, Name, Secret string

	// Owner is the column with the id of the user, in Clients and Authorizations. Empty: userid.
	Owner string

	// NoClientOwner must be true if the table Clients does not have the column Owner, as in some schemas for Prisma. The clients
	// are then imported without an owner.
	NoClientOwner bool
}

// LayoutSQL returns the names that crossauth uses by default with PostgreSQL and SQLite, in Python and in TypeScript.
func LayoutSQL() Layout {
	return Layout{
		Clients: "oauthclient", RedirectURIs: "oauthclientredirecturi", Flows: "oauthclientvalidflow",
		Authorizations: "oauthauthorization", Keys: "keys",
	}
}

// LayoutPrisma returns the names that Prisma creates for the models of crossauth. Some versions of these models have other names of
// columns: then set ID to clientId, Name to clientName, Secret to clientSecret, and Owner to user_id.
func LayoutPrisma() Layout {
	return Layout{
		Clients: "OAuthClient", RedirectURIs: "OAuthClientRedirectUri", Flows: "OAuthClientValidFlow",
		Authorizations: "OAuthAuthorization", Keys: "Key",
	}
}

func (l Layout) withDefaults() Layout {
	if l == (Layout{NoClientOwner: l.NoClientOwner}) {
		none := l.NoClientOwner
		l = LayoutSQL()
		l.NoClientOwner = none
	}
	l.ID = cmp.Or(l.ID, "client_id")
	l.Name = cmp.Or(l.Name, "client_name")
	l.Secret = cmp.Or(l.Secret, "client_secret")
	l.Owner = cmp.Or(l.Owner, "userid")
	return l
}

// validate joins all faults of cfg.
func (cfg Config) validate() error {
	var faults []error
	if cfg.Source == nil {
		faults = append(faults, errors.New("crossauth: Config.Source is required"))
	}
	if cfg.Target == nil {
		faults = append(faults, errors.New("crossauth: Config.Target is required"))
	}
	if cfg.Dialect < sqlstore.SQLite || cfg.Dialect > sqlstore.MariaDB {
		faults = append(faults, fmt.Errorf("crossauth: Config.Dialect is %d, expected SQLite, PostgreSQL or MariaDB", int(cfg.Dialect)))
	}
	return errors.Join(append(faults, cfg.Layout.validate())...)
}

// validate checks the names, which become a part of statements.
func (l Layout) validate() error {
	var faults []error
	empty := 0
	for _, table := range []string{l.Clients, l.RedirectURIs, l.Flows} {
		if table == "" {
			empty++
		}
	}
	if empty != 0 && empty != 3 {
		faults = append(faults, errors.New("crossauth: Layout: Clients, RedirectURIs and Flows must be set together"))
	}
	if l.Clients == "" && l.Authorizations != "" {
		faults = append(faults, errors.New("crossauth: Layout.Authorizations needs Layout.Clients, because an authorization belongs to a client"))
	}
	for _, name := range []struct {
		field, value string
		table        bool
	}{
		{"Clients", l.Clients, true},
		{"RedirectURIs", l.RedirectURIs, true},
		{"Flows", l.Flows, true},
		{"Authorizations", l.Authorizations, true},
		{"Keys", l.Keys, true},
		{"ID", l.ID, false},
		{"Name", l.Name, false},
		{"Secret", l.Secret, false},
		{"Owner", l.Owner, false},
	} {
		if name.value != "" && !isName(name.value, name.table) {
			faults = append(faults, fmt.Errorf("crossauth: Layout.%s is %q, expected a name of ASCII letters, digits and underscores", name.field, name.value))
		}
	}
	return errors.Join(faults...)
}
