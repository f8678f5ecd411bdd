package redisstore_test

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// fault is a state of Redis in which Mark returns an error.
type fault struct {
	begin func(t *testing.T, s *server, client *redis.Client)
	end   func(t *testing.T, s *server, client *redis.Client)
	reads bool // entries can be read
}

func faults() map[string]fault {
	command := func(args ...any) func(*testing.T, *server, *redis.Client) {
		return func(t *testing.T, _ *server, client *redis.Client) { do(t, client, args...) }
	}
	signal := func(sig syscall.Signal) func(*testing.T, *server, *redis.Client) {
		return func(t *testing.T, s *server, _ *redis.Client) {
			if err := s.process.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	return map[string]fault{
		"down": {
			begin: func(_ *testing.T, s *server, _ *redis.Client) { s.kill() },
			end:   func(t *testing.T, s *server, _ *redis.Client) { s.start(t) },
		},
		"hangs":   {begin: signal(syscall.SIGSTOP), end: signal(syscall.SIGCONT)},
		"full":    {begin: command("CONFIG", "SET", "maxmemory", "1"), end: command("CONFIG", "SET", "maxmemory", "0"), reads: true},
		"replica": {begin: command("REPLICAOF", "127.0.0.1", "1"), end: command("REPLICAOF", "NO", "ONE"), reads: true},
		"a replica without its master": {
			begin: func(t *testing.T, _ *server, client *redis.Client) {
				do(t, client, "CONFIG", "SET", "replica-serve-stale-data", "no")
				do(t, client, "REPLICAOF", "127.0.0.1", "1")
			},
			end: command("REPLICAOF", "NO", "ONE"),
		},
		"epochs of another type": {begin: func(t *testing.T, _ *server, client *redis.Client) {
			for _, key := range client.Keys(t.Context(), "*epoch*").Val() {
				do(t, client, "DEL", key)
				do(t, client, "LPUSH", key, "x")
			}
		}, reads: true},
		"epochs that are not times": {begin: func(t *testing.T, _ *server, client *redis.Client) {
			for _, key := range client.Keys(t.Context(), "*epoch*").Val() {
				do(t, client, "SET", key, "x")
			}
		}, reads: true},
	}
}

// A Guard whose store cannot decide rejects the request with 503. It accepts requests again when the store works.
func TestFaults_GuardRejectsWith503(t *testing.T) {
	t.Parallel()
	for name, tt := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			client := server.client(t)
			s := newStore(t, client, func(c *redisstore.Config) { c.Timeout = 300 * time.Millisecond })
			backdate(t, s)
			proofs, denials := newAPI(t, s, testIssuer().JWKS(), true, 0), newAPI(t, s, testIssuer().JWKS(), false, 0)
			bound, token := boundToken(), testIssuer().AccessToken().Sign()
			used := proofFor(bound)
			if got := proofs.send(t.Context(), bound, used); got != http.StatusOK {
				t.Fatalf("a new proof: status %d, reason %q", got, proofs.lastReason())
			}
			if got := denials.get(t, token); got != http.StatusOK {
				t.Fatalf("a token: status %d, reason %q", got, denials.lastReason())
			}
			tt.begin(t, server, client)
			for what, proof := range map[string]string{"a used proof": used, "a new proof": proofFor(bound)} {
				got := proofs.send(t.Context(), bound, proof)
				if got != http.StatusServiceUnavailable || proofs.lastReason() != consumer.ReasonReplayUnavailable {
					t.Errorf("%s: status %d, reason %q, want 503", what, got, proofs.lastReason())
				}
			}
			want := http.StatusServiceUnavailable
			if tt.reads {
				want = http.StatusOK
			}
			if got := denials.get(t, token); got != want {
				t.Errorf("a token: status %d, reason %q, want %d", got, denials.lastReason(), want)
			}
			if tt.end == nil {
				return
			}
			tt.end(t, server, client)
			eventually(t, "the store works", func() bool { return s.Check(t.Context()) == nil })
			backdate(t, s)
			if got := proofs.send(t.Context(), bound, proofFor(bound)); got != http.StatusOK {
				t.Errorf("a new proof afterwards: status %d, reason %q", got, proofs.lastReason())
			}
			if got := denials.get(t, token); got != http.StatusOK {
				t.Errorf("a token afterwards: status %d, reason %q", got, denials.lastReason())
			}
		})
	}
}

// After a restart, a proof that was made before is rejected with 503 by a Guard without nonces.
func TestCaseG7_GuardAfterARestart(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	s := newStore(t, server.client(t))
	backdate(t, s)
	a, bound := newAPI(t, s, testIssuer().JWKS(), true, 0), boundToken()
	used, unused := proofFor(bound), proofFor(bound)
	if got := a.send(t.Context(), bound, used); got != http.StatusOK {
		t.Fatalf("a new proof: status %d, reason %q", got, a.lastReason())
	}
	server.kill()
	server.start(t)
	for what, proof := range map[string]string{"used": used, "unused": unused} {
		got := a.send(t.Context(), bound, proof)
		if got != http.StatusServiceUnavailable || a.lastReason() != consumer.ReasonReplayUnavailable {
			t.Errorf("a proof of before the restart, %s: status %d, reason %q, want 503", what, got, a.lastReason())
		}
	}
}

// Denied tokens and used proofs must not be evicted, so the store does not work with a server that may evict them.
func TestFaults_EvictionPolicy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		skip bool
		want string // in the error
	}{
		"noeviction":                   {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"}, false, ""},
		"allkeys-lru":                  {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, false, "maxmemory-policy"},
		"volatile-ttl":                 {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"}, false, "maxmemory-policy"},
		"volatile-lfu without a limit": {[]string{"--maxmemory-policy", "volatile-lfu"}, false, ""},
		"allkeys-lru with the setting": {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, true, ""},
		"INFO is forbidden":            {[]string{"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-info"}, false, "InsecureSkipServerCheck"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, newServer(t, tt.args...).client(t), func(c *redisstore.Config) { c.InsecureSkipServerCheck = tt.skip })
			_, marked := mark(t, s, "key", "a")
			_, found := s.Lookup(t.Context(), "a")
			for what, err := range map[string]error{"Mark": marked, "Lookup": found, "Save": save(t, s, "a"), "Check": s.Check(t.Context())} {
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: error %v, want %q", what, err, tt.want)
				}
			}
		})
	}
}

// If the policy changes while the process runs, Check reports it, and the store returns errors from then on.
func TestFaults_PolicyChanges(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client)
	wantFirst(t, "before", s, "key", "a")
	do(t, client, "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	do(t, client, "CONFIG", "SET", "maxmemory", "100mb")
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "maxmemory-policy") {
		t.Errorf("Check: error %v, want one about maxmemory-policy", err)
	}
	wantError(t, "afterwards", s)
	do(t, client, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	wantFirst(t, "with the right policy again", s, "key", "b")
}

// Responses that Redis never sends do not lead to acceptance either.
func TestFaults_UnexpectedResponses(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"loading":     "-LOADING Redis is loading the dataset in memory\r\n",
		"master down": "-MASTERDOWN Link with MASTER is down\r\n", "cluster down": "-CLUSTERDOWN The cluster is down\r\n",
		"an error": "-ERR unknown\r\n", "permission": "-NOPERM no permission\r\n", "null": "$-1\r\n", "OK": "+OK\r\n",
		"one": ":1\r\n", "two": ":2\r\n", "text": "$1\r\n1\r\n", "garbage": "HTTP/1.1 200 OK\r\n\r\n", "nothing": "",
		"no script": "-NOSCRIPT No matching script\r\n", "moved": "-MOVED 1 127.0.0.1:1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{Addr: answering(t, response), ContextTimeoutEnabled: true})
			t.Cleanup(func() { _ = client.Close() })
			for _, skip := range []bool{false, true} {
				s := newStore(t, client, func(c *redisstore.Config) {
					c.Timeout, c.InsecureSkipServerCheck = 200*time.Millisecond, skip
				})
				if first, err := mark(t, s, "key", "a"); first || err == nil {
					t.Errorf("Mark = %v, %v, want an error", first, err)
				}
				if active, err := (store.PersistedTokens{Storage: s}).Active(t.Context(), namedToken("a")); active || err == nil && response != "$-1\r\n" {
					t.Errorf("Active = %v, %v, want an error", active, err)
				}
			}
		})
	}
}

// answering starts a server that sends the same response to every command. It sends nothing if the response is empty.
func answering(t *testing.T, response string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buffer := make([]byte, 64<<10)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					for range strings.Count(string(buffer[:n]), "*") { // commands begin with an asterisk
						_, _ = conn.Write([]byte(response))
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// namedToken is a token with a jti only.
type namedToken string

func (n namedToken) ID() string             { return string(n) }
func (namedToken) Issuer() string           { return issuerURL }
func (namedToken) Subject() string          { return "" }
func (namedToken) IssuedAt() time.Time      { return time.Time{} }
func (namedToken) Expiry() time.Time        { return time.Time{} }
func (namedToken) Claim(string) (any, bool) { return nil, false }
