package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/internal/hint"
)

// checkTokenIssuer compares iss with Config.Issuer.
func (d *doctor) checkTokenIssuer(ctx context.Context) {
	iss := d.token.Text("iss")
	f := Finding{Check: "token.issuer", Severity: Problem, Field: inConsumer + "Issuer"}
	switch {
	case d.cfg.Issuer == iss:
		d.ok(f.Check, f.Field, fmt.Sprintf("iss is %s, as expected.", cli.Quote(iss)))
		return
	case iss == "":
		f.Found, f.Change, f.Actor = "The token has no iss.", "Configure the issuer to add iss to access tokens (RFC 9068 section 2.2).", ActorIssuer
		d.add(f)
		return
	}
	f.Found = fmt.Sprintf("iss is %s, and Config.Issuer is %s", cli.Quote(iss), cli.Quote(d.cfg.Issuer))
	difference := hint.Difference(iss, d.cfg.Issuer)
	switch {
	case difference != "":
		f.Found += ": " + difference + "."
	case isEntra(iss) && isEntra(d.cfg.Issuer):
		f.Found += ". These are the issuers of version 1 and version 2 of access tokens of Microsoft Entra."
	default:
		f.Found += ". The token is from another authorization server or tenant."
		f.Change = "Use a token of this issuer. If the API must accept tokens of the other issuer, run doctor with that issuer, and set Issuer to it. " +
			"For several issuers, use consumer.NewGroup."
		f.Actor = ActorClient
		d.add(f)
		return
	}
	// Only a difference in form, or between the two versions of Entra, is a wrong setting. Any other issuer may be one that the API
	// must not trust, so doctor does not suggest it.
	d.switchIssuer(ctx, f, iss)
}

// isEntra reports whether an issuer is one of Microsoft Entra, of either version of access tokens.
func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && (u.Host == "sts.windows.net" || strings.HasPrefix(u.Host, "login.microsoftonline."))
}

// switchIssuer adds the finding f, and changes Config.Issuer to the issuer of the token. Its keys must be found too.
func (d *doctor) switchIssuer(ctx context.Context, f Finding, iss string) {
	f.Actor, f.Settings = ActorAPI, []Setting{setIssuer(iss)}
	f.Change = "Set Issuer to the iss of the tokens, byte for byte."
	if d.static() {
		d.apply(f)
		return
	}
	cfg := d.cfg // a copy: d keeps its issuer unless the new one has metadata
	cfg.Issuer, cfg.Metadata = iss, nil
	s := d.look(ctx, cfg)
	switch used := s.used(); {
	case used != nil:
		d.metadata = used.metadata
		d.apply(f)
		d.fetchAgain(ctx)
	case d.metadata != nil && hint.Difference(iss, d.cfg.Issuer) != "" && d.metadata.JWKSURI != "":
		// The metadata is under the other name, so it does not fit the tokens.
		jwksURI := d.metadata.JWKSURI
		d.cfg.Issuer = iss
		f.Settings = append(f.Settings, d.setMetadata(jwksURI))
		f.Change += " The metadata has the other form, so set Metadata too. The issuer should use one form in its metadata and its tokens."
		d.apply(f)
	default:
		f.Settings, f.Actor = nil, ActorClient
		f.Change = fmt.Sprintf("Use a token whose iss is %s. There is no metadata of the issuer in the token.", cli.Quote(d.cfg.Issuer))
		d.add(f)
	}
}

// fetchAgain fetches the keys of the new issuer.
func (d *doctor) fetchAgain(ctx context.Context) {
	// Both forms of an issuer often name the same key set.
	if d.metadata.JWKSURI == "" || d.keys != nil && d.keys.Origin == d.metadata.JWKSURI {
		return
	}
	if set, err := inspect.KeysAt(ctx, d.metadata.JWKSURI, d.keyOptions()); err == nil {
		d.keys = set
		d.describeKeys()
	}
}
