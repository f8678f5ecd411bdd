package weblogin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/seal"
)

// sealFor makes the store seal its entries, if the test runs below TestSealed.
func (s *store) sealFor(t testing.TB) {
	t.Helper()
	if !strings.HasPrefix(t.Name(), "TestSealed/") {
		return
	}
	if _, again := s.CtxStore.(*seal.Sessions); !again {
		s.sealWith(newSealKey("1"))
	}
}

// sealWith makes the store seal its entries with keys. If it did so before, the new keys replace the former ones.
func (s *store) sealWith(keys ...seal.Key) (inner noCtx) {
	if s.inner == nil {
		s.inner = s.CtxStore
	}
	s.CtxStore = must(seal.NewSessions(seal.SessionsConfig{Store: s.inner, Sealer: must(seal.New(seal.Config{Keys: keys}))}))
	return s.inner.(noCtx) //nolint:forcetypeassert // the tests use no other
}

func newSealKey(id string) seal.Key { return must(seal.NewKey(id)) }

// TestSealed runs tests of this package with sealed sessions.
func TestSealed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"SignInAndOut": TestSignInAndOut, "C14_Callback": TestC14_Callback, "C28_OneRefreshASession": TestC28_OneRefreshASession,
		"StoreThatFails": TestStoreThatFails, "Iterate": TestIterate, "PlainStore": TestPlainStore, "NothingSecretIsPrinted": TestNothingSecretIsPrinted,
		"LogoutDuringRefresh": TestLogoutDuringRefresh, "LogoutDuringSlowPage": TestLogoutDuringSlowPage, "LateWriteIsIgnored": TestLateWriteIsIgnored,
		"SessionIDsDoNotNameOtherEntries": TestSessionIDsDoNotNameOtherEntries, "C31_LoggedOutElsewhere": TestC31_LoggedOutElsewhere,
		"C31_LogoutTokensInAnyOrder": TestC31_LogoutTokensInAnyOrder, "LoginEnds": TestLoginEnds,
		"S1_SharedManager": TestCaseS1_SharedManager, "S1_StoredNames": TestCaseS1_StoredNames, "S1_RestartWithAnotherOwner": TestCaseS1_RestartWithAnotherOwner,
		"X1_TwoAppsOnOneHost": TestCaseX1_TwoAppsOnOneHost, "X1_StoreOfAnotherManager": TestCaseX1_StoreOfAnotherManager,
		"X2_RenewedDuringLogout": TestCaseX2_RenewedDuringLogout, "X2_RecordsOutliveTheLogin": TestCaseX2_RecordsOutliveTheLogin,
		"X3_LogoutDuringSignIn":   TestCaseX3_LogoutDuringSignIn,
		"TokenThatCannotBeStored": TestTokenThatCannotBeStored, "IdleTimeout": TestIdleTimeout, "NewSignInReplacesOld": TestNewSignInReplacesOld,
		"X22_RefreshTokenIsRejected": TestCaseX22_RefreshTokenIsRejected, "FrontchannelLogout": TestFrontchannelLogout, "S1_Tenants": TestCaseS1_Tenants,
		"W9_StepUpForAPage": TestCaseW9_StepUpForAPage,
	} {
		t.Run(name, test)
	}
}

// rowOf returns the name under which seal.Sessions stores an entry.
func rowOf(name string) string {
	hash := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// The store contains neither a token, nor a session id, nor a claim.
func TestSealedStore_ShowsNothing(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	inner := w.store.sealWith(newSealKey("1"))
	u := w.user(t)
	w.signIn(u)
	w.signIn(w.user(t))
	u.do(http.MethodPost, "/auth/logout", nil)
	for name, value := range must(inner.All()) {
		for _, part := range []string{"secret-", "alice", "Alice", u.cookie(), "token.", "gone.", "weblogin", issuer} {
			if part != "" && (strings.Contains(name, part) || bytes.Contains(value, []byte(part))) {
				t.Errorf("the row %s contains %q", name, part)
			}
		}
		if len(name) != 43 || !seal.IsSealed(value) {
			t.Errorf("the row %s is not sealed", name)
		}
	}
}

// A key is replaced while users are signed in. Each step is a new process.
func TestSealedStore_Rotation(t *testing.T) {
	t.Parallel()
	older, newer := newSealKey("1"), newSealKey("2")
	w := newLocalWorld(t)
	inner := w.store.sealWith(older)
	u, idle := w.user(t), w.user(t)
	w.signIn(u)
	w.signIn(idle) // sends no request until the end
	process := func(keys ...seal.Key) {
		w.store.sealWith(keys...)
		w.mux = http.NewServeMux()
		w.transfer = handled{w.mux}
		u.Transport, idle.Transport = w.transfer, w.transfer
		w.build(t, "https://api.test", w.cfg.Transport)
	}
	working := func(step string, rotated int) {
		t.Helper()
		if p := u.do(http.MethodPost, "/auth/refresh", nil); !u.signedIn() || p.StatusCode != http.StatusOK || w.rotated != rotated {
			t.Errorf("%s: %s, %d refreshes", step, p.Status, w.rotated)
		}
	}
	process(older, newer)
	working("the new key was added", 1)
	process(newer, older)
	working("the new key is the first", 2)
	sessions := w.store.CtxStore.(*seal.Sessions) //nolint:forcetypeassert // sealWith has set it
	count, err := sessions.Reseal(t.Context(), func(_ context.Context, row string, old, resealed []byte) (bool, error) {
		now, found, err := inner.Find(row)
		if err != nil || !found || !bytes.Equal(now, old) {
			return false, err
		}
		return true, inner.Commit(row, resealed, time.Now().Add(24*time.Hour))
	})
	if err != nil || count.Resealed == 0 || count.Changed+count.Unreadable+count.Plaintext != 0 {
		t.Errorf("Reseal: %+v, %v", count, err)
	}
	process(newer)
	w.rotated = 0 // idle has the first refresh token
	if p := idle.do(http.MethodPost, "/auth/refresh", nil); !idle.signedIn() || p.StatusCode != http.StatusOK {
		t.Errorf("the old key was removed: %s", p.Status)
	}
	for name, value := range must(inner.All()) {
		if id, _ := seal.KeyID(value); id != "2" {
			t.Errorf("the row %s has the key %q", name, id)
		}
	}
}

// Somebody who can write to the store changes it. No user gets the session or the token of another user, no logout is undone
// without the removal of its note, and everybody can sign in again.
func TestSealedStore_Changed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(rows map[string][]byte, alice, mallory string, tokens []string)
		page   int // the response for mallory's page
		api    int // the response of mallory's API
		keys   []seal.Key
	}{
		"nothing": {func(map[string][]byte, string, string, []string) {}, http.StatusOK, http.StatusOK, nil},
		"session of another user": {func(rows map[string][]byte, alice, mallory string, _ []string) {
			rows[mallory] = rows[alice]
		}, http.StatusUnauthorized, http.StatusUnauthorized, nil},
		"tokens exchanged": {func(rows map[string][]byte, _, _ string, tokens []string) {
			rows[tokens[0]], rows[tokens[1]] = rows[tokens[1]], rows[tokens[0]]
		}, http.StatusOK, http.StatusServiceUnavailable, nil}, // the page needs no token
		"session truncated": {func(rows map[string][]byte, _, mallory string, _ []string) {
			rows[mallory] = rows[mallory][:40]
		}, http.StatusUnauthorized, http.StatusUnauthorized, nil},
		"tokens truncated": {func(rows map[string][]byte, _, _ string, tokens []string) {
			for _, token := range tokens {
				rows[token] = rows[token][:len(rows[token])-1]
			}
		}, http.StatusOK, http.StatusServiceUnavailable, nil}, // the page needs no token
		"a token as a session": {func(rows map[string][]byte, _, mallory string, tokens []string) {
			rows[mallory] = rows[tokens[0]]
		}, http.StatusUnauthorized, http.StatusUnauthorized, nil},
		"key removed": {
			func(map[string][]byte, string, string, []string) {},
			http.StatusUnauthorized, http.StatusUnauthorized,
			[]seal.Key{newSealKey("2")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			key := newSealKey("1")
			inner := w.store.sealWith(key)
			alice, mallory := w.user(t), w.user(t)
			w.signIn(alice)
			w.signIn(mallory)
			var tokens []string
			for _, name := range w.store.names(t, "token.") {
				tokens = append(tokens, rowOf(name))
			}
			rows := must(inner.All())
			changed := maps.Clone(rows)
			test.change(changed, rowOf(alice.cookie()), rowOf(mallory.cookie()), tokens)
			for row, value := range changed {
				if err := inner.Commit(row, value, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			if test.keys == nil {
				test.keys = []seal.Key{key}
			}
			w.store.sealWith(test.keys...)
			w.mux = http.NewServeMux() // a new process, which has no token in memory
			alice.Transport, mallory.Transport = handled{w.mux}, handled{w.mux}
			w.build(t, "https://api.test", w.cfg.Transport)
			if p := mallory.do(http.MethodGet, "/page", nil); p.StatusCode != test.page {
				t.Errorf("page: %s, want %d", p.Status, test.page)
			}
			if p := mallory.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != test.api {
				t.Errorf("API: %s, want %d", p.Status, test.api)
			}
			if alice.do(http.MethodPost, "/auth/logout", nil); alice.signedIn() {
				t.Error("signed in after the logout")
			}
			w.rotated = 0
			w.signIn(mallory)
			if p := mallory.do(http.MethodGet, "/api/orders/1", nil); !mallory.signedIn() || p.StatusCode != http.StatusOK {
				t.Errorf("after a new sign-in: %s", p.Status)
			}
		})
	}
}

// After a logout, somebody who can write to the store puts the older rows back. The notes prevent that the login works again,
// also if they were damaged. If they were deleted, it works again until it expires: sealing does not detect that.
func TestSealedStore_OlderRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(inner noCtx, note string) error
		want  int
	}{
		"notes remain": {func(noCtx, string) error { return nil }, http.StatusUnauthorized},
		"notes damaged": {func(inner noCtx, note string) error {
			return inner.Commit(note, []byte("?"), time.Now().Add(time.Hour))
		}, http.StatusServiceUnavailable},
		"notes exchanged": {func(inner noCtx, note string) error { return exchange(inner, note) }, http.StatusServiceUnavailable},
		"notes deleted":   {func(inner noCtx, note string) error { return inner.Delete(note) }, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			inner := w.store.sealWith(newSealKey("1"))
			u := w.user(t)
			w.signIn(u)
			id := u.cookie()
			older := must(inner.All())
			u.do(http.MethodPost, "/auth/logout", nil)
			var faults []error
			for row, value := range older {
				faults = append(faults, inner.Commit(row, value, time.Now().Add(time.Hour)))
			}
			for _, note := range w.store.names(t, "gone.") {
				faults = append(faults, test.spoil(inner, rowOf(note)))
			}
			if err := errors.Join(faults...); err != nil {
				t.Fatal(err)
			}
			if p := w.with(t, id).do(http.MethodGet, "/page", nil); p.StatusCode != test.want {
				t.Errorf("%s, want %d", p.Status, test.want)
			}
		})
	}
}

// exchange puts the value of another row into the row of a note.
func exchange(inner noCtx, note string) error {
	rows := must(inner.All())
	names := slices.Sorted(maps.Keys(rows))
	other := names[(slices.Index(names, note)+1)%len(names)]
	return inner.Commit(note, rows[other], time.Now().Add(time.Hour))
}

// A key is removed because somebody else knows it. A record of a logout that was sealed with it applies to later sign-ins of the
// user too, so docs/encryption.md says to delete all rows.
func TestSealedStore_KeyRemovedAtOnce(t *testing.T) {
	t.Parallel()
	for name, deleted := range map[string]bool{"rows remain": false, "rows deleted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			inner := w.store.sealWith(newSealKey("1"))
			w.claims = map[string]any{"iat": time.Now().Add(time.Second).Unix()}
			w.signIn(w.user(t))
			if status := w.logOutElsewhere(t, map[string]any{"sid": bearertest.Absent}); status != http.StatusOK {
				t.Fatal(status)
			}
			for row := range must(inner.All()) {
				if deleted {
					if err := inner.Delete(row); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.store.sealWith(newSealKey("2"))
			u := w.user(t)
			w.signIn(u)
			want := http.StatusServiceUnavailable
			if deleted {
				want = http.StatusOK
			}
			if p := u.do(http.MethodGet, "/page", nil); p.StatusCode != want {
				t.Errorf("after a new sign-in: %s, want %d", p.Status, want)
			}
		})
	}
}

// If the sealed store is put in front of the store of weblogin, instead of behind it, sessions work, but tokens are not sealed.
func TestSealedStore_SetTooLate(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.cfg.Sessions.Store = must(seal.NewSessions(seal.SessionsConfig{
		Store: w.cfg.Sessions.Store, Sealer: must(seal.New(seal.Config{Keys: []seal.Key{newSealKey("1")}})),
	}))
	u := w.user(t)
	w.signIn(u)
	id := u.cookie()
	if p := u.do(http.MethodGet, "/api/orders/1", nil); !u.signedIn() || p.StatusCode != http.StatusOK {
		t.Error(p.Status)
	}
	if n := len(w.store.names(t, "token.")); n != 1 {
		t.Errorf("%d tokens with a plain name, want 1", n)
	}
	u.do(http.MethodPost, "/auth/logout", nil)
	if w.with(t, id).signedIn() {
		t.Error("signed in after the logout")
	}
}
