package engine

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// postgres is PostgreSQL. Tests run with version 15, and use the newest version that is installed.
type postgres struct{}

// binary returns the path of a program of PostgreSQL. Debian keeps the server outside of PATH.
func (postgres) binary(name string) string {
	return program(name, "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/*/bin")
}

func (p postgres) missing() string {
	return firstMissing(map[string]string{"initdb": p.binary("initdb"), "postgres": p.binary("postgres"), "psql": p.binary("psql")})
}

func (postgres) account() string { return "postgres" }

// postgresTemplate is a data directory that new servers copy, because initdb takes a second.
var postgresTemplate = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // one for each test program
	s, err := unstarted(PostgreSQL, Options{})
	if err != nil {
		return "", err
	}
	p := postgres{}
	if _, err := s.run(password(), nil, "sh", "-c", "umask 077; cat >password"); err != nil {
		return "", err
	}
	if _, err := s.run("", nil, p.binary("initdb"), "--pgdata", s.path("data"), "--username", "admin", "--auth", "scram-sha-256",
		"--pwfile", s.path("password"), "--encoding", "UTF8", "--locale", "C", "--wal-segsize", "1", "--no-sync"); err != nil {
		return "", err
	}
	// Roles can only be created in a running server.
	if err := s.start(); err != nil {
		return "", err
	}
	if _, err := p.admin(s, "CREATE ROLE api LOGIN PASSWORD '"+password()+"'"); err != nil {
		return "", err
	}
	return s.path("data"), s.running().stop()
})

func (p postgres) create(s *Server) error {
	template, err := postgresTemplate()
	if err != nil {
		return err
	}
	if _, err := s.run("", nil, "cp", "-R", template+"/.", s.path("data")); err != nil {
		return err
	}
	if s.options.DiskMB == 0 {
		return nil
	}
	// A server that cannot write its log ends. So the log gets another disk than the tables.
	if _, err := s.run("", nil, "mv", s.path("data/pg_wal"), s.path("wal")); err != nil {
		return err
	}
	_, err = s.run("", nil, "ln", "-s", s.path("wal"), s.path("data/pg_wal"))
	return err
}

func (p postgres) command(s *Server) []string {
	command := []string{
		p.binary("postgres"), "-D", s.path("data"), "-p", s.port, "-h", "127.0.0.1", "-k", s.dir,
		"-c", "max_connections=200", "-c", "autovacuum_naptime=10s",
	}
	// Without fsync, a crash of the server loses nothing, and a crash of the machine may destroy the data.
	if !s.options.Durable {
		command = append(command, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB")
	}
	return command
}

// ready reads the file in which the server publishes its state. A file with another process id is the one of a server that was killed.
func (postgres) ready(s *Server, pid int) bool {
	text, err := os.ReadFile(s.path("data/postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(pid) {
		return false
	}
	state := strings.TrimSpace(lines[7]) // the eighth line; the documentation calls the file postmaster.pid
	return state == "ready" || state == "standby"
}

func (p postgres) database(s *Server, name string) error {
	_, err := p.admin(s, "CREATE DATABASE "+name+" OWNER api")
	return err
}

func (postgres) dsn(addr, database string) string {
	return "postgres://api:" + password() + "@" + addr + "/" + database + "?sslmode=disable"
}

func (p postgres) admin(s *Server, statements string) (string, error) {
	return s.run(statements, []string{"PGPASSWORD=" + password()}, p.binary("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
		"--set", "ON_ERROR_STOP=1", "--host", s.dir, "--port", s.port, "--username", "admin", "--dbname", "postgres")
}

func (postgres) readOnly(on bool) string {
	return "ALTER SYSTEM SET default_transaction_read_only = " + strconv.FormatBool(on) + ";\nSELECT pg_reload_conf();"
}

// primary returns nothing: follow changes the settings of the primary while it runs.
func (postgres) primary() []string { return nil }

// follow copies the data of the primary while it runs.
func (p postgres) follow(s, primary *Server) error {
	_, err := s.run("", []string{"PGPASSWORD=" + password()}, p.binary("pg_basebackup"), "--host", "127.0.0.1", "--port", primary.port,
		"--username", "admin", "--pgdata", s.path("data"), "--wal-method", "stream", "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		return err
	}
	// From now on, the primary acknowledges nothing that the standby lacks.
	_, err = p.admin(primary, "ALTER SYSTEM SET synchronous_standby_names = '*';\nSELECT pg_reload_conf();")
	return err
}

func (postgres) following() string {
	return "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"
}

// promote makes s a primary. The setting that follow has made was copied with the data: without a standby of its own, s would
// acknowledge no commit.
func (p postgres) promote(s *Server) error {
	_, err := p.admin(s, "SELECT pg_promote();")
	if err != nil {
		return err
	}
	_, err = p.admin(s, "ALTER SYSTEM RESET synchronous_standby_names;\nSELECT pg_reload_conf();")
	return err
}
