package jwks_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// keyFile is a file whose modification time moves on with every write, as it would in real time.
type keyFile struct {
	path   string
	writes int
}

func newKeyFile(t *testing.T, content string) *keyFile {
	t.Helper()
	f := &keyFile{path: filepath.Join(t.TempDir(), "keys")}
	f.write(t, content)
	return f
}

func (f *keyFile) write(t *testing.T, content string) {
	t.Helper()
	if err := os.WriteFile(f.path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f.writes++
	at := time.Unix(int64(f.writes), 0)
	if err := os.Chtimes(f.path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFile_ReadsEveryKind(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("s", 32)
	tests := map[string]struct {
		content, alg, ask string
		want              any
		algorithms        []string
	}{
		"PEM":            {pkix(p256()), "", "ES256", p256(), []string{"ES256"}},
		"PEM for RS256":  {pkix(rsaKey()), "RS256", "RS256", rsaKey(), []string{"RS256"}},
		"JWK":            {public("", p256()).String(), "", "ES256", p256(), []string{"ES256"}},
		"JWKS":           {"\n" + keySet(public("1", rsaKey())), "PS256", "PS256", rsaKey(), []string{"PS256"}},
		"JWKS, same alg": {keySet(public("1", ed()).with("alg", "Ed25519")), "Ed25519", "Ed25519", ed(), []string{"Ed25519"}},
		"secret":         {secret, "HS256", "HS256", []byte(secret), []string{"HS256"}},
		"secret, LF":     {secret + "\n", "HS256", "HS256", []byte(secret), []string{"HS256"}},
		"secret, CR LF":  {secret + "\r\n", "HS256", "HS256", []byte(secret), []string{"HS256"}},
		"secret, CR":     {secret + "\r", "HS256", "HS256", []byte(secret + "\r"), []string{"HS256"}},
		"secret, LF LF":  {secret + "\n\n", "HS256", "HS256", []byte(secret + "\n"), []string{"HS256"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := jwks.File(newKeyFile(t, tt.content).path, tt.alg)
			if err != nil {
				t.Fatal(err)
			}
			wantKey(t, s, "1", tt.ask, tt.want)
			wantKey(t, s, "", tt.ask, tt.want)
			if diff := cmp.Diff(tt.algorithms, s.Algorithms()); diff != "" {
				t.Errorf("Algorithms (-want +got):\n%s", diff)
			}
			if err := s.Err(); err != nil {
				t.Errorf("Err: %v", err)
			}
		})
	}
}

func TestFile_Rejects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ content, alg string }{
		"nothing":                {"", ""},
		"neither JWKS nor PEM":   {"ssh-rsa AAAA", ""},
		"weak":                   {pkix(weakRSA()), ""},
		"private":                {public("", p256()).with("d", "AAAA").String(), ""},
		"too large":              {pkix(rsaKey()) + strings.Repeat("\n", 512<<10), ""},
		"JWKS of another alg":    {keySet(public("1", rsaKey()).with("alg", "RS256")), "PS256"},
		"JWKS of another type":   {keySet(public("1", rsaKey())), "ES256"},
		"short secret":           {"s", "HS256"},
		"secret without its alg": {strings.Repeat("s", 64), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newKeyFile(t, tt.content).path
			if s, err := jwks.File(path, tt.alg); err == nil || s != nil || !strings.Contains(err.Error(), path) {
				t.Errorf("File = %v, %v; want an error that names the file", s, err)
			}
		})
	}
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "none"), "directory": t.TempDir()} {
		if s, err := jwks.File(path, ""); err == nil || s != nil {
			t.Errorf("%s: File = %v, %v", name, s, err)
		}
	}
}

func TestFile_FollowsChanges(t *testing.T) {
	t.Parallel()
	f := newKeyFile(t, pkix(rsaKey()))
	synctest.Test(t, func(t *testing.T) {
		s, err := jwks.File(f.path, "")
		if err != nil {
			t.Fatal(err)
		}
		f.write(t, pkix(p256()))
		pass(time.Second - time.Nanosecond)
		wantKey(t, s, "1", "RS256", rsaKey()) // the file is not looked at more often than once a second
		pass(time.Nanosecond)
		wantKey(t, s, "1", "ES256", p256())
		wantNoKey(t, s, "1", "RS256", jwks.ErrAlgorithm)

		before, _ := s.Keys(t.Context(), "1", "ES256")
		pass(time.Second)
		after, _ := s.Keys(t.Context(), "1", "ES256")
		if before[0].Public != after[0].Public {
			t.Error("an unchanged file was read again")
		}
	})
}

func TestFile_FollowsAChangeThatKeepsTheSize(t *testing.T) {
	t.Parallel()
	f := newKeyFile(t, pkix(p256()))
	synctest.Test(t, func(t *testing.T) {
		s, err := jwks.File(f.path, "")
		if err != nil {
			t.Fatal(err)
		}
		f.write(t, pkix(otherEC()))
		pass(time.Second)
		wantKey(t, s, "1", "ES256", otherEC())
	})
}

// Neither a file put in the place of another nor one written to in place needs a new time to be noticed.
func TestFile_FollowsChangesThatKeepTheTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		change  func(path, content string) error
	}{
		"replaced": {pkix(otherEC()), func(path, content string) error {
			if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}},
		"written to": {"\n" + pkix(otherEC()), func(path, content string) error {
			return os.WriteFile(path, []byte(content), 0o600)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newKeyFile(t, pkix(p256()))
			info, err := os.Stat(f.path)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				s, err := jwks.File(f.path, "")
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.change(f.path, tt.content); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(f.path, info.ModTime(), info.ModTime()); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
				wantKey(t, s, "1", "ES256", otherEC())
			})
		})
	}
}

func TestFile_BadChangeKeepsTheLastGoodKeys(t *testing.T) {
	t.Parallel()
	f := newKeyFile(t, pkix(rsaKey()))
	synctest.Test(t, func(t *testing.T) {
		s, err := jwks.File(f.path, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, goBad := range []func() error{
			func() error { f.write(t, ""); return nil },
			func() error { f.write(t, pkix(weakRSA())); return nil },
			func() error { f.write(t, pkix(p256())+strings.Repeat(" ", 512<<10)); return nil },
			func() error { return os.Remove(f.path) },
		} {
			if err := goBad(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				pass(time.Second)
				wantKey(t, s, "1", "RS256", rsaKey())
				if s.Err() == nil {
					t.Error("Err: nil")
				}
			}
		}
		f.write(t, pkix(p256()))
		pass(time.Second)
		if err := s.Err(); err != nil {
			t.Errorf("Err after the file is good again: %v", err)
		}
		wantKey(t, s, "1", "ES256", p256())
	})
}

// A file that comes back as it was is good again, though no key changes.
func TestFile_IsReadAgainAfterItWasMissing(t *testing.T) {
	t.Parallel()
	f := newKeyFile(t, pkix(rsaKey()))
	synctest.Test(t, func(t *testing.T) {
		s, err := jwks.File(f.path, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.path, f.path+".away"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if s.Err() == nil {
			t.Error("Err of a missing file: nil")
		}
		if err := os.Rename(f.path+".away", f.path); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if err := s.Err(); err != nil {
			t.Errorf("Err: %v", err)
		}
	})
}

// Real goroutines on real time, for the race detector.
func TestFile_ConcurrentUse(t *testing.T) {
	t.Parallel()
	f := newKeyFile(t, pkix(rsaKey()))
	s, err := jwks.File(f.path, "")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				wantKey(t, s, "1", "RS256", rsaKey())
				if err := s.Err(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
