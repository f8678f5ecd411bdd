package registry_test

import (
	"math"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	memory := store.NewClients()
	tests := map[string]struct {
		cfg    registry.Config
		faults []string
	}{
		"zero": {registry.Config{}, []string{"Config.Store"}},
		"all": {
			registry.Config{
				Hash:           registry.HashParams{Digest: "sha1", Iterations: 999, KeyLength: 15, SaltLength: 15},
				SecretLifetime: -1, MaxSecrets: -1, MaxConcurrent: -1,
			},
			[]string{
				"Config.Store", "Config.Hash.Digest", "Config.Hash.Iterations", "Config.Hash.KeyLength",
				"Config.Hash.SaltLength", "Config.SecretLifetime", "Config.MaxSecrets", "Config.MaxConcurrent",
			},
		},
		"too much": {
			registry.Config{
				Store: memory, MaxSecrets: 17,
				Hash: registry.HashParams{Digest: "sha512", Iterations: 10_000_001, KeyLength: 129, SaltLength: 129},
			},
			[]string{"Config.Hash.Iterations", "Config.Hash.KeyLength", "Config.Hash.SaltLength", "Config.MaxSecrets"},
		},
		"unknown digest": {
			registry.Config{Store: memory, Hash: registry.HashParams{Digest: "SHA256", Iterations: 5000}},
			[]string{"Config.Hash.Digest"},
		},
		"least": {
			registry.Config{
				Store: memory, MaxSecrets: 1, MaxConcurrent: 1, MaxWaiting: -1, CacheSize: -1, SecretLifetime: time.Nanosecond,
				Hash: registry.HashParams{Digest: "sha512", Iterations: 1000, KeyLength: 16, SaltLength: 16},
			},
			nil,
		},
		"more than memory": {
			registry.Config{Store: memory, MaxConcurrent: 10_001, MaxWaiting: 1_000_001, CacheSize: 10_000_001},
			[]string{"Config.MaxConcurrent", "Config.MaxWaiting", "Config.CacheSize"},
		},
		"overflow": {
			registry.Config{Store: memory, MaxConcurrent: math.MaxInt, MaxWaiting: math.MaxInt, CacheSize: math.MaxInt},
			[]string{"Config.MaxConcurrent", "Config.MaxWaiting", "Config.CacheSize"},
		},
		"most": {
			registry.Config{
				Store: memory, MaxSecrets: 16, MaxConcurrent: 10_000, MaxWaiting: 1_000_000, CacheSize: 10_000_000,
				Hash: registry.HashParams{Digest: "sha256", Iterations: 10_000_000, KeyLength: 128, SaltLength: 128},
			},
			nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := registry.New(tt.cfg)
			wantFaults(t, err, tt.faults...)
		})
	}
}
