package redisstore_test

import (
	"errors"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

func lines(text string) iter.Seq[string] { return strings.Lines(text) }

// life is how long a proof in these tests is valid before and after it is made.
const life = time.Minute

func isForgotten(err error) bool {
	var e interface{ Forgotten() bool }
	return errors.As(err, &e) && e.Forgotten()
}

// mark records a proof with a nonce that was issued when the test is long past the first epoch.
func mark(t testing.TB, s *redisstore.Store, key, id string) (bool, error) {
	t.Helper()
	now := time.Now()
	return s.Mark(t.Context(), key, id, now.Add(life), now.Add(2*life))
}

// backdate sets the beginning of the epochs to long before the proofs of a test are made.
func backdate(t testing.TB, s *redisstore.Store) {
	t.Helper()
	if err := s.Backdate(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// wantFirst records a new proof.
func wantFirst(t testing.TB, what string, s *redisstore.Store, key, id string) {
	t.Helper()
	if first, err := mark(t, s, key, id); !first || err != nil {
		t.Errorf("%s: Mark = %v, %v, want true", what, first, err)
	}
}

// wantReplay records a proof again.
func wantReplay(t testing.TB, what string, s *redisstore.Store, key, id string) {
	t.Helper()
	if first, err := mark(t, s, key, id); first || err != nil {
		t.Errorf("%s: Mark = %v, %v, want false", what, first, err)
	}
}

// wantError records a proof that must be rejected with an error that is not Forgotten.
func wantError(t testing.TB, what string, s *redisstore.Store) {
	t.Helper()
	if first, err := mark(t, s, "key", "another"); first || err == nil || isForgotten(err) {
		t.Errorf("%s: Mark = %v, %v, want an error", what, first, err)
	}
}

func TestCaseG7_EachProofIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	one, other := newStore(t, client), newStore(t, client)
	separate := newStore(t, client, func(c *redisstore.Config) { c.Prefix = "other" })
	wantFirst(t, "a new proof", one, "k1", "a")
	wantReplay(t, "its replay", one, "k1", "a")
	wantReplay(t, "its replay in another process", other, "k1", "a")
	wantFirst(t, "another id", other, "k1", "b")
	wantReplay(t, "its replay", one, "k1", "b")
	wantFirst(t, "the same id of another key", one, "k2", "a")
	wantFirst(t, "the border between key and id moved", one, "k", "1a")
	wantFirst(t, "another prefix", separate, "k1", "a")
}

func TestCaseG7_Cluster(t *testing.T) {
	t.Parallel()
	client := newCluster(t)
	s := newStore(t, client)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 { // all servers have some of them
		id := strconv.Itoa(i)
		wantFirst(t, id, s, "key", id)
		wantReplay(t, id, s, "key", id)
	}
	testStorage(t, s)
}

// For a proof that was made before the first epoch, Mark returns an error that is Forgotten.
func TestCaseG7_ProofsBeforeTheFirstEpoch(t *testing.T) {
	t.Parallel()
	s := newStore(t, newServer(t).client(t))
	now := time.Now()
	if first, err := s.Mark(t.Context(), "key", "a", now.Add(-life), now.Add(life)); first || !isForgotten(err) {
		t.Errorf("Mark = %v, %v, want a Forgotten error", first, err)
	}
	if first, err := s.Mark(t.Context(), "key", "a", now.Add(life), now.Add(2*life)); !first || err != nil {
		t.Errorf("a later proof: Mark = %v, %v, want true", first, err)
	}
}

// In each case, Redis has lost the mark, so the proof and all proofs of that time are rejected.
func TestCaseG7_Restart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		lose func(t *testing.T, s *server, client *redis.Client)
	}{
		"killed and started empty": {nil, func(t *testing.T, s *server, _ *redis.Client) {
			s.kill()
			s.start(t)
		}},
		"killed and started with an old snapshot": {nil, func(t *testing.T, s *server, client *redis.Client) {
			// The snapshot has the epoch, but not the mark.
			for _, key := range client.Keys(t.Context(), "*mark:*").Val() {
				do(t, client, "DEL", key)
			}
			do(t, client, "SAVE")
			s.kill()
			s.start(t)
			if len(client.Keys(t.Context(), "*epoch*").Val()) == 0 {
				t.Fatal("the snapshot has no epoch: this test cannot fail")
			}
		}},
		"FLUSHALL":            {nil, func(t *testing.T, _ *server, client *redis.Client) { do(t, client, "FLUSHALL") }},
		"FLUSHDB":             {nil, func(t *testing.T, _ *server, client *redis.Client) { do(t, client, "FLUSHDB", "ASYNC") }},
		"SCRIPT FLUSH":        {nil, func(t *testing.T, _ *server, client *redis.Client) { do(t, client, "SCRIPT", "FLUSH") }},
		"restart with an AOF": {[]string{"--appendonly", "yes"}, func(t *testing.T, s *server, _ *redis.Client) { s.kill(); s.start(t) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, tt.args...)
			client := server.client(t)
			one, other := newStore(t, client), newStore(t, client)
			// The proof was made now, and its nonce is newer than the first epoch.
			backdate(t, one)
			made := time.Now()
			use := func(s *redisstore.Store) (bool, error) {
				return s.Mark(t.Context(), "key", "a", made, made.Add(life))
			}
			if first, err := use(one); !first || err != nil {
				t.Fatalf("Mark = %v, %v, want true", first, err)
			}
			if first, err := use(other); first || err != nil {
				t.Fatalf("replay: Mark = %v, %v, want false", first, err)
			}
			tt.lose(t, server, client)
			for who, s := range map[string]*redisstore.Store{"one": one, "other": other, "new process": newStore(t, client)} {
				if first, err := use(s); first || (err != nil && !isForgotten(err)) {
					t.Errorf("%s: replay after the loss: Mark = %v, %v, want a Forgotten error", who, first, err)
				}
			}
			wantFirst(t, "a proof of later", one, "key", "later")
			wantReplay(t, "its replay", other, "key", "later")
		})
	}
}

// A replica that takes over may lack the latest marks.
func TestCaseG7_Failover(t *testing.T) {
	t.Parallel()
	master, replica := newServer(t), newServer(t)
	onMaster, onReplica := master.client(t), replica.client(t)
	eventually(t, "both are up", func() bool { return onReplica.Ping(t.Context()).Err() == nil })
	do(t, onReplica, "REPLICAOF", "127.0.0.1", portOf(master.addr))
	before := newStore(t, onMaster)
	backdate(t, before)
	made := time.Now()
	use := func(s *redisstore.Store) (bool, error) { return s.Mark(t.Context(), "key", "a", made, made.Add(life)) }
	if first, err := use(before); !first || err != nil {
		t.Fatalf("Mark = %v, %v, want true", first, err)
	}
	eventually(t, "the replica has the keys", func() bool { return onReplica.DBSize(t.Context()).Val() == onMaster.DBSize(t.Context()).Val() })
	after := newStore(t, onReplica)
	if first, err := use(after); first || err == nil || isForgotten(err) {
		t.Errorf("a replica: Mark = %v, %v, want an error", first, err)
	}
	// The replica takes over without the mark.
	master.kill()
	do(t, onReplica, "REPLICAOF", "NO", "ONE")
	for _, key := range onReplica.Keys(t.Context(), "*mark:*").Val() {
		do(t, onReplica, "DEL", key)
	}
	if first, err := use(after); first || !isForgotten(err) {
		t.Errorf("after the failover: Mark = %v, %v, want a Forgotten error", first, err)
	}
	wantFirst(t, "a later proof", after, "key", "later")
}

// A former master that takes over again still has the scripts of its epoch. Another epoch has begun in between, so the loss is
// noticed.
func TestCaseG7_FormerMasterTakesOverAgain(t *testing.T) {
	t.Parallel()
	a, b := newServer(t), newServer(t)
	onA, onB := a.client(t), b.client(t)
	storeA, storeB := newStore(t, onA), newStore(t, onB)
	synced := func() bool { return onA.DBSize(t.Context()).Val() == onB.DBSize(t.Context()).Val() }
	demote := func(client *redis.Client, to *server) {
		do(t, client, "REPLICAOF", "127.0.0.1", portOf(to.addr))
		eventually(t, "the replica is connected", func() bool {
			return fieldOf(client.Info(t.Context(), "replication").Val(), "master_link_status") == "up"
		})
		eventually(t, "the replica has the keys", synced)
	}
	backdate(t, storeA)
	demote(onB, a)
	do(t, onB, "REPLICAOF", "NO", "ONE")
	demote(onA, b)
	if err := storeB.Backdate(t.Context(), time.Now().Add(-time.Minute)); err != nil { // a later epoch than on A
		t.Fatal(err)
	}
	made := time.Now()
	if first, err := storeB.Mark(t.Context(), "key", "b", made, made.Add(life)); !first || err != nil {
		t.Fatalf("on B: Mark = %v, %v, want true", first, err)
	}
	eventually(t, "A has the keys", synced)
	do(t, onA, "REPLICAOF", "NO", "ONE")
	for _, key := range onA.Keys(t.Context(), "*mark:*").Val() {
		do(t, onA, "DEL", key)
	}
	if first, err := storeA.Mark(t.Context(), "key", "b", made, made.Add(life)); first || !isForgotten(err) {
		t.Errorf("on A again: Mark = %v, %v, want a Forgotten error", first, err)
	}
}

// Processes that use a new database at the same time agree on an epoch.
func TestCaseG7_ManyProcessesBeginOneEpoch(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	for round := range 5 {
		var firsts atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			s := newStore(t, client)
			all.Go(func() {
				first, err := mark(t, s, "key", strconv.Itoa(round))
				if err != nil {
					t.Errorf("process %d: %v", i, err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if firsts.Load() != 1 {
			t.Errorf("round %d: %d were first, want 1", round, firsts.Load())
		}
		do(t, client, "SCRIPT", "FLUSH")
	}
	if epochs := client.Keys(t.Context(), "*epoch*").Val(); len(epochs) > 16 {
		t.Errorf("%d epochs, want at most one for each of 16 shards", len(epochs))
	}
}

// Processes with different settings have epochs of their own, and share the marks.
func TestCaseG7_DifferentClockSkews(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	one := newStore(t, client)
	other := newStore(t, client, func(c *redisstore.Config) { c.ClockSkew = 2 * time.Second })
	for i := range 50 {
		id := strconv.Itoa(i)
		wantFirst(t, "a new proof", one, "key", id)
		wantReplay(t, "its replay in the other process", other, "key", id)
	}
	if epochs := client.Keys(t.Context(), "*epoch*").Val(); len(epochs) != 32 {
		t.Errorf("%d epochs, want two for each of 16 shards", len(epochs))
	}
}

// A mark stays as long as any process accepts its proof.
func TestCaseX11_G7_LifeOfAMark(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client, func(c *redisstore.Config) { c.ClockSkew = 10 * time.Second })
	wantFirst(t, "a new proof", s, "key", "a")
	keys := client.Keys(t.Context(), "*mark:*").Val()
	if len(keys) != 1 {
		t.Fatalf("marks %q, want one", keys)
	}
	if left := client.PTTL(t.Context(), keys[0]).Val(); left <= 2*life || left > 2*life+21*time.Second {
		t.Errorf("the mark has %v left, want the two minutes of the proof and twice the clock skew", left)
	}
}

// If the clocks differ by more than Config.ClockSkew, Mark and Save return ErrClock.
func TestCaseX11_G7_ClocksDiffer(t *testing.T) { //nolint:paralleltest // ShiftWall
	s := newStore(t, newServer(t).client(t), func(c *redisstore.Config) { c.ClockSkew = 10 * time.Second })
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, shift := range []time.Duration{-8 * time.Second, 8 * time.Second, 12 * time.Second, -12 * time.Second, time.Hour, -time.Hour} {
		t.Run(shift.String(), func(t *testing.T) {
			clock.ShiftWall(t, shift)
			first, err := mark(t, s, "key", shift.String())
			if within := shift.Abs() < 10*time.Second; within != first || within == errors.Is(err, redisstore.ErrClock) {
				t.Errorf("Mark = %v, %v", first, err)
			}
			if err := save(t, s, "a"); (err == nil) != (shift.Abs() < 10*time.Second) {
				t.Errorf("Save: %v", err)
			}
		})
	}
}

// The names and values in Redis contain nothing of the proof.
func TestAttack43_NothingSecretInRedis(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client)
	const key, id = "THUMBPRINT-secret", "JTI-secret"
	wantFirst(t, "a proof", s, key, id)
	for _, name := range client.Keys(t.Context(), "*").Val() {
		value := client.Get(t.Context(), name).Val()
		if strings.Contains(name+value, "secret") || strings.Contains(name+value, "THUMB") {
			t.Errorf("%s = %s", name, value)
		}
		if !strings.HasPrefix(name, "{bearerkit:") {
			t.Errorf("the key %s does not begin with the prefix", name)
		}
	}
}
