package registry

import "testing"

// A secret whose hash is below the current form, and could not be hashed anew, comes to its next check unremembered.
func TestRemember_OnlyCurrentHashes(t *testing.T) {
	t.Parallel()
	a := attempt{Registry: &Registry{
		hasher:     hasher{params: HashParams{Iterations: 1000}.withDefaults()},
		remembered: newRemembered(10),
	}, id: "id", secret: "secret"}
	for text, want := range map[string]bool{goodPHC: true, goodSeed: false, "unreadable": false} {
		a.remember(text)
		known := a.remembered.find("id", "secret", []secretRecord{{ID: "x", Hash: text}})
		if (known != nil) != want {
			t.Errorf("%q is remembered: %v", text, known != nil)
		}
	}
}
