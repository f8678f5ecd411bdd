package redisstore_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// durable are the arguments of a server that writes to disk before it acknowledges a change, as docs/redis.md recommends.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// enough is how many tokens are denied before something is killed.
const enough = 300

// denyAll denies one token after the other until ctx ends or a call fails. It calls acked with each token that was denied.
func denyAll(ctx context.Context, s *redisstore.Store, acked func(jti string)) {
	for ctx.Err() == nil {
		jti := rand.Text()
		if (store.DenyList{Storage: s}).DenyToken(ctx, issuerURL, jti, time.Now().Add(time.Hour)) != nil {
			return
		}
		acked(jti)
	}
}

// lost returns the numbers of the denied tokens that are active.
func lost(t *testing.T, s *redisstore.Store, denied []string) (numbers []int) {
	t.Helper()
	for i, jti := range denied {
		active, err := store.DenyList{Storage: s}.Active(t.Context(), namedToken(jti))
		if err != nil {
			t.Fatal(err)
		}
		if active {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// After kill -9 of Redis during writes, no acknowledged denial is lost with appendfsync always. With everysec, the last ones may be
// lost, and no earlier ones. The store works again with the same connections.
func TestCrash_Server(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"always", "everysec"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, "--appendonly", "yes", "--appendfsync", setting)
			s := newStore(t, server.client(t))
			var denied []string
			for range 3 {
				progress := make(chan string)
				go func() {
					defer close(progress)
					denyAll(t.Context(), s, func(jti string) { progress <- jti })
				}()
				count := 0
				for jti := range progress {
					denied = append(denied, jti)
					if count++; count == enough {
						go server.kill() // the writer goes on until it fails
					}
				}
				server.kill() // if it failed before
				server.start(t)
				if count < enough {
					t.Fatalf("%d tokens were denied", count)
				}
				gone := lost(t, s, denied)
				if len(gone) > 0 && (setting == "always" || gone[0] != len(denied)-len(gone)) {
					t.Errorf("of %d denials, these are lost: %v", len(denied), gone)
				}
				denied = denied[:len(denied)-len(gone)]
			}
		})
	}
}

// crashVariable is the address of a server. It makes TestCrash_Writer deny tokens there.
const crashVariable = "BEARERKIT_TEST_CRASH"

// After kill -9 of a process that denies tokens, all denials that it has acknowledged are there, and other processes go on.
func TestCrash_Process(t *testing.T) {
	t.Parallel()
	server := newServer(t, durable...)
	s := newStore(t, server.client(t))
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash_Writer$", "-test.v")
	child.Env = append(os.Environ(), crashVariable+"="+server.addr)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var denied []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if jti, ok := strings.CutPrefix(lines.Text(), "denied "); ok {
			denied = append(denied, jti)
		}
		if len(denied) == enough {
			_ = child.Process.Kill() // the pipe still has what the process has written
		}
	}
	_ = child.Wait() // it was killed
	if len(denied) < enough {
		t.Fatalf("%d tokens were denied", len(denied))
	}
	if gone := lost(t, s, denied); len(gone) > 0 {
		t.Errorf("of %d denials, these are lost: %v", len(denied), gone)
	}
	if err := save(t, s, "another"); err != nil {
		t.Error(err)
	}
}

// TestCrash_Writer is the process that is killed. It does nothing in an ordinary run.
func TestCrash_Writer(t *testing.T) {
	t.Parallel()
	addr := os.Getenv(crashVariable)
	if addr == "" {
		return
	}
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	_, _ = os.Stdout.WriteString("\n")
	denyAll(t.Context(), newStore(t, client), func(jti string) { _, _ = os.Stdout.WriteString("denied " + jti + "\n") })
}
