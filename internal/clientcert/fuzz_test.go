package clientcert_test

import (
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/clientcert"
)

// FuzzClientCert checks that each encoding accepts only one certificate, and that its thumbprint is that of a certificate
// that the header really contains.
func FuzzClientCert(f *testing.F) {
	client, other := load(f, "client"), load(f, "other")
	for _, c := range []certificate{client, other} {
		f.Add(int(clientcert.RFC9440), c.rfc9440)
		f.Add(int(clientcert.URLPEM), c.nginx)
		f.Add(int(clientcert.URLPEM), c.alb)
		f.Add(int(clientcert.Base64), c.base64)
		f.Add(int(clientcert.XFCC), c.xfcc+`;Subject="CN=\"a\",O=b";URI=`)
	}
	f.Fuzz(func(t *testing.T, encoding int, value string) {
		if !clientcert.Encoding(encoding).IsValid() {
			return
		}
		thumbprint, problem := source(clientcert.Encoding(encoding)).Thumbprint(request(proxyAddr, value))
		if (thumbprint == "") == (problem == "") {
			t.Fatalf("thumbprint %q, problem %q, want one of them", thumbprint, problem)
		}
		if again, _ := source(clientcert.Encoding(encoding)).Thumbprint(request(otherAddr, value)); again != "" {
			t.Fatal("the header of another peer was read")
		}
		if thumbprint == "" {
			return
		}
		if len(thumbprint) != 43 || len(value) > 32<<10 || strings.Contains(value, ",") && encoding != int(clientcert.XFCC) {
			t.Fatalf("%q was accepted with the thumbprint %q", value, thumbprint)
		}
		if encoding == int(clientcert.RFC9440) {
			wantCanonical(t, value, thumbprint)
		}
	})
}

// wantCanonical checks that no other text than value encodes the same certificate.
func wantCanonical(t *testing.T, value, thumbprint string) {
	t.Helper()
	der := decode(t, value[1:len(value)-1])
	var whole asn1.RawValue
	rest, err := asn1.Unmarshal(der, &whole)
	if err != nil || len(rest) > 0 || thumbprintOf(whole.FullBytes) != thumbprint || ":"+encode(string(der))+":" != value {
		t.Fatalf("%q was accepted with the thumbprint %q: %v", value, thumbprint, err)
	}
}
