package sqlstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/tokenstoretest"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		tokenstoretest.Credentials(t, func(t *testing.T) client.CredentialStore {
			t.Helper()
			return newStore(t, dialect).Tokens(keyring(t, "1"))
		})
	})
}

func TestTokens_Locks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		tokenstoretest.Locks(t, func(t *testing.T) (first, second tokenstoretest.LockedStore) {
			t.Helper()
			s, dsn := newStoreAt(t, dialect)
			return s.Tokens(keyring(t, "1")), connect(t, dialect, dsn).Tokens(keyring(t, "1"))
		})
	})
}

// Locks work with a pool of one connection.
func TestTokens_OneConnection(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		_, dsn := newStoreAt(t, dialect)
		db := open(t, dialect, dsn)
		db.SetMaxOpenConns(1)
		s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect})
		if err != nil {
			t.Fatal(err)
		}
		tokens := s.Tokens(keyring(t, "1"))
		var unlocks []func()
		for i := range 5 {
			unlock, err := tokens.Lock(t.Context(), fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			unlocks = append(unlocks, unlock)
		}
		if err := tokens.Save(t.Context(), "a", &client.Token{AccessToken: "a"}); err != nil {
			t.Error(err)
		}
		for _, unlock := range unlocks {
			unlock()
			unlock() // has no effect
		}
	})
}

// secretToken has a member that no field holds.
func secretToken(t *testing.T) *client.Token {
	t.Helper()
	token := new(client.Token)
	text := `{"access_token":"secret-access","refresh_token":"secret-refresh","token_type":"Bearer","extra":{"tenant":"secret-extra"}}`
	if err := json.Unmarshal([]byte(text), token); err != nil {
		t.Fatal(err)
	}
	return token
}

// The database contains neither tokens nor the keys of the caller. A value that was moved to another row cannot be opened, and
// is not reported as missing.
func TestTokens_Sealed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, dsn := newStoreAt(t, dialect)
		tokens, ctx := s.Tokens(keyring(t, "1")), t.Context()
		for _, key := range []string{"alice@example.com", "bob@example.com"} {
			if err := errors.Join(tokens.Save(ctx, key, secretToken(t)),
				tokens.SaveRegistration(ctx, key, &client.Registration{ClientID: "secret-id", ClientSecret: "secret-secret"})); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := tokens.Load(ctx, "alice@example.com"); err != nil || got.Extra("tenant") != "secret-extra" {
			t.Errorf("Load: %v, %v", got.Extra("tenant"), err)
		}
		db := open(t, dialect, dsn)
		rows, err := db.QueryContext(ctx, `SELECT token_key, data FROM bearerkit_tokens`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		n := 0
		for ; rows.Next(); n++ {
			var key, data []byte
			if err := rows.Scan(&key, &data); err != nil {
				t.Fatal(err)
			}
			if text := string(key) + string(data); strings.Contains(text, "secret-") || strings.Contains(text, "example.com") {
				t.Error("a row contains a secret or a key of the caller")
			}
		}
		if n != 4 || rows.Err() != nil {
			t.Errorf("%d rows, %v, want 4", n, rows.Err())
		}
		if _, err := db.ExecContext(ctx, `UPDATE bearerkit_tokens SET data = (SELECT data FROM (SELECT data, token_key FROM bearerkit_tokens) AS other ORDER BY token_key LIMIT 1)`); err != nil {
			t.Fatal(err)
		}
		damaged := 0
		for _, key := range []string{"alice@example.com", "bob@example.com"} {
			_, err1 := tokens.Load(ctx, key)
			_, err2 := tokens.LoadRegistration(ctx, key)
			for _, err := range []error{err1, err2} {
				if errors.Is(err, seal.ErrDamaged) {
					damaged++
				}
				if errors.Is(err, client.ErrNoToken) || errors.Is(err, client.ErrNoRegistration) {
					t.Errorf("a value of another row: %v", err)
				}
			}
		}
		if damaged != 3 { // one row has its own value
			t.Errorf("%d values cannot be opened, want 3", damaged)
		}
	})
}

// After a rotation, Reseal seals all values with the new key. Values that cannot be opened are reported and left alone.
func TestTokens_Reseal(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, ctx := newStore(t, dialect), t.Context()
		old := s.Tokens(keyring(t, "1"))
		for i := range 120 {
			if err := old.Save(ctx, fmt.Sprint(i), &client.Token{AccessToken: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Tokens(keyring(t, "lost")).Save(ctx, "lost", &client.Token{AccessToken: "lost"}); err != nil {
			t.Fatal(err)
		}
		rotated := s.Tokens(keyring(t, "2", "1"))
		if n, err := rotated.Reseal(ctx); n != 120 || !errors.Is(err, seal.ErrUnknownKey) || strings.Count(err.Error(), "\n") != 0 {
			t.Errorf("Reseal = %d, %v, want 120 and one error", n, err)
		}
		if n, err := rotated.Reseal(ctx); n != 0 || !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("the second Reseal = %d, %v, want 0", n, err)
		}
		for i := range 120 {
			if got, err := s.Tokens(keyring(t, "2")).Load(ctx, fmt.Sprint(i)); err != nil || got.AccessToken != fmt.Sprint(i) {
				t.Fatalf("Load with the new key only: %v, %v", got, err)
			}
		}
		if _, err := rotated.Load(ctx, "lost"); !errors.Is(err, seal.ErrUnknownKey) || errors.Is(err, client.ErrNoToken) {
			t.Errorf("the lost value: %v", err)
		}
	})
}

// interrupted is a Sealer that calls meanwhile before it seals a value.
type interrupted struct {
	seal.Sealer

	meanwhile func()
}

func (s interrupted) Seal(ctx context.Context, plaintext, binding []byte) ([]byte, error) {
	s.meanwhile()
	return s.Sealer.Seal(ctx, plaintext, binding)
}

// Another process changes a row after Reseal has read it. Reseal undoes no change: otherwise it could restore a refresh token that
// was already used, or the token of a user who has signed out.
func TestTokens_ResealUndoesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, ctx := newStore(t, dialect), t.Context()
		before, after := s.Tokens(keyring(t, "1")), s.Tokens(keyring(t, "2", "1"))
		save := func(tokens *sqlstore.Tokens, text string) error {
			return tokens.Save(ctx, "a", &client.Token{AccessToken: text})
		}
		for name, test := range map[string]struct {
			change func() error
			want   string // empty: no token
			count  int
		}{
			"nothing":                        {func() error { return nil }, "old", 1},
			"saved with the new key":         {func() error { return save(after, "new") }, "new", 0},
			"saved with the old key":         {func() error { return save(before, "new") }, "new", 0},
			"saved twice":                    {func() error { return errors.Join(save(before, "x"), save(after, "new")) }, "new", 0},
			"deleted":                        {func() error { return before.Delete(ctx, "a") }, "", 0},
			"deleted and saved":              {func() error { return errors.Join(before.Delete(ctx, "a"), save(before, "new")) }, "new", 0},
			"sealed again by another Reseal": {func() error { _, err := after.Reseal(ctx); return err }, "old", 0},
		} {
			if err := errors.Join(before.Delete(ctx, "a"), save(before, "old")); err != nil {
				t.Fatal(err)
			}
			n, err := s.Tokens(interrupted{keyring(t, "2", "1"), func() {
				if err := test.change(); err != nil {
					t.Error(err)
				}
			}}).Reseal(ctx)
			if n != test.count || err != nil {
				t.Errorf("%s: Reseal = %d, %v, want %d", name, n, err, test.count)
			}
			token, err := after.Load(ctx, "a")
			switch {
			case test.want == "" && errors.Is(err, client.ErrNoToken):
			case err != nil || token.AccessToken != test.want:
				t.Errorf("%s: Load = %v, %v, want %q", name, token, err, test.want)
			}
		}
	})
}

// The error of Reseal joins a limited number of errors. All other values are sealed again.
func TestTokens_ResealManyFaults(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t, sqlstore.SQLite), t.Context()
	for i := range 150 {
		for _, id := range []string{"1", "lost"} {
			if err := s.Tokens(keyring(t, id)).Save(ctx, fmt.Sprint(id, i), &client.Token{AccessToken: "a"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	n, err := s.Tokens(keyring(t, "2", "1")).Reseal(ctx)
	if lines := strings.Count(err.Error(), "\n") + 1; n != 150 || lines != 100 {
		t.Errorf("Reseal = %d with %d errors, want 150 with 100", n, lines)
	}
}

// A row that was sealed with the right key but has other content is an error, and not a missing token.
func TestTokens_OtherContent(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite)
	ring := keyring(t, "1")
	tokens, ctx := s.Tokens(ring), t.Context()
	for _, text := range []string{"{}", "null", "[]", "x", `{"access_token":1}`, ""} {
		for _, kind := range []string{"token", "registration"} {
			key := sha256.Sum256([]byte(kind + "\x00a"))
			sealed, err := ring.Seal(ctx, []byte(text), seal.Bind("bearerkit_tokens", string(key[:])))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(ctx, `INSERT OR REPLACE INTO bearerkit_tokens (token_key, version, data) VALUES (?, 1, ?)`, key[:], sealed); err != nil {
				t.Fatal(err)
			}
		}
		token, err := tokens.Load(ctx, "a")
		if token != nil || err == nil || errors.Is(err, client.ErrNoToken) {
			t.Errorf("Load of %q = %v, %v, want an error", text, token, err)
		}
		r, err := tokens.LoadRegistration(ctx, "a")
		if r != nil || err == nil || errors.Is(err, client.ErrNoRegistration) {
			t.Errorf("LoadRegistration of %q = %v, %v, want an error", text, r, err)
		}
	}
}

// Without a sealer, nothing is stored in plain text.
func TestTokens_NoSealer(t *testing.T) {
	t.Parallel()
	var noRing *seal.Keyring // of a New whose error was ignored
	s := newStore(t, sqlstore.SQLite)
	for _, sealer := range []seal.Sealer{nil, noRing} {
		tokens, ctx := s.Tokens(sealer), t.Context()
		_, loadErr := tokens.Load(ctx, "a")
		_, registrationErr := tokens.LoadRegistration(ctx, "a")
		_, lockErr := tokens.Lock(ctx, "a")
		_, resealErr := tokens.Reseal(ctx)
		for i, err := range []error{
			loadErr, registrationErr, lockErr, resealErr, tokens.Save(ctx, "a", &client.Token{AccessToken: "a"}), tokens.Delete(ctx, "a"),
			tokens.SaveRegistration(ctx, "a", &client.Registration{ClientID: "a"}), tokens.DeleteRegistration(ctx, "a"),
		} {
			if err == nil || errors.Is(err, client.ErrNoToken) || errors.Is(err, client.ErrNoRegistration) {
				t.Errorf("call %d with the sealer %#v: %v", i, sealer, err)
			}
		}
	}
}

// A token that is too large for the sealer is an error, and does not replace the stored one.
func TestTokens_TooLarge(t *testing.T) {
	t.Parallel()
	tokens, ctx := newStore(t, sqlstore.SQLite).Tokens(keyring(t, "1")), t.Context()
	if err := tokens.Save(ctx, "a", &client.Token{AccessToken: "a", Expiry: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := tokens.Save(ctx, "a", &client.Token{AccessToken: strings.Repeat("a", 1<<20)}); !errors.Is(err, seal.ErrTooLarge) {
		t.Errorf("Save of a large token: %v", err)
	}
	if got, err := tokens.Load(ctx, "a"); err != nil || got.AccessToken != "a" {
		t.Errorf("Load: %v, %v", got, err)
	}
}
