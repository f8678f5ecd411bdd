package digest

import (
	"bytes"
	"crypto/fips140"
	"strings"
	"testing"
)

func digesters() map[string]*Digester {
	slow := newDigester(false)
	all := map[string]*Digester{"SHA-256": slow}
	if !fips140.Enforced() { // there it is not even to be had
		fast := newDigester(true)
		all["GMAC"] = fast
	}
	return all
}

func TestAttack45_DigestDependsOnEveryByte(t *testing.T) {
	t.Parallel()
	raw := strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 200)
	for name, d := range digesters() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[Sum]string{d.Sum(raw): "the token"}
			note := func(text, what string) {
				sum := d.Sum(text)
				if other, twice := seen[sum]; twice {
					t.Fatalf("%s has the digest of %s", what, other)
				}
				seen[sum] = what
			}
			for i := range len(raw) {
				note(raw[:i], "a shorter one")
				changed := []byte(raw)
				changed[i] ^= 1
				note(string(changed), "one with another byte")
			}
			for i := range 40 { // zeros behind it are not the padding of the last block
				note(raw+strings.Repeat("\x00", i+1), "one with zeros behind it")
			}
			if _, same := seen[d.Sum(raw)]; !same {
				t.Error("the same token has another digest")
			}
		})
	}
}

func TestAttack43_DigestDependsOnTheSecret(t *testing.T) {
	t.Parallel()
	one, other := digesters(), digesters()
	for name := range one {
		if one[name].Sum("token") == other[name].Sum("token") {
			t.Errorf("%s: two processes have the same digest", name)
		}
	}
}

// The copy of a token that a digest was made from is wiped.
func TestCaseX19_Attack43_DigestKeepsNoToken(t *testing.T) {
	t.Parallel()
	for name, d := range digesters() {
		for _, length := range []int{1, 100, 10_000} {
			s := &scratch{}
			s.sum(d, strings.Repeat("secret", length))
			if cap(s.text) < 6*length {
				t.Errorf("%s: the token was not copied into the buffer that is checked", name)
			}
			if bytes.Contains(s.text[:cap(s.text)], []byte("secret")) {
				t.Errorf("%s: a token of %d bytes is still in memory", name, 6*length)
			}
		}
	}
}

func TestDigesterFollowsFIPS(t *testing.T) {
	t.Parallel()
	if d := New(); (d.gmac == nil) != fips140.Enabled() {
		t.Errorf("GMAC: %v, with FIPS 140: %v", d.gmac != nil, fips140.Enabled())
	}
}

func BenchmarkDigest(b *testing.B) {
	raw := strings.Repeat("abcdefgh", 100)
	for name, d := range digesters() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Sum(raw)
			}
		})
	}
}
