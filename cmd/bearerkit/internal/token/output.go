package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// document is the token as JSON: the members of a token response (RFC 6749, Section 5.1) and expires_at. docs/cli.md describes them.
type document struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in,omitzero"` // seconds from now
	ExpiresAt    string `json:"expires_at,omitzero"` // RFC 3339
	RefreshToken string `json:"refresh_token,omitzero"`
	IDToken      string `json:"id_token,omitzero"`
	Scope        string `json:"scope"`
}

var errNotSendable = errors.New("token: the access token contains characters that cannot be sent in an Authorization header (RFC 6750, Section 2.1)")

// write writes the token to the standard output. With --cache, the refresh token is not written: it can be used once, by the store.
func (s *session) write(t *client.Token) error {
	if !sendable(t.AccessToken) {
		return errNotSendable
	}
	if !s.env.JSON() {
		_, err := fmt.Fprintln(s.env.Stdout, t.AccessToken)
		return err
	}
	d := document{AccessToken: t.AccessToken, TokenType: t.TokenType, IDToken: t.IDToken, Scope: strings.Join(t.Scopes, " ")}
	if s.folder == "" {
		d.RefreshToken = t.RefreshToken
	}
	if !t.Expiry.IsZero() {
		d.ExpiresIn, d.ExpiresAt = int64(t.ExpiresIn()/time.Second), t.Expiry.UTC().Format(time.RFC3339)
	}
	return s.env.WriteJSON(d)
}

// sendable reports whether token is a b64token (RFC 6750, Section 2.1). A token with other characters could add text to a request or
// control the terminal.
func sendable(token string) bool {
	body := strings.TrimRight(token, "=")
	return body != "" && !strings.ContainsFunc(body, func(r rune) bool {
		isLetter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !isLetter && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/", r)
	})
}

// notes writes to the standard error what the user should know about the token. It does not write the token.
func (s *session) notes(t *client.Token, stored bool) {
	if missing := s.missingScopes(t); len(missing) > 0 {
		s.note("the authorization server did not grant the scopes %s", list(missing))
	}
	if t.TokenType == "DPoP" {
		s.note("the token is bound to the key in BEARERKIT_DPOP_KEY_FILE. Send it with 'Authorization: DPoP' and a proof")
	}
	if !s.env.Terminal(s.env.Stderr) {
		return
	}
	origin := "a new token"
	if stored {
		origin = "the stored token"
	}
	end := "an unknown time"
	if !t.Expiry.IsZero() {
		end = t.Expiry.Local().Format(time.DateTime)
	}
	s.note("%s with the scopes %s, valid until %s", origin, list(t.Scopes), end)
}

// note writes one line to the standard error.
func (s *session) note(format string, args ...any) {
	_, _ = fmt.Fprintln(s.env.Stderr, "bearerkit: "+cli.Clean(fmt.Sprintf(format, args...)))
}

// missingScopes returns the requested scopes that were not granted.
func (s *session) missingScopes(t *client.Token) []string {
	return slices.DeleteFunc(slices.Clone(s.cfg.Scopes), func(scope string) bool { return slices.Contains(t.Scopes, scope) })
}
