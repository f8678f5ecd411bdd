package token

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// session gets the token of one run.
type session struct {
	env       *cli.Env
	cfg       client.Config
	client    *client.Client
	flow      string
	noBrowser bool
	timeout   time.Duration
	folder    string // of --cache; empty: no token is stored
}

// minLeft is how long a stored token must still be valid. A token that expires earlier is refreshed, so that the next command can
// use it.
const minLeft = 30 * time.Second

// token returns a stored token that is still valid or can be refreshed, or a new one. stored reports whether it came from the store.
func (s *session) token(ctx context.Context) (token *client.Token, stored bool, err error) {
	if s.folder == "" {
		token, err = s.get(ctx)
		return token, false, err
	}
	store, err := client.NewFileTokens(s.folder)
	if err != nil {
		return nil, false, cli.Usagef("token: --cache: %w", err)
	}
	// With the shortest possible Early, the source never refreshes in the background. The process ends soon, and a refresh that it
	// interrupts could lose the new refresh token.
	cfg := client.TokenSourceConfig{Store: store, Key: s.key(), Early: 1}
	token, err = s.stored(ctx, cfg)
	if !errors.Is(err, client.ErrNoToken) {
		return token, true, err
	}
	if token, err = s.get(ctx); err != nil {
		return nil, false, err
	}
	cfg.Token = token // replaces what is stored
	source, err := s.client.TokenSource(cfg)
	if err != nil {
		return nil, false, err
	}
	token, err = source.TokenContext(ctx) // stores the token
	return token, false, err
}

// stored returns the stored token, refreshed if it expires soon. If there is none, the error matches client.ErrNoToken.
func (s *session) stored(ctx context.Context, cfg client.TokenSourceConfig) (*client.Token, error) {
	source, err := s.client.TokenSource(cfg)
	if err != nil {
		return nil, err
	}
	token, err := source.TokenContext(ctx)
	if err != nil || token.Expiry.IsZero() || token.ExpiresIn() > minLeft {
		return token, err
	}
	if token.RefreshToken == "" {
		return nil, fmt.Errorf("token: the stored token expires soon: %w", client.ErrNoToken)
	}
	return source.Refresh(ctx)
}

// key returns the key of the token in the store. It contains everything that the user can choose about a token, so that a run with
// other flags does not get a token with other rights.
func (s *session) key() string {
	return strings.Join([]string{
		"bearerkit token", s.cfg.Issuer, s.cfg.ClientID, s.flow, strings.Join(s.cfg.Scopes, " "),
		strings.Join(s.cfg.Resource, " "), s.cfg.Audience, boundTo(s.cfg.DPoP),
	}, "\n")
}

// boundTo identifies the key that tokens are bound to. It is empty for bearer tokens.
func boundTo(key *client.SigningKey) string {
	if key == nil {
		return ""
	}
	signer, _ := key.Private.(crypto.Signer) // client.New has checked this
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return "unknown"
	}
	return base64.RawURLEncoding.EncodeToString(public)
}
