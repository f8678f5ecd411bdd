package redisstore_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store/redisstore"
)

// replayJob is what TestReplayProcess does in another process.
type replayJob struct {
	Redis, Token, Proof string
	Keys                []byte
	Requests            int
}

const (
	jobVariable = "BEARERKIT_REPLAY_JOB"
	resultMark  = "replay-result "
)

// replayResult says how many requests had which status.
type replayResult map[int]int

// 1000 requests with the same proof reach four processes at the same time. Exactly one is accepted.
func TestCaseG7_ReplaysOverFourProcesses(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	backdate(t, newStore(t, server.client(t)))
	token := boundToken()
	job, err := json.Marshal(replayJob{server.addr, token, proofFor(token), testIssuer().JWKS(), 250})
	if err != nil {
		t.Fatal(err)
	}
	total := replayResult{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReplayProcess$", "-test.v")
			child.Env = append(os.Environ(), jobVariable+"="+string(job))
			output, err := child.CombinedOutput()
			var result replayResult
			_, text, _ := bytes.Cut(output, []byte(resultMark))
			text, _, _ = bytes.Cut(text, []byte("\n"))
			if err != nil || json.Unmarshal(text, &result) != nil {
				t.Errorf("process: %v\n%s", err, output)
			}
			mu.Lock()
			defer mu.Unlock()
			for status, n := range result {
				total[status] += n
			}
		})
	}
	all.Wait()
	// On a machine that is very busy, some of them wait too long for a connection, and are rejected with 503.
	rejected := total[http.StatusUnauthorized] + total[http.StatusServiceUnavailable]
	if total[http.StatusOK] != 1 || rejected != 999 || total[http.StatusUnauthorized] == 0 {
		t.Errorf("responses by status: %v, want one 200 and 999 times 401", total)
	}
}

// TestReplayProcess is one of the four processes. It does nothing in an ordinary run.
func TestReplayProcess(t *testing.T) {
	t.Parallel()
	text := os.Getenv(jobVariable)
	if text == "" {
		return
	}
	var job replayJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{
		Addr: job.Redis, ContextTimeoutEnabled: true, PoolTimeout: time.Minute, DialTimeout: time.Minute,
	})
	defer func() { _ = client.Close() }()
	s := newStore(t, client, func(c *redisstore.Config) { c.Timeout = 10 * time.Second })
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := newAPI(t, s, job.Keys, true, 0)
	var counts [600]atomic.Int32
	var all sync.WaitGroup
	start := make(chan struct{})
	for range job.Requests {
		all.Go(func() {
			<-start
			counts[a.send(t.Context(), job.Token, job.Proof)].Add(1)
		})
	}
	close(start)
	all.Wait()
	result := replayResult{}
	for status := range counts {
		if n := counts[status].Load(); n > 0 {
			result[status] = int(n)
		}
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("\n" + resultMark + string(encoded) + "\n")
}
