package registry

import "testing"

// A secret is cached only if its hash is in the current format.
func TestRemember_OnlyCurrentHashes(t *testing.T) {
	t.Parallel()
	a := attempt{Registry: &Registry{
		hasher:     hasher{params: HashParams{Iterations: 1000}.withDefaults()},
		remembered: newRemembered(10),
	}, id: "id", secret: "secret"}
	for text, want := range map[string]bool{goodPHC: true, goodCrossauth: false, "unreadable": false} {
		a.remember(text)
		known := a.remembered.find("id", "secret", []secretRecord{{ID: "x", Hash: text}})
		if (known != nil) != want {
			t.Errorf("%q is cached: %v", text, known != nil)
		}
	}
}
