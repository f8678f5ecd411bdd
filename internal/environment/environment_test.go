package environment_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/environment"
)

// TestVariablesAreDocumented checks that docs/environment.md has a row for each variable, with the fields that it sets, and
// no row for a variable of the kit that does not exist.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/environment.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for _, match := range regexp.MustCompile("(?m)^\\| `((?:BEARERKIT|CROSSAUTH)_\\w+)` \\|(.*)$").FindAllStringSubmatch(string(document), -1) {
		if rows[match[1]] != "" {
			t.Errorf("two rows for %s", match[1])
		}
		rows[match[1]] = match[2]
	}
	for _, v := range environment.Variables() {
		row, ok := rows[v.Name]
		if !ok {
			t.Errorf("no row for %s", v.Name)
		}
		for _, want := range fields(v) {
			if !strings.Contains(row, "`"+want+"`") {
				t.Errorf("the row for %s has no %s: %s", v.Name, want, row)
			}
		}
		delete(rows, v.Name)
	}
	for name := range rows {
		if strings.HasPrefix(name, environment.Prefix) {
			t.Errorf("a row for %s, which is not known", name)
		}
	}
}

// fields returns the fields that the row of a variable names. A field of a field is named by itself.
func fields(v environment.Variable) (named []string) {
	for prefix, field := range map[string]string{"consumer.Config.": v.Consumer, "client.Config.": v.Client} {
		outer, inner, nested := strings.Cut(field, ".")
		if field != "" {
			named = append(named, prefix+outer)
		}
		if nested {
			named = append(named, inner)
		}
	}
	return named
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, v := range environment.Variables() {
		if seen[v.Name] || !strings.HasPrefix(v.Name, environment.Prefix) && !strings.HasPrefix(v.Name, environment.CrossauthPrefix) {
			t.Errorf("%q is listed twice, or has another prefix", v.Name)
		}
		seen[v.Name] = true
	}
	// Known names must not count as misspellings of each other.
	var all []string
	for name := range seen {
		all = append(all, name+"=x")
	}
	if got := environment.NewReader(all).Faults(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestMisspelledNames(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // the name that was meant; empty: not a misspelling
		"BEARERKIT_ISUER":                       "BEARERKIT_ISSUER",
		"BEARERKIT_ISSEUR":                      "BEARERKIT_ISSUER",
		"BEARERKIT_AUDIENCES":                   "BEARERKIT_AUDIENCE",
		"Bearerkit_Audience":                    "BEARERKIT_AUDIENCE",
		"BEARERKIT-AUDIENCE":                    "BEARERKIT_AUDIENCE",
		"BEARERKIT_REQUIREDCLAIMS":              "BEARERKIT_REQUIRED_CLAIMS",
		"BEARERKIT_CLOCK_SKEW_SECONDS":          "BEARERKIT_CLOCK_SKEW",
		"BEARERKIT_ISSUER\u200b":                "BEARERKIT_ISSUER",
		"BEARERKT_PROFILE":                      "BEARERKIT_PROFILE",
		"BEARERKIT_INSECURE_ACCEPT_ID_TOKENS":   "BEARERKIT_INSECURE_ACCEPT_ID_TOKEN",
		"BEARERKIT_STATUSTTL":                   "BEARERKIT_STATUS_TTL",
		"BEARERKIT_CLIENT_SECRETS":              "BEARERKIT_CLIENT_SECRET",
		"BEARERKIT_CLIENT_SECRET_FILES":         "BEARERKIT_CLIENT_SECRET_FILE",
		"CROSSAUTH_OAUTH_CLOCK_TOLERACE":        "CROSSAUTH_OAUTH_CLOCK_TOLERANCE",
		"CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKENS": "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN",

		"BEARERKIT_DATABASE_URL":             "",
		"BEARERKIT_TEST_ANYTHING":            "",
		"BEARERKIT_SERVICE_HOST":             "",
		"BEARERKIT_SERVICE_PORT_HTTPS":       "",
		"BEARERKIT_PORT":                     "",
		"BEARERKIT_PORT_8080_TCP":            "",
		"BEARERKIT_TOKEN_PORT_8080_TCP_ADDR": "",
		"CROSSAUTH_OAUTH_CLIENT_ID_PREFIX":   "",
		"CROSSAUTH_PREFIX":                   "",
		"CROSSAUTH_JWT_PRIVATE_KEY":          "",
		"ISSUER":                             "",
		"PATH":                               "",
	}
	for name, want := range tests {
		faults := environment.NewReader([]string{name + "=value"}).Faults()
		var got string
		if len(faults) == 1 && faults[0].Variable == strings.ReplaceAll(name, "\u200b", `\u200b`) {
			got = strings.TrimSuffix(strings.TrimPrefix(faults[0].Problem, "is not a known variable, expected "), ": correct or remove it")
		}
		if got != want || len(faults) > 1 {
			t.Errorf("%s: got %v, want %q", name, faults, want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"0s": true, "1h": true, "1h0m0s": true, "90s": true, "1": false, "": false, "1h1ns": false, "-1s": false, "1 s": false, "ten": false, "NaN": false, "1d": false,
	} {
		if _, err := environment.Duration(0, time.Hour)(value); (err == nil) != want {
			t.Errorf("duration %q: %v", value, err)
		}
	}
	for value, want := range map[string]bool{
		"1": true, "20": true, "007": true, "0": false, "21": false, "-1": false, "+1": false, "1.0": false, "1e1": false, "0x1": false, "1_0": false, "١": false, "99999999999999999999": false,
	} {
		if _, err := environment.Int(1, 20)(value); (err == nil) != want {
			t.Errorf("number %q: %v", value, err)
		}
	}
	for value, want := range map[string]bool{"0": true, "300": true, "301": false, "1.5": false, "-1": false, "10s": false} {
		if _, err := environment.Seconds(5 * time.Minute)(value); (err == nil) != want {
			t.Errorf("seconds %q: %v", value, err)
		}
	}
	for value, want := range map[string]bool{"true": true, "false": true, "True": false, "1": false, "yes": false, "t": false} {
		if _, err := environment.Bool(value); (err == nil) != want {
			t.Errorf("switch %q: %v", value, err)
		}
	}
	for value, want := range map[string][]string{"a": {"a"}, "a,b": {"a", "b"}, " a ,\tb c,": {"a", "b", "c"}, ",": nil, strings.Repeat("a ", 1001): nil} {
		if got, err := environment.List(value); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("list %.20q: got %q, %v", value, got, err)
		}
	}
	if got, err := environment.Pairs("a=b c=d=e"); cmp.Diff(map[string]string{"a": "b", "c": "d=e"}, got) != "" || err != nil {
		t.Errorf("pairs: %v, %v", got, err)
	}
}

func TestLongValues(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]int{64 << 10: 0, 64<<10 + 1: 1} {
		r := environment.NewReader([]string{"BEARERKIT_TOKEN_TYPE=" + strings.Repeat("x", length)})
		_ = r.Text("BEARERKIT_TOKEN_TYPE")
		if got := r.Faults(); len(got) != want {
			t.Errorf("%d bytes: %d faults, want %d", length, len(got), want)
		}
	}
}

// TestFaultsShowNoSecrets checks that values that may be secret are not part of a fault, even in a variable of another kind.
func TestFaultsShowNoSecrets(t *testing.T) {
	t.Parallel()
	reject := func(string) (string, error) { return environment.Choice(map[string]string{"a": "b"})("c") }
	for _, test := range []struct{ name, value string }{
		{"BEARERKIT_CLIENT_SECRET", "hush"},
		{"BEARERKIT_SECRET_KEY", "hush"},
		{"CROSSAUTH_OAUTH_CLIENT_SECRET", "hush"},
		{"CROSSAUTH_JWT_SECRET_KEY", "hush"},
		{"BEARERKIT_TOKEN", "hush"},
		{"BEARERKIT_NOT_IN_THE_LIST", "hush"},
		{"BEARERKIT_PROFILE", "https://user:hush@issuer.test"},
		{"BEARERKIT_PROFILE", "https://issuer.test/?token=hush"},
		{"BEARERKIT_PROFILE", "eyJ.hush"},
		{"BEARERKIT_PROFILE", "-----BEGIN hush"},
		{"BEARERKIT_PROFILE", strings.Repeat("x", 100) + "hush"},
	} {
		r := environment.NewReader([]string{test.name + "=" + test.value})
		environment.Get(r, environment.From[string]{Name: test.name, Parse: reject})
		faults := r.Faults()
		if len(faults) != 1 || strings.Contains(faults[0].Problem, "hush") || !strings.Contains(faults[0].Problem, "expected one of a") {
			t.Errorf("%s: got %v", test.name, faults)
		}
	}
}

// FuzzReader reads hostile values as every type. A value that is accepted has the expected form, and a fault never contains
// a control character or a secret.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"", "true", "10s", "a, b", "a=b", `"x"`, "\x00", "\xff", "1e9", "-----BEGIN", "https://u:p@h", strings.Repeat("a", 70000)} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		r := environment.NewReader([]string{
			name + "=" + value, "BEARERKIT_CLOCK_SKEW=" + value, "BEARERKIT_SCOPES=" + value, "BEARERKIT_ENDPOINTS=" + value,
			"BEARERKIT_CLIENT_SECRET=" + value, "CROSSAUTH_OAUTH_CLOCK_TOLERANCE=" + value, "BEARERKIT_CACHE_SIZE=" + value,
		})
		if skew := r.Skew(); skew > 5*time.Minute || skew < -1 {
			t.Errorf("skew %v", skew)
		}
		for _, item := range r.List("BEARERKIT_SCOPES") {
			if item == "" || strings.ContainsAny(item, " ,\t\n") {
				t.Errorf("item %q", item)
			}
		}
		if size := r.Int("BEARERKIT_CACHE_SIZE", 1, 9); size < 0 || size > 9 {
			t.Errorf("size %d", size)
		}
		environment.Get(r, environment.From[map[string]string]{Name: "BEARERKIT_ENDPOINTS", Parse: environment.Pairs})
		environment.Get(r, environment.From[bool]{Name: "BEARERKIT_CLIENT_SECRET", Parse: environment.Bool})
		for _, fault := range r.Faults() {
			if strings.ContainsFunc(fault.Variable+fault.Problem, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Errorf("%q: a control character in %q", fault.Variable, fault.Problem)
			}
			if fault.Variable == "BEARERKIT_CLIENT_SECRET" && len(value) > 20 && strings.Contains(fault.Problem, value) {
				t.Errorf("the secret in %q", fault.Problem)
			}
		}
	})
}
