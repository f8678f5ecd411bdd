package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

const (
	oauthPath  = "/.well-known/oauth-authorization-server"
	openIDPath = "/.well-known/openid-configuration"
)

// site is a server with documents at its paths. Its token endpoint issues the ID token of the issuer.
type site struct {
	issuer *bearertest.Issuer
	pages  map[string]func(http.ResponseWriter)

	mu    sync.Mutex // guards what follows
	paths []string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	page := s.pages[r.URL.Path]
	s.mu.Unlock()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case page != nil:
		page(w)
	case r.URL.Path == "/jwks":
		_, _ = w.Write(s.issuer.JWKS())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), r.Context().Err()
}

// requests returns the paths that were requested since the last call.
func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := s.paths
	s.paths = nil
	return paths
}

// page returns a page with this body.
func page(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = w.Write([]byte(body)) }
}

// doc returns a metadata document of issuerURL with these members.
func doc(members ...string) func(http.ResponseWriter) {
	return page(`{"issuer":"` + issuerURL + `",` + strings.Join(members, ",") + `}`)
}

const (
	tokenMember  = `"token_endpoint":"` + issuerURL + `/token"`
	signInMember = `"authorization_endpoint":"` + issuerURL + `/auth"`
	keysMember   = `"jwks_uri":"` + issuerURL + `/jwks"`
	userMember   = `"userinfo_endpoint":"` + issuerURL + `/me"`
	endMember    = `"end_session_endpoint":"` + issuerURL + `/end"`
	algMember    = `"id_token_signing_alg_values_supported":["ES256"],"subject_types_supported":["public"]`
)

func newSite(pages map[string]func(http.ResponseWriter)) *site {
	return &site{pages: pages, issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "app", Algorithms: []string{"ES256"}})}
}

func (s *site) client(t *testing.T, change func(*client.Config)) *client.Client {
	t.Helper()
	return newClient(t, nil, func(cfg *client.Config) {
		cfg.Metadata, cfg.HTTPClient, cfg.RedirectURI = nil, &http.Client{Transport: s}, "https://app.test/cb"
		if change != nil {
			change(cfg)
		}
	})
}

func (s *site) idToken() string {
	return s.issuer.IDToken().Set("aud", "app").Set("azp", "app").Set("nonce", bearertest.Absent).Sign()
}

// A sign-in reads the document of OpenID Connect if the first one lacks something, and other flows do not.
func TestCaseD7_SignInReadsBothDocuments(t *testing.T) {
	t.Parallel()
	first := doc(tokenMember, signInMember, keysMember)
	second := doc(tokenMember, signInMember, keysMember, userMember, endMember, algMember, `"authorization_response_iss_parameter_supported":true`)
	signIn := func(t *testing.T, c *client.Client, s *site) error {
		t.Helper()
		pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{Scopes: []string{"openid"}})
		if err != nil {
			return err
		}
		back := url.Values{"state": {pending.State}, "code": {"c"}}
		if _, err := c.Callback(t.Context(), pending, back); !errors.Is(err, client.ErrCallback) {
			return fmt.Errorf("a response without iss, although the second document says that the server sends it: %w", err)
		}
		if _, err := c.VerifyIDToken(t.Context(), s.idToken(), client.IDTokenOptions{}); err != nil {
			return err
		}
		_, err = c.LogoutURL(t.Context(), client.LogoutOptions{})
		return err
	}
	for name, tt := range map[string]struct {
		pages  map[string]func(http.ResponseWriter)
		scopes []string // of the Config
		want   []string // requests
	}{
		"scope in the Config":     {map[string]func(http.ResponseWriter){oauthPath: first, openIDPath: second}, []string{"openid"}, []string{oauthPath, openIDPath, "/jwks"}},
		"scope in the options":    {map[string]func(http.ResponseWriter){oauthPath: first, openIDPath: second}, nil, []string{oauthPath, oauthPath, openIDPath, "/jwks"}},
		"the first is complete":   {map[string]func(http.ResponseWriter){oauthPath: second}, []string{"openid"}, []string{oauthPath, "/jwks"}},
		"the first is complete 2": {map[string]func(http.ResponseWriter){oauthPath: second}, nil, []string{oauthPath, "/jwks"}},
		"only OpenID Connect":     {map[string]func(http.ResponseWriter){openIDPath: second}, []string{"openid"}, []string{oauthPath, openIDPath, "/jwks"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(tt.pages)
			c := s.client(t, func(cfg *client.Config) { cfg.Scopes = tt.scopes })
			for range 2 {
				if err := signIn(t, c, s); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(tt.want, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
	s := newSite(map[string]func(http.ResponseWriter){oauthPath: first, openIDPath: second, "/token": page(good)})
	c := s.client(t, nil)
	for range 2 {
		if _, err := c.ClientCredentials(t.Context(), "api"); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{oauthPath, "/token", "/token"}, s.requests()); diff != "" {
		t.Errorf("without the scope openid (-want +got):\n%s", diff)
	}
}

// A client that needs nothing of the second document works without it. One that does gets an error that says so, and works
// as soon as the document can be read.
func TestCaseD7_SecondDocumentIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(map[string]func(http.ResponseWriter){
			oauthPath: doc(tokenMember, signInMember, keysMember), "/token": page(good),
			openIDPath: func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		})
		c := s.client(t, func(cfg *client.Config) { cfg.Scopes = []string{"openid"} })
		if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := c.Refresh(t.Context(), "rt"); err != nil {
			t.Error(err)
		}
		_, err := c.LogoutURL(t.Context(), client.LogoutOptions{})
		if !errors.Is(err, client.ErrUnavailable) || !strings.Contains(err.Error(), `Config.Endpoints["end_session_endpoint"]`) || !strings.Contains(err.Error(), "status 503") {
			t.Errorf("error %v", err)
		}
		s.mu.Lock()
		s.pages[openIDPath] = doc(endMember, userMember, algMember, keysMember)
		s.mu.Unlock()
		time.Sleep(2 * time.Minute)
		_, _ = c.LogoutURL(t.Context(), client.LogoutOptions{})
		synctest.Wait()
		if _, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour) // timers end
	})
}

// What was read in a second document is not lost while that document cannot be read. If the server no longer has the
// document, its members are dropped.
func TestCaseD7_SecondDocumentIsDownLater(t *testing.T) {
	t.Parallel()
	first, second := doc(tokenMember, signInMember), doc(keysMember, userMember, endMember, algMember)
	for name, tt := range map[string]struct {
		later func(http.ResponseWriter)
		kept  bool
	}{
		"503":        {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, true},
		"429":        {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, true},
		"a web page": {page("<html>maintenance</html>"), true},
		"a redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "/maintenance")
			w.WriteHeader(http.StatusFound)
		}, true},
		"of another issuer":     {page(`{"issuer":"https://other.test"}`), true},
		"fewer members":         {doc(keysMember), false},
		"gone":                  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, false},
		"the same as the first": {first, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(map[string]func(http.ResponseWriter){oauthPath: first, openIDPath: second})
				c := s.client(t, func(cfg *client.Config) { cfg.Scopes = []string{"openid"} })
				_, before := c.LogoutURL(t.Context(), client.LogoutOptions{})
				s.mu.Lock()
				s.pages[openIDPath] = tt.later
				s.mu.Unlock()
				time.Sleep(61 * time.Minute)
				_, after := c.LogoutURL(t.Context(), client.LogoutOptions{})
				if before != nil || (after == nil) != tt.kept {
					t.Errorf("logout: %v, later %v", before, after)
				}
				s.requests()
				for range 100 {
					_, _ = c.LogoutURL(t.Context(), client.LogoutOptions{})
				}
				if n := len(s.requests()); n > 2 {
					t.Errorf("%d requests for 100 calls", n)
				}
				time.Sleep(25 * time.Hour)
				if _, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); err == nil {
					t.Error("after a day, the old document is still used")
				}
			})
		})
	}
}

// A member with a fault in its text is still known to be faulty after the second document was added: its absence would make
// the client less strict.
func TestCaseD7_FaultsOfBothDocuments(t *testing.T) {
	t.Parallel()
	const twice = `"require_signed_request_object":true,"require_signed_request_object":false`
	for name, members := range map[string][2]string{"first": {twice, keysMember}, "second": {`"x":1`, keysMember + "," + twice}} {
		s := newSite(map[string]func(http.ResponseWriter){
			oauthPath:  doc(tokenMember, signInMember, members[0]),
			openIDPath: doc(userMember, algMember, members[1]),
		})
		c := s.client(t, func(cfg *client.Config) { cfg.Scopes = []string{"openid"} })
		if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{}); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: error %v, want ErrBadResponse", name, err)
		}
	}
}

// The first document counts if both have a member, and the difference is reported.
func TestCaseD7_DocumentsThatContradict(t *testing.T) {
	t.Parallel()
	s := newSite(map[string]func(http.ResponseWriter){
		oauthPath:  doc(tokenMember, signInMember, keysMember),
		openIDPath: doc(`"token_endpoint":"https://evil.test/token","jwks_uri":"https://evil.test/jwks"`, userMember, algMember),
		"/token":   page(good),
	})
	c := s.client(t, func(cfg *client.Config) { cfg.Scopes = []string{"openid"} })
	m, err := c.Metadata(t.Context())
	if err != nil || m.TokenEndpoint != issuerURL+"/token" || m.JWKSURI != issuerURL+"/jwks" || m.UserinfoEndpoint != issuerURL+"/me" {
		t.Errorf("%v, %v", m, err)
	}
	var places []string
	for _, q := range c.Quirks() {
		if q.Name == quirk.Conflict {
			places = append(places, q.Place)
		}
	}
	if diff := cmp.Diff([]string{"metadata jwks_uri", "metadata token_endpoint"}, places); diff != "" {
		t.Errorf("quirks (-want +got):\n%s", diff)
	}
}

// Calls whose endpoints are in the Config do not cause discovery.
func TestCaseD10_NoDiscovery(t *testing.T) {
	t.Parallel()
	both := map[string]string{"authorization_endpoint": issuerURL + "/auth", "token_endpoint": issuerURL + "/token"}
	with := func(name, path string) map[string]string {
		all := map[string]string{name: issuerURL + path}
		for name, place := range both {
			all[name] = place
		}
		return all
	}
	signIn := func(ctx context.Context, c *client.Client) error {
		pending, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{})
		if err != nil {
			return err
		}
		_, err = c.Callback(ctx, pending, url.Values{"state": {pending.State}, "code": {"c"}})
		return err
	}
	credentials := func(ctx context.Context, c *client.Client) error {
		_, err := c.ClientCredentials(ctx)
		return err
	}
	tests := map[string]struct {
		endpoints map[string]string
		change    func(*client.Config)
		call      func(context.Context, *client.Client) error
		want      []string
		fails     bool
	}{
		"sign-in":                     {endpoints: both, call: signIn, want: []string{"/token"}},
		"sign-in, public client":      {endpoints: both, change: func(cfg *client.Config) { cfg.ClientSecret = "" }, call: signIn, want: []string{"/token"}},
		"sign-in with AuthorizeURL":   {endpoints: map[string]string{"token_endpoint": issuerURL + "/token"}, change: func(cfg *client.Config) { cfg.AuthorizeURL = issuerURL + "/auth" }, call: signIn, want: []string{"/token"}},
		"sign-in, one endpoint":       {endpoints: map[string]string{"token_endpoint": issuerURL + "/token"}, call: signIn, want: []string{oauthPath, openIDPath}, fails: true},
		"sign-in, the other endpoint": {endpoints: map[string]string{"authorization_endpoint": issuerURL + "/auth"}, call: signIn, want: []string{oauthPath, openIDPath}, fails: true},
		"client credentials":          {endpoints: map[string]string{"token_endpoint": issuerURL + "/token"}, call: credentials, want: []string{"/token"}},
		"MetadataURL is fetched":      {endpoints: both, change: func(cfg *client.Config) { cfg.MetadataURL = issuerURL + "/doc" }, call: signIn, want: []string{"/doc"}, fails: true},
		"revocation": {endpoints: with("revocation_endpoint", "/revoke"), want: []string{"/revoke"}, call: func(ctx context.Context, c *client.Client) error {
			return c.Revoke(ctx, "rt", "refresh_token")
		}},
		"revocation, not configured": {endpoints: both, want: []string{oauthPath, openIDPath}, fails: true, call: func(ctx context.Context, c *client.Client) error {
			return c.Revoke(ctx, "rt", "refresh_token")
		}},
		"device": {endpoints: with("device_authorization_endpoint", "/device"), want: []string{"/device"}, call: func(ctx context.Context, c *client.Client) error {
			_, err := c.StartDevice(ctx, client.DeviceOptions{})
			return err
		}},
		"pushed": {endpoints: with("pushed_authorization_request_endpoint", "/par"), want: []string{"/par"}, call: func(ctx context.Context, c *client.Client) error {
			_, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{Push: true})
			return err
		}},
		"logout": {endpoints: with("end_session_endpoint", "/end"), call: func(ctx context.Context, c *client.Client) error {
			_, err := c.LogoutURL(ctx, client.LogoutOptions{})
			return err
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(map[string]func(http.ResponseWriter){
				"/token": page(good), "/revoke": page(""), "/device": page(deviceStarted),
				"/par": func(w http.ResponseWriter) {
					w.WriteHeader(http.StatusCreated)
					_, _ = w.Write([]byte(`{"request_uri":"urn:x","expires_in":60}`))
				},
			})
			c := s.client(t, func(cfg *client.Config) {
				cfg.Endpoints, cfg.AuthMethod = tt.endpoints, ""
				if tt.change != nil {
					tt.change(cfg)
				}
			})
			if err := tt.call(t.Context(), c); (err != nil) != tt.fails {
				t.Errorf("error %v, want one: %v", err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// Without metadata, the checks that need none still apply, and Config.Keys makes the key set unnecessary.
func TestCaseD10_ChecksWithoutDiscovery(t *testing.T) {
	t.Parallel()
	s := newSite(nil)
	keys, err := jwks.ParseJWKS(s.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	endpoints := map[string]string{"authorization_endpoint": issuerURL + "/auth", "token_endpoint": issuerURL + "/token"}
	c := s.client(t, func(cfg *client.Config) { cfg.Endpoints, cfg.Keys = endpoints, keys })
	if _, err := c.VerifyIDToken(t.Context(), s.idToken(), client.IDTokenOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := c.VerifyIDToken(t.Context(), s.issuer.IDToken().Set("aud", "app").Set("iss", "https://evil.test").Sign(), client.IDTokenOptions{}); err == nil {
		t.Error("an ID token of another issuer is accepted")
	}
	pending := begin(t, c, client.AuthorizationOptions{})
	if queryOf(t, pending.URL).Get("code_challenge_method") != "S256" {
		t.Error(pending.URL)
	}
	back := url.Values{"state": {pending.State}, "code": {"c"}, "iss": {"https://evil.test"}}
	if _, err := c.Callback(t.Context(), pending, back); !errors.Is(err, client.ErrCallback) {
		t.Errorf("iss of another issuer: %v", err)
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("requests %v", got)
	}
	// Metadata says what differs from the defaults.
	c = s.client(t, func(cfg *client.Config) {
		cfg.Endpoints = endpoints
		cfg.Metadata = &oidcdiscovery.Metadata{Issuer: issuerURL, AuthorizationResponseIssParameterSupported: true}
	})
	pending = begin(t, c, client.AuthorizationOptions{})
	if _, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}}); !errors.Is(err, client.ErrCallback) {
		t.Errorf("no iss: %v", err)
	}
}

// Timeout limits the whole discovery, and not each of its requests.
func TestCaseD11_TimeoutLimitsDiscovery(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout, discovery time.Duration
		delays             map[string]time.Duration // an hour: the location does not respond
		ok                 bool
		waited             time.Duration
	}{
		"4 s of 20 s":         {timeout: 20 * time.Second, delays: map[string]time.Duration{oauthPath: 4 * time.Second, openIDPath: time.Hour}, ok: true, waited: 4 * time.Second},
		"19 s of 20 s":        {timeout: 20 * time.Second, delays: map[string]time.Duration{oauthPath: 19 * time.Second, openIDPath: time.Hour}, ok: true, waited: 19 * time.Second},
		"4 s of 3 s":          {timeout: 3 * time.Second, delays: map[string]time.Duration{oauthPath: 4 * time.Second, openIDPath: 4 * time.Second}, waited: 3 * time.Second},
		"no location":         {timeout: 20 * time.Second, delays: map[string]time.Duration{oauthPath: time.Hour, openIDPath: time.Hour}, waited: 20 * time.Second},
		"the first is dead":   {timeout: 20 * time.Second, delays: map[string]time.Duration{oauthPath: time.Hour}, ok: true, waited: 3 * time.Second},
		"the first, then 9 s": {timeout: 20 * time.Second, delays: map[string]time.Duration{oauthPath: time.Hour, openIDPath: 9 * time.Second}, ok: true, waited: 12 * time.Second},
		"4 s, by default":     {delays: map[string]time.Duration{oauthPath: 4 * time.Second, openIDPath: time.Hour}, ok: true, waited: 4 * time.Second},
		"31 s, by default":    {delays: map[string]time.Duration{oauthPath: 31 * time.Second, openIDPath: 31 * time.Second}, waited: 30 * time.Second},
		"DiscoveryTimeout":    {timeout: 20 * time.Second, discovery: 2 * time.Second, delays: map[string]time.Duration{oauthPath: 4 * time.Second, openIDPath: 4 * time.Second}, waited: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := roundTrip(func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(tt.delays[r.URL.Path]):
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					w := httptest.NewRecorder()
					doc(tokenMember)(w)
					return w.Result(), nil
				})
				c := newClient(t, nil, func(cfg *client.Config) {
					cfg.Metadata, cfg.HTTPClient, cfg.Timeout, cfg.DiscoveryTimeout = nil, &http.Client{Transport: transport}, tt.timeout, tt.discovery
				})
				began := time.Now()
				err := c.Warm(t.Context())
				if (err == nil) != tt.ok || err != nil && (!errors.Is(err, client.ErrUnavailable) || !strings.Contains(err.Error(), "DiscoveryTimeout")) {
					t.Errorf("error %v", err)
				}
				if waited := time.Since(began); waited != tt.waited {
					t.Errorf("waited %v, want %v", waited, tt.waited)
				}
			})
		})
	}
}
