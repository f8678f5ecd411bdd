package oidcdiscovery_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// with returns the document of an issuer with these further members.
func with(issuer, members string) reply {
	return document(`{"issuer":"` + issuer + `",` + members + `}`)
}

// needed are members that a client with the scope openid needs.
func needed() []string {
	return []string{"jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported"}
}

const (
	oauthMembers  = `"token_endpoint":"https://a.example/token","jwks_uri":"https://a.example/jwks"`
	openIDMembers = `"userinfo_endpoint":"https://a.example/me","end_session_endpoint":"https://a.example/end",` +
		`"id_token_signing_alg_values_supported":["ES256"]`
)

// The document of OpenID Connect is read if the first one lacks something, and only then.
func TestCaseD7_TwoDocuments(t *testing.T) {
	t.Parallel()
	type facts struct {
		Token, Keys, User, End string
		Algorithms             []string
		IssParameter           bool
	}
	both := facts{
		Token: "https://a.example/token", Keys: "https://a.example/jwks", User: "https://a.example/me",
		End: "https://a.example/end", Algorithms: []string{"ES256"},
	}
	onlyOAuth := facts{Token: both.Token, Keys: both.Keys, Algorithms: []string{}}
	changed := func(change func(*facts)) facts {
		f := both
		change(&f)
		return f
	}
	tests := map[string]struct {
		members     []string
		first       reply
		second      reply
		inserted    reply
		want        facts
		requests    int
		quirks      string
		incomplete  string // a part of the error
		unavailable bool
	}{
		"complete":            {members: needed(), first: with(tenant, oauthMembers+","+openIDMembers), second: with(tenant, `"x":1`), want: both, requests: 1},
		"nothing needed":      {first: with(tenant, oauthMembers), second: with(tenant, openIDMembers), want: onlyOAuth, requests: 1},
		"two documents":       {members: needed(), first: with(tenant, oauthMembers), second: with(tenant, oauthMembers+","+openIDMembers), want: both, requests: 2},
		"third location":      {members: needed(), first: with(tenant, oauthMembers), inserted: with(tenant, openIDMembers), want: both, requests: 3},
		"one is missing":      {members: []string{"end_session_endpoint"}, first: with(tenant, oauthMembers+`,"userinfo_endpoint":"https://a.example/me"`), second: with(tenant, openIDMembers), want: both, requests: 2},
		"keys only there":     {members: needed(), first: with(tenant, `"token_endpoint":"https://a.example/token"`), second: with(tenant, openIDMembers+`,"jwks_uri":"https://a.example/jwks"`), want: both, requests: 2},
		"null is absent":      {members: needed(), first: with(tenant, oauthMembers+`,"userinfo_endpoint":null`), second: with(tenant, openIDMembers), want: both, requests: 2, quirks: "null_member in metadata userinfo_endpoint"},
		"faulty is absent":    {members: needed(), first: with(tenant, oauthMembers+`,"userinfo_endpoint":7`), second: with(tenant, openIDMembers), want: both, requests: 2, quirks: "wrong_type in metadata userinfo_endpoint"},
		"a check of the rest": {members: needed(), first: with(tenant, oauthMembers), second: with(tenant, openIDMembers+`,"authorization_response_iss_parameter_supported":true`), want: changed(func(f *facts) { f.IssParameter = true }), requests: 2},
		"they differ": {
			members: needed(), first: with(tenant, oauthMembers), requests: 2, want: both,
			second: with(tenant, openIDMembers+`,"token_endpoint":"https://a.example/t","jwks_uri":"https://a.example/j"`),
			quirks: "conflict in metadata jwks_uri, conflict in metadata token_endpoint",
		},
		"another order": {
			members: needed(), first: with(tenant, oauthMembers+`,"scopes_supported":["a","b"]`), requests: 2, want: both,
			second: with(tenant, openIDMembers+`,"scopes_supported":["b","a"]`),
		},
		"another order, other values": {
			members: needed(), first: with(tenant, oauthMembers+`,"scopes_supported":["a","b"]`), requests: 2, want: both,
			second: with(tenant, openIDMembers+`,"scopes_supported":["b","openid"]`), quirks: "conflict in metadata scopes_supported",
		},
		"names in another case": {
			members: needed(), first: with(tenant, oauthMembers+`,"X":1`), second: with(tenant, openIDMembers+`,"x":1`), requests: 2,
			want: onlyOAuth, incomplete: "duplicate member name",
		},
		"no second document":   {members: needed(), first: with(tenant, oauthMembers), want: onlyOAuth, requests: 3},
		"it is forbidden":      {members: needed(), first: with(tenant, oauthMembers), second: reply{status: 403}, want: onlyOAuth, requests: 3},
		"it is down":           {members: needed(), first: with(tenant, oauthMembers), second: reply{status: 503}, want: onlyOAuth, requests: 3, incomplete: "status 503", unavailable: true},
		"it does not respond":  {members: needed(), first: with(tenant, oauthMembers), second: reply{hang: true}, want: onlyOAuth, requests: 2, incomplete: "no response in time", unavailable: true},
		"too many requests":    {members: needed(), first: with(tenant, oauthMembers), second: reply{status: 429}, inserted: with(tenant, openIDMembers), want: onlyOAuth, requests: 2, incomplete: "status 429", unavailable: true},
		"the network":          {members: needed(), first: with(tenant, oauthMembers), second: reply{err: errNetwork}, want: onlyOAuth, requests: 3, incomplete: "connection refused", unavailable: true},
		"another issuer":       {members: needed(), first: with(tenant, oauthMembers), second: with(plain, openIDMembers), want: onlyOAuth, requests: 3, incomplete: "the document's issuer is"},
		"a slash":              {members: needed(), first: with(tenant, oauthMembers), second: with(tenant+"/", openIDMembers), want: onlyOAuth, requests: 3, incomplete: "trailing slash"},
		"no JSON":              {members: needed(), first: with(tenant, oauthMembers), second: document("<html>"), want: onlyOAuth, requests: 3, incomplete: "not a valid JSON object"},
		"two endpoints":        {members: needed(), first: with(tenant, oauthMembers), second: with(tenant, openIDMembers+`,"x_endpoint":1,"userinfo_endpoint":"https://b.example"`), want: onlyOAuth, requests: 3, incomplete: "duplicate member name"},
		"redirect":             {members: needed(), first: with(tenant, oauthMembers), second: reply{status: 302, header: http.Header{"Location": {"https://b.example/doc"}}}, want: onlyOAuth, requests: 3, incomplete: "https://b.example/doc"},
		"only OpenID Connect":  {members: needed(), second: with(tenant, `"token_endpoint":"https://a.example/token"`), want: facts{Token: both.Token, Algorithms: []string{}}, requests: 2},
		"the second is broken": {members: needed(), first: document("{"), second: with(tenant, openIDMembers), want: facts{User: both.User, End: both.End, Algorithms: both.Algorithms}, requests: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &site{replies: map[string]reply{tenantOAuth: tt.first, tenantOpenID: tt.second, tenantOpenIDInserted: tt.inserted}}
				c := oidcdiscovery.Client{HTTPClient: s.client(), Members: tt.members, Timeout: 20 * time.Second}
				began := time.Now()
				m, err := c.Discover(t.Context(), tenant)
				if err != nil {
					t.Fatal(err)
				}
				got := facts{m.TokenEndpoint, m.JWKSURI, m.UserinfoEndpoint, m.EndSessionEndpoint, m.IDTokenSigningAlgValuesSupported, m.AuthorizationResponseIssParameterSupported}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("metadata (-want +got):\n%s", diff)
				}
				if len(s.requests()) != tt.requests {
					t.Errorf("requests %v, want %d", s.requests(), tt.requests)
				}
				if got := shown(m.Quirks()); got != tt.quirks {
					t.Errorf("quirks %q, want %q", got, tt.quirks)
				}
				incomplete := m.Incomplete()
				if (incomplete == nil) != (tt.incomplete == "") || incomplete != nil && !strings.Contains(incomplete.Error(), tt.incomplete) {
					t.Errorf("Incomplete: %v, want %q", incomplete, tt.incomplete)
				}
				if errors.Is(incomplete, oidcdiscovery.ErrUnavailable) != tt.unavailable {
					t.Errorf("Incomplete: %v, unavailable should be %v", incomplete, tt.unavailable)
				}
				if waited := time.Since(began); waited > 3*time.Second {
					t.Errorf("waited %v for a document that may not be needed", waited)
				}
				var all map[string]json.RawMessage
				if err := m.Claims(&all); err != nil || (all["userinfo_endpoint"] != nil) != (m.UserinfoEndpoint != "") {
					t.Errorf("Claims: %v, %v", all, err)
				}
			})
		})
	}
}

// A fault in a member that only the second document has is still found by Check.
func TestCaseD7_FaultsOfBothDocuments(t *testing.T) {
	t.Parallel()
	const flag = "authorization_response_iss_parameter_supported"
	for name, tt := range map[string]struct {
		first, second string
		ok            bool
	}{
		"fault in the second":             {oauthMembers, openIDMembers + `,"` + flag + `":"true"`, false},
		"fault in the first":              {oauthMembers + `,"` + flag + `":"true"`, openIDMembers, false},
		"fault in the first, not in both": {oauthMembers + `,"` + flag + `":"true"`, openIDMembers + `,"` + flag + `":true`, true},
		"fault in the second, not both":   {oauthMembers + `,"` + flag + `":true`, openIDMembers + `,"` + flag + `":"true"`, true},
	} {
		s := &site{replies: map[string]reply{plainOAuth: with(plain, tt.first), plainOpenID: with(plain, tt.second)}}
		m, err := (&oidcdiscovery.Client{HTTPClient: s.client(), Members: needed()}).Discover(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(flag); (err == nil) != tt.ok || m.AuthorizationResponseIssParameterSupported != tt.ok {
			t.Errorf("%s: %v, %v", name, err, m.AuthorizationResponseIssParameterSupported)
		}
	}
}

// The OpenID Connect location with the path inserted is the third one, for every issuer with a path.
func TestCaseD8_InsertedOpenIDLocation(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{tenant, tenant + "/", plain + "/a/b", "https://b.example:8443/realms/x"} {
		_, path, _ := strings.Cut(strings.TrimPrefix(issuer, "https://"), "/")
		host := strings.TrimSuffix(issuer, "/"+path)
		third := host + "/.well-known/openid-configuration/" + strings.TrimSuffix(path, "/")
		s := &site{replies: map[string]reply{third: of(issuer)}}
		m, err := (&oidcdiscovery.Client{HTTPClient: s.client()}).Discover(t.Context(), issuer)
		if err != nil || m.Issuer != issuer || slices.Index(s.requests(), third) != 2 {
			t.Errorf("%s: %v, %v, requests %v", issuer, m, err, s.requests())
		}
		s = &site{replies: map[string]reply{third: of(issuer + "x")}}
		if _, err := (&oidcdiscovery.Client{HTTPClient: s.client()}).Discover(t.Context(), issuer); err == nil || len(s.requests()) != oidcdiscovery.MaxLocations {
			t.Errorf("%s: another issuer: %v, requests %v", issuer, err, s.requests())
		}
	}
}

// A location that does not respond does not take the time of the others.
func TestCaseD11_SlowLocations(t *testing.T) {
	t.Parallel()
	slow := func(delay time.Duration) reply {
		r := with(tenant, oauthMembers)
		r.delay = delay
		return r
	}
	for name, tt := range map[string]struct {
		first, second reply
		timeout       time.Duration
		ok            bool
		requests      int
		waited        time.Duration
	}{
		"4 s":                    {first: slow(4 * time.Second), timeout: 20 * time.Second, ok: true, requests: 2, waited: 4 * time.Second},
		"19 s":                   {first: slow(19 * time.Second), timeout: 20 * time.Second, ok: true, requests: 4, waited: 19 * time.Second},
		"2 s":                    {first: slow(2 * time.Second), timeout: 20 * time.Second, ok: true, requests: 1, waited: 2 * time.Second},
		"4 s, by default":        {first: slow(4 * time.Second), requests: 4, waited: 3 * time.Second},
		"the first hangs":        {first: reply{hang: true}, second: of(tenant), timeout: time.Minute, ok: true, requests: 2, waited: 3 * time.Second},
		"the first hangs, slow":  {first: reply{hang: true}, second: slow(5 * time.Second), timeout: time.Minute, ok: true, requests: 3, waited: 8 * time.Second},
		"the first is later":     {first: slow(4 * time.Second), second: slow(5 * time.Second), timeout: time.Minute, ok: true, requests: 2, waited: 4 * time.Second},
		"both hang":              {first: reply{hang: true}, second: reply{hang: true}, timeout: 20 * time.Second, requests: 4, waited: 23 * time.Second},
		"busy while it is slow":  {first: slow(5 * time.Second), second: reply{status: 429}, timeout: 20 * time.Second, ok: true, requests: 2, waited: 5 * time.Second},
		"the first fails slowly": {first: reply{status: 500, delay: 5 * time.Second}, second: of(tenant), timeout: 20 * time.Second, ok: true, requests: 2, waited: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &site{replies: map[string]reply{tenantOAuth: tt.first, tenantOpenID: tt.second}}
				c := oidcdiscovery.Client{HTTPClient: s.client(), Timeout: tt.timeout}
				began := time.Now()
				m, err := c.Discover(t.Context(), tenant)
				if (err == nil) != tt.ok || len(s.requests()) != tt.requests {
					t.Errorf("%v, %v, requests %v", m, err, s.requests())
				}
				if waited := time.Since(began); waited != tt.waited {
					t.Errorf("waited %v, want %v", waited, tt.waited)
				}
			})
		})
	}
}

// A panic of the transport reaches the caller of Discover, and does not end the process.
func TestCaseD11_PanicOfTheTransport(t *testing.T) {
	t.Parallel()
	c := oidcdiscovery.Client{HTTPClient: &http.Client{Transport: panicking{}}}
	defer func() {
		if got := recover(); got != "the transport" {
			t.Errorf("recovered %v", got)
		}
	}()
	_, _ = c.Discover(t.Context(), plain)
	t.Error("Discover did not panic")
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("the transport") }
