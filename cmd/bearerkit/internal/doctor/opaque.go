package doctor

import (
	"fmt"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// opaque adds the finding for a token that only the authorization server can read.
func (d *doctor) opaque() {
	d.verdict = verdictRejected
	f := Finding{
		Check: "token.kind", Severity: Problem, Actor: ActorAPI, Field: "consumer.GroupConfig.Opaque",
		Found: fmt.Sprintf("The token is opaque: %d characters that are not a JWT. Only the authorization server can read it.", len(d.token.Raw)),
	}
	if d.metadata == nil || d.metadata.IntrospectionEndpoint == "" {
		f.Actor = ActorIssuer
		f.Change = "Configure the issuer to create JWTs for this API: many issuers create them only if the client requests a token for a registered API. " +
			"The metadata has no introspection_endpoint, which the API would need to introspect them."
		d.add(f)
		return
	}
	f.Change = fmt.Sprintf("Configure the issuer to create JWTs for this API, or introspect the tokens at %s: register the API as a client of the issuer, "+
		"pass a client.Client with its credentials to introspection.New, and set the result.", cli.Quote(d.metadata.IntrospectionEndpoint))
	f.Settings = []Setting{{
		Field: f.Field, Value: fmt.Sprintf("introspection.New(introspection.Config{Client: c, Audience: %s})", quoteList(d.cfg.Audience)),
	}}
	d.add(f)
}
