package jwks

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/signature"
)

// FileSource is a [Source] of the keys in a file. At most once a second, a lookup checks whether the file has changed,
// and reads it if it has. If the new content cannot be used, or the file is gone, the previous keys stay in use and
// [FileSource.Err] returns the reason. They have no maximum age. It is safe for concurrent use.
type FileSource struct {
	path, alg string
	checking  sync.Mutex // held during a check; nobody waits for it
	content   atomic.Pointer[fileContent]
}

var _ Source = (*FileSource)(nil)

// fileContent is the result of a check. It is immutable.
type fileContent struct {
	keys    Static
	info    os.FileInfo // of the content that was read last; nil if the file could not be read
	err     error       // why keys are not that content; nil if they are
	checked clock.Instant
}

const (
	checkEvery   = time.Second // the shortest time between two checks
	maxFileBytes = 512 << 10
)

// File returns a source of the keys in the file at path. It returns an error if the file cannot be read or used now.
// The file contains a JWK Set or a JWK (see [ParseJWKS]) or PEM blocks (see [ParsePEM]), and has at most 512 KiB. alg
// is the one algorithm that the keys serve; if it is empty, each key serves what its own alg or its type allows.
//
// If alg is HS256, HS384 or HS512, the content of the file is the secret itself (see [Secret]). If the file ends with a
// line ending (LF or CR LF), File removes one.
func File(path, alg string) (*FileSource, error) {
	s := &FileSource{path: path, alg: alg}
	content := s.load()
	if content.err != nil {
		return nil, content.err
	}
	s.content.Store(content)
	return s, nil
}

// Keys implements [Source]. It selects among several keys as [Static] does.
func (s *FileSource) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	return s.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is [FileSource.Keys] for packages of this module that have just read the clocks for the same request.
func (s *FileSource) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	return s.current(now).keys.Keys(ctx, kid, alg)
}

// heldKeys is KeysAt without details in its errors, for [Join].
func (s *FileSource) heldKeys(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	return s.current(now).keys.heldKeys(ctx, now, kid, alg)
}

// Algorithms returns the algorithm that was given to [File]. If it was empty, Algorithms returns those that the keys serve
// now.
func (s *FileSource) Algorithms() []string {
	if s.alg != "" {
		return []string{s.alg}
	}
	return s.current(clock.Now()).keys.Algorithms()
}

// Err returns nil if the keys in use are those of the file, and otherwise the reason why they are not. It is for health
// checks and logs.
func (s *FileSource) Err() error { return s.current(clock.Now()).err }

// len returns the number of keys in use.
func (s *FileSource) len() int { return len(s.current(clock.Now()).keys) }

// current returns the current content. It checks the file first, if a check is due and no other caller is making it.
func (s *FileSource) current(now clock.Instant) *fileContent {
	held := s.content.Load()
	if held.checked.AgeAt(now) < checkEvery || !s.checking.TryLock() {
		return held
	}
	defer s.checking.Unlock()
	if s.content.Load() == held { // no other caller has checked meanwhile
		s.content.Store(s.check(held))
	}
	return s.content.Load()
}

// check reads the file if it has changed since held was read.
func (s *FileSource) check(held *fileContent) *fileContent {
	info, err := os.Stat(s.path)
	if err == nil && unchanged(held.info, info) {
		now := *held
		now.checked = clock.Now()
		return &now
	}
	now := s.load()
	if now.err != nil {
		now.keys = held.keys
	}
	return now
}

// unchanged reports whether two results of Stat describe the same content of the same file. An editor that replaces the
// file creates another one.
func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load reads the file. It calls Stat before that, so that the next check notices a change during the read.
func (s *FileSource) load() *fileContent {
	c := &fileContent{checked: clock.Now()}
	if c.info, c.err = os.Stat(s.path); c.err != nil {
		c.err = fmt.Errorf("jwks: %w", c.err)
		return c
	}
	if c.keys, c.err = s.read(c.info); c.err != nil {
		c.err = fmt.Errorf("%w (file %s)", c.err, s.path)
	}
	return c
}

// read reads and parses the file that info describes. Reading something other than a regular file, such as a pipe,
// could wait forever.
func (s *FileSource) read(info os.FileInfo) (Static, error) {
	if !info.Mode().IsRegular() || info.Size() > maxFileBytes {
		return nil, fmt.Errorf("jwks: not a regular file of at most %d bytes", maxFileBytes)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	if signature.SecretLength(s.alg) > 0 {
		return Secret(withoutLineEnd(data), s.alg)
	}
	if text := bytes.TrimPrefix(data, []byte(byteOrderMark)); bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		keys, err := ParseJWKS(data)
		if err != nil {
			return nil, err
		}
		return keys.forAlgorithm(s.alg)
	}
	return ParsePEM(data, s.alg)
}

// withoutLineEnd removes one LF or CR LF at the end, which most editors add.
func withoutLineEnd(data []byte) []byte {
	if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return data
}
