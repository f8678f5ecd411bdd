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

// session is a user who is signed in, from one run to the next.
type session struct {
	client *client.Client
	tokens *client.FileTokens
	key    string
	out    io.Writer
	source *client.TokenSource
}

// signIn takes the token of the last run, refreshed if need be, or asks the user.
func (s *session) signIn(ctx context.Context, flow string) error {
	source, err := s.client.TokenSource(client.TokenSourceConfig{Store: s.tokens, Key: s.key})
	if err != nil {
		return err
	}
	s.source = source
	token, err := source.TokenContext(ctx)
	switch {
	case err == nil:
		s.tell("Signed in already", token)
		return nil
	case !errors.Is(err, client.ErrNoToken) && !errors.Is(err, client.ErrInvalidGrant):
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
	who := "somebody" // without the scope openid nobody says who
	if token.IDClaims != nil {
		who = token.IDClaims.Subject()
	}
	s.tell("Signed in as "+who, token)
	if s.source, err = s.client.TokenSource(client.TokenSourceConfig{Token: token, Store: s.tokens, Key: s.key}); err != nil {
		return err
	}
	_, err = s.source.TokenContext(ctx) // which keeps it
	return err
}

func (s *session) tell(what string, token *client.Token) {
	end := "nobody knows when"
	if !token.Expiry.IsZero() {
		end = token.Expiry.Local().Format("15:04")
	}
	_, _ = fmt.Fprintf(s.out, "%s, with the scopes %s, until %s.\n",
		printable(what), printable(strings.Join(token.Scopes, " ")), end)
}

// call shows what the API answers. The token goes there and nowhere else.
func (s *session) call(ctx context.Context, api string) error {
	if api == "" {
		m, err := s.client.Metadata(ctx)
		if err != nil {
			return err
		}
		api = m.UserinfoEndpoint
	}
	u, err := url.Parse(api)
	if err != nil || u.Host == "" {
		return errors.New("cli: there is no API to call: say -api")
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
	_, _ = fmt.Fprintf(s.out, "The API answers %s:\n%s\n", printable(resp.Status), printable(string(text)))
	return err
}

// signOut forgets the token here in any case.
func (s *session) signOut(ctx context.Context) error {
	token, err := s.tokens.Load(ctx, s.key)
	if errors.Is(err, client.ErrNoToken) {
		_, _ = fmt.Fprintln(s.out, "Nobody is signed in.")
		return nil
	}
	if err == nil && token.RefreshToken != "" {
		err = s.client.Revoke(ctx, token.RefreshToken, "refresh_token")
	}
	if errors.Is(err, client.ErrUnsupported) {
		err = nil
	}
	if err = errors.Join(err, s.tokens.Delete(ctx, s.key)); err == nil {
		_, _ = fmt.Fprintln(s.out, "Signed out.")
	}
	return err
}

// printable drops what a terminal would obey instead of showing it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
