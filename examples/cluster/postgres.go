package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// startPostgres starts a PostgreSQL server whose data is in a temporary directory. If this program runs as root, the server runs
// as the user nobody, because PostgreSQL does not run as root. The error matches [exec.ErrNotFound] if it is not installed.
func startPostgres(ctx context.Context) (e *engine, err error) {
	initdb, err := findPostgres("initdb")
	if err != nil {
		return nil, err
	}
	server, err := findPostgres("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bearerkit-") // with the mode 0700
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	prefix, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data, dsn := filepath.Join(dir, "data"), "host="+dir+" user=demo dbname=postgres"
	// Only the owner of dir can reach the socket, so it needs no password.
	create := append(slices.Clone(prefix), initdb, "-D", data, "-U", "demo", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
	command := exec.CommandContext(ctx, create[0], create[1:]...) //nolint:gosec // a program that was found
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	e = &engine{
		url: dsn, dir: dir, command: append(slices.Clone(prefix), server, "-D", data, "-k", dir, "-c", "listen_addresses="),
		ready: func(ctx context.Context) error {
			db, err := sql.Open("pgx", dsn)
			if err != nil {
				return err
			}
			return errors.Join(db.PingContext(ctx), db.Close())
		},
	}
	return e, e.start(ctx)
}

// findPostgres finds a program of PostgreSQL. Debian does not put them into PATH.
func findPostgres(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", name)) // fails only if the pattern is malformed
	if len(found) == 0 {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return slices.Max(found), nil
}

// unprivileged returns the beginning of a command that runs the rest as another user, who then owns dir. It is empty unless this
// program runs as root.
func unprivileged(dir string) ([]string, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return nil, err
	}
	program, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, fmt.Errorf("run this program as an ordinary user: PostgreSQL does not run as root: %w", err)
	}
	return []string{program, "--reuid=" + account.Uid, "--regid=" + account.Gid, "--clear-groups"}, os.Chown(dir, uid, gid)
}
