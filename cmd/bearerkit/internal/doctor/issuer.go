package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/hint"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// checkIssuer checks the issuer and its metadata. Afterwards, d.cfg has the settings with which the metadata can be read.
func (d *doctor) checkIssuer(ctx context.Context) {
	first, last, how, found := d.resolve(ctx)
	if !found {
		if !d.repairKeysURL(ctx) {
			d.issuerFailed(first)
		}
		return
	}
	settings := d.differences(how, last)
	for _, s := range settings {
		s.apply(&d.cfg)
	}
	d.metadata = last.used().metadata
	if len(settings) == 0 {
		d.ok("issuer", inConsumer+"Issuer", cli.Quote(d.cfg.Issuer)+" is valid, and its metadata has the same issuer.")
	} else {
		d.issuerChanged(how, settings)
	}
	d.describePlaces(last)
	d.compareDocuments(last)
}

// repairKeysURL handles metadata whose jwks_uri has the scheme http, which package consumer rejects. It returns false if that is not
// the fault, or if the keys are not at the same address with https.
func (d *doctor) repairKeysURL(ctx context.Context) bool {
	cfg := d.cfg
	cfg.InsecureAllowHTTP = true
	used := d.look(ctx, cfg).used()
	if used == nil {
		return false
	}
	rest, isHTTP := strings.CutPrefix(used.metadata.JWKSURI, "http://")
	if !isHTTP {
		return false
	}
	if _, err := inspect.KeysAt(ctx, "https://"+rest, d.keyOptions()); err != nil {
		return false
	}
	s := d.setMetadata("https://" + rest)
	d.metadata = used.metadata
	d.metadata.JWKSURI = "https://" + rest
	d.apply(Finding{
		Check: "keys", Severity: Problem, Actor: ActorIssuer, Settings: []Setting{s},
		Found:  fmt.Sprintf("The metadata at %s has the jwks_uri %s, which has no TLS. It is not used.", cli.Quote(used.url), cli.Quote("http://"+rest)),
		Change: "Publish the jwks_uri with https. Until then, set Metadata.",
	})
	return true
}

// differences returns the settings with which how differs from the Config of the user.
func (d *doctor) differences(how attempt, s survey) []Setting {
	var settings []Setting
	if how.cfg.Issuer != d.cfg.Issuer {
		settings = append(settings, setIssuer(how.cfg.Issuer))
	}
	if how.cfg.MetadataURL != d.cfg.MetadataURL {
		settings = append(settings, setMetadataURL(how.cfg.MetadataURL))
	}
	if how.cfg.DiscoveryTimeout != d.cfg.DiscoveryTimeout {
		settings = append(settings, setTimeout(d.timeNeeded(s.used().url)))
	}
	if how.cfg.InsecureAllowHTTP != d.cfg.InsecureAllowHTTP {
		settings = append(settings, setting("InsecureAllowHTTP", "true", func(cfg *consumer.Config) { cfg.InsecureAllowHTTP = true }))
	}
	return settings
}

// setTimeout returns the setting of Config.DiscoveryTimeout for responses that take as long as needed: twice that, in steps of 5
// seconds.
func setTimeout(needed time.Duration) Setting {
	const step = 5 * time.Second
	limit := min((2*needed+step-1)/step*step, patience)
	value := fmt.Sprintf("%d * time.Second", limit/time.Second)
	return setting("DiscoveryTimeout", value, func(cfg *consumer.Config) { cfg.DiscoveryTimeout = limit })
}

// timeNeeded returns how long the last response for url took.
func (d *doctor) timeNeeded(url string) time.Duration {
	e, ok := d.recorder.last(url)
	if !ok {
		return patience
	}
	return e.body.done.Sub(e.sent)
}

// issuerChanged adds the finding for an issuer whose metadata can be read only with other settings.
func (d *doctor) issuerChanged(how attempt, settings []Setting) {
	f := Finding{Check: "issuer", Severity: Problem, Found: strings.Join(how.reasons, " "), Actor: ActorAPI, Settings: settings}
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = strings.TrimPrefix(s.Field, inConsumer)
	}
	f.Change = "Set " + strings.Join(names, " and ") + " to the value below. With it, the metadata can be read."
	if how.cfg.Issuer != d.cfg.Issuer && hint.Difference(how.cfg.Issuer, d.cfg.Issuer) == "" {
		f.Change += " Check that this is the authorization server of the API: its tokens are then accepted."
	}
	if how.actor == ActorIssuer {
		f.Actor = ActorIssuer
		f.Change = "Serve the issuer with https. In a network for development only, you can set InsecureAllowHTTP: without TLS, " +
			"everyone in the network path can replace the keys and forge tokens."
	}
	d.add(f)
}

// issuerFailed adds the findings for an issuer whose metadata cannot be read with any settings.
func (d *doctor) issuerFailed(s survey) {
	d.metadata = nil
	if s.err != nil {
		d.add(Finding{
			Check: "issuer", Severity: Problem, Found: fmt.Sprintf("The issuer cannot be used: %v.", s.err), Field: inConsumer + "Issuer",
			Change: "Write the issuer as it is in the claim iss of its tokens: an https URL without query and fragment.", Actor: ActorAPI,
		})
		return
	}
	d.add(Finding{
		Check: "issuer", Severity: Problem, Found: fmt.Sprintf("The metadata of %s cannot be read at any location.", cli.Quote(s.cfg.Issuer)),
		Change: adviceFor(s), Actor: actorFor(s), Field: inConsumer + "Issuer",
	})
	for _, p := range s.places {
		d.add(Finding{
			Check: "metadata", Severity: Problem, Found: fmt.Sprintf("%s: %s.", p.url, d.outcome(p)), Change: "See above.",
			Actor: actorFor(s), Field: inConsumer + "MetadataURL",
		})
	}
}

// adviceFor says what to do if no location has the metadata.
func adviceFor(s survey) string {
	var all []error
	for _, p := range s.places {
		all = append(all, p.err)
	}
	err := errors.Join(all...)
	switch {
	case isTLS(err):
		return tlsAdvice(err)
	case errors.Is(err, oidcdiscovery.ErrUnavailable):
		return "Check that the authorization server is running, and that this machine can reach it. If it is reachable only at an " +
			"internal address, set MetadataURL to the URL of the document there."
	case isA[*oidcdiscovery.TooLargeError](err):
		return "Publish a shorter document. Until then, set Metadata to the issuer and the URL of its keys."
	case isTemplate(err):
		return "Set Issuer to that of your tenant, which is in the claim iss of its tokens. This document is for all tenants."
	case isA[*oidcdiscovery.IssuerMismatchError](err):
		return "Publish metadata whose issuer is the iss of the tokens, byte for byte (RFC 8414 section 3.3). If the document is that of another " +
			"server, correct the issuer or MetadataURL."
	}
	return "Check the issuer: the server responds, but not with its metadata. The issuer often has a path, such as " +
		"https://login.example.com/realms/NAME. If the document is elsewhere, set MetadataURL. If the server publishes none, set Keys."
}

// actorFor says who has to act if no location has the metadata.
func actorFor(s survey) Actor {
	for _, p := range s.places {
		if errors.Is(p.err, oidcdiscovery.ErrUnavailable) || isA[*oidcdiscovery.TooLargeError](p.err) ||
			isA[*oidcdiscovery.IssuerMismatchError](p.err) && !isTemplate(p.err) {
			return ActorIssuer
		}
	}
	return ActorAPI
}

// isTemplate reports whether err is about the document that Microsoft Entra has for all tenants.
func isTemplate(err error) bool {
	mismatch, ok := errors.AsType[*oidcdiscovery.IssuerMismatchError](err)
	return ok && strings.Contains(mismatch.Got, "{tenantid}")
}

// outcome says what a location returned.
func (d *doctor) outcome(p place) string {
	if status, ok := errors.AsType[*fetch.StatusError](p.err); ok {
		return fmt.Sprintf("status %d", status.Status)
	}
	if p.err == nil {
		return "the metadata of the issuer"
	}
	if d.isHTML(p.url) {
		return "an HTML page in place of the metadata"
	}
	_, text, _ := strings.Cut(p.err.Error(), "GET ") // the package and the URL are known
	_, text, found := strings.Cut(text, ": ")
	if !found {
		text = p.err.Error()
	}
	return text
}

// isHTML reports whether the last response for url was an HTML page.
func (d *doctor) isHTML(url string) bool {
	e, _ := d.recorder.last(url)
	return strings.HasPrefix(strings.ToLower(e.contentType), "text/html")
}

// describePlaces adds one finding for each location.
func (d *doctor) describePlaces(s survey) {
	used := s.used()
	var missing []string
	for i := range s.places {
		p := &s.places[i]
		status, isStatus := errors.AsType[*fetch.StatusError](p.err)
		switch {
		case p == used:
			d.ok("metadata", inConsumer+"MetadataURL", "Read from "+p.url+".")
		case p.err == nil:
			d.ok("metadata", inConsumer+"MetadataURL", "Also at "+p.url+", which is not needed.")
		case isStatus && status.Status/100 == 4 && status.Status != 429:
			missing = append(missing, fmt.Sprintf("%s (status %d)", p.url, status.Status))
		default:
			d.add(Finding{
				Check: "metadata", Severity: Warning, Found: fmt.Sprintf("%s: %s.", p.url, d.outcome(*p)), Field: inConsumer + "MetadataURL",
				Change: "Respond with the metadata or with status 404. The other location is used, but each fetch requests this one too.",
				Actor:  ActorIssuer,
			})
		}
	}
	if len(missing) > 0 {
		d.ok("metadata", inConsumer+"MetadataURL", "Not at "+strings.Join(missing, " and ")+". One location is enough.")
	}
}

// compareDocuments compares the documents that several locations have.
func (d *doctor) compareDocuments(s survey) {
	used := s.used()
	for _, p := range s.places {
		if p.metadata == nil || p.url == used.url {
			continue
		}
		differ := differences(used.metadata, p.metadata)
		switch {
		case len(differ) == 0:
		case slices.Contains(differ, "jwks_uri"):
			d.add(Finding{
				Check: "metadata.conflict", Severity: Warning, Actor: ActorIssuer, Field: inConsumer + "MetadataURL",
				Found:  fmt.Sprintf("The two documents differ in %s. The keys are read from %s.", strings.Join(differ, ", "), used.metadata.JWKSURI),
				Change: "Publish the same values in both documents. To choose one document, set MetadataURL.",
			})
		default:
			d.ok("metadata.conflict", "", fmt.Sprintf("The two documents differ in %s. An API needs none of these.", strings.Join(differ, ", ")))
		}
	}
}

// differences returns the names of the members that have different values in two documents.
func differences(one, two *oidcdiscovery.Metadata) []string {
	var a, b map[string]any
	if one.Claims(&a) != nil || two.Claims(&b) != nil {
		return nil
	}
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if other, both := b[name]; both && !reflect.DeepEqual(a[name], other) {
			differ = append(differ, cli.Clean(name))
		}
	}
	if len(differ) > maxNames {
		differ = append(differ[:maxNames], "and others")
	}
	return differ
}

// maxNames limits lists of names in a finding.
const maxNames = 8
