package jwtsign_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// The thumbprints and the encoding are those of RFC 7515. The expected values were computed with sha1sum and sha256sum.
func TestCertificateHeader(t *testing.T) {
	t.Parallel()
	certificate := &x509.Certificate{Raw: []byte("abc")} // the test vector of FIPS 180
	got := jwtsign.CertificateHeader(certificate, []*x509.Certificate{certificate, {Raw: []byte{0xfb, 0xff}}})
	want := map[string]any{
		"x5t": "qZk-NkcGgWq6PiVxeFDCbJzQ2J0", "x5t#S256": "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", "x5c": []string{"YWJj", "+/8="},
	}
	if fips140.Enforced() {
		delete(want, "x5t")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if names := slices.Collect(maps.Keys(jwtsign.CertificateHeader(certificate, nil))); slices.Contains(names, "x5c") {
		t.Errorf("x5c without a chain: %v", names)
	}
}

func TestCheckCertificate(t *testing.T) {
	t.Parallel()
	private, other := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	raw := []byte("abc")
	for name, test := range map[string]struct {
		private     any
		certificate *x509.Certificate
		want        error
	}{
		"own":             {private, &x509.Certificate{Raw: raw, PublicKey: private.Public()}, nil},
		"of another":      {private, &x509.Certificate{Raw: raw, PublicKey: other.Public()}, jwtsign.ErrCertificate},
		"of another type": {private, &x509.Certificate{Raw: raw, PublicKey: edKey(t).Public()}, jwtsign.ErrCertificate},
		"without a key":   {private, &x509.Certificate{Raw: raw}, jwtsign.ErrCertificate},
		"empty":           {private, &x509.Certificate{PublicKey: private.Public()}, jwtsign.ErrCertificate},
		"nil":             {private, nil, jwtsign.ErrCertificate},
		"of a secret":     {[]byte("secret"), &x509.Certificate{Raw: raw, PublicKey: []byte("secret")}, jwtsign.ErrCertificate},
		"far away":        {far{public: private.Public()}, &x509.Certificate{Raw: raw, PublicKey: private.Public()}, nil},
		"of no known key": {far{public: struct{}{}}, &x509.Certificate{Raw: raw, PublicKey: crypto.PublicKey(struct{}{})}, jwtsign.ErrCertificate},
	} {
		if err := (jwtsign.Key{Private: test.private, Algorithm: "ES256"}).CheckCertificate(test.certificate); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}
