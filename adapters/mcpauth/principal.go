package mcpauth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// principalOf returns a text that identifies the owner of a session. It becomes the UserID of the SDK's TokenInfo. It contains the
// issuer, because two issuers may use the same subject for different users. The words "sub" and "client" separate users from
// clients. The parts are quoted, so two principals never have the same text. It is empty if the token has neither a subject nor
// a client.
func principalOf(t *consumer.Token) string {
	switch {
	case t.Subject() != "":
		return fmt.Sprintf("%q sub %q", t.Issuer(), t.Subject())
	case t.ClientID() != "":
		return fmt.Sprintf("%q client %q", t.Issuer(), t.ClientID())
	}
	return ""
}

// hasPrincipal returns the rule that the token has a subject or a client. Without this rule, all tokens without both would share the
// sessions of the principal "".
func hasPrincipal() middleware.Rule {
	return middleware.Check("mcp_principal", func(_ context.Context, t *consumer.Token) error {
		if principalOf(t) != "" {
			return nil
		}
		return &middleware.Refusal{
			Status: http.StatusUnauthorized, Code: codeInvalidToken, Reason: consumer.ReasonClaims,
			Detail: "mcpauth: the token has neither a subject nor a client, expected at least one, as the owner of sessions",
		}
	})
}
