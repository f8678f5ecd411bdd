package consumer

import (
	"fmt"

	"github.com/bearerkit/bearerkit/jwks"
)

// Format writes what [Token.LogValue] shows, whatever the verb. Without it fmt would print every claim.
func (t *Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{issuer %q client %q expiry %v}", t.issuer, t.clientID, t.expiry)
}

// Format writes the issuer, whatever the verb. Without it fmt would print the secret of a [Config] that has one.
func (c *Consumer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "{issuer %q}", c.cfg.Issuer) }

// hiddenSource keeps keys that may be secret from whoever prints something that holds a [Consumer] in an unexported
// field: fmt calls no method there, but it follows no second pointer either.
type hiddenSource struct{ jwks.Source }
