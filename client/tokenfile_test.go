package client_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

func fileTokens(t testing.TB) (*client.FileTokens, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tokens")
	store, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	return store, folder
}

// saved is the file of the one token in a folder.
func saved(t testing.TB, folder string) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	return files[0]
}

func TestTokenStores(t *testing.T) {
	t.Parallel()
	files, _ := fileTokens(t)
	for name, store := range map[string]client.TokenStore{"file": files, "memory": client.NewMemoryTokens()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := store.Load(t.Context(), "alice/../x"); !errors.Is(err, client.ErrNoToken) {
				t.Error(err)
			}
			given := first(time.Hour)
			given.Scopes = []string{"a", "b"}
			if err := store.Save(t.Context(), "alice/../x", given); err != nil {
				t.Fatal(err)
			}
			given.AccessToken, given.Scopes[0] = "changed", "changed"
			for range 2 {
				token, err := store.Load(t.Context(), "alice/../x")
				if err != nil || token.AccessToken != "at0" || token.RefreshToken != "rt0" || token.Scopes[0] != "a" {
					t.Fatal(token, token.Scopes, err)
				}
				token.AccessToken, token.Scopes[0] = "changed", "changed"
			}
			if err := store.Save(t.Context(), "b", &client.Token{RefreshToken: "alone"}); err != nil {
				t.Fatal(err)
			}
			if token, err := store.Load(t.Context(), "b"); err != nil || token.RefreshToken != "alone" {
				t.Error(token, err)
			}
			for range 2 {
				if err := store.Delete(t.Context(), "alice/../x"); err != nil {
					t.Error(err)
				}
			}
			if _, err := store.Load(t.Context(), "alice/../x"); !errors.Is(err, client.ErrNoToken) {
				t.Error(err)
			}
		})
	}
}

func TestFileTokens_Private(t *testing.T) {
	t.Parallel()
	store, folder := fileTokens(t)
	if err := store.Save(t.Context(), "alice", first(time.Hour)); err != nil {
		t.Fatal(err)
	}
	file := saved(t, folder)
	if strings.Contains(file, "alice") {
		t.Error(file)
	}
	for path, want := range map[string]os.FileMode{file: 0o600, folder: 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want && runtime.GOOS != "windows" {
			t.Error(path, info.Mode(), err)
		}
	}
}

// What cannot be read stays as it is: neither a refresh nor a grant takes its place.
func TestFileTokens_DamagedFile(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte(`{"access_token":"planted","token_type":"Bearer"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(file string) error{
		"torn":           func(file string) error { return os.WriteFile(file, []byte(`{"access`), 0o600) },
		"empty":          func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"no token":       func(file string) error { return os.WriteFile(file, []byte(`{"token_type":"Bearer"}`), 0o600) },
		"other JSON":     func(file string) error { return os.WriteFile(file, []byte(`[]`), 0o600) },
		"null":           func(file string) error { return os.WriteFile(file, []byte(`null`), 0o600) },
		"long":           func(file string) error { return os.WriteFile(file, bytes.Repeat([]byte(" "), 2<<20), 0o600) },
		"for a group":    func(file string) error { return os.Chmod(file, 0o640) },
		"for all":        func(file string) error { return os.Chmod(file, 0o604) },
		"written by":     func(file string) error { return os.Chmod(file, 0o620) },
		"a folder":       func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
		"a link":         func(file string) error { return errors.Join(os.Remove(file), os.Symlink(elsewhere, file)) },
		"folder for all": func(file string) error { return os.Chmod(filepath.Dir(file), 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.ContainsAny(name, "fw") {
				t.Skip("permissions say nothing")
			}
			store, folder := fileTokens(t)
			if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
				t.Fatal(err)
			}
			file := saved(t, folder)
			if err := spoil(file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(file)
			token, err := store.Load(t.Context(), "k")
			if err == nil || errors.Is(err, client.ErrNoToken) || !strings.Contains(err.Error(), folder) {
				t.Errorf("%v, %v", token, err)
			}
			s := &rotating{}
			source := sourceOf(t, s.client(t), client.TokenSourceConfig{
				Store: store, Key: "k", Grant: func(context.Context, ...string) (*client.Token, error) { return first(time.Hour), nil },
			})
			if token, err := source.TokenContext(t.Context()); err == nil || s.requests != 0 {
				t.Error(token, s.requests)
			}
			if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
				t.Errorf("became %q", after)
			}
		})
	}
}

// A new sign-in repairs the store.
func TestFileTokens_SignInReplacesADamagedFile(t *testing.T) {
	t.Parallel()
	store, folder := fileTokens(t)
	if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(saved(t, folder), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	source := sourceOf(t, (&rotating{}).client(t), client.TokenSourceConfig{Token: first(time.Hour), Store: store, Key: "k"})
	if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
		t.Fatal(token, err)
	}
	if token, err := store.Load(t.Context(), "k"); err != nil || token.AccessToken != "at0" {
		t.Error(token, err)
	}
}

func TestNewFileTokens(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	old, young := filepath.Join(folder, ".bearerkit-1"), filepath.Join(folder, ".bearerkit-2")
	for _, file := range []string{old, young} {
		if err := os.WriteFile(file, []byte("half a tok"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NewFileTokens(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Error("the temporary file of a dead process is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the temporary file of a running process is gone")
	}
	if _, err := client.NewFileTokens(young); err == nil {
		t.Error("NewFileTokens accepts a file as its folder")
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(folder, 0o720); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NewFileTokens(folder); err == nil {
		t.Error("NewFileTokens accepts a folder that others may write to")
	}
}

func TestFileTokens_Lock(t *testing.T) {
	t.Parallel()
	store, folder := fileTokens(t)
	other, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := store.Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := other.Lock(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if free, err := other.Lock(t.Context(), "another"); err != nil {
		t.Error(err)
	} else {
		free()
	}
	unlock()
	var all sync.WaitGroup
	var inside atomic.Int32
	for range 10 {
		all.Go(func() {
			unlock, err := other.Lock(t.Context(), "k")
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if inside.Add(1) != 1 {
				t.Error("two callers hold the lock")
			}
			runtime.Gosched()
			inside.Add(-1)
		})
	}
	all.Wait()
}

// A reader finds a whole token at any time.
func TestFileTokens_Atomic(t *testing.T) {
	t.Parallel()
	store, folder := fileTokens(t)
	save := func(lifetime time.Duration) {
		if err := store.Save(t.Context(), "k", first(lifetime)); err != nil {
			t.Error(err)
		}
	}
	save(0)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 20 {
				save(time.Duration(i) * time.Hour)
				if token, err := store.Load(t.Context(), "k"); err != nil || token.RefreshToken != "rt0" {
					t.Error(token, err)
				}
			}
		})
	}
	all.Wait()
	if left, _ := filepath.Glob(filepath.Join(folder, ".bearerkit-*")); len(left) != 0 {
		t.Error(left)
	}
}

// A lock file that is a symbolic link is not followed, and one that others may open is not used.
func TestFileTokens_LockRejectsOthersFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the mode of a file does not show permissions")
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for name, spoil := range map[string]func(file string) error{
		"a link":      func(file string) error { return errors.Join(os.Remove(file), os.Symlink(elsewhere, file)) },
		"for all":     func(file string) error { return os.Chmod(file, 0o666) },
		"a folder":    func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
		"open folder": func(file string) error { return os.Chmod(filepath.Dir(file), 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, folder := fileTokens(t)
			unlock, err := store.Lock(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			unlock()
			files, _ := filepath.Glob(filepath.Join(folder, "*.lock"))
			if len(files) != 1 {
				t.Fatal(files)
			}
			if err := spoil(files[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Lock(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), folder) {
				t.Errorf("Lock returned %v, want an error that names the file", err)
			}
			if _, err := os.Stat(elsewhere); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was created through the link: %v", err)
			}
		})
	}
}
