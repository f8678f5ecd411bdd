package engine_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
)

// statements are what the tests send to a server as its administrator.
var statements = map[engine.Kind]struct{ create, write, read string }{
	engine.PostgreSQL: {"CREATE TABLE t (a int)", "INSERT INTO t VALUES (7)", "SELECT a FROM t"},
	engine.MariaDB:    {"CREATE DATABASE t; CREATE TABLE t.t (a int)", "INSERT INTO t.t VALUES (7)", "SELECT a FROM t.t"},
	engine.Redis:      {"PING", "SET t 7", "GET t"},
}

// long skips a test in repeated runs.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts several servers")
	}
}

// A server keeps what it has acknowledged when it is killed, and does not respond while it is paused.
func TestServer_Faults(t *testing.T) {
	t.Parallel()
	long(t)
	for kind, sql := range statements {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := engine.Start(t, kind, engine.Options{Durable: true})
			s.Admin(t, sql.create)
			s.Admin(t, sql.write)
			s.Kill()
			if conn := connect(t, s.Addr()); conn != nil {
				t.Error("after Kill: the server accepts connections")
			}
			s.Restart(t)
			if got := strings.TrimSpace(s.Admin(t, sql.read)); got != "7" {
				t.Errorf("after Restart: got %q, want 7", got)
			}
			s.Pause(t)
			read := make(chan string)
			go func() { read <- s.Admin(t, sql.read) }()
			select {
			case got := <-read:
				t.Errorf("while paused: response %q", got)
			case <-time.After(100 * time.Millisecond):
			}
			s.Resume(t)
			if got := strings.TrimSpace(<-read); got != "7" {
				t.Errorf("after Resume: got %q, want 7", got)
			}
		})
	}
}

// A standby has what the primary acknowledged.
func TestPair_Promote(t *testing.T) {
	t.Parallel()
	long(t)
	for _, kind := range []engine.Kind{engine.PostgreSQL, engine.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			sql := statements[kind]
			primary, standby := engine.Pair(t, kind, engine.Options{})
			primary.Admin(t, sql.create)
			primary.Admin(t, sql.write)
			primary.Kill()
			standby.Promote(t)
			standby.Admin(t, sql.write)
			if got := strings.Fields(standby.Admin(t, sql.read)); len(got) != 2 {
				t.Errorf("the rows are %v, want two", got)
			}
		})
	}
}

// Every database of a shared server is a new one.
func TestShared_Database(t *testing.T) {
	t.Parallel()
	long(t)
	for _, kind := range []engine.Kind{engine.PostgreSQL, engine.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := engine.Shared(t, kind)
			first, second := s.Database(t), s.Database(t)
			if first == second || !strings.Contains(first, s.Addr()) {
				t.Errorf("data source names %q and %q, want two that contain %s", first, second, s.Addr())
			}
		})
	}
}

// A server that is missing skips the test, or fails it if all services are required.
func TestRequire_Missing(t *testing.T) {
	t.Parallel()
	for required, want := range map[string]string{"": "--- SKIP", "1": "--- FAIL"} {
		out, err := again(t, "", "PATH=", "BEARERKIT_REQUIRE_SERVICES="+required).CombinedOutput()
		if said := string(out); (err != nil) != (required == "1") || !strings.Contains(said, want+": TestChild") ||
			!strings.Contains(said, "run make services") {
			t.Errorf("BEARERKIT_REQUIRE_SERVICES=%s: %v\n%s", required, err, out)
		}
	}
}

const childVariable = "BEARERKIT_TEST_ENGINE"

// again runs TestChild in a new process.
func again(t *testing.T, way string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), append(env, childVariable+"="+way+".")...)
	return cmd
}

// A server ends with the test program, whether it passes, fails, panics or is killed, and is not run by root.
func TestServer_Ends(t *testing.T) {
	t.Parallel()
	long(t)
	engine.Require(t, engine.Redis)
	for _, way := range []string{"passes", "fails", "panics", "killed"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cmd := again(t, way)
			goOn, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			addr, err := bufio.NewReader(stderr).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			addr = strings.TrimSpace(addr)
			if connect(t, addr) == nil {
				t.Fatal("there is no server")
			}
			if way == "killed" {
				_ = cmd.Process.Kill()
			}
			_ = goOn.Close()
			_, _ = io.Copy(io.Discard, stderr)
			if err := cmd.Wait(); (err == nil) != (way == "passes") {
				t.Errorf("%s: %v", way, err)
			}
			for range 1000 { // ten seconds
				if connect(t, addr) == nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
			t.Error("the server is still there")
		})
	}
}

// TestChild starts a server and ends. Only again runs it.
func TestChild(t *testing.T) {
	t.Parallel()
	way := strings.TrimSuffix(os.Getenv(childVariable), ".")
	if os.Getenv(childVariable) == "" {
		return
	}
	s := engine.Shared(t, engine.Redis)
	if info := s.Admin(t, "CONFIG GET dir"); os.Geteuid() == 0 {
		dir := strings.Fields(info)[1]
		file, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if owner, ok := file.Sys().(*syscall.Stat_t); !ok || owner.Uid == 0 {
			t.Error("root runs the server")
		}
	}
	_, _ = io.WriteString(os.Stderr, s.Addr()+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other process has seen the server
	switch way {
	case "fails":
		t.Fatal("as it should")
	case "panics":
		panic("as it should")
	}
}

// connect returns nil if the connection is refused.
func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
