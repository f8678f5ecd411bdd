package client

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// token reads a successful answer of a token endpoint (RFC 6749 §5.1). asked are the scopes that were asked for.
func (c *Client) token(a *answer, asked []string) (*Token, error) {
	t := &Token{Scopes: asked}
	for name, field := range map[string]*string{"access_token": &t.AccessToken, "token_type": &t.TokenType} {
		text, ok := a.OptionalText(name)
		if !ok || text == "" {
			return nil, fmt.Errorf("%w: %s is missing or no string", ErrBadAnswer, name)
		}
		*field = text
	}
	for name, field := range map[string]*string{"refresh_token": &t.RefreshToken, "id_token": &t.IDToken} {
		*field, _ = a.OptionalText(name) // null, from some servers
	}
	if err := c.checkType(t); err != nil {
		return nil, err
	}
	if scope, ok := a.OptionalText("scope"); ok && scope != "" {
		t.Scopes = strings.Fields(scope)
	}
	if lifetime, ok := a.Get("expires_in"); ok {
		t.Expiry = expiryOf(lifetime, time.Now())
	}
	return t, json.Unmarshal([]byte(a.Raw()), &t.answer)
}

// checkType refuses a token whose use is not known (RFC 6749 §7.1), and one that is not bound where that was asked for
// (RFC 9449 §5).
func (c *Client) checkType(t *Token) error {
	switch {
	case strings.EqualFold(t.TokenType, "DPoP") && c.cfg.DPoP != nil:
		t.TokenType = "DPoP"
	case strings.EqualFold(t.TokenType, "Bearer") && c.cfg.DPoP == nil:
		t.TokenType = "Bearer"
	case strings.EqualFold(t.TokenType, "Bearer"):
		return fmt.Errorf("%w: the token is not bound to the DPoP key", ErrBadAnswer)
	default:
		return fmt.Errorf("%w: the token's type is not known", ErrBadAnswer)
	}
	return nil
}

const maxLifetime = 100 * 365 * 24 * time.Hour

// expiryOf reads expires_in in every form that servers send it in. What makes no sense is no reason to lose a token.
func expiryOf(lifetime compact.Value, now time.Time) time.Time {
	text, ok := lifetime.Text()
	if !ok {
		text = lifetime.Raw()
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxLifetime.Seconds() {
		return time.Time{}
	}
	return now.Add(time.Duration(seconds * float64(time.Second)))
}
