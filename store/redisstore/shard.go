package redisstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// numShards is the number of parts into which the keys are divided. All keys of a shard have the same hash tag, so a cluster
// keeps them on one server, and a script can use several of them. The number is fixed: another one would change the keys.
const numShards = 16

// shard has the names of one part of the keys.
type shard struct {
	index   int
	tag     string // prefix of all keys of the shard
	mark    string // prefix of the keys of marks
	epoch   string // key of the epoch
	version string // key of the number of changes
	current atomic.Pointer[epoch]
}

func (s *shard) init(prefix string, index int, skew time.Duration) {
	s.index = index
	s.tag = "{" + prefix + ":" + strconv.Itoa(index) + "}:"
	s.mark, s.version = s.tag+"mark:", s.tag+"version"
	// A process whose script differs, because of its version or its ClockSkew, has another key: it does not have the script of
	// the other processes, and would replace their epoch again and again.
	s.epoch = s.tag + "epoch:" + newScript(fmt.Sprintf(markScript, 0, "", skew.Milliseconds())).name[:8]
}

// entryKey returns the key in Redis of an entry, and its shard.
func (s *Store) entryKey(key string) (string, *shard) {
	sum := sha256.Sum256([]byte(key))
	sh := &s.shards[sum[0]%numShards]
	return sh.tag + "entry:" + key, sh
}

// markKey returns the key in Redis of a mark, and its shard. Half of a SHA-256 hash suffices: a collision can only reject a
// proof.
func (s *Store) markKey(key, id string) (string, *shard) {
	text := make([]byte, 0, 256) // on the stack
	text = strconv.AppendInt(text, int64(len(key)), 10)
	text = append(append(append(text, ':'), key...), id...)
	sum := sha256.Sum256(text)
	sh := &s.shards[sum[0]%numShards]
	return sh.mark + base64.RawURLEncoding.EncodeToString(sum[:16]), sh
}

// callID returns a text that no other call of any process has. A retry of the client sends the same text, so that the script
// recognizes the mark of the first attempt.
func (s *Store) callID() string { return s.process + strconv.FormatUint(s.calls.Add(1), 36) }

// randomText returns a text that no other process has. The dot separates it from the number of a call.
func randomText() string { return strings.ToLower(rand.Text()[:16]) + "." }
