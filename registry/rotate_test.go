package registry_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
)

func (k *kit) rotate(id string, overlap time.Duration) registry.Registered {
	k.Helper()
	reg, err := k.RotateSecret(k.Context(), id, overlap)
	if err != nil {
		k.Fatal(err)
	}
	return reg
}

func TestH6_RotateSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, registry.Config{})
		first := k.create(registry.NewClient{})
		id, start := first.Client.ID, time.Now().UTC()
		k.wantIn(id, first.Secret.Reveal())
		time.Sleep(time.Hour)
		second := k.rotate(id, 24*time.Hour)
		want := []registry.SecretInfo{
			{ID: second.Client.Secrets[0].ID, Created: start.Add(time.Hour)},
			{ID: first.Client.Secrets[0].ID, Created: start, NotAfter: start.Add(25 * time.Hour), LastUsed: start},
		}
		if diff := cmp.Diff(want, second.Client.Secrets); diff != "" || want[0].ID == want[1].ID {
			t.Errorf("secrets (-want +got):\n%s", diff)
		}
		time.Sleep(24*time.Hour - time.Nanosecond)
		k.wantIn(id, first.Secret.Reveal())
		k.wantIn(id, second.Secret.Reveal())
		time.Sleep(time.Nanosecond)
		k.wantOut(id, first.Secret.Reveal())
		k.wantIn(id, second.Secret.Reveal())
	})
}

func TestRotateSecret_WithoutOverlap(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	first := k.create(registry.NewClient{})
	k.wantIn(first.Client.ID, first.Secret.Reveal())
	second := k.rotate(first.Client.ID, 0)
	k.wantOut(first.Client.ID, first.Secret.Reveal())
	k.wantIn(first.Client.ID, second.Secret.Reveal())
	if n := len(k.get(first.Client.ID).Secrets); n != 1 {
		t.Errorf("%d secrets are left", n)
	}
}

// An overlap does not extend the life of a secret.
func TestRotateSecret_KeepsSoonerEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, registry.Config{SecretLifetime: time.Hour})
		first := k.create(registry.NewClient{})
		k.rotate(first.Client.ID, 24*time.Hour)
		time.Sleep(time.Hour)
		k.wantOut(first.Client.ID, first.Secret.Reveal())
	})
}

func TestRotateSecret_TooMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, registry.Config{MaxSecrets: 2})
		id := k.create(registry.NewClient{}).Client.ID
		k.rotate(id, time.Hour)
		before := k.data(id)
		if _, err := k.RotateSecret(t.Context(), id, time.Hour); !errors.Is(err, registry.ErrTooManySecrets) {
			t.Errorf("error %v", err)
		}
		if k.data(id) != before {
			t.Error("something has changed")
		}
		k.rotate(id, 0)
		k.rotate(id, time.Hour)
		time.Sleep(time.Hour)
		k.rotate(id, time.Hour) // those that have ended do not count
	})
}

func TestRotateSecret_NegativeOverlap(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	_, err := k.RotateSecret(t.Context(), reg.Client.ID, -1)
	wantFaults(t, err, "overlap")
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())
}

func TestRevokeSecret(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	first := k.create(registry.NewClient{})
	id := first.Client.ID
	second := k.rotate(id, time.Hour)
	k.wantIn(id, first.Secret.Reveal())

	left, err := k.RevokeSecret(t.Context(), id, first.Client.Secrets[0].ID)
	if err != nil || len(left.Secrets) != 1 || left.Secrets[0].ID != second.Client.Secrets[0].ID {
		t.Errorf("left: %+v, %v", left.Secrets, err)
	}
	k.wantOut(id, first.Secret.Reveal())
	k.wantIn(id, second.Secret.Reveal())
	if _, err := k.RevokeSecret(t.Context(), id, first.Client.Secrets[0].ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}

	if _, err := k.RevokeSecret(t.Context(), id, second.Client.Secrets[0].ID); err != nil {
		t.Error(err)
	}
	k.wantOut(id, second.Secret.Reveal())
	k.wantIn(id, k.rotate(id, 0).Secret.Reveal())
}
