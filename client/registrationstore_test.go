package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

func TestRegistrationStore(t *testing.T) {
	t.Parallel()
	files, err := client.NewFileTokens(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]client.CredentialStore{"memory": new(client.MemoryTokens), "files": files} {
		ctx := t.Context()
		if _, err := store.LoadRegistration(ctx, "k"); !errors.Is(err, client.ErrNoRegistration) {
			t.Errorf("%s: empty: %v", name, err)
		}
		r := &client.Registration{
			Issuer: "https://as.test", ClientID: "id", ClientSecret: "s", SecretExpiresAt: time.Unix(2e9, 0).UTC(), AccessToken: "a", URI: "https://as.test/r",
			Metadata: client.ClientMetadata{ClientName: "n", TokenEndpointAuthMethod: client.AuthPost},
		}
		if err := errors.Join(store.SaveRegistration(ctx, "k", r), store.Save(ctx, "k", first(time.Hour))); err != nil {
			t.Fatal(err)
		}
		got, err := store.LoadRegistration(ctx, "k")
		if diff := cmp.Diff(r, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if err := errors.Join(store.DeleteRegistration(ctx, "k"), store.DeleteRegistration(ctx, "k")); err != nil {
			t.Errorf("%s: delete: %v", name, err)
		}
		if _, err := store.LoadRegistration(ctx, "k"); !errors.Is(err, client.ErrNoRegistration) {
			t.Errorf("%s: deleted: %v", name, err)
		}
		if token, err := store.Load(ctx, "k"); err != nil || token.AccessToken != "at0" {
			t.Errorf("%s: the token with the same key: %v", name, err)
		}
	}
}

// A file that is not a registration is an error that quotes nothing, and is not treated as absent.
func TestFileTokens_DamagedRegistration(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SaveRegistration(t.Context(), "k", &client.Registration{ClientID: "id"}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.client.json"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	for _, text := range []string{"", "{}", `{"client_secret":"hidden"}`, "hidden", `["hidden"]`, strings.Repeat("x", 2<<20)} {
		if err := os.WriteFile(names[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.LoadRegistration(t.Context(), "k")
		if err == nil || errors.Is(err, client.ErrNoRegistration) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
