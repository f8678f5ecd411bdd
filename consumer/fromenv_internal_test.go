package consumer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/internal/environment"
	"github.com/bearerkit/bearerkit/jwks"
)

// required are the variables without which FromEnv returns an error.
func required(more ...string) []string {
	return append([]string{"BEARERKIT_ISSUER=https://issuer.test", "BEARERKIT_AUDIENCE=https://api.test"}, more...)
}

// fromCrossauth are the required variables under the names of crossauth.
func fromCrossauth(more ...string) []string {
	return append([]string{"CROSSAUTH_AUTH_SERVER_BASE_URL=https://issuer.test", "CROSSAUTH_OAUTH_AUDIENCE=an api"}, more...)
}

const testSecret = "0123456789abcdef0123456789abcdef" // of 32 bytes

func TestFromEnv(t *testing.T) {
	t.Parallel()
	publicKey := string(bearertest.NewIssuer(bearertest.IssuerConfig{}).PEM("ES256"))
	keys := written(t, publicKey)
	secret := written(t, testSecret+"\n")
	parsed, err := jwks.ParsePEM([]byte(publicKey), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		environ []string
		want    func(*Config) // of the Config that the required variables result in
	}{
		{"required", required(), func(*Config) {}},
		{"empty is not set", required("BEARERKIT_CLOCK_SKEW=", "BEARERKIT_PROFILE=", "CROSSAUTH_AUTH_SERVER_BASE_URL="), func(*Config) {}},
		{"other variables", required("BEARERKIT_DATABASE=x", "ISSUER=y", "PATH=/bin", "NOTHING", "=x"), func(*Config) {}},
		{"lists", required("BEARERKIT_CLIENT_IDS=a, b c,d", "BEARERKIT_SCOPE_CLAIMS=scp", "BEARERKIT_REQUIRED_CLAIMS=sub jti", "BEARERKIT_ALGORITHMS=ES256,RS256"), func(c *Config) {
			c.ClientIDs, c.ScopeClaims, c.RequiredClaims = []string{"a", "b", "c", "d"}, []string{"scp"}, []string{"sub", "jti"}
			c.Algorithms = []string{"ES256", "RS256"}
		}},
		{"texts", required("BEARERKIT_PROFILE=keycloak", "BEARERKIT_TOKEN_TYPE=access", "BEARERKIT_METADATA_URL=https://other.test/m"), func(c *Config) {
			c.Profile, c.TokenType, c.MetadataURL = ProfileKeycloak, "access", "https://other.test/m"
		}},
		{"durations", required("BEARERKIT_CLOCK_SKEW=1m30s", "BEARERKIT_DISCOVERY_TIMEOUT=5s", "BEARERKIT_STATUS_TTL=1h"), func(c *Config) {
			c.ClockSkew, c.DiscoveryTimeout, c.StatusTTL = 90*time.Second, 5*time.Second, time.Hour
		}},
		{"no skew", required("BEARERKIT_CLOCK_SKEW=0s"), func(c *Config) { c.ClockSkew = -1 }},
		{"numbers", required("BEARERKIT_CACHE_SIZE=7", "BEARERKIT_MAX_TOKEN_BYTES=8", "BEARERKIT_MAX_HEADER_BYTES=9"), func(c *Config) {
			c.CacheSize, c.MaxTokenBytes, c.MaxHeaderBytes = 7, 8, 9
		}},
		{"no cache", required("BEARERKIT_CACHE_SIZE=0"), func(c *Config) { c.CacheSize = -1 }},
		{"cache of keys", required("BEARERKIT_KEY_CACHE_SNAPSHOT_FILE=/var/keys", "BEARERKIT_KEY_CACHE_FRESH_FOR=1m", "BEARERKIT_KEY_CACHE_STALE_FOR=0h",
			"BEARERKIT_KEY_CACHE_MIN_REFETCH=2s", "BEARERKIT_KEY_CACHE_TIMEOUT=4s", "BEARERKIT_KEY_CACHE_MAX_BYTES=5", "BEARERKIT_KEY_CACHE_MAX_KEYS=6"), func(c *Config) {
			c.KeyCache = jwks.Config{
				Snapshot: jwks.SnapshotFile("/var/keys"), FreshFor: time.Minute, StaleFor: -1, MinRefetch: 2 * time.Second,
				Timeout: 4 * time.Second, MaxBytes: 5, MaxKeys: 6,
			}
		}},
		{"switches", required("BEARERKIT_PUBLIC_ADDRESSES_ONLY=true", "BEARERKIT_INSECURE_ALLOW_HTTP=true", "BEARERKIT_INSECURE_NO_ISSUER=true",
			"BEARERKIT_INSECURE_NO_AUDIENCE=true", "BEARERKIT_INSECURE_STATUS_FAIL_OPEN=true", "BEARERKIT_INSECURE_ACCEPT_ID_TOKEN=true"), func(c *Config) {
			c.PublicAddressesOnly, c.InsecureAllowHTTP, c.InsecureNoIssuer = true, true, true
			c.InsecureNoAudience, c.InsecureStatusFailOpen, c.InsecureAcceptIDToken = true, true, true
		}},
		{"switches that are off", required("BEARERKIT_PUBLIC_ADDRESSES_ONLY=false", "BEARERKIT_INSECURE_NO_AUDIENCE=false"), func(*Config) {}},
		{"no audience", []string{"BEARERKIT_ISSUER=https://issuer.test", "BEARERKIT_INSECURE_NO_AUDIENCE=true", "BEARERKIT_CLIENT_IDS=a"}, func(c *Config) {
			c.Audience, c.InsecureNoAudience, c.ClientIDs = nil, true, []string{"a"}
		}},
		{"keys", required("BEARERKIT_KEYS_FILE="+keys, "BEARERKIT_KEYS_ALGORITHM=ES256"), func(c *Config) { c.Keys = file(t, keys, "ES256") }},
		{"keys without algorithm", required("BEARERKIT_KEYS_FILE=" + keys), func(c *Config) { c.Keys = file(t, keys, "") }},
		{"secret", required("BEARERKIT_SECRET_KEY="+testSecret, "BEARERKIT_KEYS_ALGORITHM=HS256"), func(c *Config) { c.Keys = secretSource(t) }},
		{"secret file", required("BEARERKIT_SECRET_KEY_FILE="+secret, "BEARERKIT_KEYS_ALGORITHM=HS256"), func(c *Config) { c.Keys = file(t, secret, "HS256") }},
		{"crossauth", fromCrossauth("CROSSAUTH_OAUTH_CLOCK_TOLERANCE=20", "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN=false"), func(c *Config) {
			c.Audience, c.Profile, c.ClockSkew = []string{"an api"}, ProfileCrossauth, 20*time.Second
		}},
		{"crossauth, no tolerance", fromCrossauth("CROSSAUTH_OAUTH_CLOCK_TOLERANCE=0"), func(c *Config) {
			c.Audience, c.Profile, c.ClockSkew = []string{"an api"}, ProfileCrossauth, -1
		}},
		{"crossauth, public key", fromCrossauth("CROSSAUTH_JWT_KEY_TYPE=ES256", "CROSSAUTH_JWT_PUBLIC_KEY="+publicKey), func(c *Config) {
			c.Audience, c.Profile, c.Algorithms, c.Keys = []string{"an api"}, ProfileCrossauth, []string{"ES256"}, parsed
		}},
		{"crossauth, another profile", fromCrossauth("BEARERKIT_PROFILE=rfc9068"), func(c *Config) {
			c.Audience, c.Profile = []string{"an api"}, ProfileRFC9068
		}},
		{"both, the same", required("CROSSAUTH_AUTH_SERVER_BASE_URL=https://issuer.test", "CROSSAUTH_OAUTH_AUDIENCE=https://api.test",
			"CROSSAUTH_OAUTH_CLOCK_TOLERANCE=20", "BEARERKIT_CLOCK_SKEW=20s"), func(c *Config) {
			c.Profile, c.ClockSkew = ProfileCrossauth, 20*time.Second
		}},
		{"persistence", required("CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN=True"), func(c *Config) { c.needsStatus = true }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := Config{Issuer: "https://issuer.test", Audience: []string{"https://api.test"}}
			test.want(&want)
			got, err := FromEnviron(test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(show(want), show(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// show returns the fields of cfg in a form that can be compared.
func show(cfg Config) map[string]string {
	fields := make(map[string]string)
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		switch name := v.Type().Field(i).Name; name {
		case "Keys":
			fields[name] = fmt.Sprintf("%T", cfg.Keys)
			if source, ok := cfg.Keys.(interface{ Algorithms() []string }); ok {
				fields[name] += fmt.Sprint(source.Algorithms())
			}
		default:
			fields[name] = fmt.Sprintf("%+v", v.Field(i))
		}
	}
	return fields
}

func TestFromEnvFaults(t *testing.T) {
	t.Parallel()
	keys := written(t, string(bearertest.NewIssuer(bearertest.IssuerConfig{}).PEM("ES256")))
	tests := []struct {
		name    string
		environ []string
		want    []string // each is one error
	}{
		{"nothing", nil, []string{
			"BEARERKIT_ISSUER or CROSSAUTH_AUTH_SERVER_BASE_URL is required", "BEARERKIT_AUDIENCE or CROSSAUTH_OAUTH_AUDIENCE is required",
		}},
		{"white space", required("BEARERKIT_TOKEN_TYPE= access", "BEARERKIT_METADATA_URL=https://a.test/\n"), []string{
			"BEARERKIT_METADATA_URL starts or ends with white space", "BEARERKIT_TOKEN_TYPE starts or ends with white space",
		}},
		{"quotation marks", []string{`BEARERKIT_ISSUER="https://issuer.test"`, `BEARERKIT_AUDIENCE='a'`, `BEARERKIT_TOKEN_TYPE="access`}, []string{
			"BEARERKIT_ISSUER starts or ends with a quotation mark", "BEARERKIT_AUDIENCE starts or ends with a quotation mark",
			"BEARERKIT_TOKEN_TYPE starts or ends with a quotation mark",
		}},
		{"control character", required("BEARERKIT_TOKEN_TYPE=a\x1b[1mb"), []string{"BEARERKIT_TOKEN_TYPE contains a line end or another control character"}},
		{"not UTF-8", required("BEARERKIT_TOKEN_TYPE=a\xff"), []string{"BEARERKIT_TOKEN_TYPE is not valid UTF-8"}},
		{"duration without unit", required("BEARERKIT_CLOCK_SKEW=10"), []string{`BEARERKIT_CLOCK_SKEW is "10", expected a duration from 0s to 5m0s with a unit, such as 10s`}},
		{"long skew", required("BEARERKIT_CLOCK_SKEW=301s"), []string{"BEARERKIT_CLOCK_SKEW"}},
		{"negative skew", required("BEARERKIT_CLOCK_SKEW=-1s"), []string{"BEARERKIT_CLOCK_SKEW"}},
		{"switches", required("BEARERKIT_PUBLIC_ADDRESSES_ONLY=yes", "BEARERKIT_INSECURE_ALLOW_HTTP=1", "BEARERKIT_INSECURE_NO_ISSUER=TRUE"), []string{
			`BEARERKIT_PUBLIC_ADDRESSES_ONLY is "yes", expected true or false`, "BEARERKIT_INSECURE_ALLOW_HTTP", "BEARERKIT_INSECURE_NO_ISSUER",
		}},
		{"numbers", required("BEARERKIT_CACHE_SIZE=1e3", "BEARERKIT_MAX_TOKEN_BYTES=0", "BEARERKIT_MAX_HEADER_BYTES=65537", "BEARERKIT_KEY_CACHE_MAX_KEYS=+5", "BEARERKIT_KEY_CACHE_MAX_BYTES=0x10"), []string{
			"BEARERKIT_CACHE_SIZE", "BEARERKIT_MAX_TOKEN_BYTES", "BEARERKIT_MAX_HEADER_BYTES", "BEARERKIT_KEY_CACHE_MAX_KEYS", "BEARERKIT_KEY_CACHE_MAX_BYTES",
		}},
		{"list without elements", required("BEARERKIT_CLIENT_IDS=,"), []string{"BEARERKIT_CLIENT_IDS"}},
		{"unknown profile", required("BEARERKIT_PROFILE=Keycloak"), []string{`BEARERKIT_PROFILE is "Keycloak", expected one of adfs, auth0`}},
		{"unknown algorithm", required("BEARERKIT_ALGORITHMS=ES256,none"), []string{`BEARERKIT_ALGORITHMS is "ES256,none", expected algorithms such as ES256: "none" is not supported`}},
		{"different issuers", required("CROSSAUTH_AUTH_SERVER_BASE_URL=https://issuer.test/"), []string{"BEARERKIT_ISSUER and CROSSAUTH_AUTH_SERVER_BASE_URL are both set and differ"}},
		{"different audiences", required("CROSSAUTH_OAUTH_AUDIENCE=b"), []string{"BEARERKIT_AUDIENCE and CROSSAUTH_OAUTH_AUDIENCE are both set and differ"}},
		{"different skews", required("CROSSAUTH_OAUTH_CLOCK_TOLERANCE=20", "BEARERKIT_CLOCK_SKEW=21s"), []string{"BEARERKIT_CLOCK_SKEW and CROSSAUTH_OAUTH_CLOCK_TOLERANCE are both set and differ"}},
		{"different algorithms", required("CROSSAUTH_JWT_KEY_TYPE=RS256", "BEARERKIT_ALGORITHMS=RS256 ES256"), []string{"BEARERKIT_ALGORITHMS and CROSSAUTH_JWT_KEY_TYPE are both set and differ"}},
		{"tolerance in words", fromCrossauth("CROSSAUTH_OAUTH_CLOCK_TOLERANCE=10s"), []string{`CROSSAUTH_OAUTH_CLOCK_TOLERANCE is "10s", expected a number of seconds from 0 to 300, without a unit`}},
		{"unclear persistence", fromCrossauth("CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN=maybe"), []string{`CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN is "maybe", expected true or false`}},
		{"several keys", required("BEARERKIT_KEYS_FILE="+keys, "CROSSAUTH_JWT_PUBLIC_KEY_FILE="+keys), []string{"BEARERKIT_KEYS_FILE and CROSSAUTH_JWT_PUBLIC_KEY_FILE must not be set together"}},
		{"algorithm without keys", required("BEARERKIT_KEYS_ALGORITHM=ES256"), []string{"BEARERKIT_KEYS_ALGORITHM is set without keys"}},
		{"public key as secret", required("BEARERKIT_KEYS_FILE="+keys, "BEARERKIT_KEYS_ALGORITHM=HS256"), []string{`BEARERKIT_KEYS_ALGORITHM is "HS256", which is for shared secrets`}},
		{"public key in the place of a secret", required("BEARERKIT_SECRET_KEY_FILE="+keys, "BEARERKIT_KEYS_ALGORITHM=HS256"), []string{"BEARERKIT_SECRET_KEY_FILE cannot be used: jwks: the secret is a PEM document"}},
		{"secret without algorithm", required("BEARERKIT_SECRET_KEY=" + testSecret), []string{"BEARERKIT_KEYS_ALGORITHM is required with BEARERKIT_SECRET_KEY"}},
		{"secret with another algorithm", fromCrossauth("CROSSAUTH_JWT_SECRET_KEY="+testSecret, "CROSSAUTH_JWT_KEY_TYPE=RS256"), []string{`CROSSAUTH_JWT_KEY_TYPE is "RS256", which is for public keys`}},
		{"short secret", required("BEARERKIT_SECRET_KEY=hush-hush", "BEARERKIT_KEYS_ALGORITHM=HS256"), []string{"BEARERKIT_SECRET_KEY cannot be used: jwks: "}},
		{"secret in quotation marks", required(`BEARERKIT_SECRET_KEY="`+testSecret+`"`, "BEARERKIT_KEYS_ALGORITHM=HS256"), []string{"BEARERKIT_SECRET_KEY starts or ends with a quotation mark"}},
		{"no such file", required("BEARERKIT_KEYS_FILE=/does/not/exist"), []string{"BEARERKIT_KEYS_FILE cannot be used: no such file or directory"}},
		{"secret in the place of a path", required("BEARERKIT_SECRET_KEY_FILE="+testSecret, "BEARERKIT_KEYS_ALGORITHM=HS256"), []string{"BEARERKIT_SECRET_KEY_FILE cannot be used: no such file or directory"}},
		{"misspelled names", required("BEARERKIT_AUDIENC=x", "BEARERKIT_CLOCKSKEW=1s", "bearerkit_profile=x", "BEARERKIT_ISSUER_URL=x", "BEARER_KIT_TOKEN_TYPE=access", "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKENS=true"), []string{
			"BEARERKIT_AUDIENC is not a known variable, expected BEARERKIT_AUDIENCE", "BEARERKIT_CLOCKSKEW is not a known variable, expected BEARERKIT_CLOCK_SKEW",
			"bearerkit_profile is not a known variable, expected BEARERKIT_PROFILE", "BEARERKIT_ISSUER_URL is not a known variable, expected BEARERKIT_ISSUER",
			"BEARER_KIT_TOKEN_TYPE is not a known variable, expected BEARERKIT_TOKEN_TYPE", "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKENS is not a known variable, expected CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := FromEnviron(test.environ)
			if diff := cmp.Diff(show(Config{}), show(cfg)); diff != "" {
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
				if !strings.Contains(err.Error(), "consumer: FromEnv: "+want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if text := err.Error(); strings.Contains(text, testSecret) || strings.Contains(text, "hush") {
				t.Errorf("a secret in %q", text)
			}
			if fault, ok := errors.AsType[*EnvError](err); !ok || fault.Variable == "" {
				t.Errorf("got %v, want an EnvError with a variable", err)
			}
		})
	}
}

// TestFromEnvRequiresStatus checks that tokens which crossauth revokes in a store are not accepted without that store.
func TestFromEnvRequiresStatus(t *testing.T) {
	t.Parallel()
	cfg, err := FromEnviron(fromCrossauth("CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN=true"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "Config.Status is required because CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN") {
		t.Errorf("without Status: %v", err)
	}
	cfg.Status = noStatus{}
	if _, err := New(cfg); err != nil {
		t.Errorf("with Status: %v", err)
	}
}

// TestFromEnvReadsEveryVariable sets each variable in the list to a value that is valid for no setting, and expects a fault,
// or, for texts and lists, a change of the field.
func TestFromEnvReadsEveryVariable(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[Config]()
	for _, v := range environment.Variables() {
		if v.Consumer == "" {
			continue
		}
		first, _, _ := strings.Cut(v.Consumer, ".")
		if _, ok := fields.FieldByName(first); !ok {
			t.Errorf("%s: Config has no field %s", v.Name, v.Consumer)
		}
		base := []string{"BEARERKIT_ISSUER=https://issuer.test", "BEARERKIT_AUDIENCE=https://api.test"}
		before, _ := FromEnviron(base)
		after, err := FromEnviron(append(base, v.Name+"=1q"))
		if err == nil && cmp.Diff(show(before), show(after)) == "" {
			t.Errorf("FromEnv does not read %s", v.Name)
		}
	}
}

func TestProfileNamesAreUnique(t *testing.T) {
	t.Parallel()
	if got := len(profilesByName()); got != 33 {
		t.Errorf("%d profiles, want 33: add new ones to profilesByName, each with its own name", got)
	}
}

type noStatus struct{ TokenStatus }

func written(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func file(t *testing.T, path, alg string) jwks.Source {
	t.Helper()
	source, err := jwks.File(path, alg)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func secretSource(t *testing.T) jwks.Source {
	t.Helper()
	source, err := jwks.Secret([]byte(testSecret), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	return source
}
