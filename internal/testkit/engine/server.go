package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Options change a server that [Start] starts.
type Options struct {
	// Durable servers write to the disk before they acknowledge a change, and their buffers and logs have the default sizes, as
	// in production. The zero value means that they leave the writing to the operating system and use little memory, which makes
	// tests faster.
	Durable bool
	// DiskMB is the size of the disk for the data, in MiB. Zero means that the data is in an ordinary directory.
	DiskMB int
	// Args are additional command-line arguments of the server.
	Args []string
}

// Server is a running server. Its methods are safe for concurrent use, except those that start or stop it.
type Server struct {
	kind    Kind
	flavor  flavor
	options Options
	keeper  *keeper
	dir     string // holds everything, and the working directory
	port    string
	disk    *Disk        // nil without Options.DiskMB
	names   atomic.Int64 // the number of databases

	mu      sync.Mutex // guards process
	process *process
}

// shared has the servers that [Shared] returns.
var shared = map[Kind]func() (*Server, error){ //nolint:gochecknoglobals // one server for each test program
	PostgreSQL: sync.OnceValues(func() (*Server, error) { return newServer(PostgreSQL, Options{}) }),
	MariaDB:    sync.OnceValues(func() (*Server, error) { return newServer(MariaDB, Options{}) }),
	Redis:      sync.OnceValues(func() (*Server, error) { return newServer(Redis, Options{}) }),
}

// Shared returns the server that all tests of this program share, and starts it at the first call. Do not stop it and do not
// change its settings.
func Shared(t testing.TB, kind Kind) *Server {
	t.Helper()
	Require(t, kind)
	s, err := shared[kind]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Start starts a server that ends with the test.
func Start(t testing.TB, kind Kind, o Options) *Server {
	t.Helper()
	Require(t, kind)
	if o.DiskMB > 0 {
		requireMounts(t)
	}
	s, err := newServer(kind, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	return s
}

// Require skips the test if a server of this kind is not installed. If BEARERKIT_REQUIRE_SERVICES is 1, it fails the test.
func Require(t testing.TB, kind Kind) {
	t.Helper()
	missing := kind.flavor().missing()
	if missing == "" && !supported {
		missing = "a Unix system"
	}
	if missing == "" {
		return
	}
	unavailable(t, fmt.Sprintf("%s cannot be started: %s is missing: run make services", kind, missing))
}

// unavailable skips the test, or fails it if all services are required.
func unavailable(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("BEARERKIT_REQUIRE_SERVICES") == "1" {
		t.Fatalf("%s (BEARERKIT_REQUIRE_SERVICES is 1)", reason)
	}
	t.Skip(reason)
}

// newServer creates and starts a server.
func newServer(kind Kind, o Options) (*Server, error) {
	s, err := unstarted(kind, o)
	if err != nil {
		return nil, err
	}
	if err := s.flavor.create(s); err != nil {
		return nil, fmt.Errorf("create %s: %w", kind, err)
	}
	for range 3 { // another program may take the port first
		if err = s.start(); err == nil {
			return s, nil
		}
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
	}
	return nil, s.start()
}

// unstarted returns a server with an empty directory.
func unstarted(kind Kind, o Options) (*Server, error) {
	k, err := theKeeper()
	if err != nil {
		return nil, err
	}
	s := &Server{kind: kind, flavor: kind.flavor(), options: o, keeper: k}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.dir, err = k.directory(s.flavor.account()); err != nil {
		return nil, err
	}
	if o.DiskMB > 0 {
		s.disk = &Disk{Dir: s.path("data")}
		return s, s.disk.mount(o.DiskMB, s.flavor.account())
	}
	return s, nil
}

// Disk returns the disk of the data. It is nil without [Options].DiskMB.
func (s *Server) Disk() *Disk { return s.disk }

// Kind returns what the server is.
func (s *Server) Kind() Kind { return s.kind }

// Addr returns the host and port of the server. It does not change if the server is started again.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Database creates a database and returns the data source name with which an ordinary user reaches it. This user may create
// tables there, and has no administrative rights. Redis has one database only, and its users have all rights.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "t" + strconv.FormatInt(s.names.Add(1), 10)
	if err := s.flavor.database(s, name); err != nil {
		t.Fatal(err)
	}
	return s.DSN(name, s.Addr())
}

// DSN returns the data source name of a database for clients that reach the server at addr, for example through a [Proxy].
// The drivers pgx and go-sql-driver/mysql, and the function ParseURL of go-redis, accept it.
func (s *Server) DSN(database, addr string) string { return s.flavor.dsn(addr, database) }

// Admin runs SQL statements as an administrator and returns the rows that they print.
func (s *Server) Admin(t testing.TB, sql string) string {
	t.Helper()
	out, err := s.flavor.admin(s, sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Kill ends the server at once, as kill -9 and a crash of the program do. Nothing that the operating system has received is
// lost.
func (s *Server) Kill() {
	if p := s.running(); p != nil {
		p.kill()
	}
}

// Restart starts the server on the same data and port after Kill. It kills the server first if it still runs.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	err := s.start()
	for range 10 { // PostgreSQL does not start before all processes of the killed server have ended
		if err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond) //nolint:forbidigo // another process cannot be waited for otherwise
		err = s.start()
	}
	t.Fatal(err)
}

// Pause stops the processes of the server, so that it accepts connections and does not respond.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	if err := s.running().pause(); err != nil {
		t.Fatal(err)
	}
}

// Resume continues the server after Pause.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if err := s.running().resume(); err != nil {
		t.Fatal(err)
	}
}

// ReadOnly sets whether the server rejects changes. Transactions that have begun before are not affected.
func (s *Server) ReadOnly(t testing.TB, on bool) {
	t.Helper()
	s.Admin(t, s.flavor.readOnly(on))
}

func (s *Server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// start starts the program and waits until it accepts requests.
func (s *Server) start() error {
	command := append(s.flavor.command(s), s.options.Args...)
	p, err := s.keeper.launch(s.dir, s.flavor.account(), command)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	for range 6000 { // a minute
		if s.flavor.ready(s, p.pid()) {
			return nil
		}
		if p.ended(10 * time.Millisecond) {
			break
		}
	}
	p.kill()
	return fmt.Errorf("%s does not start: %s", s.kind, tail(filepath.Join(s.dir, "log")))
}

// remove ends the server and deletes its files.
func (s *Server) remove() {
	if p := s.running(); p != nil {
		p.end()
	}
	if s.disk != nil {
		s.disk.unmount()
	}
	_ = os.RemoveAll(s.dir)
}

// path returns the path of a file of the server.
func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// run runs a command as the account of the server and returns what it prints.
func (s *Server) run(input string, env []string, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the programs of the server
	cmd.Dir = s.dir
	cmd.Env = append(environment(s.dir), env...)
	cmd.SysProcAttr = attributes(s.flavor.account())
	cmd.Stdin = strings.NewReader(input)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s%s", filepath.Base(command[0]), err, out.Bytes(), problem.Bytes())
	}
	return out.String(), nil
}

// environment returns the environment of all programs. It omits settings of the servers' clients. Temporary files are in dir,
// because other accounts may not write to the directory of this program's account.
func environment(dir string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "MYSQL") || strings.HasPrefix(name, "MARIADB") ||
			strings.HasPrefix(name, "LC_") || name == "LANG" || name == "HOME" || name == "TMPDIR"
	})
	return append(kept, "TMPDIR="+dir)
}

// freePort returns a port of 127.0.0.1 that was free a moment ago.
func freePort() (string, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// password is the password of all users of all servers of this program.
var password = sync.OnceValue(rand.Text) //nolint:gochecknoglobals // one for each test program

// tail returns the end of a file.
func tail(path string) string {
	text, err := os.ReadFile(path) //nolint:gosec // a log of a server
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}
