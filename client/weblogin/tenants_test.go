package weblogin_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// newTenants runs an App whose users are of the tenants a and b of one provider.
func newTenants(t testing.TB) *world {
	t.Helper()
	w := prepare()
	w.site, w.transfer = "https://app.test", handled{w.mux}
	w.build(t, "https://api.test", handled{http.HandlerFunc(w.api)}, sameKey, func(cfg *weblogin.Config) {
		cfg.Client = w.client(t, func(cfg *client.Config) {
			cfg.Issuer, cfg.Metadata.Issuer = issuer+"/organizations", issuer+"/{tenantid}"
			cfg.Tenants = &client.TenantsConfig{IssuerTemplate: issuer + "/{tenantid}", Tenants: []string{"a", "b"}}
		})
		cfg.Sessions = &scs.SessionManager{Store: w.store, Codec: scs.GobCodec{}, Lifetime: 24 * time.Hour, ErrorFunc: failed}
	})
	w.page("/who", func(rw http.ResponseWriter, r *http.Request) {
		u, _ := weblogin.UserFromContext(r.Context())
		_, _ = fmt.Fprint(rw, u.Subject(), " of ", u.Issuer())
	})
	w.page("/again", func(rw http.ResponseWriter, r *http.Request) {
		u, _ := weblogin.UserFromContext(r.Context())
		w.app.Login(rw, r, client.AuthorizationOptions{Subject: u.Subject(), ReturnTo: "/pay"})
	})
	return w
}

// tenant returns the claims that name a tenant.
func tenant(name string, more map[string]any) map[string]any {
	claims := map[string]any{"iss": issuer + "/" + name, "tid": name}
	maps.Copy(claims, more)
	return claims
}

// The same subject and session id of another tenant is another user and another session.
func TestCaseS1_Tenants(t *testing.T) {
	t.Parallel()
	for who, same := range map[string]bool{"a": true, "b": false} {
		w := newTenants(t)
		w.claims = tenant("a", nil)
		u := w.user(t)
		w.signIn(u)
		if got := u.do(http.MethodGet, "/who", nil).text; got != "alice of "+issuer+"/a" {
			t.Error(got)
		}
		w.claims = tenant(who, nil)
		p := u.do(http.MethodGet, w.comeBack(u.do(http.MethodGet, "/again", nil).sent(t)), nil)
		if got := p.Header.Get("Location") == "/pay"; got != same {
			t.Errorf("tenant %s: %s %s", who, p.Status, p.text)
		}
		if got := u.do(http.MethodGet, "/who", nil).text; got != "alice of "+issuer+"/a" || len(w.revoked) != map[bool]int{false: 1}[same] {
			t.Error(who, got, w.revoked)
		}
		w.frame(t, http.MethodGet, url.Values{"iss": {issuer + "/" + who}, "sid": {"s1"}}.Encode())
		if u.signedIn() == same {
			t.Errorf("tenant %s: signed in after a front-channel logout: %t", who, !same)
		}
		w.claims = tenant("a", map[string]any{"sid": "s2"})
		w.signIn(u)
		if status := w.logOutElsewhere(t, map[string]any{"iss": issuer + "/" + who, "sid": "s2"}); status != http.StatusOK || u.signedIn() == same {
			t.Errorf("tenant %s: %d, signed in after a back-channel logout: %t", who, status, !same)
		}
		// The issuer in the configuration issues no tokens, so it ends nothing.
		if p := w.frame(t, http.MethodGet, url.Values{"iss": {issuer + "/organizations"}, "sid": {"s2"}}.Encode()); p.StatusCode != http.StatusOK || u.signedIn() == same {
			t.Error(p.Status)
		}
	}
}
