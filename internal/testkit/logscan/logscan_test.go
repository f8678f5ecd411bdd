package logscan

import (
	"log/slog"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

func TestScan(t *testing.T) { //nolint:paralleltest // the findings are shared by the process
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	raw := issuer.AccessToken().Set("sub", "carol-17").Set("jti", "id-0123456789").Sign()
	Token(raw)
	for text, want := range map[string]bool{
		"no part of it":                 false,
		raw:                             true,
		"token " + raw[len(raw)-20:]:    true,
		"half " + raw[:len(raw)/2]:      true,
		"header " + raw[:20]:            false,
		`{"sub":"carol-17"}`:            true,
		"user=carol-17, at last":        true,
		"carol-178":                     false,
		"jti id-0123456789":             true,
		"the client is not on the list": false,
	} {
		scan.findings = nil
		Logger().Info("message", slog.String("text", text))
		if got := len(scan.findings) > 0; got != want {
			t.Errorf("%q: found %v, want %v", text, got, want)
		}
	}
	scan.findings = nil
}
