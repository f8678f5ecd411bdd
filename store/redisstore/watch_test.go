package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// These types are caches of verified tokens.
var (
	_ redisstore.Cache = (*consumer.Consumer)(nil)
	_ redisstore.Cache = (*consumer.Group)(nil)
)

// cache counts calls of Drop.
type cache struct{ all, some atomic.Int64 }

func (c *cache) Drop(match func(store.Token) bool) int {
	if match == nil {
		c.all.Add(1)
	} else {
		c.some.Add(1)
	}
	return 0
}

// watch runs Watch until the test ends, and waits until it has started.
func watch(t testing.TB, s *redisstore.Store, client redis.UniversalClient, caches ...redisstore.Cache) {
	t.Helper()
	started := new(cache)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	subscribers := func() int64 {
		return client.PubSubNumSub(t.Context(), s.Channel()).Val()[s.Channel()]
	}
	before, running := subscribers(), s.WatchStats().Running
	go func() { done <- s.Watch(ctx, append(caches, started)...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
		if n := s.WatchStats().Running; n != running {
			t.Errorf("%d calls of Watch are running after its end, want %d", n, running)
		}
	})
	eventually(t, "Watch has subscribed", func() bool { return subscribers() > before && started.all.Load() > 0 })
}

// often makes polls so frequent that a test need not wait.
func often(c *redisstore.Config) { c.PollInterval, c.MaxSilence = 100*time.Millisecond, time.Minute }

// seldom makes polls so rare that there is none during a test.
func seldom(c *redisstore.Config) { c.PollInterval, c.MaxSilence = time.Minute, time.Minute }

// A token that one process denies is rejected by all others, although they cache its status for an hour.
func TestWatch_DenialReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := server.client(t)
	first, other := newStore(t, client, often), newStore(t, server.client(t), often)
	a := newAPI(t, first, testIssuer().JWKS(), false, time.Hour)
	b := newAPI(t, other, testIssuer().JWKS(), false, time.Hour)
	watch(t, first, client, a.verifier)
	watch(t, other, client, b.verifier)
	list := store.DenyList{Storage: first}
	until := time.Now().Add(time.Hour)
	tests := map[string]func(ctx context.Context) error{
		"token":   func(ctx context.Context) error { return list.DenyToken(ctx, issuerURL, "token", until) },
		"session": func(ctx context.Context) error { return list.DenySession(ctx, issuerURL, "sid of session", until) },
		"subject": func(ctx context.Context) error {
			return list.DenySubject(ctx, issuerURL, "sub of subject", time.Now(), until)
		},
		"client": func(ctx context.Context) error {
			return list.DenyClient(ctx, issuerURL, "client of client", time.Now(), until)
		},
	}
	other1 := testIssuer().AccessToken().Set("jti", "untouched").Sign()
	for name, deny := range tests {
		token := testIssuer().AccessToken().Set("jti", name).Set("sid", "sid of "+name).Set("sub", "sub of "+name).
			Set("client_id", "client of "+name).Sign()
		for who, api := range map[string]*api{"a": a, "b": b} {
			if got := api.get(t, token); got != http.StatusOK {
				t.Fatalf("%s, before: status %d, reason %q", who, got, api.lastReason())
			}
		}
		if err := deny(t.Context()); err != nil {
			t.Fatal(err)
		}
		for who, api := range map[string]*api{"a": a, "b": b} {
			eventually(t, name+" is rejected by "+who, func() bool { return api.get(t, token) == http.StatusUnauthorized })
			if api.lastReason() != consumer.ReasonRevoked {
				t.Errorf("%s: reason %q, want revoked", who, api.lastReason())
			}
			if got := api.get(t, other1); got != http.StatusOK {
				t.Errorf("%s, another token: status %d", who, got)
			}
		}
	}
}

// A message drops the tokens of its keys and no others.
func TestWatch_MessageDropsMatchingTokens(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client, seldom)
	var mu sync.Mutex
	dropped := map[string]bool{}
	matching := dropFunc(func(match func(store.Token) bool) {
		mu.Lock()
		defer mu.Unlock()
		for _, jti := range []string{"a", "b", "c"} {
			if match != nil && match(namedToken(jti)) {
				dropped[jti] = true
			}
		}
	})
	started := new(cache)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Watch(ctx, matching, started) }()
	eventually(t, "Watch has subscribed", func() bool { return client.PubSubNumSub(t.Context(), s.Channel()).Val()[s.Channel()] > 0 })
	// A stored token is published when it is deleted, and not when it is saved.
	if err := s.Save(t.Context(), store.TokenKey("b"), store.Entry{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), store.TokenKey("a")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message has arrived", func() bool { return started.some.Load() > 0 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if mu.Lock(); len(dropped) != 1 || !dropped["a"] {
		t.Errorf("dropped %v, want a", dropped)
	}
	mu.Unlock()
}

type dropFunc func(match func(store.Token) bool)

func (f dropFunc) Drop(match func(store.Token) bool) int { f(match); return 0 }

// A burst of denials leads to few passes over the caches.
func TestWatch_BurstIsCoalesced(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client, often)
	c := new(cache)
	watch(t, s, client, c)
	const burst = 5000
	_, err := client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
		for range burst {
			pipe.Publish(t.Context(), s.Channel(), "{bearerkit:0}:version 0 some key")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the messages have arrived", func() bool { return c.some.Load() > 0 })
	if passes := c.some.Load(); passes > burst/50 {
		t.Errorf("%d passes for %d messages", passes, burst)
	}
}

// If messages are lost, a poll detects the change, and everything is dropped.
func TestWatch_LostMessages(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, s *redisstore.Store, client *redis.Client){
		"counted, and never published": func(t *testing.T, _ *redisstore.Store, client *redis.Client) {
			do(t, client, "INCR", "{bearerkit:3}:version")
		},
		"a gap in the numbers": func(t *testing.T, s *redisstore.Store, client *redis.Client) {
			do(t, client, "SET", "{bearerkit:3}:version", "7")
			do(t, client, "PUBLISH", s.Channel(), "{bearerkit:3}:version 7 key")
		},
		"the connection breaks": func(t *testing.T, _ *redisstore.Store, client *redis.Client) {
			do(t, client, "CLIENT", "KILL", "TYPE", "pubsub")
		},
		"Redis is emptied": func(t *testing.T, _ *redisstore.Store, client *redis.Client) { do(t, client, "FLUSHALL") },
		"garbage": func(t *testing.T, s *redisstore.Store, client *redis.Client) {
			do(t, client, "PUBLISH", s.Channel(), "?")
		},
		"an unknown shard": func(t *testing.T, s *redisstore.Store, client *redis.Client) {
			do(t, client, "PUBLISH", s.Channel(), "x 1 key")
		},
		"no number": func(t *testing.T, s *redisstore.Store, client *redis.Client) {
			do(t, client, "PUBLISH", s.Channel(), "{bearerkit:3}:version x key")
		},
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newServer(t).client(t)
			s := newStore(t, client, often)
			for range 3 { // so that FLUSHALL loses something
				if err := s.Delete(t.Context(), "key"); err != nil {
					t.Fatal(err)
				}
			}
			c := new(cache)
			watch(t, s, client, c)
			before := c.all.Load()
			lose(t, s, client)
			eventually(t, "everything is dropped", func() bool { return c.all.Load() > before })
		})
	}
}

// While nothing is lost, polls drop nothing.
func TestWatch_NothingLostNothingDropped(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	polls := new(hook)
	watching := redis.NewClient(client.Options())
	t.Cleanup(func() { _ = watching.Close() })
	watching.AddHook(polls)
	interval := func(c *redisstore.Config) { c.PollInterval = 500 * time.Millisecond } // on a busy machine, a message can take long
	s, writer := newStore(t, watching, interval), newStore(t, client)
	c := new(cache)
	watch(t, s, client, c)
	before, polled := c.all.Load(), polls.pipelines.Load()
	for i := 0; polls.pipelines.Load() < polled+10; i++ {
		if err := save(t, writer, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		pause(t)
	}
	if got := c.all.Load(); got != before {
		t.Errorf("everything was dropped %d times during 10 polls without a loss", got-before)
	}
	if c.some.Load() == 0 {
		t.Error("no message has arrived")
	}
}

// hook counts pipelines.
type hook struct{ pipelines atomic.Int64 }

func (*hook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) == 16 {
			h.pipelines.Add(1)
		}
		return next(ctx, cmds)
	}
}

// If Redis cannot be reached for MaxSilence, everything is dropped. Requests are then rejected with 503.
func TestWatch_Silence(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := server.client(t)
	s := newStore(t, client, func(c *redisstore.Config) {
		c.Timeout, c.PollInterval, c.MaxSilence = 200*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	})
	a := newAPI(t, s, testIssuer().JWKS(), false, time.Hour)
	watch(t, s, client, a.verifier)
	token := testIssuer().AccessToken().Sign()
	if got := a.get(t, token); got != http.StatusOK {
		t.Fatalf("status %d, reason %q", got, a.lastReason())
	}
	server.kill()
	eventually(t, "the cached status is dropped", func() bool { return a.get(t, token) == http.StatusServiceUnavailable })
	server.start(t)
	eventually(t, "the token is accepted again", func() bool { return a.get(t, token) == http.StatusOK })
}

// During an outage that is shorter than MaxSilence, cached tokens stay. Afterwards everything is dropped, because messages may
// have been lost.
func TestWatch_ShortOutage(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	proxy := newProxy(t, server.addr)
	direct := server.client(t)
	client := redis.NewClient(&redis.Options{Addr: proxy.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	s := newStore(t, client, often, func(c *redisstore.Config) { c.Timeout = 200 * time.Millisecond })
	a := newAPI(t, s, testIssuer().JWKS(), false, time.Hour)
	watch(t, s, direct, a.verifier)
	token := testIssuer().AccessToken().Set("jti", "a").Sign()
	if got := a.get(t, token); got != http.StatusOK {
		t.Fatalf("status %d, reason %q", got, a.lastReason())
	}
	proxy.cut()
	if got := a.get(t, token); got != http.StatusOK {
		t.Errorf("a cached token during the outage: status %d, reason %q", got, a.lastReason())
	}
	// Another process denies the token. This one receives no message.
	list := store.DenyList{Storage: newStore(t, direct)}
	if err := list.DenyToken(t.Context(), issuerURL, "a", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	proxy.restore()
	eventually(t, "the token is rejected", func() bool { return a.get(t, token) == http.StatusUnauthorized })
}

// A check of the servers that takes long does not delay the drops.
func TestWatch_SlowCheck(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	slow := redis.NewClient(client.Options())
	t.Cleanup(func() { _ = slow.Close() })
	checks := new(slowInfo)
	slow.AddHook(checks)
	watch(t, newStore(t, slow, often), client) // waits until everything was dropped
	eventually(t, "the check has begun", func() bool { return checks.begun.Load() > 0 })
	if n := checks.ended.Load(); n > 0 {
		t.Errorf("the drop has waited for %d checks", n)
	}
}

// slowInfo lets the command INFO, which only checks use, wait until its context ends.
type slowInfo struct{ begun, ended atomic.Int64 }

func (*slowInfo) DialHook(next redis.DialHook) redis.DialHook { return next }
func (*slowInfo) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *slowInfo) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "info" {
			h.begun.Add(1)
			<-ctx.Done()
			h.ended.Add(1)
			return ctx.Err()
		}
		return next(ctx, cmd)
	}
}

func TestWatch_NeedsCaches(t *testing.T) {
	t.Parallel()
	s := newStore(t, newServer(t).client(t))
	for name, caches := range map[string][]redisstore.Cache{"none": nil, "nil": {nil}, "nil pointer": {(*consumer.Consumer)(nil)}} {
		if err := s.Watch(t.Context(), caches...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Messages of others cannot fill the log or keep a denial from the caches.
func TestWatch_ForgedMessages(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	var log lineCount
	s := newStore(t, client, func(c *redisstore.Config) {
		c.PollInterval, c.Logger = time.Second, slog.New(slog.NewTextHandler(&log, nil))
	})
	seen := new(cache)
	watch(t, s, client, seen)
	started := log.n.Load()
	for range 200 {
		for _, text := range []string{
			"", "x", "x y z", "{bearerkit:3}:version", "{bearerkit:3}:version 5", "{bearerkit:3}:version 99999999999999999999 k",
			"{bearerkit:99}:version 1 k", "{bearerkit:3}:version 9223372036854775807 k", "{bearerkit:3}:version -9223372036854775808 k",
		} {
			if err := client.Publish(t.Context(), s.Channel(), text).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := seen.some.Load()
	if err := (store.DenyList{Storage: s}).DenyToken(t.Context(), issuerURL, "a", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the denial reaches the cache", func() bool { return seen.some.Load() > before })
	if n := log.n.Load() - started; n > 100 { // 2 for each poll
		t.Errorf("%d lines in the log for 1800 messages", n)
	}
}

// lineCount counts the lines of a log.
type lineCount struct{ n atomic.Int64 }

func (l *lineCount) Write(line []byte) (int, error) {
	l.n.Add(1)
	return len(line), nil
}

// proxy forwards connections to a server until it is cut.
type proxy struct {
	addr, to string

	mu    sync.Mutex // guards what follows
	down  bool
	conns []net.Conn
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String(), to: to}
	t.Cleanup(func() { _ = listener.Close(); p.cut() })
	go func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				p.forward(conn)
			}
		}
	}()
	return p
}

func (p *proxy) forward(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.to)
	if p.down || err != nil {
		_ = conn.Close()
		return
	}
	p.conns = append(p.conns, conn, server)
	for from, to := range map[net.Conn]net.Conn{conn: server, server: conn} {
		go func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}()
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// A lost reply makes the client repeat the command. The second attempt recognizes the mark of the first.
func TestCaseG7_RetryOfTheClientIsNoReplay(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := server.client(t)
	lossy := redis.NewClient(&redis.Options{Addr: server.addr, ContextTimeoutEnabled: true, MaxRetries: 3})
	t.Cleanup(func() { _ = lossy.Close() })
	lossy.AddHook(repeat{})
	backdate(t, newStore(t, client))
	s := newStore(t, lossy)
	for i := range 10 {
		id := fmt.Sprint("proof", i)
		wantFirst(t, "a command that is sent twice", s, "key", id)
		wantReplay(t, "its replay", s, "key", id)
	}
}

// repeat sends each script twice, as after a lost reply.
type repeat struct{}

func (repeat) DialHook(next redis.DialHook) redis.DialHook { return next }
func (repeat) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (repeat) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			_ = next(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}
