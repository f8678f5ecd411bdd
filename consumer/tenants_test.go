package consumer_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	entraTemplate = "https://login.microsoftonline.com/{tenantid}/v2.0"
	tenantA       = "00000000-0000-0000-0000-00000000000a"
	tenantB       = "00000000-0000-0000-0000-00000000000b"
	tenantC       = "00000000-0000-0000-0000-00000000000c"
)

// entra returns the configuration of an API for several tenants, with the keys of the recordings.
func entra(t *testing.T) (cfg consumer.TenantsConfig, r recording, issuer *bearertest.Issuer) {
	t.Helper()
	issuer = theProvider()
	r = recordings(t)["entra-v2"]
	common := r.config(issuer)
	common.Issuer = ""
	return consumer.TenantsConfig{IssuerTemplate: entraTemplate, Tenants: []string{tenantA, tenantB}, Config: common}, r, issuer
}

// ofTenant returns the recorded token with the issuer of one tenant and the tid of another one.
func ofTenant(r recording, issuer *bearertest.Issuer, tenant, tid string) *bearertest.Token {
	claims := maps.Clone(r.AccessToken.Claims)
	claims["iss"], claims["tid"] = strings.ReplaceAll(entraTemplate, "{tenantid}", tenant), tid
	return recordedToken{Header: r.AccessToken.Header, Claims: claims}.draft(issuer)
}

func tenantGroup(t *testing.T, cfg consumer.TenantsConfig) *consumer.Group {
	t.Helper()
	resolve, err := consumer.ResolveTenants(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return newGroup(t, consumer.GroupConfig{Resolve: resolve})
}

func TestJ7_Tenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, r, issuer := entra(t)
		r.at()
		g := tenantGroup(t, cfg)
		for _, tenant := range []string{tenantA, tenantB, tenantA} {
			token := accept(t, g, ofTenant(r, issuer, tenant, tenant).Sign())
			if want := "https://login.microsoftonline.com/" + tenant + "/v2.0"; token.Issuer() != want {
				t.Errorf("issuer %q, want %q", token.Issuer(), want)
			}
		}
		for name, token := range map[string]*bearertest.Token{
			"tenant that is not listed":      ofTenant(r, issuer, tenantC, tenantC),
			"tid of another accepted tenant": ofTenant(r, issuer, tenantA, tenantB),
			"tid of another tenant":          ofTenant(r, issuer, tenantA, tenantC),
			"without tid":                    ofTenant(r, issuer, tenantA, tenantA).Set("tid", bearertest.Absent),
			"tid is null":                    ofTenant(r, issuer, tenantA, tenantA).Set("tid", nil),
			"tid in an array":                ofTenant(r, issuer, tenantA, tenantA).Set("tid", []string{tenantA}),
			"upper case":                     ofTenant(r, issuer, strings.ToUpper(tenantA), strings.ToUpper(tenantA)),
			"the template itself":            ofTenant(r, issuer, "{tenantid}", "{tenantid}"),
			"common":                         ofTenant(r, issuer, "common", "common"),
			"no tenant":                      ofTenant(r, issuer, "", ""),
			"another path":                   ofTenant(r, issuer, tenantA+"/v2.0/../"+tenantA, tenantA),
			"slash":                          ofTenant(r, issuer, tenantA+"/", tenantA+"/"),
			"another host":                   ofTenant(r, issuer, tenantA, tenantA).Set("iss", "https://evil.example.com/"+tenantA+"/v2.0"),
			"user information":               ofTenant(r, issuer, tenantA, tenantA).Set("iss", "https://login.microsoftonline.com@evil.example.com/"+tenantA+"/v2.0"),
			"suffix is missing":              ofTenant(r, issuer, tenantA, tenantA).Set("iss", "https://login.microsoftonline.com/"+tenantA),
			"longer suffix":                  ofTenant(r, issuer, tenantA, tenantA).Set("iss", "https://login.microsoftonline.com/"+tenantA+"/v2.0/"),
		} {
			if _, err := g.Verify(t.Context(), token.Sign()); !errors.Is(err, consumer.ErrInvalidToken) || !strings.Contains(err.Error(), "issuer") {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := g.Verify(t.Context(), ofTenant(r, issuer, "d", "d").Sign()) // not denied yet
		if err == nil || !strings.Contains(err.Error(), "TenantsConfig.Tenants") {
			t.Errorf("the error does not name the field that lists the tenants: %v", err)
		}
	})
}

func TestJ7_AnyTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, r, issuer := entra(t)
		r.at()
		cfg.Tenants, cfg.InsecureAnyTenant = nil, true
		g := tenantGroup(t, cfg)
		accept(t, g, ofTenant(r, issuer, tenantA, tenantA).Sign())
		accept(t, g, ofTenant(r, issuer, tenantC, tenantC).Sign())
		for _, tenant := range []string{"{tenantid}", "", "a/b", "a.b", "a%2fb", "a:b@c", "ä", strings.Repeat("9", 65)} {
			reject(t, g, ofTenant(r, issuer, tenant, tenant).Sign(), consumer.ReasonIssuer)
		}
		reject(t, g, ofTenant(r, issuer, tenantA, tenantC).Sign(), consumer.ReasonIssuer)
	})
}

// Each tenant has keys of its own, which discovery finds. A rejected issuer causes no request.
func TestJ7_TenantsWithDiscovery(t *testing.T) {
	t.Parallel()
	issuers := make(map[string]*bearertest.Issuer)
	for _, tenant := range []string{tenantA, tenantB, tenantC} {
		issuers[tenant] = bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: "https://" + tenant + ".example.com", Audience: audience, Algorithms: []string{"ES256"},
		})
	}
	net := newNetwork(issuers[tenantA], issuers[tenantB], issuers[tenantC])
	cfg := consumer.TenantsConfig{
		IssuerTemplate: "https://{tenantid}.example.com", Tenants: []string{tenantA, tenantB}, TenantClaim: "tenant",
		Config: consumer.Config{Audience: []string{audience}, HTTPClient: net.client()},
	}
	g := tenantGroup(t, cfg)
	a := issuers[tenantA].AccessToken().Set("tenant", tenantA)
	accept(t, g, a.Sign())
	accept(t, g, issuers[tenantB].AccessToken().Set("tenant", tenantB).Sign())
	before := net.asked()
	reject(t, g, issuers[tenantC].AccessToken().Set("tenant", tenantC).Sign(), consumer.ReasonIssuer)
	reject(t, g, a.Set("tid", tenantA).Set("tenant", tenantB).Sign(), consumer.ReasonIssuer)
	if net.asked() != before {
		t.Errorf("%d requests, want %d", net.asked(), before)
	}
	reject(t, g, issuers[tenantB].AccessToken().Set("iss", issuers[tenantA].URL()).Set("tenant", tenantA).Sign(), consumer.ReasonSignature)
}

func TestTenantsConfigFaults(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*consumer.TenantsConfig){
		"TenantsConfig.IssuerTemplate is \"\"": func(c *consumer.TenantsConfig) { c.IssuerTemplate = "" },
		"TenantsConfig.IssuerTemplate":         func(c *consumer.TenantsConfig) { c.IssuerTemplate = "https://a.example.com" },
		"contains {tenantid} once":             func(c *consumer.TenantsConfig) { c.IssuerTemplate += "/{tenantid}" },
		"TenantsConfig.Tenants is required":    func(c *consumer.TenantsConfig) { c.Tenants = nil },
		"TenantsConfig.Tenants contains \"\"":  func(c *consumer.TenantsConfig) { c.Tenants = []string{""} },
		"TenantsConfig.Tenants contains \"*\"": func(c *consumer.TenantsConfig) { c.Tenants = []string{"*"} },
		"TenantsConfig.InsecureAnyTenant":      func(c *consumer.TenantsConfig) { c.InsecureAnyTenant = true },
		"TenantsConfig.Config must not set":    func(c *consumer.TenantsConfig) { c.Config.Issuer = issuerURL },
		"must not set Issuer, Metadata":        func(c *consumer.TenantsConfig) { c.Config.Metadata = &oidcdiscovery.Metadata{} },
		"Metadata, MetadataURL and KeyCache":   func(c *consumer.TenantsConfig) { c.Config.MetadataURL = "https://a.example.com" },
		"Config.Audience is required":          func(c *consumer.TenantsConfig) { c.Config.Audience = nil },
	} {
		cfg, _, _ := entra(t)
		change(&cfg)
		if _, err := consumer.ResolveTenants(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	cfg, _, _ := entra(t)
	cfg.Config.Keys = nil
	cfg.IssuerTemplate = "http://login.example.com/{tenantid}"
	if _, err := consumer.ResolveTenants(cfg); err == nil || !strings.Contains(err.Error(), "InsecureAllowHTTP") && !strings.Contains(err.Error(), "https") {
		t.Errorf("issuers without TLS: %v", err)
	}
}
