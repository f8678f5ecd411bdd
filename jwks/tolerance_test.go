package jwks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// tolerated is a key with a deviation that is accepted.
type tolerated struct {
	key    jwk
	public any
	alg    string
	quirks []string // as they are reported
}

// wantTolerated fails the test unless a fetched set with the key can be used, and reports exactly the quirks of the key.
func wantTolerated(t *testing.T, tests map[string]tolerated) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				var seen refreshes
				i.serves(tt.key, public("another", p384()))
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				kid, _ := tt.key["kid"].(string)
				wantKey(t, r, kid, tt.alg, tt.public)
				wantKey(t, r, "another", "ES384", p384())
				wantQuirks(t, &seen, tt.quirks...)
				if err := r.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				wantQuirks(t, &seen) // not again for the same deviations
				i.serves(public("another", p384()))
				_ = r.Refresh(t.Context())
				i.serves(tt.key, public("another", p384()))
				_ = r.Refresh(t.Context())
				wantQuirks(t, &seen, tt.quirks...) // they differ from those of the previous set
			})
			if s, err := jwks.ParseJWKS([]byte(tt.key.String())); err != nil || len(s) != 1 {
				t.Errorf("ParseJWKS of the key alone: %v, %v", s, err)
			}
		})
	}
}

// wantQuirks checks the quirks that the last fetch reported, and that it reported no unusable key.
func wantQuirks(t *testing.T, seen *refreshes, want ...string) {
	t.Helper()
	event := seen.last(t)
	var got []string
	for _, q := range event.Quirks {
		got = append(got, q.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quirks (-want +got):\n%s", diff)
	}
	if event.Err != nil || len(event.Unusable) > 0 {
		t.Errorf("reported error %v and unusable keys %v", event.Err, event.Unusable)
	}
}

// wantRejected fails the test unless each key is unusable for this cause, and a good key beside it is used.
func wantRejected(t *testing.T, cause jwks.Fault, keys map[string]jwk) {
	t.Helper()
	for name, key := range keys {
		t.Run("rejected: "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				var seen refreshes
				i.serves(key, public("good", otherEC()))
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				wantKey(t, r, "good", "ES256", otherEC())
				got := seen.last(t)
				if len(got.Unusable) != 1 || got.Unusable[0].Cause != cause {
					t.Errorf("unusable keys %+v, want one with the cause %q", got.Unusable, cause)
				}
				if len(got.Quirks) > 0 {
					t.Errorf("quirks of a key that is not used: %v", got.Quirks)
				}
			})
		})
	}
}

// A key whose coordinate x or y has a zero octet in front. Every other P-521 key has one, and one in 256 of the others.
var (
	shortX256 = sync.OnceValue(func() *ecdsa.PublicKey { return withZero(elliptic.P256(), 1) })
	shortY256 = sync.OnceValue(func() *ecdsa.PublicKey { return withZero(elliptic.P256(), 33) })
	shortY384 = sync.OnceValue(func() *ecdsa.PublicKey { return withZero(elliptic.P384(), 49) })
	shortX521 = sync.OnceValue(func() *ecdsa.PublicKey { return withZero(elliptic.P521(), 1) })
)

// withZero returns a key whose uncompressed point has a zero octet at the given place.
func withZero(curve elliptic.Curve, place int) *ecdsa.PublicKey {
	for {
		key := newEC(curve)
		if must(key.Bytes())[place] == 0 {
			return key
		}
	}
}

// octets returns the decoded member of a key.
func octets(key jwk, name string) []byte {
	text, _ := key[name].(string)
	return must(base64.RawURLEncoding.DecodeString(text))
}

// prefixed returns key with zero octets in front of a member.
func prefixed(key jwk, name string, zeros int) jwk {
	return key.with(name, b64(append(make([]byte, zeros), octets(key, name)...)))
}

// suffixed returns key with text after a member.
func suffixed(key jwk, name, text string) jwk {
	before, _ := key[name].(string)
	return key.with(name, before+text)
}

const (
	rsaSection = " (RFC 7518 section 6.3.1)"
	ecSection  = " (RFC 7518 section 6.2.1)"
)

func TestCaseJ1_EncodingOfRSAParameters(t *testing.T) {
	t.Parallel()
	key := public("1", rsaKey())
	padded := suffixed(suffixed(key, "n", "=="), "e", "=")
	standard, _ := strings.CutSuffix(base64.StdEncoding.EncodeToString(rsaKey().N.Bytes()), "==")
	wantTolerated(t, map[string]tolerated{
		"n padded":              {suffixed(key, "n", "=="), rsaKey(), "RS256", []string{"base64_padding in key n" + rsaSection}},
		"n padded in part":      {suffixed(key, "n", "="), rsaKey(), "RS256", []string{"base64_padding in key n" + rsaSection}},
		"e padded":              {suffixed(key, "e", "===="), rsaKey(), "PS512", []string{"base64_padding in key e" + rsaSection}},
		"n and e padded":        {padded, rsaKey(), "RS256", []string{"base64_padding in key e" + rsaSection, "base64_padding in key n" + rsaSection}},
		"n with a zero":         {prefixed(key, "n", 1), rsaKey(), "RS256", []string{"leading_zero in key n" + rsaSection}},
		"n with many zeros":     {prefixed(key, "n", 40), rsaKey(), "RS256", []string{"leading_zero in key n" + rsaSection}},
		"e with zeros":          {prefixed(key, "e", 5), rsaKey(), "RS256", []string{"leading_zero in key e" + rsaSection}},
		"n with a zero, padded": {suffixed(prefixed(key, "n", 1), "n", "="), rsaKey(), "RS256", []string{"base64_padding in key n" + rsaSection, "leading_zero in key n" + rsaSection}},
		"n in base64":           {key.with("n", base64.StdEncoding.EncodeToString(rsaKey().N.Bytes())), rsaKey(), "RS256", []string{"base64_form in key n" + rsaSection, "base64_padding in key n" + rsaSection}},
		"n in lines":            {key.with("n", standard[:76]+"\r\n"+standard[76:]), rsaKey(), "RS256", []string{"base64_form in key n" + rsaSection}},
	})
	wantRejected(t, jwks.FaultMalformed, map[string]jwk{
		"n with a space":        suffixed(key, "n", " "),
		"padding inside":        key.with("n", "AAAA="+b64(rsaKey().N.Bytes())),
		"n cut in a character":  key.with("n", b64(rsaKey().N.Bytes())[:341]),
		"only padding":          key.with("e", "===="),
		"n only zeros":          key.with("n", b64(make([]byte, 256))),
		"e of 5 octets":         key.with("e", b64([]byte{1, 0, 0, 0, 1})),
		"n not ASCII":           key.with("n", "ä"+b64(rsaKey().N.Bytes())),
		"n a number":            key.with("n", 65537),
		"n a list":              key.with("n", []string{b64(rsaKey().N.Bytes())}),
		"e a number":            key.with("e", 65537),
		"n with another letter": suffixed(key, "n", "."),
	})
	wantRejected(t, jwks.FaultWeak, map[string]jwk{
		"1024 bits, padded and with zeros": suffixed(prefixed(public("1", weakRSA()), "n", 128), "n", "=="),
		"e 1 with zeros":                   key.with("e", b64([]byte{0, 0, 1})),
	})
}

func TestCaseJ2_LengthOfCoordinates(t *testing.T) {
	t.Parallel()
	short := func(key *ecdsa.PublicKey, name string) jwk {
		whole := public("1", key)
		return whole.with(name, b64(octets(whole, name)[1:]))
	}
	x, y := []string{"coordinate_length in key x" + ecSection}, []string{"coordinate_length in key y" + ecSection}
	key := public("1", p256())
	wantTolerated(t, map[string]tolerated{
		"x of 31 octets":         {short(shortX256(), "x"), shortX256(), "ES256", x},
		"y of 31 octets":         {short(shortY256(), "y"), shortY256(), "ES256", y},
		"y of 47 octets":         {short(shortY384(), "y"), shortY384(), "ES384", y},
		"x of 65 octets":         {short(shortX521(), "x"), shortX521(), "ES512", x},
		"x of 33 octets":         {prefixed(key, "x", 1), p256(), "ES256", x},
		"x and y of 33 octets":   {prefixed(prefixed(key, "x", 1), "y", 1), p256(), "ES256", append(x, y...)},
		"y of 80 octets":         {prefixed(key, "y", 48), p256(), "ES256", y},
		"x of 33 octets, padded": {suffixed(prefixed(key, "x", 1), "x", "="), p256(), "ES256", append([]string{"base64_padding in key x" + ecSection}, x...)},
		"x of Ed25519, padded":   {suffixed(public("1", ed()), "x", "="), ed(), "EdDSA", []string{"base64_padding in key x" + ecSection}},
	})
	wantRejected(t, jwks.FaultMalformed, map[string]jwk{
		"x of 33 octets without a zero": key.with("x", b64(append([]byte{1}, octets(key, "x")...))),
		"x longer at its end":           key.with("x", b64(append(octets(key, "x"), 0))),
		"x empty":                       key.with("x", ""),
		"Ed25519 of 31 octets":          public("1", ed()).with("x", b64(ed()[:31])),
		"Ed25519 of 33 octets":          prefixed(public("1", ed()), "x", 1),
		"P-384 key as P-256":            public("1", p384()).with("crv", "P-256"),
	})
	wantRejected(t, jwks.FaultWeak, map[string]jwk{
		"x cut off at its end":    key.with("x", b64(octets(key, "x")[:31])),
		"x cut off at its start":  key.with("x", b64(octets(public("1", withoutZero()), "x")[1:])),
		"point not on the curve":  key.with("y", key["x"]),
		"point at infinity":       key.with("x", b64([]byte{0})).with("y", b64([]byte{0})),
		"P-256 key as P-384":      key.with("crv", "P-384"),
		"x of the field's length": key.with("x", b64(make([]byte, 32))),
	})
}

// withoutZero returns a P-256 key whose x has no zero octet in front.
func withoutZero() *ecdsa.PublicKey {
	for {
		if key := newEC(elliptic.P256()); must(key.Bytes())[1] != 0 {
			return key
		}
	}
}

func TestCaseJ6_AbsentMembers(t *testing.T) {
	t.Parallel()
	null := jwk(nil)
	key := public("1", rsaKey())
	tests := map[string]tolerated{
		"alg null":             {key.with("alg", null), rsaKey(), "RS256", []string{"null_member in key alg (RFC 7517 section 4.4)"}},
		"alg empty":            {key.with("alg", ""), rsaKey(), "RS256", []string{"empty_member in key alg (RFC 7517 section 4.4)"}},
		"use null":             {key.with("use", null), rsaKey(), "RS256", []string{"null_member in key use (RFC 7517 section 4.2)"}},
		"use empty":            {key.with("use", ""), rsaKey(), "RS256", []string{"empty_member in key use (RFC 7517 section 4.2)"}},
		"key_ops null":         {key.with("key_ops", null), rsaKey(), "RS256", []string{"null_member in key key_ops (RFC 7517 section 4.3)"}},
		"key_ops empty":        {key.with("key_ops", []any{}), rsaKey(), "RS256", []string{"empty_member in key key_ops (RFC 7517 section 4.3)"}},
		"kid null":             {public("", rsaKey()).with("kid", null), rsaKey(), "RS256", []string{"null_member in key kid (RFC 7517 section 4.5)"}},
		"kid empty":            {public("", rsaKey()).with("kid", ""), rsaKey(), "RS256", []string{"empty_member in key kid (RFC 7517 section 4.5)"}},
		"oth empty":            {key.with("oth", []any{}), rsaKey(), "RS256", []string{"empty_member in key oth (RFC 7518 section 6)"}},
		"crv null in RSA":      {key.with("crv", null), rsaKey(), "RS256", []string{"null_member in key crv (RFC 7518 section 6.2.1)"}},
		"other members null":   {key.with("x5c", null).with("x5t", null).with("y", null).with("x", ""), rsaKey(), "RS256", nil},
		"use null, key_ops ok": {key.with("use", null).with("key_ops", []any{"verify"}), rsaKey(), "RS256", []string{"null_member in key use (RFC 7517 section 4.2)"}},
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		tests[name+" null"] = tolerated{key.with(name, null), rsaKey(), "RS256", []string{"null_member in key " + name + " (RFC 7518 section 6)"}}
		tests[name+" empty"] = tolerated{public("1", p256()).with(name, ""), p256(), "ES256", []string{"empty_member in key " + name + " (RFC 7518 section 6)"}}
	}
	wantTolerated(t, tests)
	wantRejected(t, jwks.FaultMalformed, map[string]jwk{"n null": key.with("n", null), "e empty": key.with("e", "")})
	wantRejected(t, jwks.FaultType, map[string]jwk{
		"kty null": key.with("kty", null), "oct without k": {"kty": "oct", "k": null}, "crv null": public("1", p256()).with("crv", null),
	})
	wantRejected(t, jwks.FaultPrivate, map[string]jwk{
		"d a number": key.with("d", 0), "d false": key.with("d", false), "d an object": key.with("d", jwk{}), "oth": key.with("oth", []any{jwk{}}),
	})
	wantRejected(t, jwks.FaultAlgorithm, map[string]jwk{"alg a number": key.with("alg", 0), "alg a list": key.with("alg", []any{"RS256"})})
}

func TestCaseJ7_UnknownUse(t *testing.T) {
	t.Parallel()
	key := public("1", p256())
	unknown := []string{"unknown_use in key use (RFC 7517 section 4.2)"}
	wantTolerated(t, map[string]tolerated{
		"jwt-svid":          {key.with("use", "jwt-svid"), p256(), "ES256", unknown},
		"x509-svid":         {key.with("use", "x509-svid"), p256(), "ES256", unknown},
		"SIG":               {key.with("use", "SIG"), p256(), "ES256", unknown},
		"a list":            {key.with("use", []any{"sig"}), p256(), "ES256", unknown},
		"sig and enc":       {key.with("use", []any{"enc", "sig"}), p256(), "ES256", unknown},
		"a number":          {key.with("use", 1), p256(), "ES256", unknown},
		"sig":               {key.with("use", "sig"), p256(), "ES256", nil},
		"key_ops, verify":   {key.with("key_ops", []any{"wrapKey", "verify"}), p256(), "ES256", nil},
		"key_ops, a string": {key.with("key_ops", "verify"), p256(), "ES256", []string{"wrong_type in key key_ops (RFC 7517 section 4.3)"}},
	})
	wantRejected(t, jwks.FaultUse, map[string]jwk{
		"enc":                  key.with("use", "enc"),
		"Enc":                  key.with("use", "Enc"),
		"a list with enc":      key.with("use", []any{"enc"}),
		"key_ops sign":         key.with("key_ops", []any{"sign"}),
		"key_ops encrypt":      key.with("use", "sig").with("key_ops", []any{"encrypt"}),
		"key_ops a string":     key.with("key_ops", "encrypt"),
		"unknown use, encrypt": key.with("use", "jwt-svid").with("key_ops", []any{"encrypt"}),
	})
}

// A fault of the JSON text costs one member or one key, and not the set.
func TestCaseJ6_FaultsOfTheText(t *testing.T) {
	t.Parallel()
	good := public("good", p256()).String()
	with := func(member string) string { // a member in front of a good RSA key
		return `{"keys":[{` + member + `,` + public("1", rsaKey()).String()[1:] + `,` + good + `]}`
	}
	tests := map[string]struct {
		text   string
		used   bool // the key 1
		quirks []string
	}{
		"byte order mark":        {"\ufeff" + with(`"x":1`), true, []string{"byte_order_mark in key set (RFC 8259 section 8.1)"}},
		"unused member twice":    {with(`"x5t":"a","x5t":"b"`), true, []string{"duplicate_member in key member (RFC 8259 section 4)"}},
		"unused, escaped":        {with(`"x5t":"a","x5\u0074":"b"`), true, []string{"duplicate_member in key member (RFC 8259 section 4)"}},
		"unused, lone surrogate": {with(`"x5t":"\ud800"`), true, []string{"invalid_value in key member (RFC 8259 section 8)"}},
		"unused, invalid UTF-8":  {with(`"x5u":"` + "\xff" + `"`), true, []string{"invalid_value in key member (RFC 8259 section 8)"}},
		"unused, nested":         {with(`"x5c":` + strings.Repeat("[", 30) + strings.Repeat("]", 30)), true, []string{"invalid_value in key member (RFC 8259 section 8)"}},
		"kid twice":              {with(`"kid":"2"`), false, nil},
		"n twice":                {with(`"n":"AAAA"`), false, nil},
		"kty twice":              {with(`"kty":"RSA"`), false, nil},
		"use twice":              {with(`"use":"sig","use":"enc"`), false, nil},
		"d twice":                {with(`"d":null,"d":"AAAA"`), false, nil},
		"kid and Kid":            {with(`"Kid":"2"`), false, nil},
		"n with invalid UTF-8":   {with(`"N":"` + "\xff" + `"`), false, nil},
		"member of the set":      {strings.Replace(with(`"x":1`), `{`, `{"a":1,"a":2,"b":"`+"\xff"+`",`, 1), true, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				var seen refreshes
				i.says(200, tt.text)
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook, Snapshot: jwks.SnapshotFile(t.TempDir() + "/keys")})
				wantKey(t, r, "good", "ES256", p256())
				if tt.used {
					wantKey(t, r, "1", "RS256", rsaKey())
					wantQuirks(t, &seen, tt.quirks...)
				} else {
					wantNoKey(t, r, "1", "RS256", jwks.ErrKeyNotFound)
				}
				if got := seen.last(t); got.SnapshotErr != nil || len(got.Unusable) != map[bool]int{true: 0, false: 1}[tt.used] {
					t.Errorf("reported %+v", got)
				}
			})
		})
	}
	for _, text := range []string{
		`{"keys":[],"keys":[` + good + `]}`, `{"keys":[` + good + `],"k\u0065ys":[]}`, `{"Keys":[` + good + `]}`, `[` + good + `]`,
		`{"keys":[` + good + `],}`, `{"keys":[` + good + `,]}`, `{"keys":[` + good + `]}}`, `{"keys":"[` + `]"}`,
	} {
		if s, err := jwks.ParseJWKS([]byte(text)); err == nil {
			t.Errorf("ParseJWKS(%.60q) = %v", text, s)
		}
	}
}
