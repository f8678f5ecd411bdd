package registry_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client/registry"
	"github.com/bearerkit/bearerkit/store"
)

// Rotations, changes of different fields and the re-hash of the first use all at once: each must stand afterwards.
func TestRace_NothingIsLost(t *testing.T) {
	t.Parallel()
	const rotations = 6
	k := newKit(t, registry.Config{MaxSecrets: 16, MaxConcurrent: 4, Hash: registry.HashParams{Iterations: 2000}})
	k.bring(phcSHA256)
	var all sync.WaitGroup
	secrets := make(chan string, rotations)
	for range rotations {
		all.Go(func() { secrets <- k.rotate("old", time.Hour).Secret.Reveal() })
		all.Go(func() { k.wantIn("old", oldSecret) })
	}
	for _, p := range []registry.Patch{
		{Name: new("new")},
		{Owner: new("alice")},
		{RedirectURIs: []string{"https://a.example/"}},
		{Flows: nonePublic()},
		{Extra: map[string]any{"a": "b"}},
	} {
		all.Go(func() { k.update("old", p) })
	}
	all.Wait()
	close(secrets)

	got := k.get("old")
	if got.Name != "new" || got.Owner != "alice" || len(got.RedirectURIs) != 1 || len(got.Flows) != 1 || got.Extra["a"] != "b" {
		t.Errorf("a change was lost: %+v", got)
	}
	if len(got.Secrets) != rotations+1 {
		t.Errorf("%d secrets, want %d", len(got.Secrets), rotations+1)
	}
	used := got.Secrets[len(got.Secrets)-1]
	if used.LastUsed.IsZero() || used.NotAfter.IsZero() {
		t.Errorf("the use or the end of the old secret was lost: %+v", used)
	}
	if told := k.wantIn("old", oldSecret); !told.Cached {
		t.Errorf("the new hash was lost: %+v", told)
	}
	for secret := range secrets {
		k.wantIn("old", secret)
	}
}

// interposed does something once, between reading a row and writing it.
type interposed struct {
	registry.Store
	once sync.Once
	then func()
}

func (s *interposed) Update(ctx context.Context, row registry.Row) (bool, error) {
	s.once.Do(s.then)
	return s.Store.Update(ctx, row)
}

// A secret that is taken away while its use is being recorded opens nothing, and does not come back.
func TestRace_TakenAwayMeanwhile(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(k *kit) error{
		"rotated": func(k *kit) error { _, err := k.RotateSecret(k.Context(), "old", 0); return err },
		"deleted": func(k *kit) error { return k.Delete(k.Context(), "old") },
		"public": func(k *kit) error {
			_, err := k.Update(k.Context(), "old", registry.Patch{Confidential: new(false), Flows: nonePublic()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between := &interposed{Store: store.NewClients()}
			k, elsewhere := newKit(t, registry.Config{Store: between}), newKit(t, registry.Config{Store: between.Store})
			k.bring(phcSHA256)
			between.then = func() {
				if err := take(elsewhere); err != nil {
					t.Error(err)
				}
			}
			for range 2 {
				if told := k.wantOut("old", oldSecret); told.ClientID != "" || told.SecretID != "" {
					t.Errorf("told %+v", told)
				}
			}
		})
	}
}

// Two that come with one secret at the same time both hash it anew; one hash stands, and both are in.
func TestRace_TwoRehash(t *testing.T) {
	t.Parallel()
	between := &interposed{Store: store.NewClients()}
	k, elsewhere := newKit(t, registry.Config{Store: between}), newKit(t, registry.Config{Store: between.Store})
	k.bring(seedPython)
	between.then = func() {
		if told := elsewhere.wantIn("old", oldSecret); !told.Rehashed {
			t.Errorf("elsewhere: %+v", told)
		}
	}
	if told := k.wantIn("old", oldSecret); told.Rehashed || told.Fault != nil {
		t.Errorf("told %+v", told)
	}
	for _, k := range []*kit{k, elsewhere} {
		if told := k.wantIn("old", oldSecret); !told.Cached {
			t.Errorf("again: %+v", told)
		}
	}
}

// Another's change between reading and writing costs a try, and no second secret.
func TestRace_UpdateTriesAgain(t *testing.T) {
	t.Parallel()
	between := &interposed{Store: store.NewClients()}
	k, elsewhere := newKit(t, registry.Config{Store: between}), newKit(t, registry.Config{Store: between.Store})
	id := k.create(registry.NewClient{}).Client.ID
	between.then = func() { elsewhere.update(id, registry.Patch{Owner: new("alice")}) }
	updated := k.update(id, registry.Patch{Name: new("new"), ResetSecret: true})
	if updated.Client.Owner != "alice" || updated.Client.Name != "new" || len(updated.Client.Secrets) != 1 {
		t.Errorf("updated: %+v", updated)
	}
	k.wantIn(id, updated.Secret.Reveal())
}

// A client that became public meanwhile gets no secret by a rotation that had begun before.
func TestRace_PublicMeanwhile(t *testing.T) {
	t.Parallel()
	between := &interposed{Store: store.NewClients()}
	k, elsewhere := newKit(t, registry.Config{Store: between}), newKit(t, registry.Config{Store: between.Store})
	id := k.create(registry.NewClient{Flows: nonePublic()}).Client.ID
	between.then = func() { elsewhere.update(id, registry.Patch{Confidential: new(false)}) }
	reg, err := k.RotateSecret(t.Context(), id, time.Hour)
	if !errors.Is(err, registry.ErrPublicClient) || !reg.Secret.IsZero() {
		t.Errorf("rotated: %v", err)
	}
	if got := k.get(id); got.Confidential || len(got.Secrets) > 0 {
		t.Errorf("left: %+v", got)
	}
}

// busy is a store in which someone else is always faster.
type busy struct {
	registry.Store
	tries int
}

func (s *busy) Update(context.Context, registry.Row) (bool, error) {
	s.tries++
	return false, nil
}

func TestRace_Conflict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &busy{Store: store.NewClients()}
		k := newKit(t, registry.Config{Store: s})
		id := k.create(registry.NewClient{}).Client.ID
		if _, err := k.Update(t.Context(), id, registry.Patch{Name: new("x")}); !errors.Is(err, registry.ErrConflict) || s.tries != 20 {
			t.Errorf("error %v after %d tries", err, s.tries)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		_, err := k.Update(ctx, id, registry.Patch{Name: new("x")})
		if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// Many that come at once are all served, one at a time if need be; those that would have to wait too long are told so.
func TestRace_ManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, waiting := range []int{100, -1} {
		t.Run(strconv.Itoa(waiting), func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{MaxConcurrent: 1, MaxWaiting: waiting, CacheSize: -1})
			reg := k.create(registry.NewClient{})
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					_, err := k.Authenticate(k.Context(), reg.Client.ID, reg.Secret.Reveal())
					if err != nil && (waiting > 0 || !errors.Is(err, registry.ErrUnavailable)) {
						t.Errorf("error %v", err)
					}
				})
			}
			all.Wait()
			k.wantIn(reg.Client.ID, reg.Secret.Reveal())
		})
	}
}
