package jwks_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
)

// renewable is what the consumer uses after a signature that no key has verified.
type renewable interface {
	KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key) ([]jwks.Key, error)
}

// wantKeysAfter fails the test unless s returns these public keys for a token that no key of tried verifies.
func wantKeysAfter(t *testing.T, s jwks.Source, kid, alg string, tried []any, want ...any) {
	t.Helper()
	after, ok := s.(renewable)
	if !ok {
		t.Fatalf("%T has no KeysAfter", s)
	}
	var keys []jwks.Key
	for _, public := range tried {
		keys = append(keys, jwks.Key{ID: kid, Public: public})
	}
	got, err := after.KeysAfter(t.Context(), clock.Now(), kid, alg, keys)
	if (err == nil) != (len(want) > 0) || len(got) != len(want) || err != nil && !errors.Is(err, jwks.ErrKeyNotFound) {
		t.Errorf("KeysAfter(%q, %q) = %v, %v; want %d keys", kid, alg, got, err, len(want))
		return
	}
	for n := range got {
		if !got[n].Equal(jwks.Key{ID: got[n].ID, Algorithm: got[n].Algorithm, Public: want[n]}) {
			t.Errorf("KeysAfter(%q, %q): key %d is another one", kid, alg, n)
		}
	}
}

func newSecret(t testing.TB, letter, alg string) (jwks.Static, []byte) {
	t.Helper()
	secret := []byte(strings.Repeat(letter, 64))
	s, err := jwks.Secret(secret, alg)
	if err != nil {
		t.Fatal(err)
	}
	return s, secret
}

// One issuer signs with a shared secret and with published keys while it moves from one to the other.
func TestCaseT17_SecretsBesidePublicKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", p256()), public("b", rsaKey()).with("alg", "RS256"), public("", otherEC()))
		r := i.remote(t, jwks.Config{})
		secret, octets := newSecret(t, "s", "HS256")
		second, secondOctets := newSecret(t, "t", "HS256")
		file, err := jwks.File(newKeyFile(t, strings.Repeat("f", 48)).path, "HS384")
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range []jwks.Source{jwks.Join(secret, second, r, file), jwks.Join(jwks.Join(secret, second), jwks.Join(r), file)} {
			fetches := max(i.count(), 1)
			wantKey(t, j, "a", "ES256", p256())
			wantKey(t, j, "b", "RS256", rsaKey())
			wantKeys(t, j, "", "HS256", octets, secondOctets)
			wantKeys(t, j, "a", "HS256", octets, secondOctets)
			wantKey(t, j, "any", "HS384", []byte(strings.Repeat("f", 48)))
			wantKey(t, j, "other", "ES256", otherEC())
			wantKeys(t, j, "", "ES256", p256(), otherEC())
			wantFetches(t, &i, fetches)

			// Each key keeps its own algorithms: a secret serves one, and a public key is never a secret.
			for _, alg := range everyAlgorithm {
				keys, err := j.Keys(t.Context(), "b", alg)
				if ok := alg == "RS256" || alg == "HS256" || alg == "HS384"; ok != (err == nil) {
					t.Errorf("Keys(b, %q) = %v, %v", alg, keys, err)
				}
				for _, k := range keys {
					if _, isSecret := k.Public.([]byte); isSecret != strings.HasPrefix(alg, "HS") {
						t.Errorf("%v is a %T for %s", k, k.Public, alg)
					}
				}
			}
		}
	})
}

func TestCaseT17_JoinOfPublicKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("new", p256()))
		r := i.remote(t, jwks.Config{})
		old, err := jwks.ParsePEM([]byte(pkix(otherEC())), "")
		if err != nil {
			t.Fatal(err)
		}
		j := jwks.Join(old, r)
		wantKeys(t, j, "new", "ES256", p256(), otherEC()) // the key with the kid first
		wantKey(t, j, "old", "ES256", otherEC())          // without a fetch for the kid
		wantKeys(t, j, "", "ES256", otherEC(), p256())
		wantFetches(t, &i, 1)
		wantNoKey(t, j, "new", "RS256", jwks.ErrAlgorithm)

		// The signature does not match the old key: the issuer may have a newer one.
		i.serves(public("newer", p521()), public("newer", thirdEC()))
		wantKeysAfter(t, j, "newer", "ES256", []any{otherEC()}, thirdEC())
		wantKeys(t, j, "newer", "ES256", thirdEC(), otherEC())
		wantKeysAfter(t, j, "newer", "ES256", []any{otherEC(), thirdEC()})
	})
}

// At most 4 keys are returned, and a key that two sources have is returned once.
func TestCaseT17_JoinReturnsAtMostFourKeys(t *testing.T) {
	t.Parallel()
	a := jwks.Static{{ID: "a", Public: rsaKey()}, {ID: "b", Public: otherRSA()}, {ID: "c", Public: thirdRSA()}}
	b := jwks.Static{{ID: "x", Public: thirdRSA()}, {ID: "y", Public: fourthRSA()}, {ID: "z", Public: fifthRSA()}}
	j := jwks.Join(a, b)
	wantKeys(t, j, "", "RS256", rsaKey(), otherRSA(), thirdRSA(), fourthRSA())
	wantKey(t, j, "z", "RS256", fifthRSA())
	unnamed := jwks.Static{{Public: rsaKey()}, {Public: otherRSA()}, {Public: thirdRSA()}, {Public: fourthRSA()}}
	wantKeys(t, jwks.Join(unnamed, b), "z", "RS256", fifthRSA(), rsaKey(), otherRSA(), thirdRSA())
	wantKeysAfter(t, jwks.Join(unnamed, b), "z", "RS256", []any{fifthRSA(), rsaKey(), otherRSA(), thirdRSA()})
	if len(unnamed) != 4 || !unnamed[0].Equal(jwks.Key{Public: rsaKey()}) {
		t.Error("a lookup has changed its source")
	}
}

// If a source that may have the key is unavailable, the token is not rejected.
func TestCaseT17_UnavailableSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.isDown()
		r := i.remote(t, jwks.Config{})
		secret, octets := newSecret(t, "s", "HS256")
		j := jwks.Join(secret, r)
		wantKey(t, j, "a", "HS256", octets)
		wantNoKey(t, j, "a", "ES256", jwks.ErrUnavailable)
		stats, ok := j.(interface{ Stats() jwks.Stats })
		if !ok {
			t.Fatal("no Stats")
		}
		if s := stats.Stats(); s.Keys != 0 || !errors.Is(s.LastError, errDown) {
			t.Errorf("Stats = %+v", s)
		}
		i.serves(public("a", p256()))
		pass(10 * time.Second)
		wantKey(t, j, "a", "ES256", p256())
		if s := stats.Stats(); s.Keys != 2 || s.LastError != nil || s.LastSuccess.IsZero() {
			t.Errorf("Stats = %+v", s)
		}
	})
}

// The outage of one source does not keep another one from fetching a new key.
func TestCaseT17_NewKeyDuringTheOutageOfAnotherSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var up, down issuer
		up.serves(public("a", p256()))
		down.isDown()
		j := jwks.Join(down.remote(t, jwks.Config{}), up.remote(t, jwks.Config{}))
		wantKey(t, j, "a", "ES256", p256())
		up.serves(public("b", otherEC()))
		wantKey(t, j, "b", "ES256", otherEC())
		wantNoKey(t, j, "c", "ES256", jwks.ErrUnavailable)
		wantFetches(t, &up, 3)
	})
}

// Join has the optional methods that the consumer uses.
func TestCaseT17_OptionalMethods(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", p256()))
		r := i.remote(t, jwks.Config{})
		secret, _ := newSecret(t, "s", "HS512")
		j, ok := jwks.Join(secret, r).(interface {
			Algorithms() []string
			Mixed() bool
			Validate() error
			Warm(ctx context.Context) error
			Refresh(ctx context.Context) error
			Run(ctx context.Context) error
		})
		if !ok {
			t.Fatal("a method is missing")
		}
		if all := j.Algorithms(); !slices.Contains(all, "HS512") || !slices.Contains(all, "ES256") || slices.Contains(all, "HS256") || !j.Mixed() {
			t.Errorf("Algorithms = %v, Mixed = %t", all, j.Mixed())
		}
		if err := j.Validate(); err != nil {
			t.Errorf("Validate: %v", err)
		}
		if err := j.Warm(t.Context()); err != nil {
			t.Errorf("Warm: %v", err)
		}
		wantFetches(t, &i, 1)
		if err := j.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		wantFetches(t, &i, 2)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- j.Run(ctx) }()
		pass(time.Hour)
		if n := i.count(); n < 5 {
			t.Errorf("%d fetches after an hour of Run", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestCaseT17_JoinFaults(t *testing.T) {
	t.Parallel()
	weak := jwks.Static{{Public: weakRSA()}}
	for name, tt := range map[string]struct {
		source jwks.Source
		want   []string
	}{
		"none": {jwks.Join(), []string{"jwks: Join has no sources"}},
		"nil":  {jwks.Join(nil, (*jwks.Remote)(nil)), []string{"jwks: source 0 of Join is nil", "jwks: source 1 of Join is nil"}},
		"typed nils": {
			jwks.Join(jwks.Join((*jwks.FileSource)(nil)), sourceFunc(nil), (*jwks.PEMEndpoint)(nil)),
			[]string{"jwks: source 0 of Join is nil", "jwks: source 1 of Join is nil", "jwks: source 2 of Join is nil"},
		},
		"weak":  {jwks.Join(weak), []string{`jwks: key 0 {kid "" alg ""}: RSA modulus has 1024 bits, expected 2048 to 8192`}},
		"empty": {jwks.Join(jwks.Static{}), []string{"jwks: there are no keys"}},
	} {
		validated, ok := tt.source.(interface{ Validate() error })
		if !ok {
			t.Fatal("no Validate")
		}
		if all, ok := tt.source.(interface{ Algorithms() []string }); !ok || slices.Contains(all.Algorithms(), "HS256") {
			t.Errorf("%s: no Algorithms, or those of a secret", name)
		}
		err := validated.Validate()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", name, diff)
		}
	}
}

// sourceFunc is a source that may be nil.
type sourceFunc func() ([]jwks.Key, error)

func (f sourceFunc) Keys(context.Context, string, string) ([]jwks.Key, error) { return f() }

// A source that returns neither keys nor an error has no key for the token.
func TestCaseT17_SourceWithoutKeysAndError(t *testing.T) {
	t.Parallel()
	empty := sourceFunc(func() ([]jwks.Key, error) { return nil, nil })
	wantNoKey(t, jwks.Join(empty), "a", "ES256", jwks.ErrKeyNotFound)
	wantKey(t, jwks.Join(empty, jwks.Static{{Public: p256()}}, empty), "a", "ES256", p256())
	wantNoKey(t, jwks.Join(jwks.Static{}, empty), "a", "ES256", jwks.ErrUnavailable)
	wantKeysAfter(t, jwks.Join(empty), "a", "ES256", []any{p256()})
}

// The issuer replaces a key: under the same kid, without kids, or by one of another type.
func TestCaseJ8_ReplacedKeyIsFound(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after []jwk
		kid, alg      string
		tried, want   []any
	}{
		"same kid":                 {[]jwk{public("a", rsaKey())}, []jwk{public("a", otherRSA())}, "a", "RS256", []any{rsaKey()}, []any{otherRSA()}},
		"no kids":                  {[]jwk{public("", rsaKey())}, []jwk{public("", otherRSA())}, "", "RS256", []any{rsaKey()}, []any{otherRSA()}},
		"no kids, added":           {[]jwk{public("", rsaKey())}, []jwk{public("", rsaKey()), public("", otherRSA())}, "", "RS256", []any{rsaKey()}, []any{otherRSA()}},
		"kid only in the token":    {[]jwk{public("", rsaKey())}, []jwk{public("b", otherRSA()), public("", rsaKey())}, "b", "RS256", []any{rsaKey()}, []any{otherRSA()}},
		"same kid, another type":   {[]jwk{public("a", rsaKey())}, []jwk{public("a", p256())}, "a", "ES256", nil, []any{p256()}},
		"no kids, another type":    {[]jwk{public("", rsaKey())}, []jwk{public("", p256())}, "", "ES256", nil, []any{p256()}},
		"unchanged":                {[]jwk{public("a", rsaKey())}, []jwk{public("a", rsaKey())}, "a", "RS256", []any{rsaKey()}, nil},
		"removed":                  {[]jwk{public("a", rsaKey())}, []jwk{public("b", otherRSA())}, "a", "RS256", []any{rsaKey()}, nil},
		"the algorithm of secrets": {[]jwk{public("a", rsaKey())}, []jwk{public("a", otherRSA())}, "a", "HS256", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(tt.before...)
				r := i.remote(t, jwks.Config{})
				if err := r.Warm(t.Context()); err != nil {
					t.Fatal(err)
				}
				i.serves(tt.after...)
				wantKeysAfter(t, r, tt.kid, tt.alg, tt.tried, tt.want...)
				fetches := 2
				if tt.alg == "HS256" {
					fetches = 1
				}
				wantFetches(t, &i, fetches)
				wantKeysAfter(t, r, tt.kid, tt.alg, tt.tried, tt.want...)
				wantFetches(t, &i, fetches) // the new key is there, or the kid was looked up a moment ago
			})
		})
	}
}

// Forged signatures and unknown kids share their fetches: 3 in quick succession, and then one in MinRefetch.
func TestCaseJ8_Attack29_FloodOfForgedSignatures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		keys := []jwk{public("", p256())}
		for _, kid := range []string{"a", "b", "c", "d", "e", "f"} {
			keys = append(keys, public(kid, rsaKey()))
		}
		i.serves(keys...)
		r := i.remote(t, jwks.Config{})
		if err := r.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range 1000 { // a hundred seconds
			for _, kid := range []string{"a", "b", "c", "d", "e", "f"} {
				wantKeysAfter(t, r, kid, "RS256", []any{rsaKey()})
			}
			wantKeysAfter(t, r, "", "ES256", []any{p256()})
			wantNoKey(t, r, "unknown"+strings.Repeat("x", n%100), "RS256", jwks.ErrKeyNotFound)
			pass(100 * time.Millisecond)
		}
		if s := r.Stats(); s.ForcedFetches > 3+10 {
			t.Errorf("%d forced fetches in 100 s, want at most 13", s.ForcedFetches)
		}
	})
}

// A flood of forged signatures under one kid leaves permits for a new kid.
func TestCaseJ8_NewKidDuringForgedSignatures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", rsaKey()))
		r := i.remote(t, jwks.Config{})
		if err := r.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 600 {
			wantKeysAfter(t, r, "a", "RS256", []any{rsaKey()})
			pass(100 * time.Millisecond)
		}
		i.serves(public("a", rsaKey()), public("b", otherRSA()))
		wantKey(t, r, "b", "RS256", otherRSA())
	})
}

// An issuer that is down changes nothing: the keys that were tried stay the only ones.
func TestCaseJ8_IssuerIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "a", "RS256", rsaKey())
		i.isDown()
		wantKeysAfter(t, r, "a", "RS256", []any{rsaKey()})
		wantKey(t, r, "a", "RS256", rsaKey())
		i.slow(time.Hour)
		pass(20 * time.Second)
		began := time.Now()
		wantKeysAfter(t, r, "a", "RS256", []any{rsaKey()})
		if waited := time.Since(began); waited > 500*time.Millisecond {
			t.Errorf("waited %v, want 500ms at most", waited)
		}
		pass(10 * time.Second)
	})
}
