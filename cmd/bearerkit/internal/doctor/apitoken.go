package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// apiTimeout limits each request to the API. A cold API may wait for its issuer first.
func (d *doctor) apiTimeout() time.Duration { return max(10*time.Second, d.cfg.DiscoveryTimeout) }

// checkWith checks the response to the token of the user, and compares it with what the kit decides with the settings here.
func (d *doctor) checkWith(ctx context.Context) {
	// Such a text is not a token, and another finding says so.
	if d.token.Raw == "" || strings.ContainsAny(d.token.Raw, " \r\n\t") {
		return
	}
	if d.token.Claims["cnf"] != nil {
		d.ok("api.token", inMiddleware+"DPoP", "The token is bound, so it was not sent to the API: doctor has neither its key nor its certificate.")
		return
	}
	r := d.send(ctx, "Bearer "+d.token.Raw)
	f := Finding{Check: "api.token", Severity: Problem, Actor: ActorAPI}
	switch {
	case r.status == 0:
		f.Found, f.Change = fmt.Sprintf("The API does not respond to the token: %v.", r.err), "Look at the log of the API."
	// If doctor has suggested settings, the verdict is for those, and says nothing about the API.
	case r.status == http.StatusUnauthorized && d.verdict == verdictAccepted && len(d.settings) == 0:
		f.Found = "The API rejects the token, and the kit accepts it with the settings of this run."
		f.Change = "Compare the Config of the API with these settings: " + strings.Join(d.used(), ", ") + ". The log of the API names the reason."
		f.Field = inConsumer + "Audience"
	case r.status == http.StatusUnauthorized:
		f.Found, f.Change = "The API rejects the token with 401.", "See the findings about the token."
	case r.status == http.StatusForbidden:
		d.forbidden(r)
		return
	case r.status == http.StatusServiceUnavailable:
		f.Found = "The API responds to the token with 503: it has no keys, or cannot reach the issuer."
		f.Change, f.Field = "Look at the log of the API. It must be able to fetch the metadata and the keys.", inConsumer+"Keys"
	case r.status >= 500:
		f.Found, f.Change = fmt.Sprintf("The API responds to the token with status %d.", r.status), "Look at the log of the API: the handler behind the Guard has failed."
	// The API accepts what the kit rejects. This is the one finding of this function that is about security.
	case d.verdict == verdictRejected:
		f.Found = fmt.Sprintf("The API accepts the token (status %d), and the kit rejects it with the settings of this run.", r.status)
		f.Change = "Find out which Config the API has: it may accept tokens that are not for it."
		f.Field = inConsumer + "Audience"
	default:
		d.ok(f.Check, "", fmt.Sprintf("The API accepts the token (status %d).", r.status))
		return
	}
	d.add(f)
}

// used lists the settings of this run.
func (d *doctor) used() []string {
	return []string{
		"Issuer " + cli.Quote(d.cfg.Issuer), "Audience " + quoteList(d.cfg.Audience), "Profile consumer." + variables()[d.cfg.Profile.String()],
	}
}

// forbidden adds the finding for a token that does not meet the rules of the route.
func (d *doctor) forbidden(r reply) {
	c, _ := r.bearer()
	f := Finding{
		Check: "api.token", Severity: Problem, Actor: ActorClient, Field: "middleware.Rule",
		Found: fmt.Sprintf("The API accepts the token, but it does not meet the rules of this route (403, %s).", cmp.Or(cli.Clean(c.Params["error"]), "no error code")),
	}
	f.Change = "Find out from the log of the API which rule was not met."
	if scope := c.Params["scope"]; scope != "" {
		f.Change = fmt.Sprintf("Request a token with the scopes %s. The rule of the route requires them.", cli.Quote(scope))
	}
	d.add(f)
}
