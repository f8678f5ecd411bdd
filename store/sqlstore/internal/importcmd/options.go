package importcmd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// options are the parsed flags and variables.
type options struct {
	from, to place
	cfg      crossauth.Config
	json     bool
}

// none is the value of a flag for the name of a table that is not read.
const none = "none"

const usage = `Usage: bearerkit-import -from KIND [-from-file PATH] -to KIND [-to-file PATH] [flags]

Imports the clients, authorizations and stored access tokens of a crossauth database into
the tables of bearerkit. It only reads the crossauth database. It can be run again, and
then imports only what is new.

KIND is sqlite, postgresql or mariadb. For sqlite, -from-file and -to-file name the files.
For the others, these environment variables have the data source names, or files that the
flags -from-dsn-file and -to-dsn-file name:

  BEARERKIT_IMPORT_FROM    a URL of PostgreSQL (postgres://…), or for mariadb
                           user:password@tcp(host:3306)/database
  BEARERKIT_IMPORT_TO      the same for the database of bearerkit
  BEARERKIT_IMPORT_PEPPER  the secret of crossauth, if hashes of secrets need it

The names of the crossauth tables and columns are those of -layout. The flags -table-… and
-column-… replace single names.

Exit codes: 0 done, 1 failed, 2 a flag or variable is wrong, 3 done, but rows were rejected or
are different.

Flags:
`

// parse reads the flags and variables. It reports all faults together.
func parse(args []string, getenv func(string) string, stderr io.Writer) (*options, error) {
	o := &options{from: place{name: "from", getenv: getenv}, to: place{name: "to", getenv: getenv}}
	flags := flag.NewFlagSet("bearerkit-import", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed by Run
	flags.Usage = func() {}
	o.from.flags(flags, "crossauth")
	o.to.flags(flags, "bearerkit")
	var layout, zone, pepperFile string
	var names crossauth.Layout
	flags.StringVar(&layout, "layout", "sql", "`names` of the crossauth tables: sql, or prisma if Prisma has created them")
	nameFlags(flags, &names)
	flags.StringVar(&zone, "time-zone", "UTC", "time `zone` of times that the crossauth database stores without one, such as Europe/Berlin")
	flags.StringVar(&pepperFile, "pepper-file", "", "`file` with the secret of crossauth, in place of BEARERKIT_IMPORT_PEPPER")
	flags.BoolVar(&o.cfg.InsecureAllowLocalhost, "insecure-allow-localhost", false, "accept http redirect URIs on localhost")
	flags.BoolVar(&o.cfg.Partial, "partial", false, "import clients without their invalid redirect URIs and flows")
	flags.BoolVar(&o.cfg.RevokeMissing, "revoke-missing", false, "delete imported access tokens that crossauth does not have any more")
	flags.BoolVar(&o.cfg.DryRun, "dry-run", false, "report what would be imported, and store nothing")
	flags.BoolVar(&o.json, "json", false, "write the report as JSON")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = io.WriteString(stderr, usage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return nil, err
	}
	var faults []error
	if flags.NArg() > 0 {
		faults = append(faults, fmt.Errorf("unexpected argument %q, expected only flags", flags.Arg(0)))
	}
	var err error
	if o.cfg.TimeZone, err = time.LoadLocation(zone); err != nil {
		faults = append(faults, fmt.Errorf("-time-zone is %q, expected a name such as UTC or Europe/Berlin", zone))
	}
	if o.cfg.Layout, err = layoutOf(layout, names); err != nil {
		faults = append(faults, err)
	}
	pepper, err := secret(getenv, "BEARERKIT_IMPORT_PEPPER", "pepper-file", pepperFile)
	o.cfg.Pepper = registry.NewSecret(pepper)
	return o, errors.Join(append(faults, err, o.from.check(), o.to.check())...)
}

// nameFlags defines the flags for the names of tables and columns.
func nameFlags(flags *flag.FlagSet, l *crossauth.Layout) {
	for _, name := range []struct {
		target      *string
		flag, usage string
	}{
		{&l.Clients, "table-clients", "`name` of the table of clients, or none to skip clients and authorizations"},
		{&l.RedirectURIs, "table-redirect-uris", "`name` of the table of redirect URIs"},
		{&l.Flows, "table-flows", "`name` of the table of valid flows"},
		{&l.Authorizations, "table-authorizations", "`name` of the table of authorizations, or none"},
		{&l.Keys, "table-keys", "`name` of the key table, or none"},
		{&l.ID, "column-id", "`name` of the column with the id, in the table of clients (default client_id)"},
		{&l.Name, "column-name", "`name` of the column with the name of a client (default client_name)"},
		{&l.Secret, "column-secret", "`name` of the column with the hash of the secret (default client_secret)"},
		{&l.Owner, "column-owner", "`name` of the column with the user, in the tables of clients and authorizations (default userid)"},
	} {
		flags.StringVar(name.target, name.flag, "", name.usage)
	}
	flags.BoolVar(&l.NoClientOwner, "no-client-owner", false, "the table of clients has no column with the user")
}

// layoutOf returns the layout with the given name, in which names replace those that are set.
func layoutOf(layout string, names crossauth.Layout) (crossauth.Layout, error) {
	var l crossauth.Layout
	switch layout {
	case "sql":
		l = crossauth.LayoutSQL()
	case "prisma":
		l = crossauth.LayoutPrisma()
	default:
		return l, fmt.Errorf("-layout is %q, expected sql or prisma", layout)
	}
	for _, name := range []struct{ target, given *string }{
		{&l.Clients, &names.Clients},
		{&l.RedirectURIs, &names.RedirectURIs},
		{&l.Flows, &names.Flows},
		{&l.Authorizations, &names.Authorizations},
		{&l.Keys, &names.Keys},
		{&l.ID, &names.ID},
		{&l.Name, &names.Name},
		{&l.Secret, &names.Secret},
		{&l.Owner, &names.Owner},
	} {
		if *name.given != "" {
			*name.target = *name.given
		}
	}
	l.NoClientOwner = names.NoClientOwner
	if l.Clients == none { // the rows of these tables belong to clients, so they are not read either
		l.Clients, l.RedirectURIs, l.Flows, l.Authorizations = "", "", "", ""
	}
	if l.Authorizations == none {
		l.Authorizations = ""
	}
	if l.Keys == none {
		l.Keys = ""
	}
	return l, nil
}

// secret returns the value of a variable, or the content of the file that a flag names.
func secret(getenv func(string) string, variable, flagName, path string) (string, error) {
	value := getenv(variable)
	if path == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("both %s and -%s are set, expected one of them", variable, flagName)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the user chooses the file
	if err != nil {
		return "", fmt.Errorf("-%s: %w", flagName, err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
