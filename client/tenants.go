package client

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// TenantsConfig describes a provider with one issuer per tenant and one client for all tenants, such as Microsoft Entra.
// Fields that [consumer.TenantsConfig] has too mean the same as there.
//
// The ID token, and everything else that the provider signs, must name the issuer of an accepted tenant: IssuerTemplate with
// the tenant in place of {tenantid}, byte for byte. The claim TenantClaim of an ID token must equal that tenant. A key whose
// member `issuer` names one tenant does not verify tokens of another tenant.
//
// For all tenants, the result of [Client.Issuer] and the field Issuer of tokens and pending sign-ins are Config.Issuer. The
// method Issuer of an [IDToken] returns the issuer of the tenant. Identify a user by that issuer together with the subject.
type TenantsConfig struct {
	// IssuerTemplate is the issuer identifier of a tenant, with {tenantid} in place of the id of the tenant, such as
	// https://login.microsoftonline.com/{tenantid}/v2.0. It must also be the issuer in the metadata. Required.
	IssuerTemplate string

	// Tenants lists the accepted tenants. Accept, if not nil, returns whether a tenant is accepted; it may be called
	// concurrently. Exactly one of Tenants, Accept and InsecureAnyTenant is required.
	Tenants []string
	Accept  func(tenant string) bool

	// TenantClaim is the claim of the ID token that names the tenant. It must equal the tenant in `iss`. Empty means tid.
	TenantClaim string

	// InsecureAnyTenant accepts the users of every tenant of the provider. Anyone can create a tenant with any users in it.
	// Your program must check the issuer or the tenant before it grants access. False means that only the tenants of Tenants
	// or Accept are accepted.
	InsecureAnyTenant bool
}

// validateTenants returns all faults of cfg.Tenants.
func (cfg Config) validateTenants() (faults []error) {
	t := cfg.Tenants
	if t == nil {
		return nil
	}
	fault := func(field, problem string) {
		faults = append(faults, fmt.Errorf("client: Config.Tenants.%s %s", field, problem))
	}
	if template := issuer.Template(t.IssuerTemplate); !template.IsValid() {
		fault("IssuerTemplate", fmt.Sprintf("is %q, expected a URL that contains %s once", clip(t.IssuerTemplate), issuer.TenantPlace))
	} else if err := fetch.CheckURL(template.Issuer("0"), cfg.InsecureAllowHTTP); err != nil {
		fault("IssuerTemplate", err.Error())
	} else if strings.Contains(t.IssuerTemplate, "?") { // RFC 8414, Section 2
		fault("IssuerTemplate", "has a query, expected none")
	}
	ways := 0
	for _, set := range []bool{len(t.Tenants) > 0, t.Accept != nil, t.InsecureAnyTenant} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		fault("Tenants", "or Accept is required, and not both, unless InsecureAnyTenant is set")
	}
	for _, tenant := range t.Tenants {
		if !issuer.IsTenant(tenant) {
			fault("Tenants", fmt.Sprintf("contains %q, expected 1 to 64 letters, digits and hyphens", clip(tenant)))
		}
	}
	return faults
}

// publishedIssuer returns the issuer that the metadata must name.
func (cfg Config) publishedIssuer() string {
	if cfg.Tenants != nil {
		return cfg.Tenants.IssuerTemplate
	}
	return cfg.Issuer
}

// accepts reports whether issuer is the issuer of the Config, or of an accepted tenant.
func (cfg Config) accepts(issuer string) bool {
	if cfg.Tenants == nil {
		return issuer == cfg.Issuer
	}
	_, ok := cfg.Tenants.tenantOf(issuer)
	return ok
}

// issuers says which issuers are accepted, for error texts.
func (cfg Config) issuers() string {
	if cfg.Tenants == nil {
		return fmt.Sprintf("%q", clip(cfg.Issuer))
	}
	return fmt.Sprintf("that of an accepted tenant of %q (Config.Tenants)", clip(cfg.Tenants.IssuerTemplate))
}

// tenantOf returns the tenant of an issuer. It returns false if it is not the issuer of an accepted tenant.
func (t *TenantsConfig) tenantOf(named string) (tenant string, ok bool) {
	if tenant, ok = issuer.Template(t.IssuerTemplate).Tenant(named); !ok {
		return "", false
	}
	return tenant, t.InsecureAnyTenant || slices.Contains(t.Tenants, tenant) || t.Accept != nil && t.Accept(tenant)
}

// issuerOf returns the issuer whose keys verify raw. With Config.Tenants, raw names it; the signature is checked later.
func (cfg Config) issuerOf(raw string) (string, error) {
	if cfg.Tenants == nil {
		return cfg.Issuer, nil
	}
	claims, err := unverified(raw)
	if err != nil {
		return "", &consumer.Error{Reason: consumer.ReasonMalformed, Detail: "the payload is not a JSON object", Err: err}
	}
	named, _ := claims.OptionalText("iss")
	if !cfg.accepts(named) {
		return "", &consumer.Error{Reason: consumer.ReasonIssuer, Detail: "iss is " + quote(named) + ", expected " + cfg.issuers()}
	}
	return named, nil
}

// checkTenant requires the claim that names the tenant to agree with the iss of a verified token. Only an ID token must have
// the claim.
func (cfg Config) checkTenant(kind consumer.Profile, t *consumer.Token) error {
	if cfg.Tenants == nil {
		return nil
	}
	name := cfg.Tenants.TenantClaim
	if name == "" {
		name = "tid"
	}
	tenant, _ := cfg.Tenants.tenantOf(t.Issuer())
	claim, there := t.Claim(name)
	if claim == tenant || !there && kind != profileIDToken {
		return nil
	}
	received := "missing"
	if there {
		received = quote(claim)
	}
	return &consumer.Error{
		Reason: consumer.ReasonIssuer, Issuer: t.Issuer(),
		Detail: fmt.Sprintf("claim %q is %s, expected the tenant of iss, %q (Config.Tenants.TenantClaim)", clip(name), received, tenant),
	}
}

// keysFor returns the keys that verify tokens of an issuer.
func (cfg Config) keysFor(named string, keys jwks.Source) jwks.Source {
	if cfg.Tenants == nil {
		return keys
	}
	return issuer.Scope(keys, named, cfg.Tenants.IssuerTemplate)
}
