package registry_test

import (
	"crypto/fips140"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// Hashes of one secret, made by Python's hashlib.
const (
	oldSecret = "an old client's secret"
	phcSHA256 = "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$VSO6LpStWQ1hHKuaRklNRAYAkwvvayLt+5z8EJWjaVw"
	phcSHA512 = "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$" +
		"kbLWpB8dbZLMoTusL3zZklQPa5CCnO3PqXSBhmPjlM9UWcEEQm6bYK/TBIxO+R31+XuiHWYn8XN8IOEVAHRjcg"
	phcSHA1         = "$pbkdf2-sha1$i=1000,l=20$AAECAwQFBgcICQoLDA0ODw$SRM26AwPBfbx2yM6xoqKc3rXyrg"
	phcHydra        = "$pbkdf2-sha256$i=25000,l=32$AAECAwQFBgcICQoLDA0ODw$cjbusuYtruUMfreUFdnMgXyTkQGMBpjZPkxVIkhzTOk"
	crossauthPython = "pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88="
	crossauthNode   = "pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88"
	crossauthPadded = "pbkdf2:sha256:32:1200:0:AAECAwQFBgcICQoLDA0ODw==:JyIN2e0W1do2AoxhpCgE9FXIu9kHMmTgVDDnqNuLrH0="
	crossauthSHA1   = "pbkdf2:sha1:20:1200:0:6RRIUw1K54i8r6bunm7Ezw:VTaiqRw5hTHFovGna0TKsLRXtg4="
	crossauthPepper = "pbkdf2:sha256:32:1200:1:6RRIUw1K54i8r6bunm7Ezw:Bxfq5kuLKpwdueSDIwOH6jSzFM022C_x8j7e8W07LXw="
	crossauthSHA512 = "pbkdf2:sha512:64:1200:0:6RRIUw1K54i8r6bunm7Ezw:" +
		"6YPxtoQ3aYdF8vcUazwurNQBDL37Dk_2sHp8jkXIO6-p1KakvhEKKoAMo8UM79uBRKqlobTisMOcGj_KWsrtTQ=="
)

func nonePublic() []registry.Flow { return []registry.Flow{registry.FlowRefreshToken} }

// bring imports a client "old" with a hash.
func (k *kit) bring(hash string) {
	k.Helper()
	_, err := k.Import(k.Context(), registry.Imported{
		ID: "old", NewClient: registry.NewClient{Name: "old"}, SecretHash: registry.NewSecret(hash),
	})
	if err != nil {
		k.Fatal(err)
	}
}

// With GODEBUG=fips140=only, a hash that could never be verified is rejected when it is imported.
func TestImportRejectsWhatFIPSForbids(t *testing.T) {
	t.Parallel()
	if !fips140.Enforced() {
		t.Skip("needs GODEBUG=fips140=only")
	}
	k := newKit(t, registry.Config{})
	for _, hash := range []string{phcSHA1, crossauthSHA1, "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgc$" + strings.Repeat("A", 43)} {
		_, err := k.Import(t.Context(), registry.Imported{
			ID: "old", NewClient: registry.NewClient{Name: "old"}, SecretHash: registry.NewSecret(hash),
		})
		wantFaults(t, err, "SecretHash")
	}
}

// An imported hash is verified in its own format, and then replaced by one in the current format.
func TestH2_H3_ImportedHashes(t *testing.T) {
	t.Parallel()
	const current = "$pbkdf2-sha256$i=30000,l=32$"
	for name, hash := range map[string]string{
		"PHC": phcSHA256, "PHC SHA-512": phcSHA512, "PHC SHA-1": phcSHA1, "Hydra": phcHydra, "crossauth Python": crossauthPython,
		"crossauth TypeScript": crossauthNode, "crossauth padded salt": crossauthPadded, "crossauth SHA-512": crossauthSHA512, "crossauth SHA-1": crossauthSHA1,
		"crossauth pepper": crossauthPepper,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasSuffix(name, "SHA-1") {
				fips.Skip(t, "SHA-1 in PBKDF2")
			}
			k := newKit(t, registry.Config{
				Hash: registry.HashParams{Iterations: 30_000}, Pepper: registry.NewSecret("kitchen pepper"),
			})
			k.bring(hash)
			k.wantOut("old", "wrong")
			if data := k.data("old"); !strings.Contains(data, hash) {
				t.Errorf("a wrong secret has changed the hash: %s", data)
			}
			before := k.get("old").Secrets[0]
			if told := k.wantIn("old", oldSecret); !told.Rehashed || told.Fault != nil || told.SecretID != before.ID {
				t.Errorf("the hook received %+v", told)
			}
			if data := k.data("old"); strings.Contains(data, hash) || !strings.Contains(data, current) {
				t.Errorf("stored as %s", data)
			}
			after := k.get("old").Secrets[0]
			before.LastUsed = after.LastUsed
			if diff := cmp.Diff(before, after); diff != "" || after.LastUsed.IsZero() {
				t.Errorf("the description of the secret changed (-want +got):\n%s", diff)
			}
			if told := k.wantIn("old", oldSecret); !told.Cached || told.Rehashed {
				t.Errorf("again: the hook received %+v", told)
			}
			k.wantOut("old", "wrong")
		})
	}
}

// A hash that is at least as strong as Config.Hash is not replaced.
func TestH3_GoodHashStays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hash   string
		params registry.HashParams
		stays  bool
	}{
		"equal":            {phcSHA256, registry.HashParams{Iterations: 1000}, true},
		"better":           {phcHydra, registry.HashParams{Iterations: 24_999}, true},
		"few rounds":       {phcHydra, registry.HashParams{Iterations: 25_001}, false},
		"short key":        {phcSHA256, registry.HashParams{Iterations: 1000, KeyLength: 33}, false},
		"short salt":       {phcSHA256, registry.HashParams{Iterations: 1000, SaltLength: 17}, false},
		"other digest":     {phcSHA512, registry.HashParams{Iterations: 1000}, false},
		"digest wanted":    {phcSHA512, registry.HashParams{Iterations: 1000, Digest: "sha512"}, true},
		"crossauth's form": {crossauthPython, registry.HashParams{Iterations: 1000}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{Hash: tt.params})
			k.bring(tt.hash)
			told := k.wantIn("old", oldSecret)
			if stays := strings.Contains(k.data("old"), tt.hash); stays != tt.stays || told.Rehashed == tt.stays {
				t.Errorf("stays: %v, the hook received %+v", stays, told)
			}
		})
	}
}

// The old hash remains valid while the new one cannot be stored.
func TestH3_RehashFails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	fault := down
	k := newKit(t, registry.Config{Store: &failing{Store: store.NewClients(), update: func() error { return fault }}})
	k.bring(crossauthPython)
	for range 2 {
		if told := k.wantIn("old", oldSecret); told.Rehashed || told.Cached || !errors.Is(told.Fault, down) {
			t.Errorf("the hook received %+v", told)
		}
	}
	fault = nil
	if told := k.wantIn("old", oldSecret); !told.Rehashed || told.Fault != nil {
		t.Errorf("the hook received %+v", told)
	}
}

func TestH2_Pepper(t *testing.T) {
	t.Parallel()
	bare := newKit(t, registry.Config{})
	_, err := bare.Import(t.Context(), registry.Imported{
		ID: "old", NewClient: registry.NewClient{Name: "old"}, SecretHash: registry.NewSecret(crossauthPepper),
	})
	wantFaults(t, err, "SecretHash")

	wrong := newKit(t, registry.Config{Pepper: registry.NewSecret("other pepper")})
	wrong.bring(crossauthPepper)
	wrong.wantOut("old", oldSecret)

	gone := newKit(t, registry.Config{Store: wrong.store}) // the same clients, without the pepper they were imported with
	if told := gone.wantOut("old", oldSecret); told.Fault == nil || told.Rounds != rounds {
		t.Errorf("the hook received %+v", told)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	k.bring(phcSHA256)
	before := k.data("old")
	again := registry.Imported{ID: "old", NewClient: registry.NewClient{Name: "other"}}
	if _, err := k.Import(t.Context(), again); !errors.Is(err, registry.ErrExists) || k.data("old") != before {
		t.Errorf("imported twice: %v", err)
	}

	none, err := k.Import(t.Context(), registry.Imported{ID: "a b~", NewClient: registry.NewClient{Name: "none"}})
	if err != nil || len(none.Secrets) > 0 || !none.Confidential {
		t.Errorf("without a hash: %+v, %v", none, err)
	}
	k.wantOut("a b~", "")
	k.wantIn("a b~", k.rotate("a b~", 0).Secret.Reveal())
}

func TestImport_Faults(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for name, tt := range map[string]struct {
		client registry.Imported
		faults []string
	}{
		"nothing": {registry.Imported{}, []string{"ID", "Name"}},
		"public with a hash": {
			registry.Imported{
				ID: "x", NewClient: registry.NewClient{Name: "x", Public: true}, SecretHash: registry.NewSecret(phcSHA256),
			},
			[]string{"SecretHash"},
		},
		"plaintext for a hash": {
			registry.Imported{ID: "x", NewClient: registry.NewClient{Name: "x"}, SecretHash: registry.NewSecret(oldSecret)},
			[]string{"SecretHash"},
		},
		"all": {
			registry.Imported{
				ID:         strings.Repeat("x", 256),
				NewClient:  registry.NewClient{RedirectURIs: []string{"javascript:alert(1)"}, Flows: []registry.Flow{"x"}},
				SecretHash: registry.NewSecret("x"),
			},
			[]string{"ID", "SecretHash", "Name", "RedirectURIs[0]", "Flows"},
		},
	} {
		_, err := k.Import(t.Context(), tt.client)
		t.Run(name, func(t *testing.T) { wantFaults(t, err, tt.faults...) })
	}
}
