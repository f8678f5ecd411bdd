// Program bearerkit-import imports the clients, authorizations and stored access tokens of a crossauth server into the tables of
// package sqlstore. Run it with -help for its flags. docs/migrate/crossauth.md describes an import step by step.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/go-sql-driver/mysql" // the driver for MariaDB
	_ "github.com/jackc/pgx/v5/stdlib" // the driver for PostgreSQL

	"github.com/bearerkit/bearerkit/store/sqlstore/internal/importcmd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := importcmd.Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
