package registry_test

import (
	"context"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, registry.Config{SecretLifetime: time.Hour})
		reg := k.create(registry.NewClient{
			Name: "Orders", RedirectURIs: []string{"https://a.example/cb"}, Owner: "alice",
			Flows: []registry.Flow{"refreshToken", registry.FlowPassword}, Extra: map[string]any{"n": 1.5},
		})
		now := time.Now().UTC()
		want := registry.Client{
			ID: reg.Client.ID, Name: "Orders", Confidential: true, Owner: "alice", Created: now,
			RedirectURIs: []string{"https://a.example/cb"}, Flows: []registry.Flow{registry.FlowRefreshToken, registry.FlowPassword},
			Secrets: []registry.SecretInfo{{ID: reg.Client.Secrets[0].ID, Created: now, NotAfter: now.Add(time.Hour)}},
			Extra:   map[string]any{"n": 1.5},
		}
		if diff := cmp.Diff(want, reg.Client); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, k.get(reg.Client.ID)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		k.wantIn(reg.Client.ID, reg.Secret.Reveal())
		time.Sleep(time.Hour)
		k.wantOut(reg.Client.ID, reg.Secret.Reveal())
		if left := k.get(reg.Client.ID).Secrets; len(left) > 0 {
			t.Errorf("an ended secret is shown: %v", left)
		}
	})
}

func TestCreate_Public(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{Public: true})
	if !reg.Secret.IsZero() || reg.Client.Confidential || len(reg.Client.Secrets) > 0 {
		t.Errorf("a public client is %+v with a secret: %v", reg.Client, !reg.Secret.IsZero())
	}
	k.wantOut(reg.Client.ID, "")
}

func TestCreate_DefaultFlows(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	if diff := cmp.Diff(registry.AllFlows(), k.create(registry.NewClient{}).Client.Flows); diff != "" {
		t.Errorf("confidential (-want +got):\n%s", diff)
	}
	want := []registry.Flow{
		registry.FlowAuthorizationCode, registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken, registry.FlowDeviceCode, registry.FlowPassword,
		registry.FlowPasswordMFA, registry.FlowOIDCAuthorizationCode,
	}
	if diff := cmp.Diff(want, k.create(registry.NewClient{Public: true}).Client.Flows); diff != "" {
		t.Errorf("public (-want +got):\n%s", diff)
	}
	if got := k.create(registry.NewClient{Flows: []registry.Flow{}}).Client.Flows; len(got) > 0 {
		t.Errorf("no flows became %q", got)
	}
}

func TestCreate_Faults(t *testing.T) {
	t.Parallel()
	long, many := strings.Repeat("x", 256), make([]string, 101)
	for i := range many {
		many[i] = "https://a.example/" + strings.Repeat("x", i)
	}
	tests := map[string]struct {
		client registry.NewClient
		faults []string
	}{
		"nothing":       {registry.NewClient{}, []string{"Name"}},
		"long":          {registry.NewClient{Name: long, Owner: long}, []string{"Name", "Owner"}},
		"control":       {registry.NewClient{Name: "a\nb", Owner: "a\x00"}, []string{"Name", "Owner"}},
		"not UTF-8":     {registry.NewClient{Name: "\xff", Owner: "\xc3\x28"}, []string{"Name", "Owner"}},
		"bidirectional": {registry.NewClient{Name: "bank\u202eknab"}, []string{"Name"}},
		"redirects": {
			registry.NewClient{Name: "x", RedirectURIs: []string{"https://a.example/", "javascript:alert(1)", ""}},
			[]string{"RedirectURIs[1]", "RedirectURIs[2]"},
		},
		"one redirect twice": {
			registry.NewClient{Name: "x", RedirectURIs: []string{"https://a.example/", "https://a.example/"}},
			[]string{"RedirectURIs"},
		},
		"many redirects": {registry.NewClient{Name: "x", RedirectURIs: many}, []string{"RedirectURIs"}},
		"all":            {registry.NewClient{Name: "x", Flows: []registry.Flow{registry.FlowAll}}, []string{"Flows"}},
		"no flow":        {registry.NewClient{Name: "x", Flows: []registry.Flow{"implicit"}}, []string{"Flows"}},
		"one flow twice": {
			registry.NewClient{Name: "x", Flows: []registry.Flow{registry.FlowDeviceCode, "deviceCode"}},
			[]string{"Flows"},
		},
		"many flows": {
			registry.NewClient{Name: "x", Flows: append(registry.AllFlows(), "refreshToken")},
			[]string{"Flows"},
		},
		"public with client credentials": {
			registry.NewClient{Name: "x", Public: true, Flows: []registry.Flow{registry.FlowClientCredentials}},
			[]string{"Flows"},
		},
		"extra that cannot be encoded as JSON": {registry.NewClient{Name: "x", Extra: map[string]any{"x": math.Inf(1)}}, []string{"Extra"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{})
			_, err := k.Create(t.Context(), tt.client)
			wantFaults(t, err, tt.faults...)
			if all, err := k.List(t.Context(), registry.Page{}); len(all) > 0 || err != nil {
				t.Errorf("%d clients are stored, %v", len(all), err)
			}
		})
	}
}

// Ids and secrets have the documented form, are unique, and contain each character about equally often.
func TestH7_RandomTexts(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	const n = 600
	seen, count := make(map[string]bool), make(map[rune]int)
	for range n {
		reg := k.create(registry.NewClient{})
		for _, text := range []string{reg.Client.ID, reg.Secret.Reveal()} {
			seen[text] = true
			for _, char := range text {
				count[char]++
			}
		}
		if !regexp.MustCompile(`^[A-Za-z0-9]{22}$`).MatchString(reg.Client.ID) {
			t.Errorf("id %q", reg.Client.ID)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9]{43}$`).MatchString(reg.Secret.Reveal()) {
			t.Errorf("secret %q", reg.Secret.Reveal())
		}
	}
	if len(seen) != 2*n || len(count) != 62 {
		t.Errorf("%d texts of %d characters", len(seen), len(count))
	}
	var chi2 float64
	mean := n * (22 + 43) / 62.0
	for _, c := range count {
		chi2 += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	if chi2 > 150 { // 61 degrees of freedom: by chance once in a hundred million runs; with a byte modulo 62 it is about 320
		t.Errorf("the characters are not uniform: chi² is %.0f", chi2)
	}
}

func TestCreate_TriesAnotherID(t *testing.T) {
	t.Parallel()
	tries := 0
	taken := &failing{Store: store.NewClients(), exists: func() bool { tries++; return tries < 5 }}
	k := newKit(t, registry.Config{Store: taken})
	reg := k.create(registry.NewClient{})
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())

	tries = -100
	if _, err := k.Create(t.Context(), registry.NewClient{Name: "x"}); !errors.Is(err, registry.ErrExists) || tries != -95 {
		t.Errorf("error %v after %d tries, want ErrExists after 5", err, tries+100)
	}
}

// Other errors are not retried.
func TestCreate_StoreFails(t *testing.T) {
	t.Parallel()
	down, tries := errors.New("down"), 0
	k := newKit(t, registry.Config{Store: &failing{Store: store.NewClients(), create: func() error { tries++; return down }}})
	_, err := k.Create(t.Context(), registry.NewClient{Name: "x"})
	if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, down) || tries != 1 {
		t.Errorf("error %v after %d tries", err, tries)
	}
}

func TestCreate_EndedContext(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reg, err := k.Create(ctx, registry.NewClient{Name: "x"})
	if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.Canceled) || !reg.Secret.IsZero() {
		t.Errorf("error %v", err)
	}
}
