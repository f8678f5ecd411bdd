package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
)

func TestUpdate_Fields(t *testing.T) {
	t.Parallel()
	whole := registry.NewClient{
		Name: "old", RedirectURIs: []string{"https://a.example/1", "https://a.example/2"}, Flows: []registry.Flow{registry.FlowPassword},
		Owner: "alice", Extra: map[string]any{"a": "b"},
	}
	tests := map[string]struct {
		patch registry.Patch
		edit  func(*registry.Client)
	}{
		"nothing": {registry.Patch{}, func(*registry.Client) {}},
		"name":    {registry.Patch{Name: new("new")}, func(c *registry.Client) { c.Name = "new" }},
		"owner":   {registry.Patch{Owner: new("bob")}, func(c *registry.Client) { c.Owner = "bob" }},
		"nobody":  {registry.Patch{Owner: new("")}, func(c *registry.Client) { c.Owner = "" }},
		"redirects": {
			registry.Patch{RedirectURIs: []string{"https://a.example/3"}},
			func(c *registry.Client) { c.RedirectURIs = []string{"https://a.example/3"} },
		},
		"no redirects": {registry.Patch{RedirectURIs: []string{}}, func(c *registry.Client) { c.RedirectURIs = nil }},
		"flows": {
			registry.Patch{Flows: []registry.Flow{"deviceCode"}},
			func(c *registry.Client) { c.Flows = []registry.Flow{registry.FlowDeviceCode} },
		},
		"no flows": {registry.Patch{Flows: []registry.Flow{}}, func(c *registry.Client) { c.Flows = nil }},
		"extra": {
			registry.Patch{Extra: map[string]any{"c": true}},
			func(c *registry.Client) { c.Extra = map[string]any{"c": true} },
		},
		"no extra":  {registry.Patch{Extra: map[string]any{}}, func(c *registry.Client) { c.Extra = nil }},
		"unchanged": {registry.Patch{Confidential: new(true)}, func(*registry.Client) {}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{})
			reg := k.create(whole)
			want := k.get(reg.Client.ID)
			tt.edit(&want)
			updated := k.update(reg.Client.ID, tt.patch)
			if diff := cmp.Diff(want, updated.Client); diff != "" {
				t.Errorf("updated (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, k.get(reg.Client.ID)); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if updated.NewSecret || !updated.Secret.IsZero() {
				t.Error("a secret was made")
			}
			k.wantIn(reg.Client.ID, reg.Secret.Reveal())
		})
	}
}

func TestUpdate_Faults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		patch  registry.Patch
		faults []string
	}{
		"no name":     {registry.Patch{Name: new("")}, []string{"Name"}},
		"owner":       {registry.Patch{Owner: new("a\nb")}, []string{"Owner"}},
		"redirect":    {registry.Patch{RedirectURIs: []string{"data:,x"}}, []string{"RedirectURIs[0]"}},
		"flows":       {registry.Patch{Flows: []registry.Flow{registry.FlowAll}}, []string{"Flows"}},
		"extra":       {registry.Patch{Extra: map[string]any{"x": func() {}}}, []string{"Extra"}},
		"two secrets": {registry.Patch{ResetSecret: true, Secret: registry.NewSecret(strings.Repeat("x", 16))}, []string{"ResetSecret"}},
		"short":       {registry.Patch{Secret: registry.NewSecret(strings.Repeat("x", 15))}, []string{"Secret"}},
		"long":        {registry.Patch{Secret: registry.NewSecret(strings.Repeat("x", 1025))}, []string{"Secret"}},
		"control":     {registry.Patch{Secret: registry.NewSecret(strings.Repeat("x", 16) + "\n")}, []string{"Secret"}},
		"public":      {registry.Patch{Confidential: new(false)}, []string{"Flows"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{})
			reg := k.create(registry.NewClient{})
			before := k.data(reg.Client.ID)
			updated, err := k.Update(t.Context(), reg.Client.ID, tt.patch)
			wantFaults(t, err, tt.faults...)
			if k.data(reg.Client.ID) != before || !updated.Secret.IsZero() || updated.NewSecret {
				t.Error("something has changed")
			}
		})
	}
}

// A client that becomes public loses its secrets. They stay invalid if it becomes confidential again.
func TestUpdate_PublicAndBack(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{Flows: []registry.Flow{registry.FlowRefreshToken}})
	id := reg.Client.ID
	rotated, err := k.RotateSecret(t.Context(), id, 1e12)
	if err != nil {
		t.Fatal(err)
	}
	k.wantIn(id, reg.Secret.Reveal())
	k.wantIn(id, rotated.Secret.Reveal())

	public := k.update(id, registry.Patch{Confidential: new(false)})
	if public.Client.Confidential || len(public.Client.Secrets) > 0 || public.NewSecret || !public.Secret.IsZero() {
		t.Errorf("public: %+v", public)
	}
	if data := k.data(id); strings.Contains(data, "pbkdf2") {
		t.Errorf("a hash is left: %s", data)
	}
	k.wantOut(id, reg.Secret.Reveal())
	k.wantOut(id, rotated.Secret.Reveal())

	back := k.update(id, registry.Patch{Confidential: new(true)})
	if !back.Client.Confidential || len(back.Client.Secrets) != 1 || !back.NewSecret || len(back.Secret.Reveal()) != 43 {
		t.Errorf("confidential: %+v", back)
	}
	k.wantIn(id, back.Secret.Reveal())
	k.wantOut(id, reg.Secret.Reveal())
	k.wantOut(id, rotated.Secret.Reveal())
}

func TestUpdate_ResetSecret(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	id := reg.Client.ID
	if _, err := k.RotateSecret(t.Context(), id, 1e12); err != nil {
		t.Fatal(err)
	}
	k.wantIn(id, reg.Secret.Reveal())
	reset := k.update(id, registry.Patch{ResetSecret: true, Name: new("new")})
	if !reset.NewSecret || len(reset.Client.Secrets) != 1 || reset.Client.Name != "new" {
		t.Errorf("reset: %+v", reset)
	}
	k.wantOut(id, reg.Secret.Reveal())
	k.wantIn(id, reset.Secret.Reveal())
}

// A given secret is hashed and not returned.
func TestH9_GivenSecret(t *testing.T) {
	t.Parallel()
	const given = "a secret of my own"
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	id := reg.Client.ID
	updated := k.update(id, registry.Patch{Secret: registry.NewSecret(given)})
	if updated.NewSecret || !updated.Secret.IsZero() || len(updated.Client.Secrets) != 1 {
		t.Errorf("updated: %+v", updated)
	}
	if data := k.data(id); strings.Contains(data, given) || !strings.Contains(data, "$pbkdf2-sha256$i=1000,l=32$") {
		t.Errorf("stored as %s", data)
	}
	k.wantIn(id, given)
	k.wantOut(id, reg.Secret.Reveal())

	public := k.create(registry.NewClient{Public: true}).Client.ID
	k.update(public, registry.Patch{Confidential: new(true), Secret: registry.NewSecret(given)})
	k.wantIn(public, given)
}

func TestUpdate_PublicHasNoSecret(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	id := k.create(registry.NewClient{Public: true}).Client.ID
	for _, p := range []registry.Patch{
		{ResetSecret: true}, {Secret: registry.NewSecret("a secret of my own")}, {Confidential: new(false), ResetSecret: true},
	} {
		if _, err := k.Update(t.Context(), id, p); !errors.Is(err, registry.ErrPublicClient) {
			t.Errorf("Update(%+v): %v", p, err)
		}
	}
	if _, err := k.RotateSecret(t.Context(), id, 0); !errors.Is(err, registry.ErrPublicClient) {
		t.Errorf("RotateSecret: %v", err)
	}
	if _, err := k.RevokeSecret(t.Context(), id, "x"); !errors.Is(err, registry.ErrPublicClient) {
		t.Errorf("RevokeSecret: %v", err)
	}
}
