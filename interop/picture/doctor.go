package main

import (
	"context"
	"net/http/httptest"
	"path/filepath"

	"github.com/bearerkit/bearerkit/bearertest"
)

const audience = "https://api.example.com"

// runDoctor runs doctor with two common mistakes: the issuer has a slash that the tokens do not have, and the token is for another
// API. It returns the command line and what the command prints.
func runDoctor(ctx context.Context, top string) (string, error) {
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String(), Audience: audience})
	server.Config.Handler = issuer
	server.Start()
	args := []string{"doctor", "--issuer", issuer.URL() + "/", "--audience", audience, "--token-file", "-"}
	token := issuer.AccessToken().Set("aud", "account").Sign()
	printed, err := run(ctx, filepath.Join(top, "cmd", "bearerkit"), token, ".", args...)
	return "$ bearerkit doctor --issuer " + issuer.URL() + "/ --audience " + audience + " --token-file -\n" + printed, err
}
