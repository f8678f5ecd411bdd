package tokenstoretest

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// tokenTests returns the tests of Tokens, by the names of their subtests.
func tokenTests() map[string]func(*tokenTest) {
	return map[string]func(*tokenTest){
		"Load returns what Save stored":               saved,
		"a missing token":                             missing,
		"Save replaces the whole token":               replaced,
		"a token without an access token":             refreshTokenOnly,
		"Delete":                                      deleted,
		"keys are compared byte by byte":              exactKeys,
		"odd keys":                                    oddKeys,
		"long keys and tokens":                        long,
		"an ended context is not a missing token":     endedContext,
		"concurrent Saves of several keys":            concurrentKeys,
		"Load returns whole tokens while others Save": wholeTokens,
	}
}

// tokenTest is passed to each test. It has the store under test, and methods that call it and report unexpected results.
type tokenTest struct {
	tester
	store client.TokenStore
}

// token returns a token in which every field that a store must keep is set.
func token(salt string) *client.Token {
	t := new(client.Token)
	fill(reflect.ValueOf(t).Elem(), salt)
	return t
}

// save stores a token. It stops the test if that fails, because the rest of the test needs it.
func (t *tokenTest) save(key string, token *client.Token) {
	t.Helper()
	if err := t.store.Save(t.Context(), key, token); err != nil {
		t.Fatalf("Save(%.40q): %v", key, err)
	}
}

// remove calls Delete, which must not fail if the token is missing.
func (t *tokenTest) remove(key string) {
	t.Helper()
	if err := t.store.Delete(t.Context(), key); err != nil {
		t.Errorf("Delete(%.40q): %v", key, err)
	}
}

// wantStored checks that Load returns a token that equals want.
func (t *tokenTest) wantStored(key string, want *client.Token) {
	t.Helper()
	got, err := t.store.Load(t.Context(), key)
	if err != nil || got == nil {
		t.Errorf("Load(%.40q): %v, want the token that was saved", key, err)
		return
	}
	if diff := difference(reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()); diff != "" {
		t.Errorf("Load(%.40q).%.400s", key, diff)
	}
}

// wantMissing checks that Load returns an error that matches ErrNoToken.
func (t *tokenTest) wantMissing(key string) {
	t.Helper()
	if _, err := t.store.Load(t.Context(), key); !errors.Is(err, client.ErrNoToken) {
		t.Errorf("Load(%.40q): %v, want an error that matches client.ErrNoToken", key, err)
	}
}

// saved checks that all fields are stored, and that zero fields stay zero.
func saved(t *tokenTest) {
	full, plain := token("1"), &client.Token{AccessToken: "a", TokenType: "Bearer"}
	t.save("full", full)
	t.save("plain", plain)
	t.wantStored("full", full)
	t.wantStored("plain", plain)
	t.wantStored("full", full) // reading does not change it
}

// missing checks that a missing token is reported as such, and that Delete does not report it.
func missing(t *tokenTest) {
	t.wantMissing("a")
	t.remove("a")
	t.wantMissing("a")
}

// replaced checks that no field of the previous token remains.
func replaced(t *tokenTest) {
	other := token("2")
	t.save("a", token("1"))
	t.save("b", other)
	next := &client.Token{AccessToken: "next", TokenType: "DPoP"}
	t.save("a", next)
	t.wantStored("a", next)
	t.wantStored("b", other)
	next = token("3")
	t.save("a", next)
	t.wantStored("a", next)
}

// refreshTokenOnly checks that a token that can only be refreshed is stored.
func refreshTokenOnly(t *tokenTest) {
	want := &client.Token{RefreshToken: "refresh", Expiry: time.Unix(1, 0)}
	t.save("a", want)
	t.wantStored("a", want)
}

// deleted checks that Delete removes exactly one token, and that its key can be used again.
func deleted(t *tokenTest) {
	other := token("2")
	t.save("a", token("1"))
	t.save("b", other)
	t.remove("a")
	t.wantMissing("a")
	t.wantStored("b", other)
	t.remove("a")
	again := token("3")
	t.save("a", again)
	t.wantStored("a", again)
}

// similarKeys are texts that some databases treat as equal. The two Unicode encodings of é are different texts.
func similarKeys() []string {
	return []string{"key", "Key", "KEY", "key ", " key", "k%", "k_y", "é", "e\u0301", "e", "ß", "ss", "key\t", "key/", "/key", "key.json"}
}

// exactKeys checks that similar keys have tokens of their own.
func exactKeys(t *tokenTest) {
	keys := similarKeys()
	for i, key := range keys {
		t.wantMissing(key)
		t.save(key, token(strconv.Itoa(i)))
	}
	for i, key := range keys {
		t.wantStored(key, token(strconv.Itoa(i)))
	}
	t.remove(keys[0])
	t.wantMissing(keys[0])
	for i, key := range keys[1:] {
		t.wantStored(key, token(strconv.Itoa(i+1)))
	}
}

// oddKeys checks keys that are dangerous in file names, in SQL and in patterns.
func oddKeys(t *tokenTest) {
	keys := []string{
		"alice/../bob", "bob", "../x", "x", `..\x`, ".", "..", "CON", "~", "a'; DROP TABLE tokens; --", `"`, "`", "$1", "?", ":name", "*", "{a}",
		"https://login.example.com https://api.example.com/v1?a=b#c", "名前 🔑", "line\nfeed",
	}
	for i, key := range keys {
		t.save(key, token(strconv.Itoa(i)))
	}
	for i, key := range keys {
		t.wantStored(key, token(strconv.Itoa(i)))
		t.remove(key)
		t.wantMissing(key)
	}
}

// long checks a key of 1024 bytes, and a token of 128 KiB. Long keys must not be cut.
func long(t *tokenTest) {
	key := strings.Repeat("k", 1023)
	want := token("1")
	want.AccessToken, want.IDToken = strings.Repeat("a", 64<<10), strings.Repeat("i", 63<<10)
	other := token("2")
	t.save(key+"1", want)
	t.save(key+"2", other)
	t.wantStored(key+"1", want)
	t.wantStored(key+"2", other)
	t.wantMissing(key)
}

// endedContext checks the results of calls whose context has ended. They may succeed or fail. They must not report a
// missing token, and what they report as done must be done.
func endedContext(t *tokenTest) {
	first, second := token("1"), token("2")
	t.save("a", first)
	t.save("b", first)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := t.store.Load(ctx, "a"); errors.Is(err, client.ErrNoToken) || err == nil && got == nil {
		t.Errorf("Load with an ended context = %v, %v, want the token or an error that does not match client.ErrNoToken", got, err)
	}
	if err := t.store.Save(ctx, "a", second); err == nil {
		t.wantStored("a", second)
	}
	if err := t.store.Delete(ctx, "b"); err == nil {
		t.wantMissing("b")
	}
}

// concurrentKeys saves several keys at the same time. No token may be lost.
func concurrentKeys(t *tokenTest) {
	together(8, func(i int) {
		for n := range 5 {
			if err := t.store.Save(t.Context(), "key"+strconv.Itoa(i), token(strconv.Itoa(10*i+n))); err != nil {
				t.Errorf("Save: %v", err)
			}
		}
	})
	for i := range 8 {
		t.wantStored("key"+strconv.Itoa(i), token(strconv.Itoa(10*i+4)))
	}
}

// wholeTokens loads a token while it is saved. Each field contains the number of the version, so a token with fields of two
// versions is detected. There must be a token at any time.
func wholeTokens(t *tokenTest) {
	t.save("a", token("0"))
	together(4, func(i int) {
		for n := range 25 {
			if i == 0 {
				if err := t.store.Save(t.Context(), "a", token(strconv.Itoa(n))); err != nil {
					t.Errorf("Save: %v", err)
				}
				continue
			}
			got, err := t.store.Load(t.Context(), "a")
			if err != nil || got == nil {
				t.Errorf("Load while others save: %v", err)
				continue
			}
			if !isVersion(got) {
				t.Errorf("Load while others save returned a token with fields of several versions")
			}
		}
	})
}

// isVersion reports whether a token equals one of those that wholeTokens saves.
func isVersion(got *client.Token) bool {
	for n := range 25 {
		if difference(reflect.ValueOf(got).Elem(), reflect.ValueOf(token(strconv.Itoa(n))).Elem()) == "" {
			return true
		}
	}
	return false
}
