package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/seal"
)

// The following functions are the Go blocks of docs/encryption.md.

// openKeyring returns a Keyring with the keys of the application.
func openKeyring() (*seal.Keyring, error) {
	keys, err := seal.KeysFromEnv("APP_SEAL_KEYS")
	if err != nil {
		return nil, err
	}
	return seal.New(seal.Config{Keys: keys})
}

// newKeyLine returns a new key in the form that KeysFromEnv and KeysFromFile read.
func newKeyLine(id string) (string, error) {
	key, err := seal.NewKey(id)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%x", id, key.Secret), nil
}

// sealedFiles returns a store for the tokens of a command-line program.
func sealedFiles(folder string, ring *seal.Keyring) (*client.FileTokens, error) {
	return client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: folder, Sealer: ring})
}

// saveAccount stores the account number of a user in a table of the application.
func saveAccount(ctx context.Context, db *sql.DB, ring *seal.Keyring, user, account string) error {
	sealed, err := ring.Seal(ctx, []byte(account), seal.Bind("accounts", user))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `UPDATE accounts SET number = $1 WHERE owner = $2`, sealed, user)
	return err
}

// resealSessions seals the sessions in a PostgreSQL table of scs again under the first key.
func resealSessions(ctx context.Context, db *sql.DB, sessions *seal.Sessions) (seal.ResealedSessions, error) {
	const update = `UPDATE sessions SET data = $1, expiry = expiry WHERE token = $2 AND data = $3`
	return sessions.Reseal(ctx, func(ctx context.Context, row string, older, newer []byte) (bool, error) {
		result, err := db.ExecContext(ctx, update, newer, row, older)
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		return n == 1, err
	})
}

// keyringFromService decrypts the keys once, when the program starts. decrypt calls the key management service.
func keyringFromService(ctx context.Context, path string, decrypt func(ctx context.Context, ciphertext []byte) ([]byte, error)) (*seal.Keyring, error) {
	ciphertext, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, err := decrypt(ctx, ciphertext)
	if err != nil {
		return nil, err
	}
	keys, err := seal.ParseKeys(string(text))
	if err != nil {
		return nil, err
	}
	return seal.New(seal.Config{Keys: keys})
}

// The functions with a database are only compiled.
var (
	_ = saveAccount
	_ = resealSessions
)

func TestDocumentedFunctions(t *testing.T) {
	line, err := newKeyLine("2026-11")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("APP_SEAL_KEYS", line)
	ring, err := openKeyring()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	store, err := sealedFiles(filepath.Join(folder, "tokens"), ring)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Save(t.Context(), "alice", &client.Token{RefreshToken: "r"})
	if token, loadErr := store.Load(t.Context(), "alice"); err != nil || loadErr != nil || token.RefreshToken != "r" {
		t.Errorf("%v, %v, %v", token, err, loadErr)
	}
	path := filepath.Join(folder, "keys.encrypted")
	if err := os.WriteFile(path, []byte("encrypted"), 0o600); err != nil {
		t.Fatal(err)
	}
	decrypt := func(_ context.Context, ciphertext []byte) ([]byte, error) {
		if !bytes.Equal(ciphertext, []byte("encrypted")) {
			return nil, errors.New("another text")
		}
		return []byte(line), nil
	}
	again, err := keyringFromService(t.Context(), path, decrypt)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ring.Seal(t.Context(), []byte("x"), seal.Bind("accounts", "alice"))
	if err != nil {
		t.Fatal(err)
	}
	if plaintext, err := again.Open(t.Context(), sealed, seal.Bind("accounts", "alice")); err != nil || string(plaintext) != "x" {
		t.Errorf("%q, %v", plaintext, err)
	}
}

// TestGoBlocks checks that the Go blocks of docs/encryption.md are functions of this folder, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	sources := []string{read("sessions.go") + "\n", read("encryption_test.go")}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read("../../docs/encryption.md"), -1)
	if len(blocks) < 7 {
		t.Errorf("%d Go blocks, want at least 7", len(blocks))
	}
	for _, block := range blocks {
		if !slices.ContainsFunc(sources, func(source string) bool { return strings.Contains(source, "\n"+block[1]+"\n") }) {
			t.Errorf("no file of this folder contains this block:\n%s", block[1])
		}
	}
}

// TestSealKeys checks that a mistake in the keys of the program is an error.
func TestSealKeys(t *testing.T) {
	t.Setenv(keysVariable, "2026-11:password")
	if _, err := newSessions(); err == nil || !strings.Contains(err.Error(), keysVariable) {
		t.Errorf("%v, want an error that names the variable", err)
	}
}
