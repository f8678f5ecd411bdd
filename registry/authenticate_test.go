package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg, other := k.create(registry.NewClient{}), k.create(registry.NewClient{})
	id, secret := reg.Client.ID, reg.Secret.Reveal()
	for range 2 { // the second time from the cache
		told := k.wantIn(id, secret)
		if told.ClientID != id || told.SecretID != reg.Client.Secrets[0].ID || told.Err != nil || told.Fault != nil || told.Rehashed {
			t.Errorf("the hook received %+v", told)
		}
		k.wantIn(other.Client.ID, other.Secret.Reveal())
	}
	for _, wrong := range []string{
		"", " ", secret + "x", secret[1:], secret[:42], strings.ToLower(secret), other.Secret.Reveal(), secret + "\x00",
		strings.Repeat(secret, 1000), id,
	} {
		told := k.wantOut(id, wrong)
		if told.ClientID != "" || told.SecretID != "" || !errors.Is(told.Err, registry.ErrInvalidClient) || told.Fault != nil {
			t.Errorf("the hook received %+v", told)
		}
	}
	k.wantOut(id+"x", secret)
	k.wantOut(strings.ToLower(id), secret)
	k.wantOut(id+"\x00"+secret[:1], secret[1:])
}

// A stored hash is not accepted as a secret.
func TestAuthenticate_ByHash(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	id := k.create(registry.NewClient{}).Client.ID
	_, hash, _ := strings.Cut(k.data(id), `"hash":"`)
	hash, _, _ = strings.Cut(hash, `"`)
	if !strings.HasPrefix(hash, "$pbkdf2-sha256$") {
		t.Fatalf("the hash was not found: %q", hash)
	}
	k.wantOut(id, hash)
	k.wantOut(id, hash[strings.LastIndex(hash, "$")+1:])
}

// Every rejection computes as many iterations as one hash in the current format, in the cases that Authenticate names.
func TestH4_RejectionsCostTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rounds = 5000
		k := newKit(t, registry.Config{Hash: registry.HashParams{Iterations: rounds}, SecretLifetime: time.Hour, Pepper: registry.NewSecret("pepper")})
		imported := func(id, hash string) string {
			_, err := k.Import(t.Context(), registry.Imported{
				ID: id, NewClient: registry.NewClient{Name: id}, SecretHash: registry.NewSecret(hash),
			})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		ended := k.create(registry.NewClient{}).Client.ID
		time.Sleep(time.Hour)
		confidential := k.create(registry.NewClient{}).Client.ID
		cheap := imported("cheap", phcSHA256)
		tests := map[string]struct {
			id         string
			wantRounds int
		}{
			"wrong secret":     {confidential, rounds},
			"unknown":          {"nobody", rounds},
			"no id":            {"", rounds},
			"impossible id":    {"a\x00b", rounds},
			"public":           {k.create(registry.NewClient{Public: true}).Client.ID, rounds},
			"secret has ended": {ended, rounds},
			"no secret":        {imported("none", ""), rounds},
			"cheap hash":       {cheap, rounds},
		}
		for name, tt := range tests {
			if told := k.wantOut(tt.id, "wrong"); told.Rounds != tt.wantRounds {
				t.Errorf("%s: %d rounds, want %d", name, told.Rounds, tt.wantRounds)
			}
			for _, impossible := range []string{"", "impossible\x00", strings.Repeat("x", 1025)} {
				if told := k.wantOut(tt.id, impossible); told.Rounds != rounds {
					t.Errorf("%s, impossible secret: %d rounds, want %d", name, told.Rounds, rounds)
				}
			}
		}
	})
}

// PBKDF2 computes all iterations for each block of the key.
func TestH4_LongKeysCostMore(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{Hash: registry.HashParams{KeyLength: 65}}) // three blocks of sha256
	k.bring(phcSHA256)
	id := k.create(registry.NewClient{}).Client.ID
	for _, id := range []string{"old", "nobody", id} {
		if told := k.wantOut(id, "wrong"); told.Rounds != 3*rounds {
			t.Errorf("%s: %d rounds, want %d", id, told.Rounds, 3*rounds)
		}
	}
}

// The hashes for which Authenticate promises more work than for an unknown client, and never less.
func TestCaseX16_WorkOfARejection(t *testing.T) {
	t.Parallel()
	phc := func(digest string, iterations int) string {
		return fmt.Sprintf("$pbkdf2-%s$i=%d,l=20$AAECAwQFBgcICQoLDA0ODw$SRM26AwPBfbx2yM6xoqKc3rXyrg", digest, iterations)
	}
	for name, tt := range map[string]struct {
		current      registry.HashParams
		stored       string
		secrets      int
		wantedRounds int
	}{
		"fewer iterations":                     {registry.HashParams{Iterations: 4000}, phc("sha256", 1), 1, 4000},
		"as many iterations":                   {registry.HashParams{Iterations: 4000}, phc("sha256", 4000), 1, 4000},
		"more iterations":                      {registry.HashParams{Iterations: 1000}, phc("sha256", 4000), 1, 4000},
		"sha1":                                 {registry.HashParams{Iterations: 1000}, phc("sha1", 1000), 1, 2000},
		"sha512":                               {registry.HashParams{Iterations: 1000}, phc("sha512", 1000), 1, 2000},
		"sha512 is current":                    {registry.HashParams{Digest: "sha512", Iterations: 4000}, phc("sha512", 1000), 1, 4000},
		"sha512 is current, sha256 stored":     {registry.HashParams{Digest: "sha512", Iterations: 4000}, phc("sha256", 1000), 1, 5000},
		"two secrets":                          {registry.HashParams{Iterations: 1000}, phc("sha256", 1000), 2, 2000},
		"two secrets of few iterations":        {registry.HashParams{Iterations: 1000}, phc("sha256", 1), 2, 1001},
		"not readable, as after a lost pepper": {registry.HashParams{Iterations: 1000}, crossauthPepper, 1, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "sha1" {
				fips.Skip(t, "SHA-1 in PBKDF2")
			}
			shared := store.NewClients()
			peppered := newKit(t, registry.Config{Store: shared, Hash: tt.current, Pepper: registry.NewSecret("pepper")})
			k := newKit(t, registry.Config{Store: shared, Hash: tt.current})
			peppered.bring(tt.stored)
			if tt.secrets > 1 {
				k.rotate("old", time.Hour)
			}
			if told := k.wantOut("old", "wrong"); told.Rounds != tt.wantedRounds {
				t.Errorf("wrong secret: %d iterations, want %d", told.Rounds, tt.wantedRounds)
			}
			if told := k.wantOut("nobody", "wrong"); told.Rounds != tt.current.Iterations {
				t.Errorf("unknown client: %d iterations, want %d", told.Rounds, tt.current.Iterations)
			}
		})
	}
}

// A cache hit computes no hash. Another secret does.
func TestH5_Remembers(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	id, secret := reg.Client.ID, reg.Secret.Reveal()
	if told := k.wantIn(id, secret); told.Cached || told.Rounds != rounds {
		t.Errorf("first: %+v", told)
	}
	if told := k.wantIn(id, secret); !told.Cached || told.Rounds != 0 || told.SecretID != reg.Client.Secrets[0].ID {
		t.Errorf("second: %+v", told)
	}
	for range 2 { // wrong secrets are not cached
		if told := k.wantOut(id, "wrong"); told.Cached || told.Rounds != rounds {
			t.Errorf("wrong: %+v", told)
		}
	}
	k.update(id, registry.Patch{Name: new("new")})
	if told := k.wantIn(id, secret); !told.Cached {
		t.Errorf("after a change of the name: %+v", told)
	}
}

func TestH5_NoCache(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{CacheSize: -1})
	reg := k.create(registry.NewClient{})
	for range 2 {
		if told := k.wantIn(reg.Client.ID, reg.Secret.Reveal()); told.Cached || told.Rounds != rounds {
			t.Errorf("the hook received %+v", told)
		}
	}
}

func TestH5_CacheIsBounded(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{CacheSize: 2})
	var regs []registry.Registered
	for range 4 {
		reg := k.create(registry.NewClient{})
		k.wantIn(reg.Client.ID, reg.Secret.Reveal())
		regs = append(regs, reg)
	}
	cached := 0
	for i := range regs {
		if k.wantIn(regs[len(regs)-1-i].Client.ID, regs[len(regs)-1-i].Secret.Reveal()).Cached {
			cached++
		}
	}
	if cached == 0 || cached > 2 {
		t.Errorf("%d of 4 secrets are cached, want 1 or 2", cached)
	}
}

// Changes by another process take effect at once, also for cached secrets.
func TestH5_ChangesElsewhere(t *testing.T) {
	t.Parallel()
	changes := map[string]func(k *kit, id string) error{
		"rotated": func(k *kit, id string) error { _, err := k.RotateSecret(k.Context(), id, 0); return err },
		"reset":   func(k *kit, id string) error { k.update(id, registry.Patch{ResetSecret: true}); return nil },
		"replaced": func(k *kit, id string) error {
			k.update(id, registry.Patch{Secret: registry.NewSecret(strings.Repeat("y", 43))})
			return nil
		},
		"deleted": func(k *kit, id string) error { return k.Delete(k.Context(), id) },
		"revoked": func(k *kit, id string) error {
			_, err := k.RevokeSecret(k.Context(), id, k.get(id).Secrets[0].ID)
			return err
		},
		"public": func(k *kit, id string) error {
			k.update(id, registry.Patch{Confidential: new(false), Flows: nil})
			return nil
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := store.NewClients()
			here, elsewhere := newKit(t, registry.Config{Store: shared}), newKit(t, registry.Config{Store: shared})
			reg := here.create(registry.NewClient{Flows: nonePublic()})
			here.wantIn(reg.Client.ID, reg.Secret.Reveal())
			if !here.wantIn(reg.Client.ID, reg.Secret.Reveal()).Cached {
				t.Fatal("the secret is not cached, so the test checks nothing")
			}
			if err := change(elsewhere, reg.Client.ID); err != nil {
				t.Fatal(err)
			}
			here.wantOut(reg.Client.ID, reg.Secret.Reveal())
		})
	}
}

// The use of a secret is stored at most once a minute.
func TestAuthenticate_LastUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		counting := &failing{Store: store.NewClients(), update: func() error { writes++; return nil }}
		k := newKit(t, registry.Config{Store: counting})
		reg := k.create(registry.NewClient{})
		if used := reg.Client.Secrets[0].LastUsed; !used.IsZero() {
			t.Errorf("used at %v before it was", used)
		}
		start := time.Now().UTC()
		steps := []struct {
			wait   time.Duration
			used   time.Duration // since start
			writes int
		}{
			{0, 0, 1},
			{time.Minute - 1, 0, 1},
			{1, time.Minute, 2},
			{30 * time.Second, time.Minute, 2},
			{time.Hour, 61*time.Minute + 30*time.Second, 3},
		}
		for i, step := range steps {
			time.Sleep(step.wait)
			k.wantIn(reg.Client.ID, reg.Secret.Reveal())
			if used := k.get(reg.Client.ID).Secrets[0].LastUsed; !used.Equal(start.Add(step.used)) || writes != step.writes {
				t.Errorf("step %d: used after %v, want %v; %d writes, want %d", i, used.Sub(start), step.used, writes, step.writes)
			}
		}
		k.wantOut(reg.Client.ID, "wrong")
		if writes != 3 {
			t.Errorf("a rejection was stored")
		}
	})
}

// A client is accepted although the use of its secret cannot be stored.
func TestAuthenticate_UseCannotBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var fault error
		k := newKit(t, registry.Config{Store: &failing{Store: store.NewClients(), update: func() error { return fault }}})
		reg := k.create(registry.NewClient{})
		fault = down
		if told := k.wantIn(reg.Client.ID, reg.Secret.Reveal()); !errors.Is(told.Fault, down) || told.Err != nil {
			t.Errorf("the hook received %+v", told)
		}
	})
}

func TestAuthenticate_EndedContext(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{MaxConcurrent: 1})
	reg := k.create(registry.NewClient{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []string{reg.Client.ID, "nobody"} {
		_, err := k.Authenticate(ctx, id, reg.Secret.Reveal())
		if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.Canceled) || errors.Is(err, registry.ErrInvalidClient) {
			t.Errorf("error %v", err)
		}
	}
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())
}

func TestAuthenticate_WithoutHook(t *testing.T) {
	t.Parallel()
	r, err := registry.New(registry.Config{Store: store.NewClients(), Hash: registry.HashParams{Iterations: rounds}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Authenticate(t.Context(), "nobody", ""); !errors.Is(err, registry.ErrInvalidClient) {
		t.Error(err)
	}
}
