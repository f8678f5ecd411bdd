package registry_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// Concurrent rotations, changes of different fields, and the new hash of the first use: none is lost.
func TestH3_NothingIsLost(t *testing.T) {
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

// interposed calls a function once, between reading a row and writing it.
type interposed struct {
	registry.Store
	once sync.Once
	then func()
}

func (s *interposed) Update(ctx context.Context, row registry.Row) (bool, error) {
	s.once.Do(s.then)
	return s.Store.Update(ctx, row)
}

// A secret that is removed while its use is recorded is rejected, and is not restored.
func TestRace_TakenAwayMeanwhile(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(k *kit) error{
		"rotated": func(k *kit) error { _, err := k.RotateSecret(k.Context(), "old", 0); return err },
		"deleted": func(k *kit) error { return k.Delete(k.Context(), "old") },
		"registered again": func(k *kit) error {
			gone := k.Delete(k.Context(), "old")
			_, err := k.Import(k.Context(), registry.Imported{ID: "old", NewClient: registry.NewClient{Name: "new"}})
			return errors.Join(gone, err)
		},
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
					t.Errorf("the hook received %+v", told)
				}
			}
		})
	}
}

// overtaken calls a function once, after it has read a row, which is then out of date.
type overtaken struct {
	registry.Store
	then func()
}

func (s *overtaken) Get(ctx context.Context, id string) (registry.Row, bool, error) {
	row, found, err := s.Store.Get(ctx, id)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	return row, found, err
}

// A secret that ends while its hash is computed is rejected, also if there is nothing to store.
func TestRace_EndsDuringHash(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(k *kit, reg registry.Registered) error{
		"revoked": func(k *kit, reg registry.Registered) error {
			_, err := k.RevokeSecret(k.Context(), reg.Client.ID, reg.Client.Secrets[0].ID)
			return err
		},
		"rotated": func(k *kit, reg registry.Registered) error { k.rotate(reg.Client.ID, 0); return nil },
		"reset": func(k *kit, reg registry.Registered) error {
			k.update(reg.Client.ID, registry.Patch{ResetSecret: true})
			return nil
		},
		"deleted": func(k *kit, reg registry.Registered) error { return k.Delete(k.Context(), reg.Client.ID) },
		"public": func(k *kit, reg registry.Registered) error {
			k.update(reg.Client.ID, registry.Patch{Confidential: new(false)})
			return nil
		},
		"ended": func(*kit, registry.Registered) error { time.Sleep(time.Second); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &overtaken{Store: store.NewClients()}
				elsewhere := newKit(t, registry.Config{Store: s.Store})
				here := newKit(t, registry.Config{Store: s, CacheSize: -1, SecretLifetime: time.Second})
				reg := here.create(registry.NewClient{Flows: nonePublic()})
				here.wantIn(reg.Client.ID, reg.Secret.Reveal()) // the use is stored, and need not be for a minute
				s.then = func() {
					if err := end(elsewhere, reg); err != nil {
						t.Error(err)
					}
				}
				here.wantOut(reg.Client.ID, reg.Secret.Reveal())
			})
		})
	}
}

// Authenticate returns the client as it is after the hash was computed.
func TestRace_ChangedDuringHash(t *testing.T) {
	t.Parallel()
	s := &overtaken{Store: store.NewClients()}
	k := newKit(t, registry.Config{Store: s, CacheSize: -1})
	reg := k.create(registry.NewClient{})
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())
	s.then = func() { k.update(reg.Client.ID, registry.Patch{Flows: nonePublic()}) }
	if c, err := k.Authenticate(t.Context(), reg.Client.ID, reg.Secret.Reveal()); err != nil || len(c.Flows) != 1 {
		t.Errorf("authenticated with the flows %q, %v", c.Flows, err)
	}
}

// If the second read fails, the result is ErrUnavailable.
func TestRace_StoreFailsDuringHash(t *testing.T) {
	t.Parallel()
	var fault error
	down := errors.New("down")
	s := &overtaken{Store: &failing{Store: store.NewClients(), get: func() error { return fault }}}
	k := newKit(t, registry.Config{Store: s})
	reg := k.create(registry.NewClient{})
	s.then = func() { fault = down }
	c, err := k.Authenticate(t.Context(), reg.Client.ID, reg.Secret.Reveal())
	if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, down) || errors.Is(err, registry.ErrInvalidClient) || c.ID != "" {
		t.Errorf("authenticated %q, %v", c.ID, err)
	}
}

// A use that another call has stored in the meantime is not stored again.
func TestRace_UseIsStoredOnce(t *testing.T) {
	t.Parallel()
	writes := 0
	s := &overtaken{Store: &failing{Store: store.NewClients(), update: func() error { writes++; return nil }}}
	k := newKit(t, registry.Config{Store: s, CacheSize: -1})
	reg := k.create(registry.NewClient{})
	s.then = func() { k.wantIn(reg.Client.ID, reg.Secret.Reveal()) }
	if told := k.wantIn(reg.Client.ID, reg.Secret.Reveal()); writes != 1 || told.Fault != nil {
		t.Errorf("%d writes, want 1; the hook received %+v", writes, told)
	}
}

// Two concurrent calls with one secret both compute a new hash. One is stored, and both succeed.
func TestH3_TwoRehash(t *testing.T) {
	t.Parallel()
	between := &interposed{Store: store.NewClients()}
	k, elsewhere := newKit(t, registry.Config{Store: between}), newKit(t, registry.Config{Store: between.Store})
	k.bring(crossauthPython)
	between.then = func() {
		if told := elsewhere.wantIn("old", oldSecret); !told.Rehashed {
			t.Errorf("elsewhere: %+v", told)
		}
	}
	if told := k.wantIn("old", oldSecret); told.Rehashed || told.Fault != nil {
		t.Errorf("the hook received %+v", told)
	}
	for _, k := range []*kit{k, elsewhere} {
		if told := k.wantIn("old", oldSecret); !told.Cached {
			t.Errorf("again: %+v", told)
		}
	}
}

// A concurrent change causes a retry, but no second secret.
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

// A rotation fails if the client becomes public in the meantime.
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

// busy is a store in which every update conflicts with another.
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

// All concurrent calls succeed, except those that find the queue full: these get ErrUnavailable.
func TestH5_ManyAtOnce(t *testing.T) {
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
