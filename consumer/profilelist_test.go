package consumer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// Profiles lists every exported profile once, and their names are different.
func TestProfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("profile*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		declared += len(regexp.MustCompile(`(?m)^(?:var |\t)Profile\w+ = `).FindAll(source, -1))
	}
	names := make(map[string]bool)
	for _, p := range consumer.Profiles() {
		names[p.String()] = true
	}
	if len(names) != declared || len(consumer.Profiles()) != declared || declared < 30 {
		t.Errorf("%d profiles with %d names, and %d are declared", len(consumer.Profiles()), len(names), declared)
	}
}

// ProfileNamed finds each profile by its exact name only.
func TestProfileNamed(t *testing.T) {
	t.Parallel()
	for _, want := range consumer.Profiles() {
		if got, ok := consumer.ProfileNamed(want.String()); !ok || got != want {
			t.Errorf("%s: %v, %v", want, got, ok)
		}
	}
	for _, name := range []string{"", "Keycloak", "keycloak ", "ProfileKeycloak", "unknown"} {
		if got, ok := consumer.ProfileNamed(name); ok || got != (consumer.Profile{}) {
			t.Errorf("%q: %v, %v, want none", name, got, ok)
		}
	}
}
