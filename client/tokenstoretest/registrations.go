package tokenstoretest

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

// registrationTests returns the tests of Registrations, by the names of their subtests.
func registrationTests() map[string]func(*registrationTest) {
	return map[string]func(*registrationTest){
		"LoadRegistration returns what SaveRegistration stored": registered,
		"a missing registration":                                unregistered,
		"DeleteRegistration":                                    registrationDeleted,
		"keys of registrations are compared byte by byte":       registrationKeys,
		"long registrations":                                    longRegistration,
		"an ended context is not a missing registration":        endedRegistration,
	}
}

// registrationTest is passed to each test. It has the store under test, and methods that call it and report unexpected results.
type registrationTest struct {
	tester
	store client.RegistrationStore
}

// registration returns a registration in which every field that a store must keep is set.
func registration(salt string) *client.Registration {
	r := new(client.Registration)
	fill(reflect.ValueOf(r).Elem(), salt)
	return r
}

func (t *registrationTest) save(key string, r *client.Registration) {
	t.Helper()
	if err := t.store.SaveRegistration(t.Context(), key, r); err != nil {
		t.Fatalf("SaveRegistration(%.40q): %v", key, err)
	}
}

func (t *registrationTest) remove(key string) {
	t.Helper()
	if err := t.store.DeleteRegistration(t.Context(), key); err != nil {
		t.Errorf("DeleteRegistration(%.40q): %v", key, err)
	}
}

// wantStored checks that LoadRegistration returns a registration that equals want.
func (t *registrationTest) wantStored(key string, want *client.Registration) {
	t.Helper()
	got, err := t.store.LoadRegistration(t.Context(), key)
	if err != nil || got == nil {
		t.Errorf("LoadRegistration(%.40q): %v, want the registration that was saved", key, err)
		return
	}
	if diff := difference(reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()); diff != "" {
		t.Errorf("LoadRegistration(%.40q).%.400s", key, diff)
	}
}

// wantMissing checks that LoadRegistration returns an error that matches ErrNoRegistration.
func (t *registrationTest) wantMissing(key string) {
	t.Helper()
	if _, err := t.store.LoadRegistration(t.Context(), key); !errors.Is(err, client.ErrNoRegistration) {
		t.Errorf("LoadRegistration(%.40q): %v, want an error that matches client.ErrNoRegistration", key, err)
	}
}

// registered checks that all fields are stored, that zero fields stay zero, and that no field of a previous registration
// remains.
func registered(t *registrationTest) {
	full, plain := registration("1"), &client.Registration{ClientID: "plain"}
	t.save("full", full)
	t.save("plain", plain)
	t.wantStored("full", full)
	t.wantStored("plain", plain)
	t.save("full", plain)
	t.wantStored("full", plain)
	t.save("plain", full)
	t.wantStored("plain", full)
}

// unregistered checks that a missing registration is reported as such, and that DeleteRegistration does not report it.
func unregistered(t *registrationTest) {
	t.wantMissing("a")
	t.remove("a")
	t.wantMissing("a")
}

// registrationDeleted checks that DeleteRegistration removes exactly one registration, and that its key can be used again.
func registrationDeleted(t *registrationTest) {
	other := registration("2")
	t.save("a", registration("1"))
	t.save("b", other)
	t.remove("a")
	t.wantMissing("a")
	t.wantStored("b", other)
	again := registration("3")
	t.save("a", again)
	t.wantStored("a", again)
}

// registrationKeys checks that similar keys have registrations of their own.
func registrationKeys(t *registrationTest) {
	keys := similarKeys()
	for i, key := range keys {
		t.wantMissing(key)
		t.save(key, registration(strconv.Itoa(i)))
	}
	for i, key := range keys {
		t.wantStored(key, registration(strconv.Itoa(i)))
	}
	t.remove(keys[0])
	t.wantMissing(keys[0])
	t.wantStored(keys[1], registration("1"))
}

// longRegistration checks a key of 1024 bytes, and a registration of 64 KiB.
func longRegistration(t *registrationTest) {
	key := strings.Repeat("k", 1023)
	want := registration("1")
	want.Metadata.SoftwareStatement = strings.Repeat("s", 63<<10)
	t.save(key+"1", want)
	t.save(key+"2", registration("2"))
	t.wantStored(key+"1", want)
	t.wantMissing(key)
}

// endedRegistration is endedContext for registrations.
func endedRegistration(t *registrationTest) {
	first, second := registration("1"), registration("2")
	t.save("a", first)
	t.save("b", first)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := t.store.LoadRegistration(ctx, "a"); errors.Is(err, client.ErrNoRegistration) || err == nil && got == nil {
		t.Errorf("LoadRegistration with an ended context = %v, %v, want the registration or an error that does not match client.ErrNoRegistration", got, err)
	}
	if err := t.store.SaveRegistration(ctx, "a", second); err == nil {
		t.wantStored("a", second)
	}
	if err := t.store.DeleteRegistration(ctx, "b"); err == nil {
		t.wantMissing("b")
	}
}

// sameKey checks that the token and the registration with one key are independent of each other.
func sameKey(t tester, store client.CredentialStore) {
	tokens, registrations := &tokenTest{t, store}, &registrationTest{t, store}
	tokens.save("a", token("1"))
	registrations.wantMissing("a")
	registrations.save("a", registration("2"))
	tokens.wantStored("a", token("1"))
	registrations.wantStored("a", registration("2"))
	tokens.remove("a")
	tokens.wantMissing("a")
	registrations.wantStored("a", registration("2"))
	tokens.save("a", token("3"))
	registrations.remove("a")
	registrations.wantMissing("a")
	tokens.wantStored("a", token("3"))
}
