// Package tokenstoretest contains tests for implementations of client.TokenStore, client.RegistrationStore and
// client.TokenLocker:
//
//	func TestStore(t *testing.T) {
//		tokenstoretest.Credentials(t, func(t *testing.T) client.CredentialStore { return openEmpty(t) })
//		tokenstoretest.Locks(t, func(t *testing.T) (first, second tokenstoretest.LockedStore) {
//			database := openEmpty(t)
//			return connect(t, database), connect(t, database)
//		})
//	}
//
// A store that passes may still lose data in a crash, or keep the lock of a process that has died: the tests run in one
// process.
package tokenstoretest

import (
	"context"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// LockedStore is a store that several processes can share: a client.TokenStore with locks.
type LockedStore interface {
	client.TokenStore
	client.TokenLocker
}

// Tokens tests a client.TokenStore. It runs all tests as parallel subtests of t. Each subtest calls open, which must return
// an empty store that no other subtest uses. open can call t.Cleanup to close the store. The tests store tokens of up to
// 128 KiB under keys of up to 1024 bytes.
func Tokens(t *testing.T, open func(t *testing.T) client.TokenStore) {
	t.Helper()
	for name, test := range tokenTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&tokenTest{tester: t, store: open(t)})
		})
	}
}

// Registrations tests a client.RegistrationStore in the same way as [Tokens]. The tests store registrations of up to 64 KiB under
// keys of up to 1024 bytes.
func Registrations(t *testing.T, open func(t *testing.T) client.RegistrationStore) {
	t.Helper()
	for name, test := range registrationTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&registrationTest{tester: t, store: open(t)})
		})
	}
}

// Credentials tests a client.CredentialStore. It runs the tests of [Tokens] and [Registrations], and checks that a token and
// a registration can have the same key.
func Credentials(t *testing.T, open func(t *testing.T) client.CredentialStore) {
	t.Helper()
	Tokens(t, func(t *testing.T) client.TokenStore { t.Helper(); return open(t) })
	Registrations(t, func(t *testing.T) client.RegistrationStore { t.Helper(); return open(t) })
	t.Run("a token and a registration with one key", func(t *testing.T) {
		t.Parallel()
		sameKey(t, open(t))
	})
}

// Locks tests the locks of a store. It runs all tests as parallel subtests of t, and each of them calls open. open must return two
// stores that share their tokens and locks as the stores of two processes do, for example two stores with the same database. They
// must be empty, and no other subtest may use them. If the store works within one process only, open returns the same store twice.
// The tests hold up to 30 locks at the same time, while 60 other callers wait for a lock.
//
// A caller that holds a lock also loads and saves tokens. If locks and waiting callers occupy all connections of a store, these
// tests wait until the test binary reaches its deadline.
func Locks(t *testing.T, open func(t *testing.T) (first, second LockedStore)) {
	t.Helper()
	for name, test := range lockTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := open(t)
			test(&lockTest{tester: t, first: first, second: second})
		})
	}
}

// tester contains the methods of *testing.T that the tests use. The tests of this package replace it to check that broken
// stores fail.
type tester interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// together calls do(0) to do(n-1) at the same time, and waits for all calls.
func together(n int, do func(i int)) {
	done := make(chan struct{})
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			do(i)
		}()
	}
	for range n {
		<-done
	}
}
