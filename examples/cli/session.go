package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
)

// session is the signed-in user of the program. It stores the token in a file, so that the user remains signed in for the
// next run.
type session struct {
	client  *client.Client
	tokens  *client.FileTokens  // the files with the tokens of all issuers and clients
	key     string              // under which tokens has the token of this session
	out     io.Writer           // for the user
	browser loopback.Options    // for a sign-in with the browser
	source  *client.TokenSource // supplies the token to requests; nil until signIn returns
}

// signIn uses the token that the last run stored, and refreshes it if necessary. If no token is stored, or the provider
// rejects the refresh token, it signs the user in with the given flow: loopback or device.
func (s *session) signIn(ctx context.Context, flow string) error {
	// The source reads the token from the file. Without Grant, it cannot get a token if there is none: it returns
	// ErrNoToken.
	source, err := s.client.TokenSource(client.TokenSourceConfig{Store: s.tokens, Key: s.key})
	if err != nil {
		return err
	}
	s.source = source
	token, err := source.TokenContext(ctx)
	switch {
	case err == nil: // the stored token is valid, or was refreshed
		s.tell("Already signed in", token)
		return nil
	// Any other error is temporary or needs the user's attention, such as a provider that is unavailable. A new sign-in
	// would not help.
	case !errors.Is(err, client.ErrNoToken):
		return err
	}
	// Both functions print instructions to s.out, and wait until the user has signed in.
	if flow == "device" {
		token, err = loopback.Device(ctx, s.client, loopback.DeviceOptions{Out: s.out})
	} else {
		token, err = loopback.SignIn(ctx, s.client, s.browser)
	}
	if err != nil {
		return err
	}
	// The ID token was verified before loopback returned, so the program may rely on its claims.
	who := "an unknown user" // without the scope openid there is no ID token
	if token.IDClaims != nil {
		who = token.IDClaims.Subject()
	}
	s.tell("Signed in as "+who, token)
	// A new source, because this token replaces the stored one. TokenContext below saves it to the file.
	if s.source, err = s.client.TokenSource(client.TokenSourceConfig{Token: token, Store: s.tokens, Key: s.key}); err != nil {
		return err
	}
	_, err = s.source.TokenContext(ctx) // this stores the token
	return err
}

// tell prints what has happened, and the scopes and the expiry of the token. It does not print the token.
func (s *session) tell(what string, token *client.Token) {
	end := "an unknown time"
	if !token.Expiry.IsZero() {
		end = token.Expiry.Local().Format("15:04")
	}
	_, _ = fmt.Fprintf(s.out, "%s, with the scopes %s, until %s.\n",
		printable(what), printable(strings.Join(token.Scopes, " ")), end)
}

// call sends a GET request with the token to the API, and prints the response. If api is empty, it calls the userinfo
// endpoint of the provider.
func (s *session) call(ctx context.Context, api string) error {
	if api == "" {
		m, err := s.client.Metadata(ctx)
		if err != nil {
			return err
		}
		api = m.UserinfoEndpoint
	}

	// The Transport sends the token to this origin only, even if the API redirects.
	u, err := url.Parse(api)
	if err != nil || u.Host == "" {
		return errors.New("cli: no API to call: set -api to an absolute URL")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	transport, err := client.NewTransport(client.TransportConfig{
		Source: s.source, Origins: []string{u.Scheme + "://" + u.Host},
	})
	if err != nil {
		return err
	}
	caller := http.Client{Transport: transport}
	// The Transport adds the token, and refreshes it if the API rejects it.
	resp, err := caller.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	// Print the beginning of the body only.
	const shown = 4 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, shown))
	_, _ = fmt.Fprintf(s.out, "The API responded with %s:\n%s\n", printable(resp.Status), printable(string(text)))
	return err
}

// signOut revokes the refresh token at the provider and deletes the stored token. It deletes the token even if the
// provider cannot revoke it.
func (s *session) signOut(ctx context.Context) error {
	// Without the lock, another process that is refreshing the token could save the new one after the sign-out.
	unlock, err := s.tokens.Lock(ctx, s.key)
	if err != nil {
		return err
	}
	defer unlock()
	// Load reads the file only. It does not refresh the token, which is about to be revoked.
	token, err := s.tokens.Load(ctx, s.key)
	if errors.Is(err, client.ErrNoToken) {
		_, _ = fmt.Fprintln(s.out, "Nobody is signed in.")
		return nil
	}
	// Revoking the refresh token also ends the grant, so it cannot be used to obtain access tokens (RFC 7009, Section 2.1).
	if err == nil && token.RefreshToken != "" {
		err = s.client.Revoke(ctx, token.RefreshToken, "refresh_token")
	}
	if errors.Is(err, client.ErrUnsupported) { // the provider has no revocation endpoint; only delete the token
		err = nil
	}
	// Delete even after an error. If the file remained, the next run would use the token again.
	if err = errors.Join(err, s.tokens.Delete(ctx, s.key)); err == nil {
		_, _ = fmt.Fprintln(s.out, "Signed out.")
	}
	return err
}

// printable returns text without characters that could control the terminal. The text comes from the provider or the API.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
