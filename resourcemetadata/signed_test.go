package resourcemetadata_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// signer signs metadata with ES256.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

func encode(v any) string {
	text, _ := json.Marshal(v) //nolint:errchkjson // maps of strings
	return base64.RawURLEncoding.EncodeToString(text)
}

// sign returns a JWT with the given header and claims.
func (s signer) sign(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	input := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Q6: signed_metadata needs an issuer whose key verifies it. Its members then replace the others.
func TestQ6_SignedMetadata(t *testing.T) {
	t.Parallel()
	good, other := newSigner(t), newSigner(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	header := map[string]any{"alg": "ES256", "kid": "1"}
	claims := map[string]any{
		"iss": "https://signer.test", "authorization_servers": []string{"https://signed.test"}, "x": "signed", "iat": now, "exp": now + 60,
	}
	with := func(base map[string]any, name string, value any) map[string]any {
		changed := maps.Clone(base)
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		return changed
	}
	for name, tt := range map[string]struct {
		signed string
		want   string // of the error; empty: accepted
	}{
		"good":                {good.sign(t, header, claims), ""},
		"typ JWT":             {good.sign(t, with(header, "typ", "JWT"), claims), ""},
		"without kid":         {good.sign(t, with(header, "kid", nil), claims), ""},
		"without exp":         {good.sign(t, header, with(claims, "exp", nil)), ""},
		"resource, equal":     {good.sign(t, header, with(claims, "resource", api)), ""},
		"another key":         {other.sign(t, header, claims), "no key"},
		"no issuer":           {good.sign(t, header, with(claims, "iss", nil)), "iss is missing"},
		"issuer not a string": {good.sign(t, header, with(claims, "iss", 1)), "iss is missing"},
		"another issuer":      {good.sign(t, header, with(claims, "iss", "https://evil.test")), "no key"},
		"expired":             {good.sign(t, header, with(claims, "exp", now-11)), "exp"},
		"exp not a number":    {good.sign(t, header, with(claims, "exp", "x")), "exp"},
		"not yet valid":       {good.sign(t, header, with(claims, "nbf", now+30)), "nbf"},
		"alg none":            {encode(with(header, "alg", "none")) + "." + encode(claims) + ".", `alg "none"`},
		"HMAC":                {good.sign(t, with(header, "alg", "HS256"), claims), `alg "HS256"`},
		"alg of another key":  {good.sign(t, with(header, "alg", "RS256"), claims), "no key"},
		"no alg":              {good.sign(t, with(header, "alg", nil), claims), `alg ""`},
		"crit":                {good.sign(t, with(header, "crit", []string{"x"}), claims), "crit"},
		"b64":                 {good.sign(t, with(header, "b64", true), claims), "b64"},
		"long kid":            {good.sign(t, with(header, "kid", strings.Repeat("k", 257)), claims), "kid"},
		"long header":         {good.sign(t, with(header, "x", strings.Repeat("k", 2048)), claims), "header is longer"},
		"an access token":     {good.sign(t, with(header, "typ", "application/at+jwt"), claims), "typ"},
		"nested":              {good.sign(t, header, with(claims, "signed_metadata", "x")), "contains the claim signed_metadata"},
		"wrong type":          {good.sign(t, header, with(claims, "jwks_uri", 1)), "jwks_uri"},
		"another resource":    {good.sign(t, header, with(claims, "resource", "https://evil.test")), "the document's resource"},
		"algorithm none":      {good.sign(t, header, with(claims, "resource_signing_alg_values_supported", []string{"none"})), `"none"`},
		"changed": {strings.Replace(good.sign(t, header, claims), "."+encode(claims)+".",
			"."+encode(with(claims, "x", "changed"))+".", 1), "no key"},
		"not a JWT": {"x", "three parts"},
		"encrypted": {"a.b.c.d.e", "three parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(map[string]any{
				"resource": api, "authorization_servers": []string{"https://plain.test"}, "resource_name": "plain", "x": "plain", "signed_metadata": tt.signed,
			})
			if err != nil {
				t.Fatal(err)
			}
			s := &site{replies: map[string]reply{wellKnownAPI: document(string(text))}}
			keys := func(_ context.Context, issuer, kid, alg string) ([]any, error) {
				if issuer != "https://signer.test" || len(kid) > 1 {
					return nil, nil
				}
				return []any{"no key", &rsaKey.PublicKey, &good.key.PublicKey}, nil
			}
			c := resourcemetadata.Client{HTTPClient: s.client(), SignedMetadataKeys: keys}
			m, err := c.Discover(t.Context(), api)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 500 {
					t.Errorf("got %v, %v, want an error with %q", m, err, tt.want)
				}
			} else if err != nil || m.SignedBy() != "https://signer.test" || m.AuthorizationServers[0] != "https://signed.test" || m.Extra["x"] != "signed" || m.ResourceName != "plain" {
				t.Errorf("got %+v, %v", m, err)
			}
			if m != nil && (m.Extra["iss"] != nil || m.Extra["iat"] != nil || m.Extra["exp"] != nil) {
				t.Errorf("claims of the JWT are members: %v", m.Extra)
			}
			// Without keys, the signature is neither verified nor reported as verified.
			c.SignedMetadataKeys = nil
			m, err = c.Discover(t.Context(), api)
			if err != nil || m.SignedBy() != "" || m.AuthorizationServers[0] != "https://plain.test" || m.SignedMetadata != tt.signed {
				t.Errorf("without keys: %+v, %v", m, err)
			}
		})
	}
}

// At most four keys are tried, and an error of the function is returned.
func TestQ6_KeysOfSignedMetadata(t *testing.T) {
	t.Parallel()
	good := newSigner(t)
	signed := good.sign(t, map[string]any{"alg": "ES256"}, map[string]any{"iss": "https://signer.test"})
	s := &site{replies: map[string]reply{wellKnownAPI: document(`{"resource":"` + api + `","signed_metadata":"` + signed + `"}`)}}
	down := errors.New("keys are down")
	for name, tt := range map[string]struct {
		keys []any
		err  error
		ok   bool
	}{
		"fourth": {[]any{1, 2, 3, &good.key.PublicKey}, nil, true},
		"fifth":  {[]any{1, 2, 3, 4, &good.key.PublicKey}, nil, false},
		"none":   {nil, nil, false},
		"nil":    {[]any{nil, (*ecdsa.PublicKey)(nil), crypto.PublicKey(nil)}, nil, false},
		"secret": {[]any{[]byte(strings.Repeat("s", 64))}, nil, false},
		"error":  {[]any{&good.key.PublicKey}, down, false},
	} {
		c := resourcemetadata.Client{HTTPClient: s.client(), SignedMetadataKeys: func(context.Context, string, string, string) ([]any, error) { return tt.keys, tt.err }}
		if _, err := c.Discover(t.Context(), api); (err == nil) != tt.ok || errors.Is(err, down) != (tt.err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The clocks of the signer and of the client may differ by ten seconds.
func TestQ6_TimesOfSignedMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := newSigner(t)
		now := time.Now().Unix()
		for name, tt := range map[string]struct {
			claim string
			at    int64
			ok    bool
		}{
			"exp":     {"exp", now + 1, true},
			"exp -9":  {"exp", now - 9, true},
			"exp -10": {"exp", now - 10, false},
			"nbf +10": {"nbf", now + 10, true},
			"nbf +11": {"nbf", now + 11, false},
		} {
			signed := good.sign(t, map[string]any{"alg": "ES256"}, map[string]any{"iss": "https://signer.test", tt.claim: tt.at})
			s := &site{replies: map[string]reply{wellKnownAPI: document(`{"resource":"` + api + `","signed_metadata":"` + signed + `"}`)}}
			c := resourcemetadata.Client{HTTPClient: s.client(), SignedMetadataKeys: func(context.Context, string, string, string) ([]any, error) {
				return []any{&good.key.PublicKey}, nil
			}}
			if _, err := c.Discover(t.Context(), api); (err == nil) != tt.ok {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
