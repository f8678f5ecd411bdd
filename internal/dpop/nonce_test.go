package dpop_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

func newNonces(t testing.TB, every time.Duration, keys ...string) *dpop.Nonces {
	t.Helper()
	var octets [][]byte
	for _, k := range keys {
		octets = append(octets, bytes.Repeat([]byte(k), 32)[:32])
	}
	n, err := dpop.NewNonces(octets, every)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A nonce is accepted in its interval and in the one after, and at no other time, whatever the clock does.
func TestG5_TimesOfNonces(t *testing.T) {
	t.Parallel()
	n := newNonces(t, time.Minute, "a") // now is the start of an interval
	nonce := n.Current(now.Add(10 * time.Second))
	if len(nonce) != 22 || strings.ContainsAny(nonce, " \"\\") {
		t.Errorf("nonce %q, want 22 characters of base64url", nonce)
	}
	for _, test := range []struct {
		at time.Duration
		ok bool
	}{
		{10 * time.Second, true},
		{0, true}, // the clock was set back, within the interval
		{59 * time.Second, true},
		{time.Minute, true},
		{2*time.Minute - 1, true},
		{2 * time.Minute, false},
		{24 * time.Hour, false},
		{30 * time.Second, true}, // the clock is right again
		{-1, false},
		{-24 * time.Hour, false},
		{30 * time.Second, true},
	} {
		issued, ok := n.Issued(nonce, now.Add(test.at))
		if ok != test.ok || ok && !issued.Equal(now) || !ok && !issued.IsZero() {
			t.Errorf("after %v: got %v, %t, want %t", test.at, issued, ok, test.ok)
		}
	}
}

func TestG5_NoncesOfOthersAreRejected(t *testing.T) {
	t.Parallel()
	n := newNonces(t, time.Minute, "a")
	nonce := n.Current(now)
	for name, other := range map[string]string{
		"empty":            "",
		"cut":              nonce[:21],
		"longer":           nonce + "A",
		"padded":           nonce + "==",
		"other case":       strings.ToLower(nonce) + "",
		"other key":        newNonces(t, time.Minute, "b").Current(now),
		"random key":       newNonces(t, time.Minute).Current(now),
		"other interval":   newNonces(t, time.Hour, "a").Current(now),
		"of the future":    n.Current(now.Add(time.Minute)),
		"of long ago":      n.Current(now.Add(-2 * time.Minute)),
		"1 MiB of nothing": strings.Repeat("x", 1<<20),
	} {
		if _, ok := n.Issued(other, now); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	if a, b := newNonces(t, time.Minute), newNonces(t, time.Minute); a.Current(now) == b.Current(now) {
		t.Error("two random keys issue the same nonce")
	}
}

// The servers of a cluster accept the nonces of each other while a key is replaced.
func TestG5_RotationOfNonceKeys(t *testing.T) {
	t.Parallel()
	before := newNonces(t, time.Minute, "a")
	steps := []*dpop.Nonces{before, newNonces(t, time.Minute, "a", "b"), newNonces(t, time.Minute, "b", "a"), newNonces(t, time.Minute, "b")}
	for i := 1; i < len(steps); i++ {
		for _, pair := range [...][2]*dpop.Nonces{{steps[i-1], steps[i]}, {steps[i], steps[i-1]}} {
			for _, later := range []time.Duration{0, time.Minute} {
				if issued, ok := pair[1].Issued(pair[0].Current(now), now.Add(later)); !ok || !issued.Equal(now) {
					t.Errorf("step %d, %v later: got %v, %t", i, later, issued, ok)
				}
			}
		}
	}
	if _, ok := steps[3].Issued(before.Current(now), now); ok {
		t.Error("a nonce of the removed key is accepted")
	}
}

func TestG5_NonceKeysAndIntervals(t *testing.T) {
	t.Parallel()
	good := make([]byte, 32)
	for name, test := range map[string]struct {
		keys  [][]byte
		every time.Duration
		part  string
	}{
		"short key":     {[][]byte{good, make([]byte, 31)}, time.Minute, "NonceKeys[1] has 31 bytes, expected at least 32"},
		"empty key":     {[][]byte{nil}, time.Minute, "NonceKeys[0] has 0 bytes"},
		"too many keys": {[][]byte{good, good, good, good, good, good, good, good, good}, time.Minute, "NonceKeys has 9 keys, expected at most 8"},
		"no interval":   {[][]byte{good}, 0, "interval"},
		"negative":      {[][]byte{good}, -time.Minute, "interval"},
		"too long":      {[][]byte{good}, 2 * time.Hour, "interval"},
		"both":          {[][]byte{nil}, 0, "interval"},
	} {
		if _, err := dpop.NewNonces(test.keys, test.every); err == nil || !strings.Contains(err.Error(), test.part) {
			t.Errorf("%s: got %v, want %q", name, err, test.part)
		}
	}
	n := newNonces(t, time.Minute, "a")
	key := bytes.Repeat([]byte("a"), 32)
	copied, err := dpop.NewNonces([][]byte{key}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	clear(key)
	if copied.Current(now) != n.Current(now) {
		t.Error("NewNonces keeps the key of its caller")
	}
}

// Once nonces are required, a proof without a good one is rejected, with an error that requests a new one.
func TestG6_NonceIsRequired(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	n := newNonces(t, 30*time.Second, "a")
	for name, test := range map[string]struct {
		nonce any
		at    time.Duration // when the nonce was issued
		ok    bool
	}{
		"current":       {n.Current(now), 0, true},
		"previous":      {n.Current(now.Add(-30 * time.Second)), -30 * time.Second, true},
		"too old":       {n.Current(now.Add(-60 * time.Second)), 0, false},
		"absent":        {absent, 0, false},
		"null":          {nil, 0, false},
		"empty":         {"", 0, false},
		"of the client": {"guess", 0, false},
		"other key":     {newNonces(t, 30*time.Second, "b").Current(now), 0, false},
	} {
		d := newDraft("ES256").claim("nonce", test.nonce)
		w := want(d.key.jwk)
		w.Nonce = func(nonce string) (time.Time, bool) { return n.Issued(nonce, now) }
		use, err := check(c, d.sign(), w)
		if test.ok {
			if err != nil || !use.From.Equal(now.Add(test.at)) {
				t.Errorf("%s: got %v from %v, want %v", name, err, use.From, now.Add(test.at))
			}
			continue
		}
		var e *dpop.Error
		if !errors.As(err, &e) || !e.Nonce {
			t.Errorf("%s: got %v, want an error that requests a nonce", name, err)
		}
	}
}

// A proof that another fault excludes is not worth another request with a nonce.
func TestG6_OtherFaultsComeFirst(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	for part, d := range map[string]*draft{
		"htm":  newDraft("ES256").claim("htm", "PUT"),
		"htu":  newDraft("ES256").claim("htu", "https://evil.test/"),
		"past": newDraft("ES256").claim("iat", now.Unix()-100),
	} {
		w := want(d.key.jwk)
		w.Nonce = func(string) (time.Time, bool) { return time.Time{}, false }
		_, err := check(c, d.sign(), w)
		wantError(t, err, part)
	}
}

// From is the later one of two times, so that a store that was emptied loses as few proofs as possible.
func TestG7_FromIsTheLaterTime(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	d := newDraft("ES256").claim("nonce", "n")
	for issued, from := range map[time.Duration]time.Duration{-90 * time.Second: -time.Minute, -10 * time.Second: -10 * time.Second} {
		w := want(d.key.jwk)
		w.Nonce = func(string) (time.Time, bool) { return now.Add(issued), true }
		if use, err := check(c, d.sign(), w); err != nil || !use.From.Equal(now.Add(from)) {
			t.Errorf("issued %v: got %v from %v, want %v", issued, err, use.From.Sub(now), from)
		}
	}
}

// Nonces are computed once for each interval, so a flood of requests costs comparisons only.
func TestG5_NoncesAllocateNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	n := newNonces(t, time.Minute, "a", "b", "c")
	good, forged := n.Current(now), strings.Repeat("A", 22)
	if got := testing.AllocsPerRun(100, func() {
		if _, ok := n.Issued(good, now); !ok {
			t.Error("rejected")
		}
		if _, ok := n.Issued(forged, now); ok {
			t.Error("accepted")
		}
		_ = n.Current(now)
	}); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
