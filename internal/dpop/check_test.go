package dpop_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

func TestG1_ProofOfEachAlgorithm(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	for alg, k := range keys() {
		for _, pass := range []string{"parsed key", "cached key"} {
			use, err := check(c, newDraft(alg).sign(), want(k.jwk))
			if err != nil {
				t.Errorf("%s with a %s: %v", alg, pass, err)
				continue
			}
			use.ID = ""
			expected := dpop.Use{Key: thumbprint(k.jwk), From: now.Add(-time.Minute), Until: now.Add(time.Minute + 10*time.Second)}
			if diff := cmp.Diff(expected, use); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", alg, diff)
			}
		}
	}
}

// The window is a limit on both sides.
func TestG1_Window(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{0, time.Second, 5 * time.Minute} {
		c := newChecker(t, dpop.Config{Window: window})
		if window == 0 {
			window = time.Minute
		}
		d := newDraft("ES256")
		raw := d.sign()
		for at, part := range map[time.Duration]string{
			0: "", window: "", -window: "", window + 1: "past", -window - 1: "future",
			100 * 365 * 24 * time.Hour: "past", -50 * 365 * 24 * time.Hour: "future",
		} {
			w := want(d.key.jwk)
			w.Now = now.Add(at)
			_, err := check(c, raw, w)
			if part != "" {
				wantError(t, err, part)
			} else if err != nil {
				t.Errorf("window %v, %v later: %v", window, at, err)
			}
		}
	}
}

// The ID of a use depends on jti and htu, and on nothing that somebody without the key can change.
func TestG7_Attack27_IDOfAUse(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	id := func(d *draft, url string) string {
		t.Helper()
		w := want(d.key.jwk)
		w.URL = url
		use, err := check(c, d.sign(), w)
		if err != nil {
			t.Fatal(err)
		}
		if len(use.ID) != 43 || use.ID == d.claims["jti"] {
			t.Errorf("ID %q, want 43 characters of base64url", use.ID)
		}
		return use.ID
	}
	first := id(newDraft("ES256"), target)
	for name, again := range map[string]string{
		"the same proof":                   id(newDraft("ES256"), target),
		"another spelling of the request":  id(newDraft("ES256"), "https://API.example.com:443/%6frders/7?a=b"),
		"another query in htu":             id(newDraft("ES256").claim("htu", target+"?x"), target),
		"other claims under the same jti":  id(newDraft("ES256").claim("iat", now.Unix()-1).claim("x", "y"), target),
		"the same jti in another spelling": id(newDraft("ES256").claim("jti", json.RawMessage(`"\u0069d-1"`)), target),
	} {
		if again != first {
			t.Errorf("%s: another ID", name)
		}
	}
	for name, other := range map[string]string{
		"another jti": id(newDraft("ES256").claim("jti", "id-2"), target),
		"another URL": id(newDraft("ES256").claim("htu", "https://api.example.com/"), "https://api.example.com/"),
		"a shifted border": id(newDraft("ES256").claim("jti", "id-1https").claim("htu", "HTTPS"+target[5:]),
			target),
	} {
		if other == first {
			t.Errorf("%s: the same ID", name)
		}
	}
}

// Want.Now may come from a clock that was set back or forward. A use is always recorded for as long as the proof lasts,
// by its own iat.
func TestG7_UseDoesNotDependOnTheClock(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	d := newDraft("ES256")
	for _, at := range []time.Duration{-time.Minute, 0, time.Minute} {
		w := want(d.key.jwk)
		w.Now = now.Add(at)
		use, err := check(c, d.sign(), w)
		if err != nil || !use.From.Equal(now.Add(-time.Minute)) || !use.Until.Equal(now.Add(70*time.Second)) {
			t.Errorf("%v: %v, from %v until %v", at, err, use.From, use.Until)
		}
	}
}

// The proof of RFC 9449 section 7.1.
func TestG1_ProofOfTheRFC(t *testing.T) {
	t.Parallel()
	const raw = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQy" +
		"VVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJl" +
		"MWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlh" +
		"dCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EO" +
		"ptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	w := dpop.Want{
		Method: "GET", URL: "https://resource.example.org/protectedresource",
		Token:      "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
		Thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", // as in section 6.1
		Now:        time.Unix(1562262618, 0),
	}
	if _, err := check(newChecker(t, dpop.Config{}), raw, w); err != nil {
		t.Error(err)
	}
}

// A caller without the key of a token costs no signature check, whatever the proof contains.
func TestAttack27_CheapRejections(t *testing.T) { //nolint:paralleltest // allocations are counted
	c := newChecker(t, dpop.Config{})
	d := newDraft("ES256")
	good := d.sign()
	if _, err := check(c, good, want(d.key.jwk)); err != nil {
		t.Fatal(err)
	}
	other := want(keys()["EdDSA"].jwk)
	elsewhere := want(d.key.jwk)
	elsewhere.URL = "https://api.example.com/other"
	for name, test := range map[string]struct {
		raw     string
		want    dpop.Want
		ceiling float64
	}{
		"too long":       {strings.Repeat("x", 1<<20), other, 5},
		"many dots":      {strings.Repeat(".", 4096), other, 5},
		"another token":  {good, other, 10},
		"another URL":    {good, elsewhere, 15},
		"deep nesting":   {"W1tb" + strings.Repeat("W1tb", 900) + ".e30.AA", other, 10},
		"many members":   {b64([]byte(`{"a":1`+strings.Repeat(`,"b":1`, 400)+"}")) + ".e30.AA", other, 20},
		"a large number": {d.claim("iat", json.RawMessage(strings.Repeat("9", 400))).sign(), other, 15},
	} {
		if got := testing.AllocsPerRun(20, func() {
			if _, err := check(c, test.raw, test.want); err == nil {
				t.Error(name + ": accepted")
			}
		}); got > test.ceiling {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.ceiling)
		}
	}
}

// Errors may be logged: they contain neither secrets nor long values.
func TestAttack43_DetailsAreSafe(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	long := strings.Repeat("v", 3000)
	for _, d := range []*draft{
		newDraft("ES256").claim("htm", long), newDraft("ES256").claim("htu", "https://"+long), newDraft("ES256").head("typ", long),
		newDraft("ES256").head("alg", long), newDraft("ES256").member("kty", long).member("crv", long), newDraft("ES256").member("alg", long),
		newDraft("ES256").claim("ath", long), newDraft("ES256").claim("jti", long), newDraft("ES256").claim("nonce", "secret-nonce\n"),
		newDraft("ES256").claim("htm", "G\nE\x1b[T"), newDraft("ES256").claim("iat", 0), newDraft("ES256").member("d", "secret-d"),
		newDraft("ES256").claim("htu", target+"x?code=secret-query"),
	} {
		w := want(d.header["jwk"].(object))
		w.Nonce = func(string) (time.Time, bool) { return time.Time{}, false }
		_, err := check(c, d.sign(), w)
		if err == nil {
			t.Fatal("accepted")
		}
		got := err.Error()
		for _, secret := range []string{"secret", "id-1", token, d.key.jwk["x"].(string), "\n", "\x1b"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q contains %q", got, secret)
			}
		}
		if len(got) > 500 {
			t.Errorf("an error of %d bytes: %.100q", len(got), got)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := dpop.New(dpop.Config{Algorithms: []string{"ES256", "HS256", "none", "", "es256"}, Window: -1, MaxBytes: 1 << 20})
	if err == nil {
		t.Fatal("New returned no error")
	}
	for _, part := range []string{
		`Algorithms: "HS256" uses a shared secret`, `Algorithms: "none" is not supported`, `Algorithms: "" is not supported`,
		`Algorithms: "es256" is not supported`, "Window is -1ns, expected 0 to 5m0s", "MaxBytes is 1048576, expected 0 to 65536",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not contain %q:\n%v", part, err)
		}
	}
	if _, err := dpop.New(dpop.Config{Window: 5*time.Minute + 1}); err == nil {
		t.Error("a window of more than 5 minutes is accepted")
	}
}

func TestConfigFieldsDecide(t *testing.T) {
	t.Parallel()
	list := []string{"EdDSA", "PS256"}
	c := newChecker(t, dpop.Config{Algorithms: list, MaxBytes: 1500})
	list[0] = "ES256"
	if diff := cmp.Diff([]string{"EdDSA", "PS256"}, c.Algorithms()); diff != "" {
		t.Errorf("Algorithms (-want +got):\n%s", diff)
	}
	for alg, part := range map[string]string{"EdDSA": "", "Ed25519": "", "PS256": "", "RS256": "expected one of EdDSA, PS256", "ES256": "expected one of EdDSA, PS256"} {
		d := newDraft(alg)
		_, err := check(c, d.sign(), want(d.key.jwk))
		if part != "" {
			wantError(t, err, part)
		} else if err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	d := newDraft("PS256").claim("x", strings.Repeat("x", 400))
	_, err := check(c, d.sign(), want(d.key.jwk))
	wantError(t, err, "expected at most 1500")
	if got := newChecker(t, dpop.Config{}).Algorithms(); len(got) != 11 || slices.Contains(got, "HS256") {
		t.Errorf("default algorithms %v, want the 11 of public keys", got)
	}
}
