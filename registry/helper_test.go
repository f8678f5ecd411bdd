package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

const rounds = 1000 // the fewest that are allowed

// kit is a registry with its store, and the arguments of its hook.
type kit struct {
	*testing.T
	*registry.Registry
	store registry.Store

	mu   sync.Mutex // guards told
	told []registry.Authentication
}

// newKit fills in a store and a fast hash.
func newKit(t *testing.T, cfg registry.Config) *kit {
	t.Helper()
	k := &kit{T: t}
	if cfg.Store == nil {
		cfg.Store = store.NewClients()
	}
	if cfg.Hash.Iterations == 0 {
		cfg.Hash.Iterations = rounds
	}
	cfg.OnAuthenticate = func(_ context.Context, a registry.Authentication) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.told = append(k.told, a)
	}
	var err error
	if k.Registry, err = registry.New(cfg); err != nil {
		t.Fatal(err)
	}
	k.store = cfg.Store
	return k
}

// create registers a confidential client, unless n says otherwise.
func (k *kit) create(n registry.NewClient) registry.Registered {
	k.Helper()
	if n.Name == "" {
		n.Name = "client"
	}
	reg, err := k.Create(k.Context(), n)
	if err != nil {
		k.Fatal(err)
	}
	return reg
}

func (k *kit) update(id string, p registry.Patch) registry.Updated {
	k.Helper()
	updated, err := k.Update(k.Context(), id, p)
	if err != nil {
		k.Fatal(err)
	}
	return updated
}

func (k *kit) get(id string) registry.Client {
	k.Helper()
	c, err := k.Get(k.Context(), id)
	if err != nil {
		k.Fatal(err)
	}
	return c
}

// wantIn expects success. It returns the argument of the hook.
func (k *kit) wantIn(id, secret string) registry.Authentication {
	k.Helper()
	c, err := k.Authenticate(k.Context(), id, secret)
	if err != nil || c.ID != id {
		k.Errorf("authenticated %q, %v, want %q", c.ID, err, id)
	}
	return k.last()
}

// wantOut expects ErrInvalidClient. It returns the argument of the hook.
func (k *kit) wantOut(id, secret string) registry.Authentication {
	k.Helper()
	c, err := k.Authenticate(k.Context(), id, secret)
	if !errors.Is(err, registry.ErrInvalidClient) || errors.Is(err, registry.ErrUnavailable) || c.ID != "" {
		k.Errorf("authenticated %q, %v, want ErrInvalidClient", c.ID, err)
	}
	return k.last()
}

func (k *kit) last() registry.Authentication {
	k.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.told) == 0 {
		k.Fatal("the hook was not called")
	}
	return k.told[len(k.told)-1]
}

// data returns the stored document of a client.
func (k *kit) data(id string) string {
	k.Helper()
	row, found, err := k.store.Get(k.Context(), id)
	if err != nil || !found {
		k.Fatalf("found %v, %v", found, err)
	}
	return string(row.Data)
}

// wantFaults checks that err contains one FieldError for each of fields, and no other error.
func wantFaults(t *testing.T, err error, fields ...string) {
	t.Helper()
	var got []string
	collect(err, &got)
	if strings.Join(got, ", ") != strings.Join(fields, ", ") {
		t.Errorf("error %v has the fields %q, want %q", err, got, fields)
	}
}

func collect(err error, fields *[]string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			collect(e, fields)
		}
		return
	}
	var field *registry.FieldError
	if errors.As(err, &field) {
		*fields = append(*fields, field.Field)
	} else if err != nil {
		*fields = append(*fields, err.Error())
	}
}

// failing is a store in which some calls fail or return a wrong result.
type failing struct {
	registry.Store
	get, update, create func() error
	exists              func() bool
}

func (s *failing) Get(ctx context.Context, id string) (registry.Row, bool, error) {
	if err := call(s.get); err != nil {
		return registry.Row{}, false, err
	}
	return s.Store.Get(ctx, id)
}

func (s *failing) Update(ctx context.Context, row registry.Row) (bool, error) {
	if err := call(s.update); err != nil {
		return false, err
	}
	return s.Store.Update(ctx, row)
}

func (s *failing) Create(ctx context.Context, row registry.Row) (bool, error) {
	if err := call(s.create); err != nil {
		return false, err
	}
	if s.exists != nil && s.exists() {
		return false, nil
	}
	return s.Store.Create(ctx, row)
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}
