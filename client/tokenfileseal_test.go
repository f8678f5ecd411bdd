package client_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/seal"
)

func sealKey(t testing.TB, id string) seal.Key {
	t.Helper()
	key, err := seal.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sealedTokens returns a store with keys in folder.
func sealedTokens(t testing.TB, folder string, acceptPlaintext bool, keys ...seal.Key) *client.FileTokens {
	t.Helper()
	ring, err := seal.New(seal.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	store, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: folder, Sealer: ring, InsecureAcceptPlaintext: acceptPlaintext})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// saveBoth saves a token and a registration under key.
func saveBoth(t testing.TB, store client.CredentialStore, key, secret string) {
	t.Helper()
	token, r := first(time.Hour), &client.Registration{ClientID: "id", ClientSecret: secret}
	token.RefreshToken = secret
	if err := errors.Join(store.Save(t.Context(), key, token), store.SaveRegistration(t.Context(), key, r)); err != nil {
		t.Fatal(err)
	}
}

// loadBoth returns what saveBoth has saved.
func loadBoth(t testing.TB, store client.CredentialStore, key string) (secrets [2]string, err error) {
	t.Helper()
	token, errToken := store.Load(t.Context(), key)
	r, errRegistration := store.LoadRegistration(t.Context(), key)
	if token != nil {
		secrets[0] = token.RefreshToken
	}
	if r != nil {
		secrets[1] = r.ClientSecret
	}
	if (errToken == nil) != (errRegistration == nil) {
		t.Errorf("the token and the registration differ: %v, %v", errToken, errRegistration)
	}
	return secrets, errors.Join(errToken, errRegistration)
}

func storedFiles(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestSealedFileTokens(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := sealedTokens(t, folder, false, sealKey(t, "1"))
	saveBoth(t, store, "alice", "a refresh token")
	saveBoth(t, store, "bob", "of another user")
	got, err := loadBoth(t, store, "alice")
	if err != nil || got != [2]string{"a refresh token", "a refresh token"} {
		t.Errorf("%q, %v", got, err)
	}
	files := storedFiles(t, folder)
	for path, content := range files {
		if !seal.IsSealed(content) || bytes.Contains(content, []byte("token")) || bytes.Contains(content, []byte("user")) {
			t.Errorf("%s contains %q", path, content)
		}
	}
	if len(files) != 4 {
		t.Errorf("%d files, want 4", len(files))
	}
	plain, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadBoth(t, plain, "alice"); err == nil || errors.Is(err, client.ErrNoToken) || !strings.Contains(err.Error(), "NewSealedFileTokens") {
		t.Errorf("without a Sealer: %v", err)
	}
}

// TestSealedFileTokens_Changed changes files as somebody does who can write to the folder.
func TestSealedFileTokens_Changed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(alice, bob string, content []byte) error
		want   error
	}{
		"file of another user": {func(alice, bob string, _ []byte) error {
			content, err := os.ReadFile(bob)
			return errors.Join(err, os.WriteFile(alice, content, 0o600))
		}, seal.ErrDamaged},
		"truncated": {func(alice, _ string, content []byte) error {
			return os.WriteFile(alice, content[:len(content)-1], 0o600)
		}, seal.ErrDamaged},
		"one bit": {func(alice, _ string, content []byte) error {
			content[len(content)/2] ^= 1
			return os.WriteFile(alice, content, 0o600)
		}, seal.ErrDamaged},
		"another key": {func(alice, _ string, content []byte) error {
			content[9] = '2'
			return os.WriteFile(alice, content, 0o600)
		}, seal.ErrUnknownKey},
		"plaintext": {func(alice, _ string, _ []byte) error {
			return os.WriteFile(alice, []byte(`{"refresh_token":"planted"}`), 0o600)
		}, seal.ErrNotSealed},
		"empty":   {func(alice, _ string, _ []byte) error { return os.WriteFile(alice, nil, 0o600) }, seal.ErrNotSealed},
		"removed": {func(alice, _ string, _ []byte) error { return os.Remove(alice) }, client.ErrNoToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			store := sealedTokens(t, folder, false, sealKey(t, "1"))
			if err := store.Save(t.Context(), "alice", first(time.Hour)); err != nil {
				t.Fatal(err)
			}
			alice := saved(t, folder)
			if err := store.Save(t.Context(), "bob", first(time.Hour)); err != nil {
				t.Fatal(err)
			}
			files := storedFiles(t, folder)
			bob := ""
			for path := range files {
				if path != alice {
					bob = path
				}
			}
			if err := test.change(alice, bob, files[alice]); err != nil {
				t.Fatal(err)
			}
			token, err := store.Load(t.Context(), "alice")
			if token != nil || !errors.Is(err, test.want) {
				t.Errorf("Load: %v, %v, want %v", token, err, test.want)
			}
			if absent := name == "removed"; errors.Is(err, client.ErrNoToken) != absent || !absent && !strings.Contains(err.Error(), alice) {
				t.Errorf("Load: %v, want an error that names the file and does not match ErrNoToken", err)
			}
			if _, err := store.Load(t.Context(), "bob"); err != nil {
				t.Errorf("the other token: %v", err)
			}
		})
	}
}

// TestSealedFileTokens_Kinds exchanges the token and the registration of one key.
func TestSealedFileTokens_Kinds(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := sealedTokens(t, folder, false, sealKey(t, "1"))
	saveBoth(t, store, "alice", "x")
	files := storedFiles(t, folder)
	for path := range files {
		other := strings.TrimSuffix(path, ".json") + ".client.json"
		if content, ok := files[other]; ok {
			if err := errors.Join(os.WriteFile(path, content, 0o600), os.WriteFile(other, files[path], 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := loadBoth(t, store, "alice"); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

// TestSealedFileTokens_FolderMoved opens files in a folder that was restored at another path.
func TestSealedFileTokens_FolderMoved(t *testing.T) {
	t.Parallel()
	older, key := filepath.Join(t.TempDir(), "a"), sealKey(t, "1")
	saveBoth(t, sealedTokens(t, older, false, key), "alice", "x")
	newer := filepath.Join(t.TempDir(), "b")
	if err := os.Rename(older, newer); err != nil {
		t.Fatal(err)
	}
	if got, err := loadBoth(t, sealedTokens(t, newer, false, key), "alice"); err != nil || got != [2]string{"x", "x"} {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSealedFileTokens_Migration(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	plain, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	saveBoth(t, plain, "alice", "from before")
	saveBoth(t, plain, "bob", "from before")
	key := sealKey(t, "1")
	strict := sealedTokens(t, folder, false, key)
	if _, err := loadBoth(t, strict, "alice"); !errors.Is(err, seal.ErrNotSealed) || !strings.Contains(err.Error(), "InsecureAcceptPlaintext") {
		t.Errorf("without the setting: %v", err)
	}
	migrating := sealedTokens(t, folder, true, key)
	if got, err := loadBoth(t, migrating, "alice"); err != nil || got[0] != "from before" || got[1] != "from before" {
		t.Errorf("with the setting: %q, %v", got, err)
	}
	saveBoth(t, migrating, "alice", "new")
	if got, err := loadBoth(t, strict, "alice"); err != nil || got[0] != "new" {
		t.Errorf("after a Save: %q, %v", got, err)
	}
	if n, err := strict.Reseal(t.Context()); n != 0 || !errors.Is(err, seal.ErrNotSealed) {
		t.Errorf("Reseal without the setting: %d, %v", n, err)
	}
	if n, err := migrating.Reseal(t.Context()); n != 2 || err != nil {
		t.Errorf("Reseal: %d files, %v, want 2", n, err)
	}
	if got, err := loadBoth(t, strict, "bob"); err != nil || got[0] != "from before" {
		t.Errorf("after Reseal: %q, %v", got, err)
	}
}

func TestFileTokens_Reseal(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	older, newer := sealKey(t, "1"), sealKey(t, "2")
	before, during, after := sealedTokens(t, folder, false, older), sealedTokens(t, folder, false, newer, older), sealedTokens(t, folder, false, newer)
	for _, key := range []string{"alice", "bob", "carol"} {
		saveBoth(t, before, key, key)
	}
	saveBoth(t, during, "carol", "carol")
	if _, err := loadBoth(t, after, "alice"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("before Reseal, without the old key: %v", err)
	}
	if n, err := during.Reseal(t.Context()); n != 4 || err != nil {
		t.Errorf("Reseal: %d files, %v, want 4", n, err)
	}
	if n, err := during.Reseal(t.Context()); n != 0 || err != nil {
		t.Errorf("second Reseal: %d files, %v, want 0", n, err)
	}
	for _, key := range []string{"alice", "bob", "carol"} {
		if got, err := loadBoth(t, after, key); err != nil || got != [2]string{key, key} {
			t.Errorf("after Reseal, without the old key: %q, %v", got, err)
		}
	}
	other := filepath.Join(folder, "notes.json")
	if err := os.WriteFile(other, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := slices.Collect(func(yield func(string) bool) {
		for path := range storedFiles(t, folder) {
			if path != other && !yield(path) {
				return
			}
		}
	})[0]
	if err := os.WriteFile(damaged, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	last := sealedTokens(t, folder, false, sealKey(t, "3"), newer)
	if n, err := last.Reseal(t.Context()); n != 5 || err == nil || !strings.Contains(err.Error(), damaged) || strings.Contains(err.Error(), "notes") {
		t.Errorf("with a damaged file: %d files, %v, want 5", n, err)
	}
	plain, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Reseal(t.Context()); err == nil {
		t.Error("Reseal without a Sealer returns no error")
	}
}

// TestFileTokens_ResealWaitsForTheLock runs Reseal while somebody holds the lock of a token, as a TokenSource does when it
// refreshes the token.
func TestFileTokens_ResealWaitsForTheLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	older, newer := sealKey(t, "1"), sealKey(t, "2")
	before, during := sealedTokens(t, folder, false, older), sealedTokens(t, folder, false, newer, older)
	saveBoth(t, before, "alice", "x")
	kept := storedFiles(t, folder)
	unlock, err := before.Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n, err := during.Reseal(ctx); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the lock is held: %d files, %v", n, err)
	}
	if !maps.EqualFunc(storedFiles(t, folder), kept, bytes.Equal) {
		t.Error("a file was changed while the lock was held")
	}
	unlock()
	if n, err := during.Reseal(t.Context()); n != 2 || err != nil {
		t.Errorf("after the unlock: %d files, %v, want 2", n, err)
	}
}

// interrupted is a Sealer that calls meanwhile before it seals a file.
type interrupted struct {
	seal.Sealer

	meanwhile func()
}

func (s interrupted) Seal(ctx context.Context, plaintext, binding []byte) ([]byte, error) {
	s.meanwhile()
	return s.Sealer.Seal(ctx, plaintext, binding)
}

// TestFileTokens_ResealHoldsTheLock ensures that no TokenSource refreshes a token between the read and the write of Reseal.
func TestFileTokens_ResealHoldsTheLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	older, newer := sealKey(t, "1"), sealKey(t, "2")
	other := sealedTokens(t, folder, false, older)
	saveBoth(t, other, "alice", "x")
	ring, err := seal.New(seal.Config{Keys: []seal.Key{newer, older}})
	if err != nil {
		t.Fatal(err)
	}
	store, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: folder, Sealer: interrupted{ring, func() {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if unlock, err := other.Lock(ctx, "alice"); err == nil {
			unlock()
			t.Error("the lock is free while Reseal replaces the file")
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.Reseal(t.Context()); n != 2 || err != nil {
		t.Errorf("Reseal: %d files, %v, want 2", n, err)
	}
}

// TestSealedFileTokens_UnreadableDuringMigration ensures that a sealed file that cannot be opened is not taken for plaintext:
// Reseal would seal it once more, and the token would be lost even if its key is found again.
func TestSealedFileTokens_UnreadableDuringMigration(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	lost, key := sealKey(t, "0"), sealKey(t, "1")
	saveBoth(t, sealedTokens(t, folder, false, lost), "alice", "x")
	kept := storedFiles(t, folder)
	migrating := sealedTokens(t, folder, true, key)
	if _, err := loadBoth(t, migrating, "alice"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("Load: %v, want ErrUnknownKey", err)
	}
	if n, err := migrating.Reseal(t.Context()); n != 0 || !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("Reseal: %d files, %v, want ErrUnknownKey", n, err)
	}
	if !maps.EqualFunc(storedFiles(t, folder), kept, bytes.Equal) {
		t.Error("Reseal has changed a file that it cannot open")
	}
	if got, err := loadBoth(t, sealedTokens(t, folder, true, key, lost), "alice"); err != nil || got[0] != "x" {
		t.Errorf("with the key: %q, %v", got, err)
	}
	for path, content := range kept {
		content[len(content)-1] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := loadBoth(t, sealedTokens(t, folder, true, key, lost), "alice"); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("Load of a damaged file: %v, want ErrDamaged", err)
	}
}

// absentService is a Sealer whose errors match fs.ErrNotExist, because a file of the service is missing.
type absentService struct{ seal.Sealer }

func (absentService) Open(context.Context, []byte, []byte) ([]byte, error) {
	return nil, fs.ErrNotExist
}

func (absentService) Seal(context.Context, []byte, []byte) ([]byte, error) {
	return nil, fs.ErrNotExist
}

// TestSealedFileTokens_Unavailable ensures that an error of the Sealer does not look as if there were no token, because a new
// sign-in would replace the token then.
func TestSealedFileTokens_Unavailable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	saveBoth(t, sealedTokens(t, folder, false, sealKey(t, "1")), "alice", "x")
	kept := storedFiles(t, folder)
	store, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: folder, Sealer: absentService{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadBoth(t, store, "alice"); err == nil || errors.Is(err, client.ErrNoToken) || errors.Is(err, client.ErrNoRegistration) {
		t.Errorf("Load: %v", err)
	}
	if err := store.Save(t.Context(), "alice", first(time.Hour)); err == nil {
		t.Error("Save returns no error")
	}
	for path, content := range storedFiles(t, folder) {
		if !bytes.Equal(content, kept[path]) {
			t.Errorf("%s was changed", path)
		}
	}
}

// waitingService is a Sealer whose service does not respond until the context ends.
type waitingService struct{ seal.Sealer }

func (waitingService) Open(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (waitingService) Seal(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestSealedFileTokens_Slow ends the context of calls that wait for the service. No file is changed, and no lock is kept.
func TestSealedFileTokens_Slow(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ring, err := seal.New(seal.Config{Keys: []seal.Key{sealKey(t, "2")}})
	if err != nil {
		t.Fatal(err)
	}
	older := sealedTokens(t, folder, false, sealKey(t, "1"))
	saveBoth(t, older, "alice", "x")
	kept := storedFiles(t, folder)
	slow, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: folder, Sealer: waitingService{ring}})
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func(ctx context.Context) error{
		"Load":             func(ctx context.Context) error { _, err := slow.Load(ctx, "alice"); return err },
		"LoadRegistration": func(ctx context.Context) error { _, err := slow.LoadRegistration(ctx, "alice"); return err },
		"Save":             func(ctx context.Context) error { return slow.Save(ctx, "alice", first(time.Hour)) },
		"SaveRegistration": func(ctx context.Context) error {
			return slow.SaveRegistration(ctx, "alice", &client.Registration{ClientID: "id"})
		},
		"Reseal": func(ctx context.Context) error { _, err := slow.Reseal(ctx); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	if !maps.EqualFunc(storedFiles(t, folder), kept, bytes.Equal) {
		t.Error("a file was changed")
	}
	unlock, err := older.Lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestNewSealedFileTokens_Faults(t *testing.T) {
	t.Parallel()
	var noRing *seal.Keyring // of a New whose error was ignored
	for _, sealer := range []seal.Sealer{nil, noRing} {
		_, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Sealer: sealer})
		for _, want := range []string{"SealedFileTokensConfig.Folder", "SealedFileTokensConfig.Sealer"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %s in it", err, want)
			}
		}
	}
}
