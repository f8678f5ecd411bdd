package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/profile"
)

// variables maps the names of the profiles to the variables of package consumer.
func variables() map[string]string {
	return map[string]string{
		"default": "ProfileDefault", "rfc9068": "ProfileRFC9068", "crossauth": "ProfileCrossauth", "auth0": "ProfileAuth0",
		"okta": "ProfileOkta", "entra-v1": "ProfileEntraV1", "entra-v2": "ProfileEntraV2", "cognito": "ProfileCognito",
		"keycloak": "ProfileKeycloak", "google": "ProfileGoogle", "dex": "ProfileDex", "spring-as": "ProfileSpringAS",
		"authentik": "ProfileAuthentik", "authelia": "ProfileAuthelia", "casdoor": "ProfileCasdoor", "duende": "ProfileDuende",
		"ory": "ProfileOry", "adfs": "ProfileADFS", "supabase": "ProfileSupabase", "firebase": "ProfileFirebase",
		"clerk": "ProfileClerk", "workos": "ProfileWorkOS", "logto": "ProfileLogto", "fusionauth": "ProfileFusionAuth",
		"pingone": "ProfilePingOne", "azure-ad-b2c": "ProfileAzureADB2C", "cloudflare-access": "ProfileCloudflareAccess",
		"google-iap": "ProfileGoogleIAP", "aws-alb": "ProfileAWSALB", "kubernetes": "ProfileKubernetes",
		"github-actions": "ProfileGitHubActions", "gitlab-ci": "ProfileGitLabCI", "spiffe": "ProfileSPIFFE",
	}
}

// products maps a part of an issuer, its host with its path, to the profile of the product.
func products() []struct{ part, profile string } {
	return []struct{ part, profile string }{
		{"sts.windows.net/", "entra-v1"},
		{"login.microsoftonline.", "entra-v2"},
		{".ciamlogin.com/", "entra-v2"},
		{".b2clogin.com/", "azure-ad-b2c"},
		{"cognito-idp.", "cognito"},
		{".auth0.com", "auth0"},
		{".okta.com", "okta"},
		{".oktapreview.com", "okta"},
		{"accounts.google.com", "google"},
		{"securetoken.google.com/", "firebase"},
		{"cloud.google.com/iap", "google-iap"},
		{"token.actions.githubusercontent.com", "github-actions"},
		{".cloudflareaccess.com", "cloudflare-access"},
		{".supabase.co/", "supabase"},
		{".clerk.accounts.dev", "clerk"},
		{"api.workos.com/", "workos"},
		{".logto.app/", "logto"},
		{"auth.pingone.", "pingone"},
		{"/realms/", "keycloak"},
		{"/application/o/", "authentik"},
	}
}

// productOf returns the profile of the product that an issuer belongs to, or "".
func productOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	for _, p := range products() {
		if strings.Contains(strings.ToLower(u.Host)+u.Path, p.part) {
			return p.profile
		}
	}
	return ""
}

// fitting returns the profiles that accept the form of the token: its type and its claims, whatever its audience and its times are.
func (d *doctor) fitting(ctx context.Context) []consumer.Profile {
	var fits []consumer.Profile
	for _, p := range consumer.Profiles() {
		if d.fits(ctx, p) {
			fits = append(fits, p)
		}
	}
	return fits
}

// fits reports whether a profile accepts the form of the token.
func (d *doctor) fits(ctx context.Context, p consumer.Profile) bool {
	cfg := d.cfg
	cfg.Profile = p
	rules := rulesOf(p)
	if rules.IDToken {
		cfg.InsecureAcceptIDToken = true
	}
	if len(rules.ClientClaims) == 0 {
		cfg.ClientIDs = nil
	}
	if rules.TrustDomain {
		return false // its issuer has another form
	}
	cfg.Check = func(context.Context, *consumer.Token) error { return nil }
	_, x, _ := d.explain(ctx, cfg)
	for _, name := range []string{"type", "claims", "kind"} {
		if _, no := failed(x, name); no {
			return false
		}
	}
	return len(x.Checks) > 2 // otherwise the token could not be read
}

// rulesOf returns the rules of a profile. Those of the default profile are empty.
func rulesOf(p consumer.Profile) profile.Rules {
	if r := profile.Profile(p).Rules(); r != nil {
		return *r
	}
	return profile.Rules{}
}

// checkProfile checks whether Config.Profile accepts the form of the token, and otherwise looks for a profile that does.
func (d *doctor) checkProfile(ctx context.Context) {
	fits := d.fitting(ctx)
	names := make([]string, len(fits))
	for i, p := range fits {
		names[i] = p.String()
	}
	if slices.Contains(fits, d.cfg.Profile) {
		d.profileFits(names)
		return
	}
	_, x, _ := d.explain(ctx, d.cfg)
	f := Finding{Check: "token.profile", Severity: Problem, Field: inConsumer + "Profile", Found: "The profile does not accept this kind of token"}
	for _, name := range []string{"type", "kind", "claims"} {
		if check, no := failed(x, name); no {
			f.Found += ": " + check.Detail
			break
		}
	}
	f.Found += "."
	chosen, ok := d.choose(fits)
	switch {
	case !ok && len(x.Checks) == 0:
		return // the Config is not valid with any profile; checkConfig reports it
	case !ok:
		d.otherKind(f)
		return
	}
	f.Actor, f.Settings = ActorAPI, d.profileSettings(chosen)
	f.Change = fmt.Sprintf("Set Profile: %s accepts this token.%s", chosen, others(names, chosen.String()))
	d.apply(f)
}

// profileFits adds the finding for a profile that accepts the token.
func (d *doctor) profileFits(names []string) {
	own := d.cfg.Profile.String()
	text, stricter := fmt.Sprintf("Profile %s accepts it.", own), own
	product := productOf(d.cfg.Issuer)
	switch {
	case d.cfg.Profile != consumer.ProfileDefault:
	case slices.Contains(names, product):
		stricter = product
		text += fmt.Sprintf(" %s is stricter, and made for this issuer.", "consumer."+variables()[product])
	case slices.Contains(names, "rfc9068"):
		stricter = "rfc9068"
		text += " consumer.ProfileRFC9068 is stricter, and accepts it too."
	}
	d.ok("token.profile", inConsumer+"Profile", text+others(names, own, stricter))
}

// others returns a sentence with the names of profiles except for those that are named before it, or "" if there are no others.
func others(names []string, before ...string) string {
	rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(before, name) })
	if len(rest) == 0 {
		return ""
	}
	return " Others that accept it: " + strings.Join(rest, ", ") + "."
}

// choose returns the profile to suggest: that of the product, or the strictest general one. A profile that accepts ID tokens is
// suggested only for its product.
func (d *doctor) choose(fits []consumer.Profile) (consumer.Profile, bool) {
	for _, name := range []string{productOf(d.cfg.Issuer), "rfc9068", "default"} {
		if p, ok := consumer.ProfileNamed(name); ok && slices.Contains(fits, p) {
			return p, true
		}
	}
	for _, p := range fits {
		r := rulesOf(p)
		if !r.IDToken && !r.Workload && !r.PublicIssuer && !r.LoadBalancer && d.token.Kind != inspect.KindIDToken {
			return p, true
		}
	}
	return consumer.Profile{}, false
}

// profileSettings returns the settings for a profile.
func (d *doctor) profileSettings(p consumer.Profile) []Setting {
	settings := []Setting{setting("Profile", "consumer."+variables()[p.String()], func(cfg *consumer.Config) { cfg.Profile = p })}
	rules := rulesOf(p)
	if rules.IDToken && !d.cfg.InsecureAcceptIDToken {
		settings = append(settings, setting("InsecureAcceptIDToken", "true", func(cfg *consumer.Config) { cfg.InsecureAcceptIDToken = true }))
	}
	if client := d.clientOf(rules); rules.PublicIssuer && len(d.cfg.ClientIDs) == 0 && client != "" {
		settings = append(settings, setClientIDs(client))
	}
	return settings
}

// setClientIDs returns the setting of Config.ClientIDs.
func setClientIDs(ids ...string) Setting {
	return setting("ClientIDs", quoteList(ids), func(cfg *consumer.Config) { cfg.ClientIDs = ids })
}

// clientOf returns the client of the token, from the claims that a profile reads.
func (d *doctor) clientOf(rules profile.Rules) string {
	claims := rules.ClientClaims
	if claims == nil {
		claims = []string{"client_id", "azp", "cid", "appid"}
	}
	for _, name := range claims {
		if list := d.token.List(name); len(list) == 1 && list[0] != "" {
			return list[0]
		}
	}
	return ""
}

// otherKind adds the finding for a token that is not an access token, or that no profile accepts.
func (d *doctor) otherKind(f Finding) {
	f.Check, f.Actor = "token.kind", ActorClient
	if d.token.IsAccessToken() {
		f.Check, f.Actor = "token.profile", ActorIssuer
		f.Change = "Configure the issuer to add what is missing. No named profile accepts this token. If its form is intended, describe it with consumer.NewProfile."
	} else {
		f.Found = fmt.Sprintf("This is %s (%s), and not an access token.", withArticle(string(d.token.Kind)), cli.Clean(d.token.Because))
		f.Change = "Send the access token of the token response (access_token) to the API. An ID token is for the client, and a refresh token for the authorization server."
	}
	d.add(f)
}
