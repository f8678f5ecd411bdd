package providers

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

const (
	redirectURI  = "https://shop.example.com/auth/callback"
	clientSecret = "a secret with spaces + signs"
)

// signIn is one configuration of docs/providers.md for a client that signs users in, and what the test expects of it.
type signIn struct {
	make    func(secret string) (*client.Client, error)
	options client.AuthorizationOptions
	app     func(c *client.Client) (*weblogin.App, error) // nil: one with the options
	server  func() *script

	scopes  []string          // granted ones
	extra   map[string]string // members that Token.Extra returns
	user    string            // sub of the ID token; empty without one
	renewal renewal           // how the client notices that the access token has ended
	logout  string            // where the logout of the App leads to; empty: to the logout of the server with an ID token
	ended   error             // what a refresh with a revoked token matches
	quirks  []string          // the names of the deviations that Client.Quirks lists
}

type renewal int

const (
	expiry   renewal = iota // by expires_in
	rejected                // the API responds with 401
	never                   // there is no refresh token
)

// TestClients runs the configuration of each section for clients from the sign-in to the end of the tokens, against a
// server that behaves as the provider documents.
//
//nolint:paralleltest,tparallel // the sections share the default transport
func TestClients(t *testing.T) {
	known := signIns()
	documented := slices.DeleteFunc(slices.Collect(maps.Keys(sections(t))), func(name string) bool {
		return !strings.HasPrefix(name, forClients)
	})
	for i, name := range documented {
		documented[i] = strings.TrimPrefix(name, forClients)
	}
	slices.Sort(documented)
	programs := map[string]func(*testing.T, *bearertest.Issuer){"Microsoft Entra, workload identity": entraWorkload}
	tested := slices.AppendSeq(slices.Collect(maps.Keys(known)), maps.Keys(programs))
	slices.Sort(tested)
	if !slices.Equal(documented, tested) {
		t.Fatalf("docs/providers.md has the sections for clients\n%q\nand this test has\n%q", documented, tested)
	}
	for _, name := range tested {
		t.Run(name, func(t *testing.T) {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256"}})
			_, _ = issuer.Key("RS256") // made outside of the bubble
			if program, ok := programs[name]; ok {
				program(t, issuer)
				return
			}
			synctest.Test(t, func(t *testing.T) { known[name].run(t, known[name].start(t, issuer)) })
			known[name].runApp(t, known[name].start(t, issuer)) // the session store has a goroutine, so no bubble
		})
	}
}

// start starts the server of the provider.
func (s signIn) start(t *testing.T, issuer *bearertest.Issuer) *script {
	t.Helper()
	server := s.server()
	server.issuer = issuer
	server.declined = cmp.Or(server.declined, "access_denied")
	internet.script.Store(server)
	t.Cleanup(func() { internet.script.Store(nil) })
	return server
}

func (s signIn) run(t *testing.T, server *script) {
	t.Helper()
	c, err := s.make(clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	token := s.signIn(t, c, server)
	source, err := c.TokenSource(client.TokenSourceConfig{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	s.use(t, source, server)
	if s.renewal != never {
		s.renew(t, source, server)
	}
	s.end(t, c, source, server)
	s.fail(t, c, server)
	var accepted []string
	for _, q := range c.Quirks() {
		accepted = append(accepted, string(q.Name))
	}
	if !slices.Equal(accepted, s.quirks) {
		t.Errorf("the client lists the deviations %q, want %q", accepted, s.quirks)
	}
}

// signIn signs the user in and checks the token.
func (s signIn) signIn(t *testing.T, c *client.Client, server *script) *client.Token {
	t.Helper()
	pending, err := c.AuthorizationURL(t.Context(), s.options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Callback(t.Context(), pending, server.visit(t, pending.URL))
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != server.access || token.TokenType != "Bearer" || !slices.Equal(token.Scopes, s.scopes) {
		t.Errorf("the token is %q %q with the scopes %q, want %q Bearer with %q",
			token.AccessToken, token.TokenType, token.Scopes, server.access, s.scopes)
	}
	if (token.IDClaims != nil) != (s.user != "") || token.IDClaims != nil && token.IDClaims.Subject() != s.user {
		t.Errorf("the user is %v, want %q", token.IDClaims, s.user)
	}
	for name, want := range s.extra {
		if got, _ := token.Extra(name).(string); got != want {
			t.Errorf("the member %s is %v, want %q", name, token.Extra(name), want)
		}
	}
	return token
}

// use calls the API.
func (s signIn) use(t *testing.T, source *client.TokenSource, server *script) {
	t.Helper()
	if server.api == "" { // the access token has no use
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != server.access {
			t.Errorf("the source does not return the current token: %v", err)
		}
		return
	}
	origin, err := url.Parse(server.api)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := client.NewTransport(client.TransportConfig{
		Source: source, Origins: []string{origin.Scheme + "://" + origin.Host}, Base: server,
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := get(t, &http.Client{Transport: transport}, server.api); status != http.StatusOK {
		t.Errorf("the API responds with %d, want 200", status)
	}
}

func get(t *testing.T, api *http.Client, place string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, place, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := api.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// renew ends the access token and calls the API again.
func (s signIn) renew(t *testing.T, source *client.TokenSource, server *script) {
	t.Helper()
	before := server.access
	if s.renewal == rejected {
		server.access = "access-0" // not the one that the client has
	} else {
		time.Sleep(8 * 24 * time.Hour)
	}
	s.use(t, source, server)
	if server.access == before || server.refreshes() != 1 {
		t.Errorf("the server received %d refreshes, want 1", server.refreshes())
	}
}

// end signs the user out, revokes the refresh token, and checks that the source then says so.
func (s signIn) end(t *testing.T, c *client.Client, source *client.TokenSource, server *script) {
	t.Helper()
	if server.logout != "" && s.logout == "" {
		place, err := c.LogoutURL(t.Context(), client.LogoutOptions{PostLogoutRedirectURI: "https://shop.example.com/"})
		if err != nil || !strings.HasPrefix(place, server.logout+"?") {
			t.Errorf("the logout URL is %s, %v", place, err)
		}
	}
	if server.revoke != "" {
		if err := c.Revoke(t.Context(), server.refresh, "refresh_token"); err != nil || server.refresh != "" {
			t.Errorf("the refresh token is not revoked: %v", err)
		}
	}
	server.refresh, server.access = "", "" // the user has revoked them at the provider
	if s.renewal == never {
		return
	}
	before := server.refreshes()
	for range 3 {
		time.Sleep(31 * time.Second)
		_, err := source.Refresh(t.Context())
		if !errors.Is(err, client.ErrNoToken) || !errors.Is(err, s.ended) {
			t.Errorf("after the end of the refresh token the source returns: %v, want %v and %v", err, client.ErrNoToken, s.ended)
		}
	}
	if sent := server.refreshes() - before; sent != 1 {
		t.Errorf("the refresh token was sent %d times after its end, want 1", sent)
	}
}

// fail checks the other errors: the user declines, a code does not work, and the secret is wrong.
func (s signIn) fail(t *testing.T, c *client.Client, server *script) {
	t.Helper()
	pending, err := c.AuthorizationURL(t.Context(), s.options)
	if err != nil {
		t.Fatal(err)
	}
	params := server.visit(t, pending.URL)
	params.Del("code")
	params.Set("error", server.declined)
	_, err = c.Callback(t.Context(), pending, params)
	if declined, ok := errors.AsType[*client.Error](err); !ok || declined.Code != server.declined || declined.Status != 0 {
		t.Errorf("the user declines: the error is %v, want %s", err, server.declined)
	}
	for name, test := range map[string]struct {
		client func() (*client.Client, error)
		change func(url.Values)
		want   reply
	}{
		"code":   {func() (*client.Client, error) { return c, nil }, func(v url.Values) { v.Set("code", "code-2") }, server.badCode},
		"secret": {func() (*client.Client, error) { return s.make("another secret") }, func(url.Values) {}, server.badClient},
	} {
		c, err := test.client()
		if err != nil {
			t.Fatal(err)
		}
		pending, err := c.AuthorizationURL(t.Context(), s.options)
		if err != nil {
			t.Fatal(err)
		}
		params := server.visit(t, pending.URL)
		test.change(params)
		token, err := c.Callback(t.Context(), pending, params)
		rejection, ok := errors.AsType[*client.Error](err)
		if !ok || token != nil || rejection.Code == "" || !strings.Contains(test.want.body, rejection.Code) {
			t.Errorf("%s: the error is %v, want the one in %s", name, err, test.want.body)
		} else if beginning, _, _ := strings.Cut(rejection.Description, "\r"); !strings.Contains(err.Error(), strings.Trim(strconv.Quote(beginning), `"`)) {
			t.Errorf("%s: the text of the error is %q, want the description %q in it", name, err, beginning)
		}
	}
}
