package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/hint"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// attempt is a Config that may work where another one did not.
type attempt struct {
	cfg     consumer.Config
	reasons []string // what is wrong with the Config that the user has, one for each step that led here
	actor   Actor    // who has to act, if it is not the operator of the API
}

// maxSurveys limits the Configs whose locations are requested.
const maxSurveys = 10

// patience is the longest DiscoveryTimeout that package consumer accepts.
const patience = time.Minute

// resolve looks for a Config with which the metadata can be read: first d.cfg, then Configs that differ from it by what the responses
// suggest. It returns the survey of d.cfg, and the first attempt that succeeded with its survey. found is false if there is none.
func (d *doctor) resolve(ctx context.Context) (first survey, last survey, how attempt, found bool) {
	queue := []attempt{{cfg: d.cfg}}
	seen := make(map[string]bool)
	for surveys := 0; len(queue) > 0 && surveys < maxSurveys && ctx.Err() == nil; {
		next := queue[0]
		queue = queue[1:]
		if seen[next.key()] {
			continue
		}
		seen[next.key()] = true
		surveys++
		s := d.look(ctx, next.cfg)
		if surveys == 1 {
			first = s
		}
		if s.used() != nil {
			return first, s, next, true
		}
		queue = append(queue, d.alternatives(s, next)...)
	}
	return first, first, attempt{cfg: d.cfg}, false
}

// key identifies the requests of an attempt.
func (a attempt) key() string {
	return fmt.Sprint(a.cfg.Issuer, "\n", a.cfg.MetadataURL, a.cfg.InsecureAllowHTTP, a.cfg.DiscoveryTimeout)
}

// but returns an attempt that differs from a by change, for a further reason.
func (a attempt) but(reason string, change func(cfg *consumer.Config)) attempt {
	next := attempt{cfg: a.cfg, reasons: a.reasons[:len(a.reasons):len(a.reasons)], actor: a.actor}
	change(&next.cfg)
	if reason != "" {
		next.reasons = append(next.reasons, reason)
	}
	return next
}

// withIssuer returns an attempt with another issuer.
func (a attempt) withIssuer(issuer, reason string) attempt {
	return a.but(reason, func(cfg *consumer.Config) { cfg.Issuer = issuer })
}

// alternatives returns the attempts that the responses to a suggest, the likeliest first.
func (d *doctor) alternatives(s survey, a attempt) []attempt {
	faults, repaired := formFaults(a.cfg.Issuer)
	if len(faults) > 0 {
		if repaired == "" {
			return nil
		}
		reason := fmt.Sprintf("The issuer %s cannot be used: %s.", cli.Quote(cli.URL(a.cfg.Issuer)), strings.Join(faults, ", and "))
		next := a.withIssuer(repaired, reason)
		if strings.Contains(reason, "metadata document") && a.cfg.MetadataURL == "" {
			// The document may be at a location that is not derived from its issuer.
			return []attempt{next, next.but("", func(cfg *consumer.Config) { cfg.MetadataURL = a.cfg.Issuer })}
		}
		return []attempt{next}
	}
	var all []attempt
	for _, p := range s.places {
		all = append(all, d.fromMismatch(p, a)...)
		all = append(all, d.fromRedirect(p, a)...)
	}
	for _, form := range otherForms(a.cfg.Issuer) {
		all = append(all, a.withIssuer(form, fmt.Sprintf("There is no usable metadata of %s.", cli.Quote(a.cfg.Issuer))))
	}
	all = append(all, fromTimeout(s, a)...)
	all = append(all, d.fromMetadataURL(a)...)
	return append(all, fromHTTP(s, a)...)
}

// fromMismatch suggests the issuer that a document names.
func (d *doctor) fromMismatch(p place, a attempt) []attempt {
	mismatch, ok := errors.AsType[*oidcdiscovery.IssuerMismatchError](p.err)
	if !ok || mismatch.Got == "" || !mayLead(a.cfg.Issuer, mismatch.Got) {
		return nil
	}
	named := mismatch.Got
	if d.issuedBy(a.cfg.Issuer) && hint.Difference(named, a.cfg.Issuer) == "" {
		return nil // the tokens have the issuer of the user, so the document is wrong, or it is that of another server
	}
	if strings.Contains(named, "{tenantid}") { // Microsoft Entra: the document of all tenants
		if !matchesTemplate(named, d.token.Text("iss")) {
			return nil
		}
		named = d.token.Text("iss")
	}
	reason := fmt.Sprintf("The metadata at %s is that of the issuer %s, and not of %s", cli.Quote(p.url), cli.Quote(named), cli.Quote(a.cfg.Issuer))
	if difference := hint.Difference(named, a.cfg.Issuer); difference != "" {
		reason += ": " + difference
	}
	next := a.withIssuer(named, reason+".")
	elsewhere := next.but("", func(cfg *consumer.Config) { cfg.MetadataURL = cmp.Or(cfg.MetadataURL, p.url) })
	return []attempt{next, elsewhere}
}

// issuedBy reports whether the token has this issuer, or one with a small difference.
func (d *doctor) issuedBy(issuer string) bool {
	iss := d.token.Text("iss")
	return iss == issuer || hint.Difference(iss, issuer) != ""
}

// matchesTemplate reports whether issuer is one of the template with {tenantid}.
func matchesTemplate(template, issuer string) bool {
	before, after, _ := strings.Cut(template, "{tenantid}")
	middle, ok := strings.CutPrefix(issuer, before)
	middle, suffix := strings.CutSuffix(middle, after)
	return ok && suffix && middle != "" && !strings.ContainsAny(middle, "/?#")
}

// fromRedirect suggests the target of a redirect.
func (d *doctor) fromRedirect(p place, a attempt) []attempt {
	redirect, ok := errors.AsType[*fetch.RedirectError](p.err)
	if !ok || redirect.Location == "" || !mayLead(a.cfg.Issuer, redirect.Location) {
		return nil
	}
	reason := fmt.Sprintf("%s redirects to %s, and redirects are not followed.", cli.Quote(p.url), cli.Quote(redirect.Location))
	var all []attempt
	if moved := withoutWellKnown(redirect.Location); moved != redirect.Location && (!d.issuedBy(a.cfg.Issuer) || hint.Difference(moved, a.cfg.Issuer) != "") { // the issuer itself may have moved
		all = append(all, a.withIssuer(moved, reason))
	}
	return append([]attempt{a.but(reason, func(cfg *consumer.Config) { cfg.MetadataURL = redirect.Location })}, all...)
}

// fromMetadataURL suggests the locations that are derived from the issuer, if the user has set another one.
func (d *doctor) fromMetadataURL(a attempt) []attempt {
	if d.cfg.MetadataURL == "" || a.cfg.MetadataURL != d.cfg.MetadataURL {
		return nil
	}
	reason := fmt.Sprintf("There is no usable metadata of %s at the MetadataURL %s.", cli.Quote(a.cfg.Issuer), cli.Quote(a.cfg.MetadataURL))
	return []attempt{a.but(reason, func(cfg *consumer.Config) { cfg.MetadataURL = "" })}
}

// fromTimeout suggests more time.
func fromTimeout(s survey, a attempt) []attempt {
	for _, p := range s.places {
		if timeout, ok := errors.AsType[*oidcdiscovery.TimeoutError](p.err); ok && timeout.Limit < patience {
			reason := fmt.Sprintf("The issuer did not send its metadata within %v.", timeout.Limit)
			return []attempt{a.but(reason, func(cfg *consumer.Config) { cfg.DiscoveryTimeout = patience })}
		}
	}
	return nil
}

// fromHTTP suggests http, for an issuer that is not at https.
func fromHTTP(s survey, a attempt) []attempt {
	if !strings.HasPrefix(a.cfg.Issuer, "http://") || a.cfg.InsecureAllowHTTP || s.err == nil {
		return nil
	}
	reason := fmt.Sprintf("The issuer %s has no TLS, and there is no metadata at the same address with https.", cli.Quote(a.cfg.Issuer))
	next := a.but(reason, func(cfg *consumer.Config) { cfg.InsecureAllowHTTP = true })
	next.actor = ActorIssuer
	return []attempt{next}
}

// mayLead reports whether a response for the URL from may lead to a request to the URL to. A remote server must not cause requests to
// this machine.
func mayLead(from, to string) bool {
	u, err := url.Parse(to)
	if err != nil {
		return false
	}
	home, err := url.Parse(from)
	return err == nil && (!fetch.IsLoopback(u.Hostname()) || fetch.IsLoopback(home.Hostname()))
}
