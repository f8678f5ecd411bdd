package doctor_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// A key set may have keys for encryption too. They are not findings about the issuer, also if only alg shows their purpose.
func TestKeysForEncryption(t *testing.T) {
	t.Parallel()
	for member, severity := range map[string]string{
		`"use":"enc"`: "ok", `"alg":"RSA-OAEP"`: "ok", `"alg":"RSA-OAEP-256"`: "ok", `"alg":"RSA1_5"`: "ok", `"key_ops":["encrypt"]`: "ok",
		`"alg":"HS256"`: "warning", `"alg":"RSA"`: "warning",
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer(home)
			issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,` + publicKey(t, member) + `]}`))
			w := &world{hosts: map[string]http.Handler{home: issuer}}
			d, _ := diagnose(t, w, issuer.AccessToken().Sign(), "--issuer", home, "--audience", audience)
			found := false
			for _, f := range d.Findings {
				if strings.HasPrefix(f.Check, "keys.") {
					found = true
					if f.Severity != severity {
						t.Errorf("%s: severity %s, want %s: %s", member, f.Severity, severity, f.Found)
					}
				}
			}
			if !found {
				t.Errorf("%s: no finding about the key", member)
			}
		})
	}
}

// publicKey returns the JWK of an RSA key with a further member.
func publicKey(t *testing.T, member string) string {
	t.Helper()
	private := privateKey()
	public, _, ok := strings.Cut(private, `,"d":`)
	if !ok {
		t.Fatal("the private key has no d")
	}
	return strings.Replace(public, `"leaked"`, `"other",`+member, 1) + "}"
}
