package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	template = "https://login.test/{tenantid}/v2.0"
	common   = "https://login.test/organizations/v2.0"
	tenantA  = "aaaaaaaa-0000"
	tenantB  = "bbbbbbbb-0000"
)

// issuerOf returns the issuer of a tenant.
func issuerOf(tenant string) string { return strings.Replace(template, "{tenantid}", tenant, 1) }

// tenants is a provider with one issuer per tenant.
type tenants struct {
	*site
	published string            // the issuer in the metadata
	scopes    map[string]string // the member issuer of the keys, by kid
	more      string            // further members of the metadata
}

func newTenants() *tenants {
	p := &tenants{published: template}
	p.site = newSite(map[string]func(http.ResponseWriter){
		"/organizations/v2.0" + openIDPath: func(w http.ResponseWriter) {
			_, _ = w.Write([]byte(`{"issuer":"` + p.published + `","jwks_uri":"https://login.test/jwks","authorization_endpoint":"https://login.test/auth",` +
				`"token_endpoint":"https://login.test/token",` + algMember + p.more + `}`))
		},
		"/jwks": func(w http.ResponseWriter) {
			var set struct {
				Keys []map[string]any `json:"keys"`
			}
			_ = json.Unmarshal(p.issuer.JWKS(), &set)
			for _, key := range set.Keys {
				if scope, ok := p.scopes[key["kid"].(string)]; ok {
					key["issuer"] = scope
				}
			}
			_ = json.NewEncoder(w).Encode(set)
		},
	})
	return p
}

func (p *tenants) client(t *testing.T, change func(*client.Config)) *client.Client {
	t.Helper()
	return p.site.client(t, func(cfg *client.Config) {
		cfg.Issuer, cfg.Scopes = common, []string{"openid"}
		cfg.Tenants = &client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA}}
		if change != nil {
			change(cfg)
		}
	})
}

// token returns a builder for an ID token of a tenant.
func (p *tenants) token(tenant string) *bearertest.Token {
	return p.issuer.IDToken().Set("aud", "app").Set("azp", "app").Set("nonce", bearertest.Absent).Set("iss", issuerOf(tenant)).Set("tid", tenant)
}

// The iss of an ID token must be the template with its own tid, and the tenant must be accepted.
func TestCaseD9_IssuerTemplate(t *testing.T) {
	t.Parallel()
	p := newTenants()
	accepts := func(tenants ...string) *client.TenantsConfig {
		return &client.TenantsConfig{IssuerTemplate: template, Accept: func(tenant string) bool { return slices.Contains(tenants, tenant) }}
	}
	anyone := &client.TenantsConfig{IssuerTemplate: template, InsecureAnyTenant: true}
	for name, test := range map[string]struct {
		config *client.TenantsConfig
		token  *bearertest.Token
		detail string
	}{
		"listed":                   {nil, p.token(tenantA), ""},
		"not listed":               {nil, p.token(tenantB), `expected that of an accepted tenant of "` + template + `" (Config.Tenants)`},
		"Accept":                   {accepts(tenantB), p.token(tenantB), ""},
		"Accept returns false":     {accepts(tenantB), p.token(tenantA), "Config.Tenants"},
		"any":                      {anyone, p.token("new"), ""},
		"any, not a tenant":        {anyone, p.token("x/../y"), "Config.Tenants"},
		"any, empty":               {anyone, p.token(""), "Config.Tenants"},
		"any, long":                {anyone, p.token(strings.Repeat("x", 65)), "Config.Tenants"},
		"tid of another tenant":    {accepts(tenantA, tenantB), p.token(tenantA).Set("tid", tenantB), `claim "tid" is "` + tenantB + `", expected the tenant of iss, "` + tenantA + `" (Config.Tenants.TenantClaim)`},
		"no tid":                   {nil, p.token(tenantA).Set("tid", bearertest.Absent), `claim "tid" is missing`},
		"tid is null":              {nil, p.token(tenantA).Set("tid", nil), `claim "tid" is`},
		"tid in another case":      {nil, p.token(tenantA).Set("tid", strings.ToUpper(tenantA)), `claim "tid" is`},
		"tid is a list":            {nil, p.token(tenantA).Set("tid", []string{tenantA}), `claim "tid" is a list`},
		"iss in another case":      {nil, p.token(tenantA).Set("iss", issuerOf(strings.ToUpper(tenantA))), "Config.Tenants"},
		"the template itself":      {anyone, p.token("{tenantid}").Set("iss", template), "Config.Tenants"},
		"Config.Issuer":            {nil, p.token(tenantA).Set("iss", common), "Config.Tenants"},
		"a slash":                  {nil, p.token(tenantA).Set("iss", issuerOf(tenantA)+"/"), "Config.Tenants"},
		"another version":          {nil, p.token(tenantA).Set("iss", "https://login.test/"+tenantA+"/v1.0"), "Config.Tenants"},
		"another host":             {anyone, p.token(tenantA).Set("iss", "https://evil.test/"+tenantA+"/v2.0"), "Config.Tenants"},
		"no iss":                   {anyone, p.token(tenantA).Set("iss", bearertest.Absent), "Config.Tenants"},
		"another claim":            {&client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA}, TenantClaim: "org"}, p.token(tenantA).Set("tid", "x").Set("org", tenantA), ""},
		"another claim is missing": {&client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA}, TenantClaim: "org"}, p.token(tenantA), `claim "org" is missing`},
		"another audience":         {nil, p.token(tenantA).Set("aud", "other"), "(Config.ClientID)"},
	} {
		c := p.client(t, func(cfg *client.Config) {
			if test.config != nil {
				cfg.Tenants = test.config
			}
		})
		id, err := c.VerifyIDToken(t.Context(), test.token.Sign(), client.IDTokenOptions{})
		wantDetail(t, name, err, test.detail)
		if err == nil && (id.Issuer() == common || c.Issuer() != common) {
			t.Errorf("%s: ID token of %q, client of %q", name, id.Issuer(), c.Issuer())
		}
	}
}

// A key that the provider publishes for one tenant does not verify tokens of another tenant.
func TestCaseD9_KeysOfOneTenant(t *testing.T) {
	t.Parallel()
	for scope, ok := range map[string]bool{
		"": true, template: true, issuerOf(tenantA): true, issuerOf(tenantB): false, common: false, "?": false, issuerOf(tenantA) + "/": false,
	} {
		p := newTenants()
		p.scopes = map[string]string{"es256-1": scope}
		static, err := jwks.ParseJWKS(func() []byte {
			w := httptest.NewRecorder()
			p.pages["/jwks"](w)
			return w.Body.Bytes()
		}())
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]*client.Client{
			"fetched": p.client(t, nil), "Keys": p.client(t, func(cfg *client.Config) { cfg.Keys = static }),
		} {
			_, err = c.VerifyIDToken(t.Context(), p.token(tenantA).Sign(), client.IDTokenOptions{})
			if (err == nil) != ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
				t.Errorf("%s: a key of %q: %v", name, scope, err)
			}
		}
	}
	// Without Tenants, the member has no meaning.
	p := newProvider()
	set := strings.Replace(string(p.issuer.JWKS()), `"kty"`, `"issuer":"https://other.test","kty"`, 1)
	keys, err := jwks.ParseJWKS([]byte(set))
	if err != nil || keys[0].Issuer != "https://other.test" {
		t.Fatalf("%v, %v", keys, err)
	}
	if _, err := p.client(t, func(cfg *client.Config) { cfg.Keys = keys }).VerifyIDToken(t.Context(), p.idToken().Sign(), client.IDTokenOptions{}); err != nil {
		t.Error(err)
	}
}

// The metadata must name the template, and the Config is checked.
func TestCaseD9_MetadataAndConfig(t *testing.T) {
	t.Parallel()
	for published, ok := range map[string]bool{template: true, common: false, issuerOf(tenantA): false, template + "/": false} {
		p := newTenants()
		p.published = published
		if err := p.client(t, nil).Warm(t.Context()); (err == nil) != ok {
			t.Errorf("metadata of %q: %v", published, err)
		}
		if err := p.site.client(t, func(cfg *client.Config) { cfg.Issuer = common }).Warm(t.Context()); (err == nil) != (published == common) {
			t.Errorf("metadata of %q, without Tenants: %v", published, err)
		}
		_, err := client.New(client.Config{
			Issuer: common, ClientID: "app", Metadata: &oidcdiscovery.Metadata{Issuer: published},
			Tenants: &client.TenantsConfig{IssuerTemplate: template, InsecureAnyTenant: true},
		})
		if (err == nil) != ok {
			t.Errorf("Config.Metadata of %q: %v", published, err)
		}
	}
	accept := func(string) bool { return true }
	for want, cfg := range map[string]client.TenantsConfig{
		"Tenants.IssuerTemplate is \"\"":                      {InsecureAnyTenant: true},
		"Tenants.IssuerTemplate is \"https://login.test\"":    {IssuerTemplate: "https://login.test", InsecureAnyTenant: true},
		"contains {tenantid} once":                            {IssuerTemplate: template + "/{tenantid}", InsecureAnyTenant: true},
		"has a query":                                         {IssuerTemplate: "https://login.test/?t={tenantid}", InsecureAnyTenant: true},
		"is not https":                                        {IssuerTemplate: "http://login.test/{tenantid}", InsecureAnyTenant: true},
		"Tenants.Tenants or Accept is required":               {IssuerTemplate: template},
		"Tenants.Tenants or Accept is required, and not both": {IssuerTemplate: template, Tenants: []string{"a"}, Accept: accept},
		"unless InsecureAnyTenant is set":                     {IssuerTemplate: template, Accept: accept, InsecureAnyTenant: true},
		"expected 1 to 64 letters":                            {IssuerTemplate: template, Tenants: []string{"a/b"}},
	} {
		if _, err := client.New(client.Config{Issuer: common, ClientID: "app", Tenants: &cfg}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not contain %q", err, want)
		}
	}
}

// A sign-in and its refreshes stay with one tenant, and belong to the client of Config.Issuer.
func TestCaseD9_SignInAndRefresh(t *testing.T) {
	t.Parallel()
	p := newTenants()
	p.more = `,"authorization_response_iss_parameter_supported":true`
	c := p.client(t, func(cfg *client.Config) {
		cfg.Tenants = &client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA, tenantB}}
	})
	respond := func(token *bearertest.Token) {
		p.pages["/token"] = page(`{"access_token":"at","token_type":"Bearer","refresh_token":"rt","expires_in":1,"id_token":"` + token.Sign() + `"}`)
	}
	var signedIn *client.Token
	for name, test := range map[string]struct {
		iss   string
		token string // the tenant of the ID token
		ok    bool
	}{
		"the same":          {issuerOf(tenantA), tenantA, true},
		"another tenant":    {issuerOf(tenantA), tenantB, false},
		"not accepted":      {issuerOf("other"), tenantA, false},
		"Config.Issuer":     {common, tenantA, false},
		"the template":      {template, tenantA, false},
		"iss is missing":    {"", tenantA, false},
		"ID token of other": {issuerOf(tenantA), "other", false},
	} {
		pending := begin(t, c, client.AuthorizationOptions{})
		if pending.Issuer != common {
			t.Errorf("pending of %q", pending.Issuer)
		}
		respond(p.token(test.token).Set("nonce", pending.Nonce))
		back := url.Values{"state": {pending.State}, "code": {"c"}}
		if test.iss != "" {
			back.Set("iss", test.iss)
		}
		got, err := c.Callback(t.Context(), pending, back)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			signedIn = got
		}
	}
	if signedIn.Issuer != common || signedIn.IDClaims.Issuer() != issuerOf(tenantA) {
		t.Fatalf("token of %q, ID token of %q", signedIn.Issuer, signedIn.IDClaims.Issuer())
	}
	for tenant, ok := range map[string]bool{tenantA: true, tenantB: false, "other": false} {
		store := client.NewMemoryTokens()
		old := *signedIn
		old.Expiry = time.Now().Add(-time.Minute)
		if err := store.Save(t.Context(), "k", &old); err != nil {
			t.Fatal(err)
		}
		respond(p.token(tenant))
		token, err := sourceOf(t, c, client.TokenSourceConfig{Store: store, Key: "k"}).TokenContext(t.Context())
		if (err == nil) != ok {
			t.Errorf("refreshed by tenant %q: %v, %v", tenant, token, err)
		}
	}
	// Another authority of the provider is another owner.
	other := p.client(t, func(cfg *client.Config) { cfg.Issuer = "https://login.test/common/v2.0" })
	if _, err := other.TokenSource(client.TokenSourceConfig{Token: signedIn}); err == nil {
		t.Error("a client of another authority accepts the token")
	}
	// A hint may be of any accepted tenant.
	for tenant, ok := range map[string]bool{tenantA: true, tenantB: true, "other": false} {
		_, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{IDTokenHint: p.token(tenant).Sign()})
		if (err == nil) != ok {
			t.Errorf("hint of %q: %v", tenant, err)
		}
	}
}

// Logout tokens and signed responses need no tid, but the issuer of an accepted tenant. Each tenant has its own token ids.
func TestCaseD9_LogoutAndSignedResponses(t *testing.T) {
	t.Parallel()
	p := newTenants()
	c := p.client(t, func(cfg *client.Config) {
		cfg.Tenants = &client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA, tenantB}}
	})
	var ended []string
	handler := c.BackchannelLogout(func(_ context.Context, token *client.LogoutToken) error {
		ended = append(ended, token.Issuer()+" "+token.Subject())
		return nil
	})
	send := func(token *bearertest.Token) int {
		body := url.Values{"logout_token": {token.Sign()}}.Encode()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	logout := func(tenant string) *bearertest.Token {
		return p.token(tenant).Set("tid", bearertest.Absent).Set("azp", bearertest.Absent).Set("auth_time", bearertest.Absent).Set("sub", "alice").
			Set("jti", "one").Set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})
	}
	for _, test := range []struct {
		token *bearertest.Token
		want  int
	}{
		{logout(tenantA), 200},
		{logout(tenantB), 200}, // the same jti
		{logout(tenantA), 400}, // a replay
		{logout("other").Set("jti", "two"), 400},
		{logout(tenantA).Set("jti", "three").Set("tid", tenantB), 400},
		{logout(tenantA).Set("jti", "four").Set("tid", tenantA), 200},
	} {
		if got := send(test.token); got != test.want {
			t.Errorf("status %d, want %d", got, test.want)
		}
	}
	if want := []string{issuerOf(tenantA) + " alice", issuerOf(tenantB) + " alice", issuerOf(tenantA) + " alice"}; !slices.Equal(ended, want) {
		t.Errorf("ended %v", ended)
	}

	p.more = ""
	for tenant, ok := range map[string]bool{tenantA: true, "other": false} {
		c := p.client(t, func(cfg *client.Config) { cfg.Algorithms = []string{"ES256"} })
		pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "jwt"})
		p.pages["/token"] = page(`{"access_token":"at","token_type":"Bearer","id_token":"` + p.token(tenantA).Set("nonce", pending.Nonce).Sign() + `"}`)
		response := p.token(tenant).Set("tid", bearertest.Absent).Set("sub", bearertest.Absent).Set("azp", bearertest.Absent).
			Set("auth_time", bearertest.Absent).Set("state", pending.State).Set("code", "c").Sign()
		_, err := c.Callback(t.Context(), pending, url.Values{"response": {response}})
		if (err == nil) != ok || err != nil && !errors.Is(err, client.ErrCallback) {
			t.Errorf("signed response of %q: %v", tenant, err)
		}
	}
}

// A hint names a user, who has the same subject as a user of another tenant.
func TestCaseD9_HintOfAnotherTenant(t *testing.T) {
	t.Parallel()
	p := newTenants()
	c := p.client(t, func(cfg *client.Config) {
		cfg.Tenants = &client.TenantsConfig{IssuerTemplate: template, Tenants: []string{tenantA, tenantB}}
	})
	for name, test := range map[string]struct {
		tenant, subject string
		ok              bool
	}{
		"the same":        {tenantA, "alice", true},
		"another tenant":  {tenantB, "alice", false},
		"another subject": {tenantA, "bob", false},
	} {
		pending := begin(t, c, client.AuthorizationOptions{IDTokenHint: p.token(tenantA).Set("sub", "alice").Sign()})
		text, err := json.Marshal(pending) // as a store does
		if err != nil {
			t.Fatal(err)
		}
		stored := new(client.PendingAuthorization)
		if err := json.Unmarshal(text, stored); err != nil {
			t.Fatal(err)
		}
		signedIn := p.token(test.tenant).Set("sub", test.subject).Set("nonce", pending.Nonce).Sign()
		p.pages["/token"] = page(`{"access_token":"at","token_type":"Bearer","id_token":"` + signedIn + `"}`)
		_, err = c.Callback(t.Context(), stored, url.Values{"state": {pending.State}, "code": {"c"}})
		if (err == nil) != test.ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
