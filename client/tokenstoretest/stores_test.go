package tokenstoretest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/tokenstoretest"
	"github.com/bearerkit/bearerkit/internal/testkit/fips"
	"github.com/bearerkit/bearerkit/seal"
)

// TestMain makes random numbers available in FIPS mode.
func TestMain(m *testing.M) {
	fips.Prepare()
	os.Exit(m.Run())
}

func TestMemoryTokens(t *testing.T) {
	t.Parallel()
	tokenstoretest.Credentials(t, func(*testing.T) client.CredentialStore { return client.NewMemoryTokens() })
}

func TestFileTokens(t *testing.T) {
	t.Parallel()
	tokenstoretest.Credentials(t, func(t *testing.T) client.CredentialStore { t.Helper(); return files(t, t.TempDir()) })
}

func TestFileTokens_Locks(t *testing.T) {
	t.Parallel()
	tokenstoretest.Locks(t, func(t *testing.T) (first, second tokenstoretest.LockedStore) {
		t.Helper()
		folder := t.TempDir()
		return files(t, folder), files(t, folder)
	})
}

func TestSealedFileTokens(t *testing.T) {
	t.Parallel()
	key, err := seal.NewKey("1")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.New(seal.Config{Keys: []seal.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	tokenstoretest.Credentials(t, func(t *testing.T) client.CredentialStore {
		t.Helper()
		store, err := client.NewSealedFileTokens(client.SealedFileTokensConfig{Folder: t.TempDir(), Sealer: ring})
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

// files returns the store in a folder below parent.
func files(t *testing.T, parent string) *client.FileTokens {
	t.Helper()
	store, err := client.NewFileTokens(filepath.Join(parent, "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	return store
}
