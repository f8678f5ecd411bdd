package interop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// command returns a call of the command bearerkit, with no other variables than the given ones.
func command(t *testing.T, program string, variables []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, variables...)
	return cmd
}

// TestCommand gets tokens from oidc-provider with the command bearerkit, and measures a guarded API with them.
func TestCommand(t *testing.T) {
	t.Parallel()
	program := buildProgram(t, "../cmd/bearerkit", "github.com/bearerkit/bearerkit/cmd/bearerkit")
	p := startOIDCProvider(t)
	machine := []string{
		"BEARERKIT_ISSUER=" + p.issuer, "BEARERKIT_CLIENT_ID=cc", "BEARERKIT_CLIENT_SECRET=" + secretOf("cc"),
		"BEARERKIT_RESOURCE=" + apiES256, "BEARERKIT_SCOPES=api:read",
	}
	verifier, err := consumer.New(consumer.Config{Issuer: p.issuer, Audience: []string{apiES256}})
	if err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer
	cmd := command(t, program, machine, "token")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("token: %v: %s", err, &stderr)
	}
	raw, _ := strings.CutSuffix(string(out), "\n")
	if token, err := verifier.Verify(t.Context(), raw); err != nil || !token.HasScope("api:read") {
		t.Errorf("the token is not accepted: %v", err)
	}

	out, err = command(t, program, machine, "token", "--client-id", "nobody").CombinedOutput()
	if said := string(out); err == nil || !strings.Contains(said, `"invalid_client"`) || !strings.Contains(said, `does not accept the client "nobody"`) {
		t.Errorf("an unknown client: %v: %s", err, said)
	}
	examine(t, program, p, verifier, raw)
	benchmark(t, program, machine, verifier)
	t.Run("users", func(t *testing.T) {
		t.Parallel()
		commandForUsers(t, program)
	})
}

// examine runs doctor and explain with correct and with wrong settings.
func examine(t *testing.T, program string, p *oidcProvider, verifier consumer.Verifier, raw string) {
	t.Helper()
	a := frameworks[0].serve(t, verifier)
	go func() { // the API waits until its decisions are read
		for range a.reasons {
		}
	}()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // nothing listens on its address once it is closed
	if err != nil {
		t.Fatal(err)
	}
	down := "http://" + listener.Addr().String() + "/orders"
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	opaque, err := p.ask(t.Context(), "cc", clientCredentials("https://opaque.example", "api:read"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, command, issuer, audience, token string
		problems                               bool
		want                                   string
	}{
		{"correct", "doctor", p.issuer, apiES256, raw, false, `"token": "accepted"`},
		{"slash", "doctor", p.issuer + "/", apiES256, raw, true, `"value": "\"` + p.issuer + `\""`},
		{"audience", "doctor", p.issuer, "https://other.example", raw, true, "must request a token for this API"},
		{"opaque", "doctor", p.issuer, apiES256, opaque.AccessToken, true, "introspect"},
		{"API", "doctor --api " + a.server.URL + "/orders", p.issuer, apiES256, raw, false, "The API accepts the token (status 200)"},
		{"unreachable API", "doctor --api " + down, p.issuer, apiES256, raw, true, "Start the API, or correct the URL"},
		{"explain", "explain", p.issuer, apiES256, raw, false, `"verdict": "accepted"`},
		{"explain opaque", "explain", p.issuer, apiES256, opaque.AccessToken, true, `"kind": "opaque token"`},
	} {
		args := append(strings.Fields(test.command), "--json", "--issuer", test.issuer, "--audience", test.audience)
		cmd := command(t, program, []string{"BEARERKIT_TOKEN=" + test.token}, args...)
		out, err := cmd.CombinedOutput()
		if (err != nil) != test.problems || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, want %q in\n%s", test.name, err, test.want, out)
		}
	}
}

// benchmark runs bench with tokens that it gets itself.
func benchmark(t *testing.T, program string, variables []string, verifier consumer.Verifier) {
	t.Helper()
	a := frameworks[0].serve(t, verifier)
	go func() { // the API waits until its decisions are read
		for range a.reasons {
		}
	}()
	out, err := command(t, program, variables, "bench", "--json", "--fetch", "3", "-n", "20", a.server.URL+"/orders").Output()
	var report struct {
		Kinds []struct {
			Kind     string
			Statuses map[string]int
		}
	}
	if decoded := json.Unmarshal(out, &report); err != nil || decoded != nil || len(report.Kinds) != 6 {
		t.Errorf("bench: %v, %v: %s", err, decoded, out)
	}
}

// commandForUsers signs a user in with the browser and with a code.
func commandForUsers(t *testing.T, program string) {
	t.Helper()
	p := startScript(t, "client.mjs")
	variables := []string{"BEARERKIT_ISSUER=" + p.issuer, "BEARERKIT_CLIENT_ID=pub", "BEARERKIT_SCOPES=openid"}
	for _, flow := range []struct {
		args string
		find func(line string) (address string, ok bool) // what the user opens
	}{
		{"--flow browser --no-browser --redirect-uri http://127.0.0.1/cb", addressIn},
		{"--flow device", func(line string) (string, bool) {
			line = strings.TrimSpace(line)
			isCode := len(line) == len("ABCD-EFGH") && line[4] == '-'
			return p.issuer + "/device?user_code=" + line, isCode
		}},
	} {
		cmd := command(t, program, variables, append([]string{"token", "--json"}, strings.Fields(flow.args)...)...)
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stderr)
		var said []string
		for lines.Scan() {
			said = append(said, lines.Text())
			if address, ok := flow.find(lines.Text()); ok {
				newBrowser(t).walk(t, address, nil)
				break
			}
		}
		rest, _ := io.ReadAll(stderr)
		err = cmd.Wait()
		var token struct {
			Access string `json:"access_token"`
			ID     string `json:"id_token"`
			Scope  string
		}
		if decoded := json.Unmarshal(stdout.Bytes(), &token); err != nil || decoded != nil || token.Access == "" || token.ID == "" || token.Scope != "openid" {
			t.Errorf("%s: %v, %v: %q%s", flow.args, err, decoded, said, rest)
		}
	}
}

// addressIn returns the address in an indented line.
func addressIn(line string) (address string, ok bool) {
	address = strings.TrimSpace(line)
	return address, strings.HasPrefix(address, "http")
}
