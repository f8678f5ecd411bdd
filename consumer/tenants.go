package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/issuer"
)

// TenantsConfig describes a provider with one issuer per tenant, such as Microsoft Entra. [ResolveTenants] copies it.
type TenantsConfig struct {
	// IssuerTemplate is the issuer identifier of a tenant, with {tenantid} in place of the id of the tenant, such as
	// https://login.microsoftonline.com/{tenantid}/v2.0. Required.
	IssuerTemplate string

	// Tenants lists the accepted tenants. Required, unless InsecureAnyTenant is set.
	Tenants []string

	// TenantClaim is the claim that names the tenant. It must equal the tenant in `iss`. Empty: tid.
	TenantClaim string

	// Config describes the tokens of every tenant. Its Issuer, Metadata, MetadataURL and KeyCache.Snapshot must not be set,
	// because they belong to one issuer.
	Config Config

	// InsecureAnyTenant accepts the tokens of every tenant of the provider. Anyone can create a tenant, with any users
	// and any roles in it. Your handlers must check the issuer or the tenant before they grant access. A forged token with
	// an invented tenant causes up to four requests for metadata to the provider. False: only Tenants are accepted.
	InsecureAnyTenant bool
}

// ResolveTenants returns a function for GroupConfig.Resolve. It returns a Consumer for each accepted tenant, with
// metadata and keys of its own unless Config.Keys is set. Leave Config.Keys nil for Microsoft Entra: some keys of its
// common key set may sign tokens of one issuer only. The function makes no network request itself. If cfg has faults,
// the error joins all of them, and each names its field.
//
// The tokens of a tenant are accepted only if `iss` is the template with this tenant, byte for byte, and the claim
// TenantClaim equals the tenant. GroupConfig.MaxResolved limits the number of tenants that are kept.
func ResolveTenants(cfg TenantsConfig) (func(ctx context.Context, issuer string) (*Consumer, error), error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	template := issuer.Template(cfg.IssuerTemplate)
	claim := cfg.TenantClaim
	if claim == "" {
		claim = "tid"
	}
	accepted, anyTenant, common := slices.Clone(cfg.Tenants), cfg.InsecureAnyTenant, cfg.Config
	return func(_ context.Context, named string) (*Consumer, error) {
		tenant, ok := template.Tenant(named)
		if !ok || !anyTenant && !slices.Contains(accepted, tenant) {
			return nil, newDetail("iss ").quote(named).text(" is not the issuer of an accepted tenant of ").quote(cfg.IssuerTemplate).
				text(" (TenantsConfig.Tenants)").reject(ReasonIssuer)
		}
		return common.forTenant(named, claim, tenant)
	}, nil
}

// forTenant returns the Consumer of one tenant.
func (cfg Config) forTenant(named, claim, tenant string) (*Consumer, error) {
	cfg.Issuer = named
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	c.tenantClaim, c.tenant = claim, tenant
	return c, nil
}

// checkTenant checks that the claim that names the tenant agrees with `iss`. It accepts all tokens unless ResolveTenants
// has made c.
func (c *Consumer) checkTenant(claims compact.Object) error {
	if c.tenantClaim == "" || textOf(claims, c.tenantClaim) == c.tenant {
		return nil
	}
	d := newDetail("claim ").quote(c.tenantClaim).text(" has another value")
	if isQuotable(c.tenantClaim) {
		d = newDetail("claim ").quote(c.tenantClaim).text(" is ").quote(textOf(claims, c.tenantClaim))
	}
	return d.text(", expected the tenant of iss, ").quote(c.tenant).text(" (TenantsConfig.TenantClaim)").reject(ReasonIssuer)
}

// validate joins all faults of cfg. It makes a Consumer for a tenant that does not exist, so that faults of Config are
// found at the start and not with the first token.
func (cfg TenantsConfig) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("consumer: TenantsConfig.%s %s", field, problem))
		}
	}
	template := issuer.Template(cfg.IssuerTemplate)
	check(template.IsValid(), "IssuerTemplate",
		fmt.Sprintf("is %q, expected a URL that contains %s once", cfg.IssuerTemplate, issuer.TenantPlace))
	check(len(cfg.Tenants) > 0 || cfg.InsecureAnyTenant, "Tenants", "is required, unless InsecureAnyTenant is set")
	check(len(cfg.Tenants) == 0 || !cfg.InsecureAnyTenant, "InsecureAnyTenant", "is set, but Tenants is set, too")
	for _, tenant := range cfg.Tenants {
		check(issuer.IsTenant(tenant), "Tenants", fmt.Sprintf("contains %q, expected 1 to 64 letters, digits and hyphens", tenant))
	}
	common := cfg.Config
	check(common.Issuer == "" && common.Metadata == nil && common.MetadataURL == "" && common.KeyCache.Snapshot == nil, "Config",
		"must not set Issuer, Metadata, MetadataURL and KeyCache.Snapshot, because they belong to one issuer")
	if len(faults) == 0 {
		sample := template.Issuer("00000000-0000-0000-0000-000000000000")
		if _, err := common.forTenant(sample, "tid", ""); err != nil {
			faults = append(faults, fmt.Errorf("consumer: TenantsConfig.Config: %w", err))
		}
	}
	return errors.Join(faults...)
}
