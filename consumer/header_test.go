package consumer_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// Media types are compared without case, and "application/" may be left out (RFC 7515 §4.1.9, RFC 8725bis §3.11).
func TestP1_J10_TypOfAnAccessToken(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	byDefault := newConsumer(t, cfg)
	cfg.Profile = consumer.ProfileRFC9068
	strict := newConsumer(t, cfg)
	for _, test := range []struct {
		typ             any
		strict, lenient bool
	}{
		{"at+jwt", true, true},
		{"AT+JWT", true, true},
		{"At+Jwt", true, true},
		{"application/at+jwt", true, true},
		{"Application/AT+jwt", true, true},
		{"JWT", false, true},
		{"jwt", false, true},
		{"application/jwt", false, true},
		{bearertest.Absent, false, true},
		{"", false, true},
		{"at", false, false},
		{"jws", false, false},
		{"application/", false, false},
		{"text/at+jwt", false, false},
		{" at+jwt", false, false},
		{"at+jwt,JWT", false, false},
	} {
		raw := issuer.AccessToken().SetHeader("typ", test.typ).Sign()
		t.Logf("typ %q", test.typ)
		judge(t, strict, raw, test.strict, consumer.ReasonType)
		judge(t, byDefault, raw, test.lenient, consumer.ReasonType)
	}
}

// judge expects raw to be accepted, or to be rejected for the reason want.
func judge(t *testing.T, v consumer.Verifier, raw string, ok bool, reason consumer.Reason) {
	t.Helper()
	if ok {
		accept(t, v, raw)
	} else {
		reject(t, v, raw, reason)
	}
}

// Parameters that are not used are ignored, unless they are extensions.
func TestS4_HeaderParametersWithKeysAreIgnored(t *testing.T) {
	t.Parallel()
	issuer, stranger := newIssuer(), newIssuer()
	_, public := stranger.Key("ES256")
	n := newNetwork(issuer)
	cfg := online(issuer)
	cfg.HTTPClient = n.client()
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Sign())
	before := n.asked()
	for name, value := range map[string]any{
		"jku": "https://stranger.test/jwks", "x5u": "https://stranger.test/x5u", "x5c": []string{"MIIB"}, "x5t": "AAAA",
		"x5t#S256": "AAAA", "jwk": bearertest.JWK("es256-1", "ES256", public), "cty": "JWT", "iss": "https://stranger.test",
		"aud": "https://stranger.test", "nonce": "n", "zip": "DEF", "url": "https://stranger.test", "ALGO": "none",
	} {
		accept(t, c, issuer.AccessToken().SetHeader(name, value).Sign())
		reject(t, c, stranger.AccessToken().SetHeader(name, value).Sign(), consumer.ReasonSignature)
	}
	// A wrong signature may cause one fetch of the issuer's own keys.
	if asked := n.asked() - before; asked > 1 {
		t.Errorf("%d requests, want at most 1", asked)
	}
}

// The detail quotes an unknown kid, at most 100 bytes of it, so that a token cannot add lines to a log.
func TestCaseW4_S5_J9_Attack4_UnknownKidIsQuoted(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for kid, want := range map[string]string{
		"other":                     `no key has the token's kid "other" (1 key)`,
		"other\nlevel=error":        `no key has the token's kid "other\nlevel=error" (1 key)`,
		strings.Repeat("other", 30): `no key has the token's kid "` + strings.Repeat("other", 20) + `" (1 key)`,
	} {
		e := reject(t, c, issuer.AccessToken().SetHeader("kid", kid).Sign(), consumer.ReasonUnknownKey)
		if e.Detail != want {
			t.Errorf("Detail %q, want %q", e.Detail, want)
		}
	}
}

// An empty kid names no key, so the keys that serve the algorithm are tried.
func TestCaseJ5_S5_EmptyKid(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	raw := issuer.AccessToken().SetHeader("kid", "").Sign()
	accept(t, newConsumer(t, offline(t, issuer)), raw)
	issuer.Announce()
	accept(t, newConsumer(t, offline(t, issuer)), raw)
}

func TestAttack14_HeaderSegmentHasAtMostTwoKiB(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	longest := -1
	for n := 1400; n < 1500; n++ {
		raw := issuer.AccessToken().SetHeader("x", strings.Repeat("x", n)).Sign()
		if size := strings.IndexByte(raw, '.'); size > 2048 {
			reject(t, c, raw, consumer.ReasonTooLarge)
		} else {
			accept(t, c, raw)
			longest = max(longest, size)
		}
	}
	if longest < 2046 {
		t.Errorf("the longest header tried has %d letters", longest)
	}
}

// The error says which check failed to operators, in words that are the same for everybody.
func TestAttack41_ErrorTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		cfg := offline(t, issuer)
		cfg.Algorithms = []string{"ES256", "RS256"}
		c := newConsumer(t, cfg)
		for want, token := range map[string]*bearertest.Token{
			`consumer: algorithm: alg "none" is not one of ["ES256" "RS256"] (Config.Algorithms)`:                   issuer.AccessToken().SignWith("none", nil),
			"consumer: critical: crit in the header is not supported":                                               issuer.AccessToken().SetHeader("crit", []string{"hunter2"}),
			`consumer: type: typ "other" is not one of ["at+jwt" "jwt" ""] (Config.Profile default)`:                issuer.AccessToken().SetHeader("typ", "other"),
			`consumer: issuer: iss "https://other.test" is not "https://issuer.test" (Config.Issuer)`:               issuer.AccessToken().Set("iss", "https://other.test"),
			"consumer: signature: the signature does not match the key of the token":                                issuer.AccessToken().EditSignature(flipped),
			`consumer: audience: aud ["account"] does not contain any of ["https://api.test"] (Config.Audience)`:    issuer.AccessToken().Set("aud", "account"),
			"consumer: claims: exp is missing (Config.Profile default)":                                             issuer.AccessToken().Set("exp", bearertest.Absent),
			"consumer: claims: exp is of type string, expected a number of seconds since the start of 1970":         issuer.AccessToken().Set("exp", "hunter2"),
			"consumer: expired: exp 1970-01-01T00:00:01Z has passed at 2000-01-01T00:00:00Z (Config.ClockSkew 10s)": issuer.AccessToken().Set("exp", 1),
			"consumer: type: nonce marks an ID token, expected an access token (Config.Profile default)":            issuer.AccessToken().Set("nonce", "hunter2"),
			"consumer: type: htm marks another kind of token, expected an access token (Config.Profile default)":    issuer.AccessToken().Set("htm", "hunter2"),
		} {
			_, err := c.Verify(t.Context(), token.Sign())
			if err == nil || err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
		}
	})
}
