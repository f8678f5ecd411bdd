package jwks

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// FileSource is a [Source] of the keys in a file. While it is used it looks once a second, at most, whether the file has
// changed, and then reads it. Content that cannot be used changes nothing: the last good keys stay in use, also when the
// file goes away, and [FileSource.Err] says so. It is safe for concurrent use.
type FileSource struct {
	path, alg string
	looking   sync.Mutex // held by the one who looks; nobody waits for it
	content   atomic.Pointer[fileContent]
}

var _ Source = (*FileSource)(nil)

// fileContent is what is known of the file. It is not changed once it is stored.
type fileContent struct {
	keys     Static
	info     os.FileInfo // of the content that was read last; nil if the file could not be read
	err      error       // why keys are not that content
	lookedAt time.Time
}

const (
	lookEvery    = time.Second
	maxFileBytes = 512 << 10
)

// File reads the keys in the file at path, which must be usable now. It is a JWK Set or JWK (as for [ParseJWKS]) or PEM
// (as for [ParsePEM]). alg is the one algorithm that the keys serve; empty means what the keys say or allow.
//
// If alg is HS256, HS384 or HS512 the file is the secret itself (as for [Secret]), without one line ending at its end.
func File(path, alg string) (*FileSource, error) {
	s := &FileSource{path: path, alg: alg}
	content := s.load()
	if content.err != nil {
		return nil, content.err
	}
	s.content.Store(content)
	return s, nil
}

// Key implements [Source], with the choice among several keys that [Static] makes.
func (s *FileSource) Key(ctx context.Context, kid, alg string) (Key, error) {
	return s.current().keys.Key(ctx, kid, alg)
}

// Algorithms returns the algorithm given to [File], or without one those that the keys serve now.
func (s *FileSource) Algorithms() []string {
	if s.alg != "" {
		return []string{s.alg}
	}
	return s.current().keys.Algorithms()
}

// Err returns nil if the keys in use are those of the file, and otherwise what is wrong with the file. It is for health
// checks and logs.
func (s *FileSource) Err() error { return s.current().err }

// current returns the content after a look at the file, if it is time for one and nobody else is at it.
func (s *FileSource) current() *fileContent {
	held := s.content.Load()
	if time.Since(held.lookedAt) < lookEvery || !s.looking.TryLock() {
		return held
	}
	defer s.looking.Unlock()
	if s.content.Load() == held { // nobody has looked meanwhile
		s.content.Store(s.look(held))
	}
	return s.content.Load()
}

// look returns what is known of the file now.
func (s *FileSource) look(held *fileContent) *fileContent {
	info, err := os.Stat(s.path)
	if err == nil && unchanged(held.info, info) {
		now := *held
		now.lookedAt = time.Now()
		return &now
	}
	now := s.load()
	if now.err != nil {
		now.keys = held.keys
	}
	return now
}

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load reads the file. Its state is taken first: a change during the reading is found by the next look.
func (s *FileSource) load() *fileContent {
	c := &fileContent{lookedAt: time.Now()}
	if c.info, c.err = os.Stat(s.path); c.err != nil {
		c.err = fmt.Errorf("jwks: %w", c.err)
		return c
	}
	if c.keys, c.err = s.read(c.info); c.err != nil {
		c.err = fmt.Errorf("%w (file %s)", c.err, s.path)
	}
	return c
}

func (s *FileSource) read(info os.FileInfo) (Static, error) {
	if !info.Mode().IsRegular() || info.Size() > maxFileBytes {
		return nil, fmt.Errorf("jwks: not a regular file of at most %d bytes", maxFileBytes)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	if secretLength(s.alg) > 0 {
		return Secret(withoutLineEnd(data), s.alg)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		keys, err := ParseJWKS(data)
		if err != nil {
			return nil, err
		}
		return keys.forAlgorithm(s.alg)
	}
	return ParsePEM(data, s.alg)
}

func withoutLineEnd(data []byte) []byte {
	if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return data
}
