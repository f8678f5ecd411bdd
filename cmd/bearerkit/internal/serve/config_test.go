package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/serve"
)

// check runs serve --check with a configuration.
func check(t *testing.T, configuration string, variables map[string]string, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "serve.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	env := &cli.Env{Stdout: &out, Stderr: &errs, Getenv: func(name string) string { return variables[name] }}
	code = cli.Run(t.Context(), env, append([]string{"serve", "--check", "--config", file}, flags...), serve.Command)
	return code, out.String(), errs.String()
}

// oneIssuer is for configurations that are not run.
const oneIssuer = "issuers: [{issuer: https://login.test, audience: [https://api.test]}]\n"

// minimal is the smallest configuration.
const minimal = "proxy: nginx\n" + oneIssuer + "routes: {\"GET /x\": {}}\n"

// Each fault is reported with its place, and all faults of one stage at once.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, configuration string
		want                []string
	}{
		{"empty", "", []string{"the file is empty"}},
		{"empty strings", strings.Replace(minimal, "{}", "{principal: \"\"}", 1) + "listen: {tls: {certificate: a, key: b, client_ca: \"\"}}\nresource: ''\ntrusted_proxies: [\"\"]\n", []string{
			"line 3: routes.GET /x.principal is empty", "line 4: listen.tls.client_ca is empty", "line 5: resource is empty", "line 6: trusted_proxies is empty",
		}},
		{"a zero duration in a rule", strings.Replace(minimal, "{}", "{step_up: {max_age: 0s, acr: [gold]}}", 1), []string{`line 3: "0s" has no effect`}},
		{"an empty claim for a header", minimal + "headers: {X-A: \"\"}\n", []string{"line 4: headers.X-A is empty"}},
		{"a zero duration", minimal + "timeouts: {drain: 0ms}\n", []string{`"0ms" has no effect`}},
		{"zero", strings.Replace(minimal, "issuer:", "cache_size: 0, max_token_bytes: 0x0, issuer:", 1), []string{"issuers.cache_size is zero", "issuers.max_token_bytes is zero"}},
		{"a list", "[a]", []string{"cannot unmarshal"}},
		{"two documents", minimal + "---\nx: y\n", []string{"more than one YAML document"}},
		{"syntax", "proxy: [", []string{"line 1"}},
		{"too long", minimal + "#" + strings.Repeat("x", 1<<20), []string{"more than 1048576 bytes"}},
		{"unknown keys", minimal + "realms: x\nzzzzzzzz: 1\n", []string{"line 4: unknown key realms, did you mean realm?", "line 5: unknown key zzzzzzzz\n"}},
		{"unknown key in upper case", minimal + "Realm: x\n", []string{"unknown key Realm, did you mean realm?"}},
		{"unknown key in a route", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {scope: [a]}\n", []string{"line 4: unknown key routes./x.scope, did you mean scopes?"}},
		{"unknown key of an issuer", "proxy: nginx\nissuers: [{isuer: a}]\nroutes: {/x: {}}\n", []string{"line 2: unknown key issuers.isuer, did you mean issuer?"}},
		{"repeated key", minimal + "realm: a\nrealm: b\n", []string{"line 5: realm is repeated: line 4 has it too"}},
		{"repeated route", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {}\n  /x: {public: true}\n", []string{"line 5: routes./x is repeated: line 4 has it too"}},
		{"repeated header", minimal + "headers: {X-A: a, X-A: b}\n", []string{"headers.X-A is repeated"}},
		{"anchor", minimal + "realm: &a x\n", []string{"line 4: realm has an anchor"}},
		{"alias", minimal + "realm: &a x\nresource: *a\n", []string{"line 5: resource has an anchor or an alias"}},
		{"merge key", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {<<: {public: true}}\n", []string{"line 4: a key of routes./x is not a string"}},
		{"tag", minimal + "realm: !secret x\n", []string{"line 4: realm has the tag !secret"}},
		{"binary", minimal + "realm: !!binary aGk=\n", []string{"the tag !!binary"}},
		{"no value", "proxy: nginx\n" + oneIssuer + "routes:\n  /x:\n", []string{"line 4: routes./x has no value", "write {} to require a valid token only"}},
		{"no scopes", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {scopes: }\n", []string{"routes./x.scopes has no value"}},
		{"empty list", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {scopes: []}\n", []string{"routes./x.scopes is empty"}},
		{"empty mapping", minimal + "dpop: {}\n", []string{"dpop is empty"}},
		{"null in a list", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {scopes: [~]}\n", []string{"routes./x.scopes has no value"}},
		{"not a list", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {scopes: a}\n", []string{"line 4: cannot unmarshal !!str"}},
		{"not a boolean", "proxy: nginx\n" + oneIssuer + "routes:\n  /x: {public: 1}\n", []string{"line 4: cannot unmarshal !!int"}},
		{"a duration without a unit", minimal + "timeouts: {drain: 5}\n", []string{`line 4: "5" is not a duration`}},
		{"several places", "proxy: apache\nlog: {format: xml, level: loud}\ntimeouts: {drain: -1s}\ntrusted_proxies: [10.0.0.1, 10.0.0.1/8, 0.0.0.0/0, \"::ffff:10.0.0.0/104\"]\nissuers: [{issuer: x}]\ndpop: {url: https://a.test, hosts: [a.test]}\ninsecure_allow_in_path: [\"%2F\"]\n", []string{
			`proxy is "apache"`, "routes is empty", "log.format", "log.level", "timeouts.drain is negative", "10.0.0.1\" is not a network",
			"10.0.0.1/8 has address bits", "0.0.0.0/0 is too large", "::ffff:10.0.0.0/104 has address bits", "issuers, number 1", "exactly one of url and hosts", `"%2F" cannot be allowed`,
		}},
		{"settings of Envoy", "proxy: caddy\nremove_token: true\nlisten: {grpc: \"127.0.0.1:0\"}\n" + oneIssuer + "routes: {/x: {}}", []string{"remove_token is set", "listen.grpc is set"}},
		{"unknown profile", "proxy: nginx\nissuers: [{issuer: https://a.test, audience: [b], profile: keycloack}]\nroutes: {/x: {}}", []string{`profile: "keycloack" is not the name of a profile`, " keycloak,"}},
		{"no audience", "proxy: nginx\nissuers: [{issuer: https://a.test}]\nroutes: {/x: {}}", []string{"Config.Audience"}},
		{"algorithm without a file", "proxy: nginx\nissuers: [{issuer: https://a.test, audience: [b], key_algorithm: RS256}]\nroutes: {/x: {}}", []string{"key_algorithm is set"}},
		{"no such key file", "proxy: nginx\nissuers: [{issuer: https://a.test, audience: [b], key_file: /none}]\nroutes: {/x: {}}", []string{"key_file: "}},
		{"resource", minimal + "resource: http://api.test\n", []string{"Config.Resource"}},
		{"patterns", "proxy: nginx\n" + oneIssuer + "routes:\n  GET: {}\n  \"GET /{a}/{a}\": {}\n  \"GET Api.test/x\": {}\n  \"/%61\": {}\n", []string{`"GET"`, `"GET /{a}/{a}"`, "the host must be in lower case", "/%61: write"}},
		{"conflicting patterns", "proxy: nginx\n" + oneIssuer + "routes:\n  \"/{a}/x\": {}\n  \"/x/{a}\": {}\n", []string{"conflicts"}},
		{"patterns that differ in case", "proxy: nginx\n" + oneIssuer + "routes:\n  /Admin: {}\n  /admin: {public: true}\n", []string{"insecure_skip_spelling_check"}},
		{"rules", "proxy: nginx\n" + oneIssuer + `routes:
  /a: {public: true, scopes: [x]}
  /b: {scopes: ["a b"]}
  /c: {principal: machine}
  /d: {step_up: {max_age: 1500ms}}
  /e: {roles: {any_of: [x]}}
`, []string{"routes: /a: public is set together", "routes: /b: Scopes", `routes: /c: principal is "machine"`, "routes: /d: StepUp", "routes: /e: Role"}},
		{"empty elements", strings.Replace(minimal, "{}", "{any_role: [\"\"], any_scope: [a, \"\"]}", 1), []string{"line 3: routes.GET /x.any_role is empty", "line 3: routes.GET /x.any_scope is empty"}},
		{"values of claims", "proxy: nginx\n" + oneIssuer + "routes:\n  /a: {claims: {x: {y: z}}}\n", []string{"line 4: expected a string"}},
		{"large values of claims", "proxy: nginx\n" + oneIssuer + "routes:\n  /a: {claims: {x: 9007199254740993}}\n", []string{"line 4: expected a string"}},
		{"headers", minimal + `headers:
  Authorization: sub
  X-: sub
  X_Auth: sub
  X-Auth_A: sub
  X-Forwarded-User: sub
  X-Original-URI: sub
  X-Http-Method: sub
  X-Real-IP: sub
  X-A: $sub
  X-B: {encode: percent}
  X-C: {claim: sub, encode: base64}
  X-D: sub
  x-d: sub
`, []string{"Authorization: the name must", "X-: the name", "X_Auth: the name", "X-Auth_A: the name", "X-Forwarded-User: the name is one", "X-Original-URI: the name is one", "X-Http-Method: the name is one", "X-Real-IP: the name is one", "$sub is unknown", "X-B: the claim is empty", `encode is "base64"`, "X-D is repeated in another spelling"}},
		{"too many headers", minimal + "headers:" + manyHeaders(33), []string{"33 names, expected at most 32"}},
		{"subjects of two issuers", "proxy: nginx\nissuers: [{issuer: https://a.test, audience: [x]}, {issuer: https://b.test, audience: [x]}]\nroutes: {/x: {}}\nheaders: {X-Sub: sub}\n", []string{"unique only within its issuer"}},
		{"no certificate", minimal + "listen: {tls: {certificate: /none, key: /none}}\n", []string{"listen.tls: open /none"}},
	} {
		code, stdout, stderr := check(t, test.configuration, nil)
		if code != cli.ExitFailed || stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, want 1", test.name, code, stdout)
		}
		if strings.Contains(stderr, ".go:") {
			t.Errorf("%s: stderr contains the name of a source file: %s", test.name, stderr)
		}
		for _, want := range test.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: stderr %q does not contain %q", test.name, stderr, want)
			}
		}
	}
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n  X-Auth-%d: sub", i)
	}
	return b.String() + "\n"
}

// The issuers come from the file or from the environment, not from both.
func TestEnvironmentConflict(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL", "BEARERKIT_CLIENT_IDS", "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN"} {
		code, _, stderr := check(t, minimal, map[string]string{name: "https://other.test"})
		if code != cli.ExitFailed || !strings.Contains(stderr, "remove one of them (issuers, "+name+")") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	}
	if code, _, stderr := check(t, minimal, map[string]string{"BEARERKIT_TOKEN": "x", "BEARERKIT_CLIENT_ID": "x"}); code != cli.ExitOK {
		t.Errorf("variables of other commands: exit code %d: %s", code, stderr)
	}
}

// Without issuers in the file, consumer.FromEnv names the issuer.
func TestIssuerFromEnvironment(t *testing.T) {
	t.Setenv("BEARERKIT_ISSUER", "https://env.test")
	t.Setenv("BEARERKIT_AUDIENCE", "https://api.test")
	const configuration = "proxy: nginx\nroutes: {\"GET /x\": {}}\n"
	code, stdout, stderr := check(t, configuration, nil)
	if code != cli.ExitOK || !strings.Contains(stdout, "- issuer: https://env.test") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	t.Setenv("BEARERKIT_AUDIENCE", "")
	if code, _, stderr = check(t, configuration, nil); code != cli.ExitFailed || !strings.Contains(stderr, "BEARERKIT_AUDIENCE") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// --check prints the configuration with its defaults, as YAML that is a configuration again, and as JSON.
func TestCheck(t *testing.T) {
	t.Parallel()
	const want = `proxy: nginx
listen:
    http: 127.0.0.1:9123
trusted_proxies:
    - 127.0.0.0/8
    - ::1/128
issuers:
    - issuer: https://login.test
      audience:
        - https://api.test
      profile: default
routes:
    GET /x: {}
log:
    format: json
    level: info
timeouts:
    request: 10s
    idle: 2m0s
    warm: 10s
    drain: 5s
    shutdown: 20s
`
	code, stdout, stderr := check(t, minimal, nil)
	if diff := cmp.Diff(want, stdout); code != cli.ExitOK || diff != "" {
		t.Errorf("exit code %d, stderr %q (-want +got):\n%s", code, stderr, diff)
	}
	if _, again, stderr := check(t, stdout, nil); again != want {
		t.Errorf("checked again: %s%s", again, stderr)
	}
	_, stdout, _ = check(t, minimal, nil, "--json")
	var document struct {
		Proxy  string
		Routes map[string]any
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || document.Proxy != "nginx" || len(document.Routes) != 1 {
		t.Errorf("%v: %s", err, stdout)
	}
}

// Wrong usage has exit code 2.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve"}, {"serve", "--config", "x", "--json"}, {"serve", "x"}} {
		var stderr bytes.Buffer
		if code := cli.Run(t.Context(), &cli.Env{Stderr: &stderr}, args, serve.Command); code != cli.ExitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, &stderr)
		}
	}
	var stderr bytes.Buffer
	if code := cli.Run(t.Context(), &cli.Env{Stderr: &stderr, Stdin: strings.NewReader(minimal)}, []string{"serve", "--check", "--config", "-"}, serve.Command); code != cli.ExitOK {
		t.Errorf("standard input: exit code %d: %s", code, &stderr)
	}
}
