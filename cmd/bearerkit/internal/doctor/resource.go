package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// checkResource checks the metadata document of the API (RFC 9728), whose URL is in its challenge.
func (d *doctor) checkResource(ctx context.Context, without reply) {
	location := "" // the first challenge with the parameter: clients read no other
	for _, c := range without.challenges {
		location = c.Params["resource_metadata"]
		if location != "" {
			break
		}
	}
	if location == "" {
		d.ok("resource", inMiddleware+"Resource", "The API publishes no metadata (RFC 9728), which is optional. Clients of MCP need it: to publish it, set Resource.")
		return
	}
	client := resourcemetadata.Client{HTTPClient: d.client, InsecureAllowHTTP: d.cfg.InsecureAllowHTTP}
	// FetchFor compares the document with the request, as clients do. The query does not belong to the resource.
	target, _, _ := strings.Cut(d.api, "?")
	m, err := client.FetchFor(ctx, location, target)
	f := Finding{Check: "resource", Severity: Problem, Actor: ActorAPI, Field: inMiddleware + "Resource"}
	mismatch, isMismatch := errors.AsType[*resourcemetadata.MismatchError](err)
	switch {
	case isMismatch:
		f.Found = fmt.Sprintf("The metadata at %s is that of the resource %s, which does not cover %s.", cli.Quote(location), cli.Quote(mismatch.Got), cli.Quote(target))
		f.Change = "Set Resource to the URL of the API as clients use it, without the path of a single route. Clients reject this document."
		f.Settings = []Setting{{Field: f.Field, Value: quoteGo(d.resource())}}
	case errors.Is(err, resourcemetadata.ErrNotFound):
		f.Found = fmt.Sprintf("The challenge names the metadata at %s, but there is no document.", cli.Quote(location))
		f.Change = "Register Guard.MetadataHandler at Guard.MetadataPath, in front of the Guard and of authentication in proxies."
	case err != nil:
		f.Found = fmt.Sprintf("The metadata of the API cannot be read: %v.", err)
		f.Change = "Register Guard.MetadataHandler at Guard.MetadataPath, and set Resource to the https URL that clients use."
	default:
		d.describeResource(m, location)
		return
	}
	d.add(f)
}

// resource returns the identifier to suggest: the origin of the API.
func (d *doctor) resource() string { return d.externalURL() }

// describeResource compares the document with what is known about the API.
func (d *doctor) describeResource(m *resourcemetadata.Metadata, location string) {
	d.ok("resource", inMiddleware+"Resource", fmt.Sprintf("The metadata at %s names the resource %s.", cli.Quote(location), cli.Quote(m.Resource)))
	if expected, err := resourcemetadata.URL(m.Resource); err == nil && expected != location {
		d.add(Finding{
			Check: "resource.location", Severity: Warning, Found: fmt.Sprintf("The metadata is at %s, expected %s for this resource.", cli.Quote(location), cli.Quote(expected)),
			Change: "Serve the document at the well-known location too. Clients that know only the resource request that one.", Actor: ActorAPI,
			Field: inMiddleware + "Resource",
		})
	}
	if len(m.AuthorizationServers) > 0 && !slices.Contains(m.AuthorizationServers, d.cfg.Issuer) {
		d.add(Finding{
			Check: "resource.issuer", Severity: Problem, Actor: ActorAPI, Field: inConsumer + "Issuer",
			Found:  fmt.Sprintf("The metadata of the API names the authorization servers %s, and not %s.", joinQuoted(m.AuthorizationServers), cli.Quote(d.cfg.Issuer)),
			Change: "Run doctor with the issuer that the API accepts, or set Issuer of the API. Clients request tokens where the document says.",
		})
	}
	if len(d.cfg.Audience) > 0 && !slices.Contains(d.cfg.Audience, m.Resource) {
		// Not a problem: many issuers use another name of the API as aud.
		d.ok("resource.audience", inConsumer+"Audience", fmt.Sprintf("The resource %s is not in the audience %s. That is right only if the issuer does not use "+
			"the resource parameter (RFC 8707) as the audience.", cli.Quote(m.Resource), joinQuoted(d.cfg.Audience)))
	}
}
