package issuer

import "strings"

// TenantPlace is replaced by the id of a tenant in a [Template].
const TenantPlace = "{tenantid}"

// Template is the issuer identifier of each tenant of a provider, with [TenantPlace] in place of the id of the tenant, such as
// https://login.microsoftonline.com/{tenantid}/v2.0.
type Template string

// IsValid reports whether t contains TenantPlace exactly once.
func (t Template) IsValid() bool { return strings.Count(string(t), TenantPlace) == 1 }

// Issuer returns the issuer identifier of a tenant.
func (t Template) Issuer(tenant string) string {
	return strings.Replace(string(t), TenantPlace, tenant, 1)
}

// Tenant returns the tenant whose issuer identifier is issuer, byte for byte. ok is false if there is none.
func (t Template) Tenant(issuer string) (tenant string, ok bool) {
	before, after, _ := strings.Cut(string(t), TenantPlace)
	if tenant, ok = strings.CutPrefix(issuer, before); ok {
		tenant, ok = strings.CutSuffix(tenant, after)
	}
	if !ok || !IsTenant(tenant) {
		return "", false
	}
	return tenant, true
}

// IsTenant reports whether tenant can be the id of a tenant. It excludes all characters with a meaning in a URL.
func IsTenant(tenant string) bool {
	return tenant != "" && len(tenant) <= 64 && !strings.ContainsFunc(tenant, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
	})
}
