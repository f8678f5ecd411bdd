package middleware_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/middleware"
)

// newNonced returns an API that requires nonces.
func newNonced(t testing.TB, cfg middleware.DPoPConfig) *keyed {
	t.Helper()
	cfg.RequireNonce = true
	return newKeyed(t, middleware.Config{DPoP: &cfg})
}

// goodWith returns a request with a new proof that has the given nonce.
func (k *keyed) goodWith(nonce string) *http.Request {
	token := k.token()
	return get("DPoP "+token, k.proof(token).Set("nonce", nonce).Sign())
}

// A proof without a nonce, or with one that this Guard has not issued, is rejected with exactly one new nonce, with which
// the next proof is accepted.
func TestG5_G6_NonceRequired(t *testing.T) {
	t.Parallel()
	stranger := newNonced(t, middleware.DPoPConfig{})
	for name, nonce := range map[string]any{
		"absent": nil, "empty": "", "unknown": "x", "of another Guard": stranger.nonce(), "almost": nil, "doubled": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newNonced(t, middleware.DPoPConfig{})
				switch name {
				case "almost":
					nonce = k.nonce() + "A"
				case "doubled":
					nonce = k.nonce() + " " + k.nonce()
				}
				token := k.token()
				proof := k.proof(token)
				if nonce != nil {
					proof.Set("nonce", nonce)
				}
				w := k.expect(get("DPoP "+token, proof.Sign()), nonceRequired)
				issued := w.Header().Values("DPoP-Nonce")
				if len(issued) != 1 || len(issued[0]) < 16 || w.Header().Get("Cache-Control") != "no-store" {
					t.Fatalf("nonces %q, Cache-Control %q", issued, w.Header().Get("Cache-Control"))
				}
				w = k.expect(k.goodWith(issued[0]), accepted)
				if sent := w.Header().Values("DPoP-Nonce"); sent != nil {
					t.Errorf("a current nonce was replaced by %q", sent)
				}
			})
		})
	}
	// A nonce that is not a string is a malformed proof.
	k := newNonced(t, middleware.DPoPConfig{})
	token := k.token()
	k.expect(get("DPoP "+token, k.proof(token).Set("nonce", 7).Sign()), proofRejected)
}

// A client that uses a nonce for long gets a new one with a response that no cache stores. Later the nonce is rejected.
func TestG5_NonceIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newNonced(t, middleware.DPoPConfig{})
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		old := k.nonce()
		time.Sleep(59 * time.Second)
		if w := k.expect(k.goodWith(old), accepted); w.Header().Get("DPoP-Nonce") != "" || w.Header().Get("Cache-Control") != "" {
			t.Errorf("a current nonce has the header %v", w.Header())
		}
		time.Sleep(2 * time.Second)
		w := k.expect(k.goodWith(old), accepted)
		issued := w.Header().Values("DPoP-Nonce")
		if len(issued) != 1 || issued[0] == old || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("nonces %q, Cache-Control %q", issued, w.Header().Get("Cache-Control"))
		}
		k.expect(k.goodWith(issued[0]), accepted)
		time.Sleep(time.Minute)
		k.expect(k.goodWith(old), nonceRequired)
		k.expect(k.goodWith(issued[0]), accepted)
	})
}

// A proof that was made for later, before its nonce was issued, is never accepted.
func TestAttack27_G6_PreparedProofs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newNonced(t, middleware.DPoPConfig{})
		token := k.issuer.AccessToken().BoundTo(k.key).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
		nonce := k.nonce()
		later := k.proof(token).Set("nonce", nonce).Set("iat", time.Now().Add(10*time.Minute).Unix()).Sign()
		without := k.proof(token).Set("iat", time.Now().Add(10*time.Minute).Unix()).Sign()
		k.expect(get("DPoP "+token, later), proofRejected) // not yet
		time.Sleep(10 * time.Minute)
		k.expect(get("DPoP "+token, later), nonceRequired)
		k.expect(get("DPoP "+token, without), nonceRequired)
	})
}

// Only the owner of a token gets a nonce, and only a challenge that requires one contains it.
func TestG5_NonceOnlyWhereRequired(t *testing.T) {
	t.Parallel()
	k := newNonced(t, middleware.DPoPConfig{})
	token := k.token()
	plain := k.issuer.AccessToken().Sign()
	for name, r := range map[string]*http.Request{
		"no credentials": get("", ""),
		"no proof":       get("DPoP "+token, ""),
		"invalid token":  get("DPoP "+token+"A", k.proof(token+"A").Sign()),
		"bearer token":   get("Bearer "+plain, ""),
		"bound, Bearer":  get("Bearer "+token, k.proof(token).Sign()),
		"wrong method":   get("DPoP "+token, k.proof(token).Set("htm", "PUT").Sign()),
	} {
		if _, w := k.send(r); w.Header().Values("DPoP-Nonce") != nil {
			t.Errorf("%s: the response has a nonce", name)
		}
	}
}

// Servers with the same key accept the nonces of each other, also while the key is replaced.
func TestG5_NonceKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, two := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
		nonce := newNonced(t, middleware.DPoPConfig{NonceKeys: [][]byte{one}}).nonce()
		for name, test := range map[string]struct {
			keys  [][]byte
			want  outcome
			fresh bool
		}{
			"the same key":        {[][]byte{one}, accepted, false},
			"second key added":    {[][]byte{one, two}, accepted, false},
			"second key first":    {[][]byte{two, one}, accepted, true},
			"first key removed":   {[][]byte{two}, nonceRequired, true},
			"a random key":        {nil, nonceRequired, true},
			"longer key, same 32": {[][]byte{append(append([]byte{}, one...), '1')}, nonceRequired, true},
		} {
			k := newNonced(t, middleware.DPoPConfig{NonceKeys: test.keys})
			w := k.expect(k.goodWith(nonce), test.want)
			if fresh := w.Header().Get("DPoP-Nonce"); (fresh != "") != test.fresh {
				t.Errorf("%s: the response has the nonce %q", name, fresh)
			}
		}
	})
}

// A caller of Authenticate sends the new nonce with SetHeader. It keeps the header fields that were set before.
func TestG5_SetHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newNonced(t, middleware.DPoPConfig{ExposeHeaders: true})
		nonce := k.nonce()
		time.Sleep(time.Minute)
		r := k.goodWith(nonce)
		r.Header.Set("Origin", "https://app.test")
		admitted, err := k.guard.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Cache-Control": {"max-age=5"}, "Access-Control-Expose-Headers": {"ETag, dpop-nonce"}}
		k.guard.SetHeader(h, admitted)
		k.guard.SetHeader(h, admitted)
		if fresh := h.Values("DPoP-Nonce"); len(fresh) != 1 || fresh[0] == nonce {
			t.Errorf("nonces %q", fresh)
		}
		if got := strings.Join(h.Values("Cache-Control"), ", "); got != "max-age=5, no-store" {
			t.Errorf("Cache-Control is %q", got)
		}
		if got := h.Values("Access-Control-Expose-Headers"); len(got) != 1 || got[0] != "ETag, dpop-nonce, WWW-Authenticate" {
			t.Errorf("Access-Control-Expose-Headers is %q", got)
		}
		// A request that no Guard has admitted needs nothing.
		h = http.Header{}
		k.guard.SetHeader(h, r)
		if len(h) != 0 {
			t.Errorf("header %v", h)
		}
	})
}

// Scripts of other origins can read the header fields that a client of DPoP needs.
func TestG4_Attack49_ExposeHeaders(t *testing.T) {
	t.Parallel()
	const own = "DPoP-Nonce, WWW-Authenticate"
	for name, test := range map[string]struct {
		off    bool
		origin string
		before []string
		want   []string
	}{
		"not set":                {true, "https://app.test", nil, nil},
		"not set, listed before": {true, "https://app.test", []string{"ETag"}, []string{"ETag"}},
		"no Origin":              {false, "", nil, nil},
		"alone":                  {false, "https://app.test", nil, []string{own}},
		"null origin":            {false, "null", nil, []string{own}},
		"others before":          {false, "https://app.test", []string{"ETag", "Link,X-A"}, []string{"ETag, Link,X-A, " + own}},
		"one before":             {false, "https://app.test", []string{"www-authenticate"}, []string{"www-authenticate, DPoP-Nonce"}},
		"both before":            {false, "https://app.test", []string{"dpop-nonce ,WWW-Authenticate"}, []string{"dpop-nonce ,WWW-Authenticate"}},
		"a longer name before":   {false, "https://app.test", []string{"X-DPoP-Nonce"}, []string{"X-DPoP-Nonce, " + own}},
		"all before":             {false, "https://app.test", []string{"*"}, []string{"*, " + own}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newNonced(t, middleware.DPoPConfig{ExposeHeaders: !test.off})
				guarded := k.handler
				k.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, line := range test.before {
						w.Header().Add("Access-Control-Expose-Headers", line)
					}
					guarded.ServeHTTP(w, r)
				})
				for what, r := range map[string]*http.Request{"nonce": k.good(), "no credentials": get("", ""), "token": get("DPoP x.y.z", "")} {
					if test.origin != "" {
						r.Header.Set("Origin", test.origin)
					}
					_, w := k.send(r)
					got := w.Header().Values("Access-Control-Expose-Headers")
					if strings.Join(got, "|") != strings.Join(test.want, "|") {
						t.Errorf("%s: got %q, want %q", what, got, test.want)
					}
				}
				// A response without a new nonce needs nothing.
				r := k.goodWith(k.nonce())
				r.Header.Set("Origin", "https://app.test")
				w := k.expect(r, accepted)
				if got := w.Header().Values("Access-Control-Expose-Headers"); strings.Join(got, "|") != strings.Join(test.before, "|") {
					t.Errorf("accepted: got %q, want %q", got, test.before)
				}
			})
		})
	}
}
