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

// session keeps a user signed in from one run of the program to the next.
type session struct {
	client *client.Client
	tokens *client.FileTokens
	key    string
	out    io.Writer
	source *client.TokenSource
}

// signIn uses the stored token of the last run, and refreshes it if necessary. If there is none, or the provider rejects it,
// the user signs in.
func (s *session) signIn(ctx context.Context, flow string) error {
	source, err := s.client.TokenSource(client.TokenSourceConfig{Store: s.tokens, Key: s.key})
	if err != nil {
		return err
	}
	s.source = source
	token, err := source.TokenContext(ctx)
	switch {
	case err == nil: // the stored token is good, or was refreshed
		s.tell("Signed in already", token)
		return nil
	case !errors.Is(err, client.ErrNoToken):
		return err
	}
	if flow == "device" {
		token, err = loopback.Device(ctx, s.client, loopback.DeviceOptions{Out: s.out})
	} else {
		token, err = loopback.SignIn(ctx, s.client, loopback.Options{Out: s.out})
	}
	if err != nil {
		return err
	}
	who := "an unknown user" // without the scope openid there is no ID token
	if token.IDClaims != nil {
		who = token.IDClaims.Subject()
	}
	s.tell("Signed in as "+who, token)
	if s.source, err = s.client.TokenSource(client.TokenSourceConfig{Token: token, Store: s.tokens, Key: s.key}); err != nil {
		return err
	}
	_, err = s.source.TokenContext(ctx) // which stores it
	return err
}

// tell prints what has happened, and what is known of the token.
func (s *session) tell(what string, token *client.Token) {
	end := "an unknown time"
	if !token.Expiry.IsZero() {
		end = token.Expiry.Local().Format("15:04")
	}
	_, _ = fmt.Fprintf(s.out, "%s, with the scopes %s, until %s.\n",
		printable(what), printable(strings.Join(token.Scopes, " ")), end)
}

// call prints the response of the API. The token is sent to the origin of the API only.
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
	resp, err := caller.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	const shown = 4 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, shown))
	_, _ = fmt.Fprintf(s.out, "The API responded with %s:\n%s\n", printable(resp.Status), printable(string(text)))
	return err
}

// signOut deletes the stored token, even if it cannot be revoked at the provider.
func (s *session) signOut(ctx context.Context) error {
	token, err := s.tokens.Load(ctx, s.key)
	if errors.Is(err, client.ErrNoToken) {
		_, _ = fmt.Fprintln(s.out, "Nobody is signed in.")
		return nil
	}
	if err == nil && token.RefreshToken != "" {
		err = s.client.Revoke(ctx, token.RefreshToken, "refresh_token")
	}
	if errors.Is(err, client.ErrUnsupported) { // the provider revokes no tokens: the local copy is deleted all the same
		err = nil
	}
	if err = errors.Join(err, s.tokens.Delete(ctx, s.key)); err == nil {
		_, _ = fmt.Fprintln(s.out, "Signed out.")
	}
	return err
}

// printable removes characters that would control the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
