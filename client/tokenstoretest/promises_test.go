package tokenstoretest

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// change returns a mutation that changes each token before it is saved.
func change(edit func(*client.Token)) func(*mutant, *lockedMemory) {
	return func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			other := *token
			edit(&other)
			return good.Save(ctx, key, &other)
		}
	}
}

// changeRegistration is change for registrations.
func changeRegistration(edit func(*client.Registration)) func(*mutant, *lockedMemory) {
	return func(m *mutant, good *lockedMemory) {
		m.saveRegistration = func(ctx context.Context, key string, r *client.Registration) error {
			other := *r
			edit(&other)
			return good.SaveRegistration(ctx, key, &other)
		}
	}
}

// mapKeys returns a mutation that replaces the keys of all calls.
func mapKeys(replace func(string) string) func(*mutant, *lockedMemory) {
	return func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) { return good.Load(ctx, replace(key)) }
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			return good.Save(ctx, replace(key), token)
		}
		m.remove = func(ctx context.Context, key string) error { return good.Delete(ctx, replace(key)) }
		m.loadRegistration = func(ctx context.Context, key string) (*client.Registration, error) {
			return good.LoadRegistration(ctx, replace(key))
		}
		m.saveRegistration = func(ctx context.Context, key string, r *client.Registration) error {
			return good.SaveRegistration(ctx, replace(key), r)
		}
		m.removeRegistration = func(ctx context.Context, key string) error { return good.DeleteRegistration(ctx, replace(key)) }
		m.lock = func(ctx context.Context, key string) (func(), error) { return good.Lock(ctx, replace(key)) }
	}
}

func trimmed(key string) string { return strings.TrimRight(key, " ") }

func composed(key string) string { return strings.ReplaceAll(key, "e\u0301", "é") }

// cut returns at most n bytes of a key.
func cut(n int) func(string) string { return func(key string) string { return key[:min(n, len(key))] } }

// limited returns a mutation in which calls take one of n connections. A caller that holds or waits for a lock keeps its
// connection.
func limited(n int) func(*mutant, *lockedMemory) {
	return func(m *mutant, good *lockedMemory) {
		connections := make(chan struct{}, n)
		connect := func(ctx context.Context) error {
			select {
			case connections <- struct{}{}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		release := func() { <-connections }
		m.lock = func(ctx context.Context, key string) (func(), error) {
			if err := connect(ctx); err != nil {
				return nil, err
			}
			unlock, err := good.Lock(ctx, key)
			if err != nil {
				release()
				return nil, err
			}
			return func() { unlock(); release() }, nil
		}
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			if err := connect(ctx); err != nil {
				return nil, err
			}
			defer release()
			return good.Load(ctx, key)
		}
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if err := connect(ctx); err != nil {
				return err
			}
			defer release()
			return good.Save(ctx, key, token)
		}
	}
}

// breaks are the promises of a store, each broken by itself, under the test that must notice it.
var breaks = []struct {
	test, promise string
	waits         bool // the broken store may wait forever
	breaks        func(m *mutant, good *lockedMemory)
}{
	{"Load returns what Save stored", "the refresh token is kept", false, change(func(t *client.Token) { t.RefreshToken = "" })},
	{"Load returns what Save stored", "the scopes are kept", false, change(func(t *client.Token) { t.Scopes = t.Scopes[:min(1, len(t.Scopes))] })},
	{"Load returns what Save stored", "the owner is kept", false, change(func(t *client.Token) { t.Issuer = "" })},
	{"Load returns what Save stored", "times are exact", false, change(func(t *client.Token) { t.Expiry = t.Expiry.Truncate(time.Millisecond) })},
	{"Load returns what Save stored", "times have a zone", false, change(func(t *client.Token) {
		if !t.ReceivedAt.IsZero() {
			t.ReceivedAt = t.ReceivedAt.Add(time.Hour)
		}
	})},
	{"Load returns what Save stored", "a zero time stays zero", false, change(func(t *client.Token) {
		if t.Expiry.IsZero() {
			t.Expiry = time.Unix(0, 0)
		}
	})},
	{"Load returns what Save stored", "texts are kept", false, change(func(t *client.Token) {
		t.AccessToken = strings.ToValidUTF8(strings.ReplaceAll(t.AccessToken, "🔑", ""), "")
	})},
	{"Load returns what Save stored", "texts may end in a space", false, change(func(t *client.Token) { t.ClientID = strings.TrimSpace(t.ClientID) })},
	{"Load returns what Save stored", "a token can be loaded twice", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			token, err := good.Load(ctx, key)
			_ = good.Delete(ctx, key)
			return token, err
		}
	}},
	{"a missing token", "a missing token is ErrNoToken", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			token, err := good.Load(ctx, key)
			if err != nil {
				err = errFault
			}
			return token, err
		}
	}},
	{"a missing token", "a missing token is not nil", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			token, err := good.Load(ctx, key)
			if errors.Is(err, client.ErrNoToken) {
				return nil, nil //nolint:nilnil // the fault under test
			}
			return token, err
		}
	}},
	{"a missing token", "deleting a missing token is not an error", false, func(m *mutant, good *lockedMemory) {
		m.remove = func(ctx context.Context, key string) error {
			_, err := good.Load(ctx, key)
			return errors.Join(err, good.Delete(ctx, key))
		}
	}},
	{"Save replaces the whole token", "Save replaces", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if _, err := good.Load(ctx, key); err == nil {
				return nil
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"Save replaces the whole token", "no field remains", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			other := *token
			if old, err := good.Load(ctx, key); err == nil && other.RefreshToken == "" {
				other.RefreshToken = old.RefreshToken
			}
			return good.Save(ctx, key, &other)
		}
	}},
	{"Save replaces the whole token", "other keys are not changed", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			return errors.Join(good.Save(ctx, key, token), good.Save(ctx, "b", token))
		}
	}},
	{"a token without an access token", "an access token is not required", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if token.AccessToken == "" {
				return errFault
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"a token without an access token", "it is not missing", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			token, err := good.Load(ctx, key)
			if err == nil && token.AccessToken == "" {
				return nil, client.ErrNoToken
			}
			return token, err
		}
	}},
	{"Delete", "Delete deletes", false, func(m *mutant, _ *lockedMemory) {
		m.remove = func(context.Context, string) error { return nil }
	}},
	{"Delete", "Delete deletes one token", false, func(m *mutant, good *lockedMemory) {
		m.remove = func(ctx context.Context, key string) error {
			return errors.Join(good.Delete(ctx, key), good.Delete(ctx, "b"))
		}
	}},
	{"Delete", "a deleted key can be used again", false, func(m *mutant, good *lockedMemory) {
		gone := make(map[string]bool)
		m.remove = func(ctx context.Context, key string) error { gone[key] = true; return good.Delete(ctx, key) }
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if gone[key] {
				return nil
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"keys are compared byte by byte", "case matters", false, mapKeys(strings.ToLower)},
	{"keys are compared byte by byte", "spaces at the end matter", false, mapKeys(trimmed)},
	{"keys are compared byte by byte", "there is no normal form", false, mapKeys(composed)},
	{"odd keys", "keys are not paths", false, mapKeys(path.Clean)},
	{"odd keys", "quotes are text", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if strings.Contains(key, "'") {
				return errFault
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"odd keys", "keys are not patterns", false, func(m *mutant, good *lockedMemory) {
		m.remove = func(ctx context.Context, key string) error {
			if key == "*" || key == "?" {
				return errors.Join(good.Delete(ctx, key), good.Delete(ctx, "{a}"))
			}
			return good.Delete(ctx, key)
		}
	}},
	{"long keys and tokens", "keys may have 1024 bytes", false, mapKeys(cut(255))},
	{"long keys and tokens", "keys are not cut at all", false, mapKeys(cut(1023))},
	{"long keys and tokens", "tokens may have 64 KiB and more", false, change(func(t *client.Token) { t.IDToken = cut(16 << 10)(t.IDToken) })},
	{"an ended context is not a missing token", "Load does not report a missing token", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			if ctx.Err() != nil {
				return nil, client.ErrNoToken
			}
			return good.Load(ctx, key)
		}
	}},
	{"an ended context is not a missing token", "what Save reports as done is done", false, func(m *mutant, good *lockedMemory) {
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"an ended context is not a missing token", "what Delete reports as done is done", false, func(m *mutant, good *lockedMemory) {
		m.remove = func(ctx context.Context, key string) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.Delete(ctx, key)
		}
	}},
	{"concurrent Saves of several keys", "no Save is lost", false, func(m *mutant, good *lockedMemory) {
		var mu sync.Mutex
		saves := make(map[string]int)
		m.save = func(ctx context.Context, key string, token *client.Token) error {
			mu.Lock()
			defer mu.Unlock()
			if saves[key]++; key == "key3" && saves[key] == 5 {
				return nil
			}
			return good.Save(ctx, key, token)
		}
	}},
	{"Load returns whole tokens while others Save", "no token is half written", false, func(m *mutant, good *lockedMemory) {
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			token, err := good.Load(ctx, key)
			if err == nil {
				token.RefreshToken = "of another version"
			}
			return token, err
		}
	}},
	{"Load returns whole tokens while others Save", "there always is a token", false, func(m *mutant, good *lockedMemory) {
		var once sync.Once
		m.load = func(ctx context.Context, key string) (token *client.Token, err error) {
			once.Do(func() { err = client.ErrNoToken })
			if err != nil {
				return nil, err
			}
			return good.Load(ctx, key)
		}
	}},

	{"LoadRegistration returns what SaveRegistration stored", "the secret is kept", false, changeRegistration(func(r *client.Registration) { r.ClientSecret = "" })},
	{"LoadRegistration returns what SaveRegistration stored", "the metadata is kept", false, changeRegistration(func(r *client.Registration) {
		r.Metadata.PostLogoutRedirectURIs = nil
	})},
	{"LoadRegistration returns what SaveRegistration stored", "the keys are kept", false, changeRegistration(func(r *client.Registration) { r.Metadata.JWKS = nil })},
	{"LoadRegistration returns what SaveRegistration stored", "booleans are kept", false, changeRegistration(func(r *client.Registration) {
		r.Metadata.DPoPBoundAccessTokens = false
	})},
	{"LoadRegistration returns what SaveRegistration stored", "no field remains", false, func(m *mutant, good *lockedMemory) {
		m.saveRegistration = func(ctx context.Context, key string, r *client.Registration) error {
			other := *r
			if old, err := good.LoadRegistration(ctx, key); err == nil && other.URI == "" {
				other.URI = old.URI
			}
			return good.SaveRegistration(ctx, key, &other)
		}
	}},
	{"a missing registration", "a missing registration is ErrNoRegistration", false, func(m *mutant, good *lockedMemory) {
		m.loadRegistration = func(ctx context.Context, key string) (*client.Registration, error) {
			r, err := good.LoadRegistration(ctx, key)
			if err != nil {
				err = client.ErrNoToken
			}
			return r, err
		}
	}},
	{"a missing registration", "deleting a missing registration is not an error", false, func(m *mutant, good *lockedMemory) {
		m.removeRegistration = func(ctx context.Context, key string) error {
			_, err := good.LoadRegistration(ctx, key)
			return errors.Join(err, good.DeleteRegistration(ctx, key))
		}
	}},
	{"DeleteRegistration", "DeleteRegistration deletes", false, func(m *mutant, _ *lockedMemory) {
		m.removeRegistration = func(context.Context, string) error { return nil }
	}},
	{"DeleteRegistration", "DeleteRegistration deletes one registration", false, func(m *mutant, good *lockedMemory) {
		m.removeRegistration = func(ctx context.Context, key string) error {
			return errors.Join(good.DeleteRegistration(ctx, key), good.DeleteRegistration(ctx, "b"))
		}
	}},
	{"keys of registrations are compared byte by byte", "case matters", false, mapKeys(strings.ToLower)},
	{"keys of registrations are compared byte by byte", "spaces at the end matter", false, mapKeys(trimmed)},
	{"keys of registrations are compared byte by byte", "there is no normal form", false, mapKeys(composed)},
	{"long registrations", "keys are not cut", false, mapKeys(cut(1023))},
	{"long registrations", "registrations may have 64 KiB", false, changeRegistration(func(r *client.Registration) {
		r.Metadata.SoftwareStatement = cut(32 << 10)(r.Metadata.SoftwareStatement)
	})},
	{"an ended context is not a missing registration", "LoadRegistration does not report a missing registration", false, func(m *mutant, good *lockedMemory) {
		m.loadRegistration = func(ctx context.Context, key string) (*client.Registration, error) {
			if ctx.Err() != nil {
				return nil, client.ErrNoRegistration
			}
			return good.LoadRegistration(ctx, key)
		}
	}},
	{"an ended context is not a missing registration", "what SaveRegistration reports as done is done", false, func(m *mutant, good *lockedMemory) {
		m.saveRegistration = func(ctx context.Context, key string, r *client.Registration) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.SaveRegistration(ctx, key, r)
		}
	}},
	{"a token and a registration with one key", "Delete keeps the registration", false, func(m *mutant, good *lockedMemory) {
		m.remove = func(ctx context.Context, key string) error {
			return errors.Join(good.Delete(ctx, key), good.DeleteRegistration(ctx, key))
		}
	}},
	{"a token and a registration with one key", "DeleteRegistration keeps the token", false, func(m *mutant, good *lockedMemory) {
		m.removeRegistration = func(ctx context.Context, key string) error {
			return errors.Join(good.Delete(ctx, key), good.DeleteRegistration(ctx, key))
		}
	}},

	{"a lock excludes all other callers", "Lock locks", false, func(m *mutant, _ *lockedMemory) {
		m.lock = func(context.Context, string) (func(), error) { return func() {}, nil }
	}},
	{"a lock excludes all other callers", "unlock unlocks", true, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, key string) (func(), error) {
			_, err := good.Lock(ctx, key)
			return func() {}, err
		}
	}},
	{"a lock is held until unlock", "the context limits only the wait", false, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, key string) (func(), error) {
			unlock, err := good.Lock(ctx, key)
			if err != nil {
				return nil, err
			}
			once := sync.OnceFunc(unlock)
			context.AfterFunc(ctx, once)
			return once, nil
		}
	}},
	{"a caller that stops waiting holds no lock", "a caller that stops waiting leaves the queue", true, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, key string) (func(), error) {
			unlock, err := good.Lock(ctx, key)
			if err != nil { // it stays in the queue, and gets the lock later
				go func() { _, _ = good.Lock(context.WithoutCancel(ctx), key) }()
			}
			return unlock, err
		}
	}},
	{"locks of different keys are independent", "each key has a lock", true, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, _ string) (func(), error) { return good.Lock(ctx, "") }
	}},
	{"the holder can use the store", "waiting takes no connection", true, limited(10)},
	{"waiting callers get the lock one by one", "Lock excludes", false, func(m *mutant, good *lockedMemory) {
		// Two callers at a time. The first one stays until the second one arrives.
		var mu sync.Mutex
		odd, both := false, gap()
		m.lock = func(ctx context.Context, key string) (func(), error) {
			mu.Lock()
			odd = !odd
			if odd {
				key += "'"
			}
			mu.Unlock()
			return good.Lock(ctx, key)
		}
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			both()
			return good.Load(ctx, key)
		}
	}},
	{"waiting callers get the lock one by one", "nobody waits forever", true, func(m *mutant, good *lockedMemory) {
		var mu sync.Mutex
		calls := 0
		m.lock = func(ctx context.Context, key string) (func(), error) {
			mu.Lock()
			calls++
			last := calls == 20
			mu.Unlock()
			if last {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return good.Lock(ctx, key)
		}
	}},
	{"many locks at the same time", "a lock takes no connection", true, limited(20)},
	{"an update under the lock is never lost", "the holder sees the token of the previous one", false, func(m *mutant, good *lockedMemory) {
		var mu sync.Mutex
		var loads int
		var first *client.Token
		m.load = func(ctx context.Context, key string) (*client.Token, error) {
			mu.Lock()
			defer mu.Unlock()
			token, err := good.Load(ctx, key)
			if loads++; loads == 1 {
				first = token
			}
			if loads == 2 {
				return first, nil
			}
			return token, err
		}
	}},
	{"an ended context does not keep a lock", "an error means no lock", true, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, key string) (func(), error) {
			if ctx.Err() != nil {
				_, _ = good.Lock(context.WithoutCancel(ctx), key)
				return nil, ctx.Err()
			}
			return good.Lock(ctx, key)
		}
	}},
	{"an ended context does not keep a lock", "an ended context does not lock a held lock", false, func(m *mutant, good *lockedMemory) {
		m.lock = func(ctx context.Context, key string) (func(), error) {
			if ctx.Err() != nil {
				return func() {}, nil
			}
			return good.Lock(ctx, key)
		}
	}},
}
