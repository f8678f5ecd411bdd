package client

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/environment"
)

// requiredVariables are those without which FromEnv returns an error, and more.
func requiredVariables(more ...string) []string {
	return append([]string{"BEARERKIT_ISSUER=https://issuer.test", "BEARERKIT_CLIENT_ID=app"}, more...)
}

const secretOfEnv = "0123456789abcdef0123456789abcdef"

func TestFromEnv(t *testing.T) {
	t.Parallel()
	secret := writtenFile(t, secretOfEnv+"\n")
	assertion := writtenFile(t, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
	tests := []struct {
		name    string
		environ []string
		want    func(*Config)
	}{
		{"required", requiredVariables(), func(*Config) {}},
		{"empty is not set", requiredVariables("BEARERKIT_CLIENT_SECRET=", "BEARERKIT_AUTH_METHOD="), func(*Config) {}},
		{"texts", requiredVariables("BEARERKIT_REDIRECT_URI=https://app.test/cb", "BEARERKIT_CLIENT_AUDIENCE=api", "BEARERKIT_METADATA_URL=https://a.test/m",
			"BEARERKIT_AUTHORIZE_URL=https://a.test/a", "BEARERKIT_MFA_URL=https://a.test/mfa", "BEARERKIT_ASSERTION_AUDIENCE=endpoint"), func(c *Config) {
			c.RedirectURI, c.Audience, c.MetadataURL, c.AuthorizeURL = "https://app.test/cb", "api", "https://a.test/m", "https://a.test/a"
			c.MFAURL, c.AssertionAudience = "https://a.test/mfa", AudienceEndpoint
		}},
		{"lists", requiredVariables("BEARERKIT_SCOPES=openid orders:read", "BEARERKIT_RESOURCE=https://a.test,https://b.test", "BEARERKIT_BEARER_TYPES=user",
			"BEARERKIT_CLIENT_ALGORITHMS=ES256", "BEARERKIT_EXTRA_AUDIENCES=x", "BEARERKIT_ACCEPTED_PARTIES=y z"), func(c *Config) {
			c.Scopes, c.Resource, c.BearerTypes = []string{"openid", "orders:read"}, []string{"https://a.test", "https://b.test"}, []string{"user"}
			c.Algorithms, c.ExtraAudiences, c.AcceptedParties = []string{"ES256"}, []string{"x"}, []string{"y", "z"}
		}},
		{"switches", requiredVariables("BEARERKIT_CLIENT_METADATA_DOCUMENT=true", "BEARERKIT_CLIENT_ID_IN_BODY=true", "BEARERKIT_COMMA_SCOPES=true", "BEARERKIT_USE_USER_INFO=true",
			"BEARERKIT_SIGNED_USER_INFO=true", "BEARERKIT_SIGNED_INTROSPECTION=true", "BEARERKIT_INSECURE_ALLOW_HTTP=true", "BEARERKIT_INSECURE_PLAIN_PKCE=true", "BEARERKIT_INSECURE_NO_NONCE=true"), func(c *Config) {
			c.ClientMetadataDocument, c.ClientIDInBody, c.CommaScopes, c.UseUserInfo = true, true, true, true
			c.SignedUserInfo, c.SignedIntrospection, c.InsecureAllowHTTP, c.InsecurePlainPKCE, c.InsecureNoNonce = true, true, true, true, true
		}},
		{"numbers", requiredVariables("BEARERKIT_STATE_LENGTH=33", "BEARERKIT_VERIFIER_LENGTH=96", "BEARERKIT_MAX_BYTES=5", "BEARERKIT_TIMEOUT=5s",
			"BEARERKIT_DISCOVERY_TIMEOUT=6s", "BEARERKIT_CLOCK_SKEW=0s"), func(c *Config) {
			c.StateLength, c.VerifierLength, c.MaxBytes, c.Timeout, c.DiscoveryTimeout, c.ClockSkew = 33, 96, 5, 5*time.Second, 6*time.Second, -1
		}},
		{"choices", requiredVariables("BEARERKIT_POST_TYPE=json", "BEARERKIT_BASIC_ENCODING=raw", "BEARERKIT_AUTH_METHOD=client_secret_post", "BEARERKIT_CLIENT_SECRET="+secretOfEnv), func(c *Config) {
			c.PostType, c.BasicEncoding, c.AuthMethod, c.ClientSecret = PostJSON, BasicRaw, AuthPost, secretOfEnv
		}},
		{"secret file", requiredVariables("BEARERKIT_CLIENT_SECRET_FILE=" + secret), func(c *Config) { c.SecretSource = SecretFile(secret) }},
		{"assertion file", requiredVariables("BEARERKIT_ASSERTION_FILE=" + assertion), func(c *Config) { c.AssertionSource = AssertionFile(assertion) }},
		{"endpoints", requiredVariables("BEARERKIT_ENDPOINTS=token_endpoint=https://a.test/t?a=b  revocation_endpoint=https://a.test/r", "CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL=/device"), func(c *Config) {
			c.Endpoints = map[string]string{
				endpointToken: "https://a.test/t?a=b", endpointRevocation: "https://a.test/r", endpointDevice: "https://issuer.test/device",
			}
		}},
		{"crossauth", []string{
			"CROSSAUTH_AUTH_SERVER_BASE_URL=https://issuer.test", "CROSSAUTH_OAUTH_CLIENT_ID=app", "CROSSAUTH_OAUTH_CLIENT_SECRET=s", "CROSSAUTH_OAUTH_REDIRECT_URI=https://app.test/cb",
			"CROSSAUTH_OAUTH_STATE_LENGTH=32", "CROSSAUTH_OAUTH_VERIFIER_LENGTH=32", "CROSSAUTH_OAUTH_CODE_CHALLENGE_METHOD=S256", "CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL=device_authorization",
			`CROSSAUTH_OAUTH_POST_TYPE="json"`, "CROSSAUTH_OAUTH_USE_USER_INFO_ENDPOINT=True", "CROSSAUTH_OAUTH_AUTHORIZE_REDIRECT=http://localhost/authorize",
			"CROSSAUTH_OAUTH_CLOCK_TOLERANCE=30", "CROSSAUTH_JWT_KEY_TYPE=RS256",
		}, func(c *Config) {
			c.ClientSecret, c.RedirectURI, c.StateLength, c.VerifierLength = "s", "https://app.test/cb", 32, 32
			c.Endpoints, c.PostType, c.UseUserInfo = map[string]string{endpointDevice: "https://issuer.test/device_authorization"}, PostJSON, true
			c.AuthorizeURL, c.ClockSkew, c.Algorithms = "http://localhost/authorize", 30*time.Second, []string{"RS256"}
		}},
		{"crossauth, form", requiredVariables("CROSSAUTH_OAUTH_POST_TYPE=form", "BEARERKIT_POST_TYPE=form"), func(*Config) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := Config{Issuer: "https://issuer.test", ClientID: "app"}
			test.want(&want)
			got, err := FromEnviron(test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(envFields(want), envFields(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// envFields returns the fields of cfg in a form that can be compared. Of functions and sources, it says only whether they are
// set.
func envFields(cfg Config) map[string]string {
	fields := make(map[string]string)
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		field := v.Field(i)
		text := fmt.Sprintf("%+v", field)
		if field.Kind() == reflect.Func || field.Kind() == reflect.Pointer {
			text = fmt.Sprint(!field.IsNil())
		}
		fields[v.Type().Field(i).Name] = text
	}
	return fields
}

func TestFromEnvReadsSecretsFromFiles(t *testing.T) {
	t.Parallel()
	path := writtenFile(t, secretOfEnv+"\n")
	cfg, err := FromEnviron(requiredVariables("BEARERKIT_CLIENT_SECRET_FILE=" + path))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.SecretSource(t.Context()); got != secretOfEnv || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestFromEnvReadsPrivateKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		document  string
		algorithm string
		want      string
	}{
		"P-256":          {pkcs8(t, ecKey(t, elliptic.P256())), "", "ES256"},
		"P-384":          {pkcs8(t, ecKey(t, elliptic.P384())), "", "ES384"},
		"P-521":          {pkcs8(t, ecKey(t, elliptic.P521())), "", "ES512"},
		"Ed25519":        {pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32))), "", "EdDSA"},
		"RSA":            {pkcs8(t, rsaKey(t)), "", "RS256"},
		"RSA with PSS":   {pkcs8(t, rsaKey(t)), "PS256", "PS256"},
		"RSA in PKCS #1": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey(t))), "", "RS256"},
		"SEC 1 with parameters": {
			block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + block("EC PRIVATE KEY", sec1(t)), "", "ES256",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writtenFile(t, test.document)
			environ := requiredVariables("BEARERKIT_CLIENT_KEY_FILE="+path, "BEARERKIT_CLIENT_KEY_ID=k1", "BEARERKIT_DPOP_KEY_FILE="+path)
			if test.algorithm != "" {
				environ = append(environ, "BEARERKIT_CLIENT_KEY_ALGORITHM="+test.algorithm, "BEARERKIT_DPOP_KEY_ALGORITHM="+test.algorithm)
			}
			cfg, err := FromEnviron(environ)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Key.Algorithm != test.want || cfg.Key.ID != "k1" || cfg.DPoP.Algorithm != test.want || cfg.DPoP.ID != "" {
				t.Errorf("got %s %q and %s %q, want %s", cfg.Key.Algorithm, cfg.Key.ID, cfg.DPoP.Algorithm, cfg.DPoP.ID, test.want)
			}
			if _, err := New(cfg); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFromEnvFaults(t *testing.T) {
	t.Parallel()
	key := writtenFile(t, pkcs8(t, ecKey(t, elliptic.P256())))
	secret := writtenFile(t, secretOfEnv)
	tests := []struct {
		name    string
		environ []string
		want    []string
	}{
		{"nothing", nil, []string{
			"BEARERKIT_ISSUER or CROSSAUTH_AUTH_SERVER_BASE_URL is required", "BEARERKIT_CLIENT_ID or CROSSAUTH_OAUTH_CLIENT_ID is required",
		}},
		{"choices", requiredVariables("BEARERKIT_POST_TYPE=xml", "BEARERKIT_BASIC_ENCODING=none", "BEARERKIT_AUTH_METHOD=basic"), []string{
			`BEARERKIT_POST_TYPE is "xml", expected one of form, json`, "BEARERKIT_BASIC_ENCODING", "BEARERKIT_AUTH_METHOD",
		}},
		{"lengths", requiredVariables("BEARERKIT_STATE_LENGTH=16", "CROSSAUTH_OAUTH_VERIFIER_LENGTH=97"), []string{
			`BEARERKIT_STATE_LENGTH is "16", expected a whole number from 32 to 32767`, `CROSSAUTH_OAUTH_VERIFIER_LENGTH is "97", expected a whole number from 32 to 96`,
		}},
		{"plain PKCE", requiredVariables("CROSSAUTH_OAUTH_CODE_CHALLENGE_METHOD=plain"), []string{`CROSSAUTH_OAUTH_CODE_CHALLENGE_METHOD is "plain", expected S256`}},
		{"absolute device URL", requiredVariables("CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL=https://other.test/d"), []string{"CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL"}},
		{"device URL without scheme", requiredVariables("CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL=//other.test/d"), []string{"CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL"}},
		{"two device URLs", requiredVariables("CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL=d", "BEARERKIT_ENDPOINTS=device_authorization_endpoint=https://issuer.test/e"), []string{"BEARERKIT_ENDPOINTS and CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL"}},
		{"endpoint twice", requiredVariables("BEARERKIT_ENDPOINTS=a=b a=c"), []string{"BEARERKIT_ENDPOINTS"}},
		{"endpoints with commas", requiredVariables("BEARERKIT_ENDPOINTS=token_endpoint=https://a.test/t,revocation_endpoint=https://a.test/r"), []string{"BEARERKIT_ENDPOINTS"}},
		{"endpoint without name", requiredVariables("BEARERKIT_ENDPOINTS=https://a.test"), []string{"BEARERKIT_ENDPOINTS"}},
		{"secret and file", requiredVariables("BEARERKIT_CLIENT_SECRET="+secretOfEnv, "BEARERKIT_CLIENT_SECRET_FILE="+secret), []string{"BEARERKIT_CLIENT_SECRET_FILE and BEARERKIT_CLIENT_SECRET must not be set together"}},
		{"secret of crossauth and file", requiredVariables("CROSSAUTH_OAUTH_CLIENT_SECRET="+secretOfEnv, "BEARERKIT_CLIENT_SECRET_FILE="+secret), []string{"BEARERKIT_CLIENT_SECRET_FILE and CROSSAUTH_OAUTH_CLIENT_SECRET must not be set together"}},
		{"two secrets", requiredVariables("CROSSAUTH_OAUTH_CLIENT_SECRET="+secretOfEnv, "BEARERKIT_CLIENT_SECRET=x"), []string{"BEARERKIT_CLIENT_SECRET and CROSSAUTH_OAUTH_CLIENT_SECRET are both set and differ"}},
		{"secret with white space", requiredVariables("BEARERKIT_CLIENT_SECRET=" + secretOfEnv + "\n"), []string{"BEARERKIT_CLIENT_SECRET starts or ends with white space"}},
		{"secret in the place of a path", requiredVariables("BEARERKIT_CLIENT_SECRET_FILE=" + secretOfEnv), []string{"BEARERKIT_CLIENT_SECRET_FILE names a file that cannot be used: no such file or directory"}},
		{"key in the place of a path", requiredVariables("BEARERKIT_CLIENT_KEY_FILE=" + pkcs8(t, ecKey(t, elliptic.P256()))), []string{"BEARERKIT_CLIENT_KEY_FILE starts or ends with white space"}},
		{"folder", requiredVariables("BEARERKIT_ASSERTION_FILE=" + t.TempDir()), []string{"BEARERKIT_ASSERTION_FILE names a file that cannot be used: not a regular file"}},
		{"no assertion", requiredVariables("BEARERKIT_ASSERTION_FILE=" + secret), []string{"BEARERKIT_ASSERTION_FILE names a file that cannot be used: not a JWT"}},
		{"no key", requiredVariables("BEARERKIT_DPOP_KEY_FILE=" + secret), []string{"BEARERKIT_DPOP_KEY_FILE names a file that cannot be used: no PEM block found"}},
		{"public key", requiredVariables("BEARERKIT_CLIENT_KEY_FILE=" + writtenFile(t, block("PUBLIC KEY", nil))), []string{`BEARERKIT_CLIENT_KEY_FILE names a file that cannot be used: a PEM block of the type "PUBLIC KEY"`}},
		{"broken key", requiredVariables("BEARERKIT_CLIENT_KEY_FILE=" + writtenFile(t, block("PRIVATE KEY", []byte("hush")))), []string{"BEARERKIT_CLIENT_KEY_FILE names a file that cannot be used: the PEM block PRIVATE KEY cannot be read"}},
		{"two keys", requiredVariables("BEARERKIT_CLIENT_KEY_FILE=" + writtenFile(t, pkcs8(t, rsaKey(t))+pkcs8(t, rsaKey(t)))), []string{"BEARERKIT_CLIENT_KEY_FILE names a file that cannot be used: more than one PEM block"}},
		{"key of another type", requiredVariables("BEARERKIT_CLIENT_KEY_FILE="+key, "BEARERKIT_CLIENT_KEY_ALGORITHM=RS256"), []string{"BEARERKIT_CLIENT_KEY_FILE names a file that cannot be used: "}},
		{"id without key", requiredVariables("BEARERKIT_CLIENT_KEY_ID=k", "BEARERKIT_DPOP_KEY_ALGORITHM=ES256"), []string{
			"BEARERKIT_CLIENT_KEY_ID is set without a key, expected also BEARERKIT_CLIENT_KEY_FILE", "BEARERKIT_DPOP_KEY_ALGORITHM is set without a key",
		}},
		{"misspelled", requiredVariables("BEARERKIT_CLIENT_SECRT="+secretOfEnv, "BEARERKIT_INSECURE_NO_NONC=false"), []string{
			"BEARERKIT_CLIENT_SECRT is not a known variable, expected BEARERKIT_CLIENT_SECRET", "BEARERKIT_INSECURE_NO_NONC is not a known variable",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := FromEnviron(test.environ)
			if diff := cmp.Diff(envFields(Config{}), envFields(cfg)); diff != "" {
				t.Errorf("a Config in spite of the mistakes:\n%s", diff)
			}
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("got error %v", err)
			}
			if got := len(joined.Unwrap()); got != len(test.want) {
				t.Errorf("got %d errors, want %d: %v", got, len(test.want), err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), "client: FromEnv: "+want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if text := err.Error(); strings.Contains(text, secretOfEnv) || strings.Contains(text, "hush") || strings.Contains(text, "BEGIN") {
				t.Errorf("a secret in %q", text)
			}
			if fault, ok := errors.AsType[*EnvError](err); !ok || fault.Variable == "" {
				t.Errorf("got %v, want an EnvError with a variable", err)
			}
		})
	}
}

// TestFromEnvReadsEveryVariable sets each variable in the list to a value that no setting of another type than text accepts,
// and expects an error or a change of the Config.
func TestFromEnvReadsEveryVariable(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[Config]()
	for _, v := range environment.Variables() {
		if v.Client == "" {
			continue
		}
		first, _, _ := strings.Cut(v.Client, ".")
		if _, ok := fields.FieldByName(first); !ok {
			t.Errorf("%s: Config has no field %s", v.Name, v.Client)
		}
		before, _ := FromEnviron(requiredVariables())
		after, err := FromEnviron(requiredVariables(v.Name + "=1q"))
		if err == nil && cmp.Diff(envFields(before), envFields(after)) == "" {
			t.Errorf("FromEnv does not read %s", v.Name)
		}
	}
}

func writtenFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func block(typ string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: content}))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func sec1(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(ecKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
