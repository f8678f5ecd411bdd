package jwks_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// badKeys are keys that are left out of a set, and why.
var badKeys = map[string]struct {
	key   func() jwk
	cause jwks.Fault
}{
	"unknown kty":            {func() jwk { return jwk{"kty": "XYZ"} }, jwks.FaultType},
	"no kty":                 {func() jwk { return public("", rsaKey()).with("kty", nil) }, jwks.FaultType},
	"kty a number":           {func() jwk { return public("", rsaKey()).with("kty", 1) }, jwks.FaultType},
	"kty in lower case":      {func() jwk { return public("", rsaKey()).with("kty", "rsa") }, jwks.FaultType},
	"secp256k1":              {func() jwk { return public("", p256()).with("crv", "secp256k1") }, jwks.FaultType},
	"P-224":                  {func() jwk { return public("", p224()) }, jwks.FaultType},
	"Ed448":                  {func() jwk { return public("", ed()).with("crv", "Ed448") }, jwks.FaultType},
	"X25519":                 {func() jwk { return public("", ed()).with("crv", "X25519") }, jwks.FaultType},
	"use enc":                {func() jwk { return public("", rsaKey()).with("use", "enc") }, jwks.FaultUse},
	"key_ops without verify": {func() jwk { return public("", rsaKey()).with("key_ops", []any{"encrypt"}) }, jwks.FaultUse},
	"key_ops with a number":  {func() jwk { return public("", rsaKey()).with("key_ops", []any{"verify", 1}) }, jwks.FaultUse},
	"key_ops in upper case":  {func() jwk { return public("", rsaKey()).with("key_ops", []any{"VERIFY"}) }, jwks.FaultUse},
	"key_ops a number":       {func() jwk { return public("", rsaKey()).with("key_ops", 1) }, jwks.FaultUse},
	"key_ops another string": {func() jwk { return public("", rsaKey()).with("key_ops", "sign") }, jwks.FaultUse},
	"use enc in upper case":  {func() jwk { return public("", rsaKey()).with("use", "ENC") }, jwks.FaultUse},
	"use sig, ops encrypt": {func() jwk {
		return public("", rsaKey()).with("use", "sig").with("key_ops", []any{"encrypt"})
	}, jwks.FaultUse},

	"alg of another type":  {func() jwk { return public("", rsaKey()).with("alg", "ES256") }, jwks.FaultAlgorithm},
	"alg of another curve": {func() jwk { return public("", p256()).with("alg", "ES384") }, jwks.FaultAlgorithm},
	"alg to encrypt":       {func() jwk { return public("", rsaKey()).with("alg", "RSA-OAEP-256") }, jwks.FaultAlgorithm},
	"alg HS256":            {func() jwk { return public("", rsaKey()).with("alg", "HS256") }, jwks.FaultAlgorithm},
	"alg none":             {func() jwk { return public("", rsaKey()).with("alg", "none") }, jwks.FaultAlgorithm},
	"alg in lower case":    {func() jwk { return public("", rsaKey()).with("alg", "rs256") }, jwks.FaultAlgorithm},
	"alg a number":         {func() jwk { return public("", rsaKey()).with("alg", 256) }, jwks.FaultAlgorithm},

	"kid a number":           {func() jwk { return public("", rsaKey()).with("kid", 1) }, jwks.FaultMalformed},
	"kid too long":           {func() jwk { return public("", rsaKey()).with("kid", strings.Repeat("x", 257)) }, jwks.FaultMalformed},
	"no n":                   {func() jwk { return public("", rsaKey()).with("n", nil) }, jwks.FaultMalformed},
	"no e":                   {func() jwk { return public("", rsaKey()).with("e", nil) }, jwks.FaultMalformed},
	"n a number":             {func() jwk { return public("", rsaKey()).with("n", 12345) }, jwks.FaultMalformed},
	"n with space":           {func() jwk { return public("", rsaKey()).with("n", " "+b64(rsaKey().N.Bytes())) }, jwks.FaultMalformed},
	"e of 9 bytes":           {func() jwk { return public("", rsaKey()).with("e", b64([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})) }, jwks.FaultMalformed},
	"no y":                   {func() jwk { return public("", p256()).with("y", nil) }, jwks.FaultMalformed},
	"y too long":             {func() jwk { return public("", p256()).with("y", b64(bytes.Repeat([]byte{1}, 33))) }, jwks.FaultMalformed},
	"x cut off":              {func() jwk { return public("", p256()).with("x", b64(bytes.Repeat([]byte{1}, 31))) }, jwks.FaultWeak},
	"P-384 said to be P-256": {func() jwk { return public("", p384()).with("crv", "P-256") }, jwks.FaultMalformed},
	"Ed25519 cut off":        {func() jwk { return public("", ed()).with("x", b64(ed()[:31])) }, jwks.FaultMalformed},

	"symmetric":                 {func() jwk { return jwk{"kty": "oct", "k": b64(make([]byte, 64))} }, jwks.FaultSymmetric},
	"symmetric, for signatures": {func() jwk { return jwk{"kty": "oct", "k": "AAAA", "use": "sig", "alg": "HS256"} }, jwks.FaultSymmetric},
	"private RSA":               {func() jwk { return public("", rsaKey()).with("d", "AAAA") }, jwks.FaultPrivate},
	"private RSA, a prime":      {func() jwk { return public("", rsaKey()).with("p", "AAAA") }, jwks.FaultPrivate},
	"private EC":                {func() jwk { return public("", p256()).with("d", "AAAA") }, jwks.FaultPrivate},
	"private Ed25519":           {func() jwk { return public("", ed()).with("d", "AAAA") }, jwks.FaultPrivate},
	"private, for encryption":   {func() jwk { return public("", rsaKey()).with("d", "AAAA").with("use", "enc") }, jwks.FaultPrivate},
	"private of unknown type":   {func() jwk { return jwk{"kty": "XYZ", "d": "AAAA"} }, jwks.FaultPrivate},
	"RSA with a secret":         {func() jwk { return public("", rsaKey()).with("k", "AAAA") }, jwks.FaultPrivate},

	"RSA of 1024 bits": {func() jwk { return public("", weakRSA()) }, jwks.FaultWeak},
}

func TestK12_S6_Attack32_BadKeyDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range badKeys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(tt.key(), public("good", rsaKey()), tt.key())
				var seen refreshes
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				wantKey(t, r, "good", "RS256", rsaKey())
				wantKey(t, r, "", "RS256", rsaKey())
				got := seen.last(t)
				if got.Keys != 1 || len(got.Unusable) != 2 {
					t.Fatalf("reported %+v", got)
				}
				for _, k := range got.Unusable {
					if k.Cause != tt.cause || k.KeyID != "" || k.Detail == "" {
						t.Errorf("reported %+v, want cause %q", k, tt.cause)
					}
				}
			})
		})
	}
}

func TestK12_NonObjectElementDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.says(200, `{"keys":[null,"key",[],1,true,`+public("1", rsaKey()).String()+`]}`)
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		if s := r.Stats(); s.Unusable != 5 {
			t.Errorf("%d unusable keys, want 5", s.Unusable)
		}
	})
}

func TestS6_KeyOpsVerifyIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(
			public("use", rsaKey()).with("use", "sig"),
			public("ops", rsaKey()).with("key_ops", []any{"sign", "verify"}),
			public("both", rsaKey()).with("use", "sig").with("key_ops", []any{"verify"}),
			public("more", rsaKey()).with("x5c", []any{"garbage"}).with("x5u", "https://evil.example").with("ext", true),
			public("crv", rsaKey()).with("crv", "\x01"),
			public("zero", rsaKey()).with("n", b64(append([]byte{0}, rsaKey().N.Bytes()...))),
		)
		r := i.remote(t, jwks.Config{})
		for _, kid := range []string{"use", "ops", "both", "more", "crv", "zero"} {
			wantKey(t, r, kid, "RS256", rsaKey())
		}
	})
}

func TestCaseJ3_K12_SecondKeyUnderAKidAfterARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()), public("2", p256()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.serves(public("1", rsaKey()), public("1", otherRSA()), public("2", p256()))
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, r, "1", "RS256", rsaKey(), otherRSA())
	})
}

func TestK12_Attack14_KeysPastMaxKeysAreReported(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 3} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var keys []jwk
				for n := range 150 {
					keys = append(keys, public("", weakRSA()), public(fmt.Sprint("k", n), p256()))
				}
				var i issuer
				i.serves(keys...)
				r := i.remote(t, jwks.Config{MaxKeys: limit})
				used := map[int]int{0: 100, 3: 3}[limit]
				wantKey(t, r, fmt.Sprint("k", used-1), "ES256", p256())
				wantNoKey(t, r, fmt.Sprint("k", used), "ES256", jwks.ErrKeyNotFound)
				if s := r.Stats(); s.Keys != used || s.Unusable != 300-used {
					t.Errorf("Stats = %+v, want %d keys used", s, used)
				}
			})
		})
	}
}

// What cannot be used is kept, reported and logged one by one, so there is an end to that too.
func TestK10_Attack14_Attack32_SetWithTooManyElementsIsRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		var seen refreshes
		r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.says(200, `{"keys":[`+public("2", otherRSA()).String()+strings.Repeat(",1", 250<<10)+`]}`)
		if err := r.Refresh(t.Context()); err == nil {
			t.Error("the set is accepted")
		}
		if got := seen.last(t); got.Err == nil || len(got.Unusable) > 0 {
			t.Errorf("reported %d unusable keys and error %v", len(got.Unusable), got.Err)
		}
		wantKey(t, r, "1", "RS256", rsaKey())

		i.says(200, `{"keys":[`+public("2", otherRSA()).String()+strings.Repeat(",1", 999)+`]}`)
		if err := r.Refresh(t.Context()); err != nil {
			t.Errorf("1000 keys: %v", err)
		}
		wantKey(t, r, "2", "RS256", otherRSA())
	})
}

func TestK13_TokenWithoutKidIsTriedWithTheKeysThatFit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(
			public("1", rsaKey()).with("alg", "RS256"),
			public("", otherRSA()).with("alg", "PS256"),
			public("", p256()),
			public("3", otherEC()),
			public("", ed()).with("alg", "EdDSA"),
		)
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "", "RS256", rsaKey())
		wantKey(t, r, "", "PS256", otherRSA())
		wantKey(t, r, "", "EdDSA", ed())
		wantKey(t, r, "", "Ed25519", ed()) // another name of EdDSA
		wantKeys(t, r, "", "ES256", p256(), otherEC())
		wantKey(t, r, "2", "PS256", otherRSA()) // no key has this kid, so the keys without an ID are tried
		wantNoKey(t, r, "", "", jwks.ErrAlgorithm)
		wantFetches(t, &i, 1)
		wantNoKey(t, r, "", "ES384", jwks.ErrAlgorithm) // the issuer may have a new key of this kind
		wantFetches(t, &i, 2)
	})
}

func TestK12_ReportIsACopy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.says(200, keySet(public("1", rsaKey()), public("2", weakRSA())), "ETag", `"1"`)
		var seen refreshes
		r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
		_ = r.Refresh(t.Context())
		first := seen.last(t)
		first.Unusable[0] = jwks.UnusableKey{}
		i.says(304, "")
		_ = r.Refresh(t.Context())
		want := []jwks.UnusableKey{{
			KeyID: "2", Cause: jwks.FaultWeak, Detail: "RSA modulus has 1024 bits, expected 2048 to 8192",
		}}
		if diff := cmp.Diff(want, seen.last(t).Unusable); diff != "" {
			t.Errorf("Unusable (-want +got):\n%s", diff)
		}
	})
}

func TestK16_FreshnessComesFromTheResponse(t *testing.T) {
	t.Parallel()
	date := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // now, in a bubble
	at := func(d time.Duration) string { return date.Add(d).Format("Mon, 02 Jan 2006 15:04:05 GMT") }
	tests := map[string]struct {
		headers []string
		want    time.Duration
	}{
		"nothing said":             {nil, 10 * time.Minute},
		"max-age":                  {[]string{"Cache-Control", "public, max-age=1200"}, 20 * time.Minute},
		"max-age in upper case":    {[]string{"Cache-Control", "Max-Age=1200"}, 20 * time.Minute},
		"max-age quoted":           {[]string{"Cache-Control", `max-age="1200"`}, 20 * time.Minute},
		"max-age of two":           {[]string{"Cache-Control", "max-age=1200, max-age=2400"}, 20 * time.Minute},
		"max-age too short":        {[]string{"Cache-Control", "max-age=1"}, time.Minute},
		"max-age zero":             {[]string{"Cache-Control", "max-age=0"}, time.Minute},
		"max-age too long":         {[]string{"Cache-Control", "max-age=86400"}, time.Hour},
		"max-age far too long":     {[]string{"Cache-Control", "max-age=99999999999999999999"}, time.Hour},
		"max-age no number":        {[]string{"Cache-Control", "max-age=long"}, time.Minute},
		"max-age negative":         {[]string{"Cache-Control", "max-age=-5"}, time.Minute},
		"max-age half used up":     {[]string{"Cache-Control", "max-age=1200", "Age", "600"}, 10 * time.Minute},
		"max-age used up":          {[]string{"Cache-Control", "max-age=1200", "Age", "6000"}, time.Minute},
		"no-store":                 {[]string{"Cache-Control", "max-age=1200, no-store"}, time.Minute},
		"no-cache in its own line": {[]string{"Cache-Control", "max-age=1200", "Cache-Control", "no-cache"}, time.Minute},
		"other directives":         {[]string{"Cache-Control", "public, must-revalidate"}, 10 * time.Minute},
		"s-maxage is for others":   {[]string{"Cache-Control", "s-maxage=1200"}, 10 * time.Minute},
		"Expires":                  {[]string{"Expires", at(20 * time.Minute)}, 20 * time.Minute},
		"Expires by its own Date": {
			[]string{"Expires", at(-100 * time.Hour), "Date", at(-100*time.Hour - 20*time.Minute)}, 20 * time.Minute,
		},
		"Expires in the past":     {[]string{"Expires", at(-time.Hour)}, time.Minute},
		"Expires 0":               {[]string{"Expires", "0"}, time.Minute},
		"Expires loses to maxage": {[]string{"Expires", at(time.Minute), "Cache-Control", "max-age=1200"}, 20 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.says(200, keySet(public("1", rsaKey())), tt.headers...)
				r := i.remote(t, jwks.Config{})
				wantKey(t, r, "1", "RS256", rsaKey())
				i.slow(300 * time.Millisecond)
				pass(tt.want - time.Nanosecond)
				began := time.Now()
				wantKey(t, r, "1", "RS256", rsaKey()) // refreshed ahead
				if waited := time.Since(began); waited != 0 {
					t.Errorf("not fresh for %v", tt.want)
				}
				pass(time.Second)
				wantFetches(t, &i, 2)

				pass(tt.want)
				began = time.Now()
				wantKey(t, r, "1", "RS256", rsaKey()) // expired
				if waited := time.Since(began); waited != 300*time.Millisecond {
					t.Errorf("fresh for longer than %v", tt.want)
				}
			})
		})
	}
}

func TestK16_FreshForAppliesWithoutHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{FreshFor: 2 * time.Hour})
		wantKey(t, r, "1", "RS256", rsaKey())
		pass(80 * time.Minute)
		wantKey(t, r, "1", "RS256", rsaKey())
		wantFetches(t, &i, 1)
	})
}
