package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// server is a Redis server of one test. It listens on 127.0.0.1, stores nothing on disk unless an argument says so, and ends
// with the test.
type server struct {
	addr string
	dir  string
	args []string

	mu      sync.Mutex // guards process
	process *exec.Cmd
}

// newServer starts a server with more arguments. It skips the test if Redis is not installed, or fails it if
// BEARERKIT_REQUIRE_SERVICES is 1.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	engine.Require(t, engine.Redis)
	s := &server{addr: freeAddress(t), dir: t.TempDir(), args: args}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// start starts the server and waits until it accepts commands.
func (s *server) start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--logfile", filepath.Join(s.dir, "log"), "--repl-diskless-sync-delay", "0",
	}, s.args...)
	s.mu.Lock()
	s.process = exec.CommandContext(context.Background(), "redis-server", args...) // it ends in kill
	err := s.process.Start()
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = client.Close() }()
	for range 1000 {
		if client.Ping(t.Context()).Err() == nil {
			return
		}
		pause(t)
	}
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	t.Fatalf("redis-server does not start: %s", text)
}

// pause waits a little before the next check.
func pause(t testing.TB) {
	t.Helper()
	select {
	case <-time.After(10 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// eventually waits until done returns true, at most a minute.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 6000 {
		if done() {
			return
		}
		pause(t)
	}
	t.Fatalf("not after a minute: %s", what)
}

// kill ends the server at once, as a crash does.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// client returns a client of the server.
func (s *server) client(t testing.TB, change ...func(*redis.Options)) *redis.Client {
	t.Helper()
	o := &redis.Options{Addr: s.addr, ContextTimeoutEnabled: true}
	for _, c := range change {
		c(o)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// do runs a command.
func do(t testing.TB, client redis.UniversalClient, args ...any) {
	t.Helper()
	if err := client.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// newStore returns a Store of client.
func newStore(t testing.TB, client redis.UniversalClient, change ...func(*redisstore.Config)) *redisstore.Store {
	t.Helper()
	cfg := redisstore.Config{Client: client, Timeout: 10 * time.Second} // on a busy machine, a command can take seconds
	for _, c := range change {
		c(&cfg)
	}
	s, err := redisstore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newCluster starts three masters that share all slots.
func newCluster(t testing.TB) *redis.ClusterClient {
	t.Helper()
	const masters = 3
	var servers [masters]*server
	for i := range servers {
		servers[i] = newServer(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
			"--cluster-node-timeout", "2000", "--cluster-port", portOf(freeAddress(t)))
	}
	for i, s := range servers {
		client := s.client(t)
		do(t, client, "CLUSTER", "ADDSLOTSRANGE", i*16384/masters, (i+1)*16384/masters-1)
		do(t, client, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		for _, other := range servers[:i] {
			bus := other.args[len(other.args)-1]
			do(t, client, "CLUSTER", "MEET", "127.0.0.1", portOf(other.addr), bus)
		}
	}
	for _, s := range servers {
		client := s.client(t)
		eventually(t, "the cluster is up", func() bool {
			info, err := client.ClusterInfo(t.Context()).Result()
			return err == nil && fieldOf(info, "cluster_state") == "ok" && fieldOf(info, "cluster_known_nodes") == strconv.Itoa(masters)
		})
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{servers[0].addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func fieldOf(info, name string) (value string) {
	for line := range lines(info) {
		if _, err := fmt.Sscanf(line, name+":%s", &value); err == nil {
			return value
		}
	}
	return ""
}
