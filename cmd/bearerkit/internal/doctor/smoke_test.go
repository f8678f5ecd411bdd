package doctor_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
)

// A correct issuer, audience and token have no problems.
func TestNoProblems(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	var stdout, stderr bytes.Buffer
	env := &cli.Env{
		Stdin: strings.NewReader(issuer.AccessToken().Sign()), Stdout: &stdout, Stderr: &stderr, HTTPClient: issuer.Client(),
	}
	args := []string{"doctor", "--issuer", issuer.URL(), "--audience", "https://api.test", "--token-file", "-"}
	if code := cli.Run(t.Context(), env, args, doctor.Command); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	if !strings.Contains(stdout.String(), "0 problems, 0 warnings.") || !strings.Contains(stdout.String(), "The token is accepted") {
		t.Errorf("output:\n%s", &stdout)
	}
}
