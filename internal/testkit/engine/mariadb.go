package engine

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// mariadb is MariaDB. Tests run with version 10.11.
type mariadb struct{}

// binary returns the path of a program of MariaDB. The PATH of ordinary users lacks the folder of servers.
func (mariadb) binary(name string) string { return program(name, "/usr/sbin", "/usr/bin") }

func (m mariadb) missing() string {
	return firstMissing(map[string]string{
		"mariadbd": m.binary("mariadbd"), "mariadb-install-db": m.binary("mariadb-install-db"), "mariadb": m.binary("mariadb"),
	})
}

func (mariadb) account() string { return "mysql" }

// mariadbTemplate is a data directory that new servers copy.
var mariadbTemplate = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // one for each test program
	s, err := unstarted(MariaDB, Options{})
	if err != nil {
		return "", err
	}
	// The names of databases begin with t: see Server.Database. Without root@localhost, nobody can connect without a password.
	users := strings.ReplaceAll(`FLUSH PRIVILEGES;
CREATE USER admin@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;
CREATE USER api@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON `+"`t%`"+`.* TO api@'127.0.0.1';
DROP USER root@localhost;
`, "{password}", password())
	if _, err := s.run(users, nil, "sh", "-c", "umask 077; cat >users.sql"); err != nil {
		return "", err
	}
	_, err = s.run("", nil, mariadb{}.binary("mariadb-install-db"), "--no-defaults", "--datadir="+s.path("data"), "--skip-test-db",
		"--auth-root-authentication-method=normal", "--innodb-log-file-size=8M", "--extra-file="+s.path("users.sql"))
	return s.path("data"), err
})

func (mariadb) create(s *Server) error {
	template, err := mariadbTemplate()
	if err != nil {
		return err
	}
	_, err = s.run("", nil, "cp", "-R", template+"/.", s.path("data"))
	return err
}

func (m mariadb) command(s *Server) []string {
	command := []string{
		m.binary("mariadbd"), "--no-defaults", "--datadir=" + s.path("data"), "--tmpdir=" + s.dir, "--socket=" + s.path("socket"),
		"--pid-file=" + s.path("pid"), "--port=" + s.port, "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--max-connections=200", "--server-id=" + s.port, // replicas need different ids
	}
	// nosync leaves the writing to the operating system. A crash of the server loses nothing, and a crash of the machine does. Several
	// servers run at the same time, so each has little memory.
	if !s.options.Durable {
		command = append(command, "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M")
	}
	return command
}

// ready reads the first bytes that the server sends on a new connection.
func (mariadb) ready(s *Server, _ int) bool {
	conn, err := new(net.Dialer).DialContext(context.Background(), "unix", s.path("socket"))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	n, err := conn.Read(make([]byte, 64))
	return err == nil && n > 0
}

func (m mariadb) database(s *Server, name string) error {
	_, err := m.admin(s, "CREATE DATABASE "+name)
	return err
}

func (mariadb) dsn(addr, database string) string {
	return "api:" + password() + "@tcp(" + addr + ")/" + database
}

func (m mariadb) admin(s *Server, statements string) (string, error) {
	return s.run(statements, []string{"MYSQL_PWD=" + password()}, m.binary("mariadb"), "--no-defaults", "--skip-column-names", "--batch",
		"--host=127.0.0.1", "--port="+s.port, "--user=admin")
}

func (mariadb) readOnly(on bool) string {
	if on {
		return "SET GLOBAL read_only = 1"
	}
	return "SET GLOBAL read_only = 0"
}

// primary are the settings of a server that waits for its standby. A test ends long before the timeout.
func (mariadb) primary() []string {
	return []string{
		"--log-bin=log", "--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-master-timeout=3600000",
		"--rpl-semi-sync-master-wait-point=AFTER_SYNC",
	}
}

// follow makes s a replica. slave_pos lets it read the binary log from the beginning. The primary must have no data that is older than its binary log.
func (m mariadb) follow(s, primary *Server) error {
	if err := m.create(s); err != nil {
		return err
	}
	s.options.Args = []string{"--log-bin=log", "--read-only=1", "--rpl-semi-sync-slave-enabled=1"}
	if err := s.start(); err != nil {
		return err
	}
	_, err := m.admin(s, "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = "+primary.port+", MASTER_USER = 'admin', MASTER_PASSWORD = '"+
		password()+"', MASTER_USE_GTID = slave_pos;\nSTART SLAVE;")
	return err
}

func (mariadb) following() string {
	return "SELECT 1 FROM information_schema.global_status WHERE variable_name = 'RPL_SEMI_SYNC_MASTER_CLIENTS' AND variable_value = '1'"
}

// promote waits until everything that the replica has received is applied. It would be lost otherwise.
func (m mariadb) promote(s *Server) error {
	status, err := s.run("STOP SLAVE IO_THREAD;\nSHOW SLAVE STATUS;", []string{"MYSQL_PWD=" + password()}, m.binary("mariadb"), "--no-defaults",
		"--batch", "--host=127.0.0.1", "--port="+s.port, "--user=admin")
	if err != nil {
		return err
	}
	// SHOW SLAVE STATUS has one row with many columns, and the first line has their names.
	names, values, _ := strings.Cut(strings.TrimSuffix(status, "\n"), "\n")
	column := slices.Index(strings.Split(names, "\t"), "Gtid_IO_Pos")
	if column < 0 {
		return fmt.Errorf("the replica has no Gtid_IO_Pos: %s", status)
	}
	received := strings.Split(values, "\t")[column]
	_, err = m.admin(s, "SELECT MASTER_GTID_WAIT('"+received+"');\nSTOP SLAVE;\nRESET SLAVE ALL;\nSET GLOBAL read_only = 0;")
	return err
}
