package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/seal"
)

// keysVariable is the environment variable with the keys that seal the sessions.
const keysVariable = "WEBAPP_SEAL_KEYS"

// newSessions returns the session manager. scs.New keeps the sessions in memory, so all users are signed out when the program
// ends. Use another store of scs in production.
func newSessions() (*scs.SessionManager, error) {
	keys, err := sealKeys()
	if err != nil {
		return nil, err
	}
	ring, err := seal.New(seal.Config{Keys: keys})
	if err != nil {
		return nil, err
	}
	sessions := scs.New()
	return sessions, sealSessions(sessions, ring)
}

// sealKeys returns the keys in WEBAPP_SEAL_KEYS, or in the file that WEBAPP_SEAL_KEYS_FILE names. If neither is set, it creates
// a key. Sessions in memory do not outlive the program either.
func sealKeys() ([]seal.Key, error) {
	if os.Getenv(keysVariable) == "" && os.Getenv(keysVariable+"_FILE") == "" {
		key, err := seal.NewKey("demo")
		return []seal.Key{key}, err
	}
	return seal.KeysFromEnv(keysVariable)
}

// sealSessions makes the session manager seal what it stores. Call it before weblogin.New.
func sealSessions(sessions *scs.SessionManager, ring *seal.Keyring) error {
	store, err := seal.NewSessions(seal.SessionsConfig{
		Store: sessions.Store, Sealer: ring,
		OnUnreadable: func(ctx context.Context, u seal.UnreadableSession) {
			slog.WarnContext(ctx, "stored session cannot be opened", slog.String("row", u.Row), slog.Any("error", u.Err))
		},
	})
	if err != nil {
		return err
	}
	sessions.Store = store
	return nil
}
