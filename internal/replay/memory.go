package replay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// DefaultSize is the number of marks that a Memory holds if no other size is given.
const DefaultSize = 100_000

const (
	perKey     = 1000 // marks of one key in a small Memory
	keyShare   = 10   // in a large one, a key may use one of keyShare parts of it
	maxRemoved = 64   // expired marks that one call of Mark removes
)

// ErrFull means that a [Memory] is full and did not record the proof.
var ErrFull = errors.New("replay: the memory of used proofs is full")

// ErrKeyFull means that one key has used all the marks that a [Memory] has for one key. The proof was not recorded.
var ErrKeyFull = errors.New("replay: the memory has too many used proofs of this key")

// Memory records used proofs in the memory of this process. Create it with [New]. It is safe for concurrent use.
//
// It never removes a mark to make room. It removes a mark when the wall clock has passed the end of its proof. If the wall
// clock is set back afterwards, the proof is valid again. Mark therefore remembers the latest end of all removed marks, and
// returns an error for each proof that ends no later. No jump of a clock makes a replay possible.
type Memory struct {
	size, perKey int

	mu      sync.Mutex // guards what follows
	marks   map[digest]struct{}
	counts  map[digest]int // number of marks of each key
	queue   queue          // all marks, by the end of their proofs
	removed int64          // the latest end of a removed mark
	start   int64          // proofs that may have been used before this time are rejected
}

// digest identifies a key or a mark. A truncated SHA-256 hash suffices: a collision can only reject a proof.
type digest [16]byte

// New returns an empty Memory for size marks. If size is not positive, it is [DefaultSize]. One key may use a tenth of
// them, or 1000 if that is more.
func New(size int) *Memory {
	if size <= 0 {
		size = DefaultSize
	}
	return &Memory{
		size: size, perKey: max(perKey, size/keyShare),
		marks: make(map[digest]struct{}), counts: make(map[digest]int),
		removed: minTime, start: minTime,
	}
}

// minTime is before every time of a proof.
const minTime = -1 << 63

// StartAt makes Mark reject proofs that may have been used before t, with an error whose method Forgotten returns true.
// Without it, a Memory accepts proofs that were used before it was created, because it has no marks of them.
func (m *Memory) StartAt(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start = t.UnixMicro()
}

// Mark records the use of a proof. key identifies the key that signed the proof, and id the proof among those of the key.
// from is the earliest time at which any server may have accepted the proof. until is the time from which no server accepts
// it. Both are compared with the wall clock. first is false if the proof was recorded before.
//
// If the error is not nil, Mark cannot decide, and the proof must be rejected. The error is [ErrFull], [ErrKeyFull], or an
// error with a method Forgotten that returns true. The last one means that an earlier use may be forgotten: the wall clock
// was set back, or from is before the time of StartAt.
func (m *Memory) Mark(_ context.Context, key, id string, from, until time.Time) (first bool, err error) {
	owner, mark := digestOf(key), digestOf(key, id)
	end := until.UnixMicro()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removeExpired(clock.Now().Time().UnixMicro())
	if _, used := m.marks[mark]; used {
		return false, nil
	}
	switch {
	case end <= m.removed:
		return false, forgotten("the wall clock was set back")
	case from.UnixMicro() < m.start:
		return false, forgotten("the proof may have been used before the memory was created")
	case len(m.marks) >= m.size:
		return false, ErrFull
	case m.counts[owner] >= m.perKey:
		return false, ErrKeyFull
	}
	m.marks[mark] = struct{}{}
	m.counts[owner]++
	m.queue.push(entry{end, owner, mark})
	return true, nil
}

// Len returns the number of marks.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.marks)
}

// removeExpired removes marks whose proofs have ended, at most maxRemoved of them. One is enough to make room, so a full
// Memory costs no more than one with room.
func (m *Memory) removeExpired(now int64) {
	for range maxRemoved {
		if len(m.queue) == 0 || m.queue[0].end >= now {
			return
		}
		e := m.queue.pop()
		delete(m.marks, e.mark)
		if m.counts[e.owner]--; m.counts[e.owner] == 0 {
			delete(m.counts, e.owner)
		}
		m.removed = max(m.removed, e.end)
	}
}

// digestOf returns the digest of texts. Different lists of texts have different digests.
func digestOf(texts ...string) digest {
	var all []byte
	for _, text := range texts {
		all = binary.BigEndian.AppendUint64(all, uint64(len(text)))
		all = append(all, text...)
	}
	sum := sha256.Sum256(all)
	return digest(sum[:len(digest{})])
}

// forgotten is the error for a proof whose earlier use may be forgotten.
type forgotten string

func (f forgotten) Error() string { return "replay: an earlier use may be forgotten: " + string(f) }

// Forgotten distinguishes this error from all others.
func (f forgotten) Forgotten() bool { return true }
