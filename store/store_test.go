package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

var errDown = errors.New("down")

// broken is a Storage whose Lookup fails.
type broken struct{ store.Storage }

func (broken) Lookup(context.Context, ...string) (map[string]store.Entry, error) { return nil, errDown }

// hanging is a Storage whose Lookup returns when its context ends.
type hanging struct{ store.Storage }

func (hanging) Lookup(ctx context.Context, _ ...string) (map[string]store.Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestTokenKey(t *testing.T) {
	t.Parallel()
	if got, want := store.TokenKey("J1"), "access:ST1lDY0V4BsKJYi7VML5HwI1yoMNmSR-TY2OE_Sv5Qo"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// verified returns a verified token of an issuer.
func verified(t testing.TB, issuer *bearertest.Issuer, change func(*bearertest.Token)) *consumer.Token {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	draft := issuer.AccessToken()
	if change != nil {
		change(draft)
	}
	token, err := c.Verify(t.Context(), draft.Sign())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
}

func wantActive(t *testing.T, what string, status store.Status, token store.Token, want bool) {
	t.Helper()
	if active, err := status.Active(t.Context(), token); active != want || err != nil {
		t.Errorf("%s: got %v, %v, want %v", what, active, err, want)
	}
}

func TestPersistedTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		memory := store.NewMemory(10)
		tokens := store.PersistedTokens{Storage: memory}
		token := verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", "J1") })
		nameless := verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", bearertest.Absent) })
		wantActive(t, "never stored", tokens, token, false)
		save(t, memory, store.TokenKey("J1"), store.Entry{Expires: time.Now().Add(time.Minute)})
		save(t, memory, store.TokenKey(""), store.Entry{})
		wantActive(t, "stored", tokens, token, true)
		wantActive(t, "without jti", tokens, nameless, false)
		time.Sleep(time.Minute - time.Nanosecond)
		wantActive(t, "not yet expired", tokens, token, true)
		time.Sleep(time.Nanosecond)
		wantActive(t, "expired", tokens, token, false)
		save(t, memory, store.TokenKey("J1"), store.Entry{})
		time.Sleep(1000 * time.Hour)
		wantActive(t, "stored for ever", tokens, token, true)
		if err := memory.Delete(t.Context(), store.TokenKey("J1")); err != nil {
			t.Error(err)
		}
		wantActive(t, "deleted", tokens, token, false)
		if active, err := (store.PersistedTokens{Storage: broken{}}).Active(t.Context(), token); active || !errors.Is(err, errDown) {
			t.Errorf("broken Storage: %v, %v", active, err)
		}
	})
}

func save(t *testing.T, m *store.Memory, key string, entry store.Entry) {
	t.Helper()
	if err := m.Save(t.Context(), key, entry); err != nil {
		t.Fatal(err)
	}
}

func TestDenyList(t *testing.T) {
	t.Parallel()
	const session = "sid"
	for name, test := range map[string]struct {
		deny  func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error
		token func(*bearertest.Token)

		undated, want bool
	}{
		"its jti": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyToken(ctx, issuer, "J1", now.Add(time.Hour))
		}},
		"another jti": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyToken(ctx, issuer, "j1", now.Add(time.Hour))
		}, want: true},
		"another issuer's": {deny: func(ctx context.Context, d store.DenyList, _ string, now time.Time) error {
			return d.DenyToken(ctx, "https://other.test", "J1", now.Add(time.Hour))
		}, want: true},
		"a session of that name": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySession(ctx, issuer, "J1", now.Add(time.Hour))
		}, want: true},
		"its session": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySession(ctx, issuer, "S1", now.Add(time.Hour))
		}, token: func(d *bearertest.Token) { d.Set("jti", bearertest.Absent).Set(session, "S1") }},
		"a sid of another type": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySession(ctx, issuer, "7", now.Add(time.Hour))
		}, token: func(d *bearertest.Token) { d.Set(session, 7) }, want: true},
		"its subject, issued before": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySubject(ctx, issuer, "alice", now.Add(time.Second), now.Add(time.Hour))
		}},
		"its subject, issued after": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySubject(ctx, issuer, "alice", now.Add(-time.Second), now.Add(time.Hour))
		}, want: true},
		"its subject, issued at some time": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySubject(ctx, issuer, "alice", now.Add(-time.Second), now.Add(time.Hour))
		}, undated: true},
		"its client, issued before": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "app", now.Add(time.Second), now.Add(time.Hour))
		}},
		"its client, issued after": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "app", now.Add(-time.Second), now.Add(time.Hour))
		}, want: true},
		"its client, issued at some time": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "app", now.Add(-time.Second), now.Add(time.Hour))
		}, undated: true},
		"its client in azp": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "azp-app", now.Add(time.Second), now.Add(time.Hour))
		}, token: func(d *bearertest.Token) { d.Set("client_id", bearertest.Absent).Set("azp", "azp-app") }},
		"its client in cid": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "cid-app", now.Add(time.Second), now.Add(time.Hour))
		}, token: func(d *bearertest.Token) { d.Set("client_id", bearertest.Absent).Set("cid", "cid-app") }},
		"azp beside client_id": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "azp-app", now.Add(time.Second), now.Add(time.Hour))
		}, token: func(d *bearertest.Token) { d.Set("azp", "azp-app") }, want: true},
		"another client": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "App", now.Add(time.Second), now.Add(time.Hour))
		}, want: true},
		"a client of another issuer": {deny: func(ctx context.Context, d store.DenyList, _ string, now time.Time) error {
			return d.DenyClient(ctx, "https://other.test", "app", now.Add(time.Second), now.Add(time.Hour))
		}, want: true},
		"a client with the name of the subject": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyClient(ctx, issuer, "alice", now.Add(time.Second), now.Add(time.Hour))
		}, want: true},
		"a subject with the name of the client": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenySubject(ctx, issuer, "app", now.Add(time.Second), now.Add(time.Hour))
		}, want: true},
		"no longer": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return d.DenyToken(ctx, issuer, "J1", now)
		}, want: true},
		"the later end counts": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return errors.Join(d.DenyToken(ctx, issuer, "J1", now.Add(time.Hour)), d.DenyToken(ctx, issuer, "J1", now.Add(-time.Hour)))
		}},
		"the later time counts": {deny: func(ctx context.Context, d store.DenyList, issuer string, now time.Time) error {
			return errors.Join(d.DenySubject(ctx, issuer, "alice", now.Add(time.Second), now.Add(time.Hour)),
				d.DenySubject(ctx, issuer, "alice", now.Add(-time.Hour), now.Add(time.Hour)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				list := store.DenyList{Storage: store.NewMemory(10)}
				var token store.Token = verified(t, issuer, func(d *bearertest.Token) {
					d.Set("jti", "J1").Set("sub", "alice").Set("client_id", "app").Set("iat", time.Now().Unix())
					if test.token != nil {
						test.token(d)
					}
				})
				if test.undated {
					token = undated{token}
				}
				wantActive(t, "before", list, token, true)
				if err := test.deny(t.Context(), list, issuer.URL(), time.Now()); err != nil {
					t.Fatal(err)
				}
				wantActive(t, "after", list, token, test.want)
			})
		})
	}
}

// undated is a token without iat.
type undated struct{ store.Token }

func (undated) IssuedAt() time.Time { return time.Time{} }

func TestDenyList_Faults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	list := store.DenyList{Storage: store.NewMemory(1)}
	later := time.Now().Add(time.Hour)
	for _, err := range []error{
		list.DenyToken(ctx, "i", "", later), list.DenySession(ctx, "i", "", later), list.DenySubject(ctx, "i", "", later, later),
		list.DenyClient(ctx, "i", "", later, later),
	} {
		if !errors.Is(err, store.ErrUnnamed) {
			t.Errorf("an empty name: %v", err)
		}
	}
	token := verified(t, newIssuer(), nil)
	if active, err := (store.DenyList{Storage: broken{}}).Active(ctx, token); active || !errors.Is(err, errDown) {
		t.Errorf("broken Storage: %v, %v", active, err)
	}
}

func TestMemory_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMemory(2)
		soon, later := store.Entry{Expires: time.Now().Add(time.Second)}, store.Entry{Expires: time.Now().Add(time.Hour)}
		save(t, m, "a", soon)
		save(t, m, "b", later)
		if err := m.Save(t.Context(), "c", later); !errors.Is(err, store.ErrFull) {
			t.Errorf("a third: %v", err)
		}
		save(t, m, "b", later) // which already exists
		time.Sleep(time.Second)
		save(t, m, "c", later)
		got, err := m.Lookup(t.Context(), "a", "b", "c", "d")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]store.Entry{"b": later, "c": later}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMemory_Concurrently(t *testing.T) {
	t.Parallel()
	m := store.NewMemory(100)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := range 500 {
				key := fmt.Sprint(n % 150)
				_ = m.Save(t.Context(), key, store.Entry{Expires: time.Now().Add(time.Duration(worker) * time.Microsecond)})
				_, _ = m.Lookup(t.Context(), key, "1")
				_ = m.Delete(t.Context(), key)
			}
		})
	}
	all.Wait()
}

type answer struct {
	active bool
	err    error
}

func (a answer) Active(context.Context, store.Token) (bool, error) { return a.active, a.err }

func TestAll(t *testing.T) {
	t.Parallel()
	yes, no, down := answer{active: true}, answer{}, answer{true, errDown}
	for name, test := range map[string]struct {
		of   []store.Status
		want bool
		err  error
	}{
		"yes":       {of: []store.Status{yes, yes}, want: true},
		"no":        {of: []store.Status{yes, no}},
		"down":      {of: []store.Status{yes, down, yes}, err: errDown},
		"down, no":  {of: []store.Status{down, no}},
		"no, down":  {of: []store.Status{no, down}},
		"none":      {},
		"all down":  {of: []store.Status{down, answer{err: errors.New("other")}}, err: errDown},
		"only once": {of: []store.Status{yes}, want: true},
	} {
		if got, err := store.All(test.of...).Active(t.Context(), nil); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

// TestAttack10_Attack45_InFrontOfAnAPI checks that the status applies to cached tokens too, and that no token is accepted if
// the store fails.
func TestAttack10_Attack45_InFrontOfAnAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, memory := newIssuer(), store.NewMemory(10)
		guarded := func(status store.Status) http.Handler {
			c, err := consumer.New(consumer.Config{
				Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(), Status: status,
			})
			if err != nil {
				t.Fatal(err)
			}
			g, err := middleware.New(middleware.Config{Verifier: c})
			if err != nil {
				t.Fatal(err)
			}
			return g.Handler(http.NotFoundHandler())
		}
		ask := func(api http.Handler, raw string) int {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+raw)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w.Code
		}
		raw := issuer.AccessToken().Set("jti", "J1").Sign()
		save(t, memory, store.TokenKey("J1"), store.Entry{})
		list := store.DenyList{Storage: memory}
		api := guarded(store.All(store.PersistedTokens{Storage: memory}, list))
		for range 2 {
			if got := ask(api, raw); got != http.StatusNotFound {
				t.Errorf("a good token: %d", got)
			}
		}
		if err := list.DenyToken(t.Context(), issuer.URL(), "J1", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := ask(api, raw); got != http.StatusUnauthorized {
			t.Errorf("a denied token: %d", got)
		}
		for what, storage := range map[string]store.Storage{"broken": broken{}, "hanging": hanging{}} {
			api := guarded(store.PersistedTokens{Storage: storage})
			if got := ask(api, raw); got != http.StatusServiceUnavailable {
				t.Errorf("%s: %d", what, got)
			}
		}
	})
}

// keyLog records the keys that a status looks up.
type keyLog struct {
	store.Storage
	keys *[]string
}

func (l keyLog) Lookup(_ context.Context, keys ...string) (map[string]store.Entry, error) {
	*l.keys = append(*l.keys, keys...)
	return nil, nil
}

func TestKeysOf(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	tests := map[string]struct {
		change func(*bearertest.Token)
		want   int
	}{
		"all names":           {func(d *bearertest.Token) { d.Set("sid", "s").Set("jti", "j").Set("client_id", "c") }, store.MaxKeys},
		"without a client":    {func(d *bearertest.Token) { withoutClient(d).Set("sid", "s").Set("jti", "j") }, 4},
		"without sid":         {func(d *bearertest.Token) { withoutClient(d).Set("jti", "j") }, 3},
		"sid is not a string": {func(d *bearertest.Token) { withoutClient(d).Set("sid", 1).Set("jti", "j") }, 3},
		"without jti":         {func(d *bearertest.Token) { withoutClient(d).Set("sid", "s").Set("jti", nil) }, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var looked []string
			token := verified(t, issuer, tt.change)
			_, _ = store.DenyList{Storage: keyLog{keys: &looked}}.Active(t.Context(), token)
			_, _ = store.PersistedTokens{Storage: keyLog{keys: &looked}}.Active(t.Context(), token)
			if diff := cmp.Diff(looked, store.KeysOf(token)); diff != "" || len(looked) != tt.want {
				t.Errorf("%d keys, want %d (-looked up +KeysOf):\n%s", len(looked), tt.want, diff)
			}
		})
	}
}

// withoutClient removes all claims that name the client.
func withoutClient(d *bearertest.Token) *bearertest.Token {
	return d.Set("client_id", bearertest.Absent).Set("azp", bearertest.Absent)
}

// bare is a token that has only the methods of store.Token, as in a Storage of an application.
type bare struct{ store.Token }

// A token without the method ClientID has the client of its claims.
func TestKeysOf_ClientOfTheClaims(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	list := store.DenyList{Storage: store.NewMemory(10)}
	later := time.Now().Add(time.Hour)
	if err := list.DenyClient(t.Context(), issuer.URL(), "app", later, later); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*bearertest.Token)
		want   bool
	}{
		"client_id":            {func(d *bearertest.Token) { withoutClient(d).Set("client_id", "app") }, false},
		"azp":                  {func(d *bearertest.Token) { withoutClient(d).Set("azp", "app") }, false},
		"client_id before azp": {func(d *bearertest.Token) { d.Set("client_id", "other").Set("azp", "app") }, true},
		"none":                 {func(d *bearertest.Token) { withoutClient(d) }, true},
		"cid":                  {func(d *bearertest.Token) { withoutClient(d).Set("cid", "app") }, true},
	} {
		wantActive(t, name, list, bare{verified(t, issuer, tt.change)}, tt.want)
	}
}

// limited is a status whose results may be cached for a time.
type limited struct {
	store.Status
	limit time.Duration
}

func (l limited) CacheFor(store.Token) time.Duration { return l.limit }

// The shortest limit of all statuses counts.
func TestAll_CacheFor(t *testing.T) {
	t.Parallel()
	list := store.DenyList{Storage: store.NewMemory(1)}
	for _, test := range []struct {
		statuses []store.Status
		want     time.Duration
	}{
		{nil, math.MaxInt64},
		{[]store.Status{list, nil}, math.MaxInt64},
		{[]store.Status{list, limited{list, time.Minute}}, time.Minute},
		{[]store.Status{limited{list, time.Minute}, limited{list, time.Second}, list}, time.Second},
		{[]store.Status{store.All(limited{list, 0}), limited{list, time.Second}}, 0},
	} {
		all, ok := store.All(test.statuses...).(interface {
			CacheFor(token store.Token) time.Duration
		})
		if !ok {
			t.Fatal("the result of All has no method CacheFor")
		}
		if got := all.CacheFor(nil); got != test.want {
			t.Errorf("%v: %v, want %v", test.statuses, got, test.want)
		}
	}
}
