package dpop_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// A key is cached after it has verified a proof for a token that is bound to it. Other proofs cannot fill the cache.
func TestG1_Attack27_OnlyKeysOfVerifiedTokensAreCached(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	d := newDraft("ES256")
	forged := d.sign()
	forged = forged[:strings.LastIndexByte(forged, '.')] + newDraft("EdDSA").sign()[len(newDraft("EdDSA").sign())-87:]
	for name, test := range map[string]struct {
		raw  string
		want dpop.Want
	}{
		"a wrong signature":    {forged, want(d.key.jwk)},
		"another token":        {d.sign(), want(keys()["RS256"].jwk)},
		"another method":       {newDraft("ES256").claim("htm", "PUT").sign(), want(d.key.jwk)},
		"a key that is weak":   {newDraft("EdDSA").member("x", strings.Repeat("A", 43)).sign(), want(object{"kty": "OKP", "crv": "Ed25519", "x": strings.Repeat("A", 43)})},
		"a key off the curve":  {newDraft("ES256").member("y", d.key.jwk["x"]).sign(), want(object{"kty": "EC", "crv": "P-256", "x": d.key.jwk["x"], "y": d.key.jwk["x"]})},
		"a header that is bad": {newDraft("ES256").head("typ", "JWT").sign(), want(d.key.jwk)},
	} {
		if _, err := check(c, test.raw, test.want); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if n := dpop.CachedKeys(c); n != 0 {
			t.Errorf("%s: %d keys are cached", name, n)
		}
	}

	for range 3 {
		if _, err := check(c, d.sign(), want(d.key.jwk)); err != nil {
			t.Fatal(err)
		}
	}
	if n := dpop.CachedKeys(c); n != 1 {
		t.Errorf("%d keys are cached, want 1", n)
	}
	// A cached header is no reason to accept anything else.
	for part, bad := range map[string]*draft{
		"htm": newDraft("ES256").claim("htm", "PUT"), "jti": newDraft("ES256").claim("jti", ""), "iat": newDraft("ES256").claim("iat", 0),
		"ath": newDraft("ES256").claim("ath", "x"), "nonce": newDraft("ES256").claim("nonce", 1),
	} {
		_, err := check(c, bad.sign(), want(d.key.jwk))
		wantError(t, err, part)
	}
	_, err := check(c, d.sign(), want(keys()["RS256"].jwk))
	wantError(t, err, "bound")
	_, err = check(c, forged, want(d.key.jwk))
	wantError(t, err, "signature")
}

// The cache is bounded, even by a client that changes its header all the time, and so are the headers in it.
func TestG1_Attack27_CachedKeysAreBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("signs more than 4096 proofs")
	}
	c := newChecker(t, dpop.Config{})
	for i := range 4096 + 10 {
		d := newDraft("Ed25519").head("kid", strconv.Itoa(i))
		if _, err := check(c, d.sign(), want(d.key.jwk)); err != nil {
			t.Fatal(err)
		}
	}
	if n := dpop.CachedKeys(c); n != 4096 {
		t.Errorf("%d keys are cached, want 4096", n)
	}
	c = newChecker(t, dpop.Config{})
	for length, cached := range map[int]int{2100: 0, 100: 1} { // in any order: a long header is accepted and not cached
		d := newDraft("Ed25519").head("kid", strings.Repeat("k", length))
		if _, err := check(c, d.sign(), want(d.key.jwk)); err != nil {
			t.Fatal(err)
		}
		if n := dpop.CachedKeys(c); n > 1 || n < cached {
			t.Errorf("header with a kid of %d bytes: %d keys are cached", length, n)
		}
	}
}
