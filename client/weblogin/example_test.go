package weblogin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// An application signs its users in, shows them a page, calls an API on their behalf, and signs them out.
func Example() {
	provider := newProvider()
	c, err := client.New(client.Config{
		Issuer: provider.issuer, ClientID: "shop", ClientSecret: "of the shop",
		RedirectURI: "https://shop.example.com/auth/callback", Scopes: []string{"openid", "orders:read"},
		// A real client needs only the fields above. The fields below replace the network.
		Metadata: provider.metadata(), Keys: provider.keys(), HTTPClient: &http.Client{Transport: provider}, Algorithms: []string{"ES256"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New(), Transport: handled{ordersAPI()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders, err := app.Proxy("/api/orders/", "https://orders.example.com/v1/")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/api/orders/", orders)
	mux.Handle("/", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := weblogin.UserFromContext(r.Context())
		if !ok { // only if the handler is not behind RequireLogin
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, "Hello %s", user.Claims()["name"])
	})))

	browser := newBrowser(mux)
	login := browser.open("GET", "/account")
	fmt.Println("a page:", login)
	server := browser.open("GET", login)
	fmt.Println("the login:", provider.place(server))
	fmt.Println("the callback:", browser.open("GET", provider.signIn(server)))
	fmt.Println("the page:", browser.open("GET", "/account"))
	fmt.Println("the API:", browser.open("GET", "/api/orders/7"))
	fmt.Println("the logout:", provider.place(browser.open("POST", "/auth/logout")))
	fmt.Print("the API: ", browser.open("GET", "/api/orders/7"))
	// Output:
	// a page: /auth/login?return_to=%2Faccount
	// the login: https://login.example.com/authorize
	// the callback: /account
	// the page: Hello Alice
	// the API: /v1/7 for Bearer at-of-alice
	// the logout: https://login.example.com/end
	// the API: {"error":"login_required"}
}

// ordersAPI is an API that does not use sessions.
func ordersAPI() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s for %s", r.URL.Path, r.Header.Get("Authorization"))
	})
}

// provider is an authorization server whose user is Alice.
type provider struct {
	issuer string
	signer *bearertest.Issuer
	nonce  string
}

func newProvider() *provider {
	const place = "https://login.example.com"
	return &provider{issuer: place, signer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: place, Audience: "shop", Algorithms: []string{"ES256"}})}
}

func (p *provider) metadata() *oidcdiscovery.Metadata {
	return &oidcdiscovery.Metadata{
		Issuer: p.issuer, AuthorizationEndpoint: p.issuer + "/authorize", TokenEndpoint: p.issuer + "/token",
		EndSessionEndpoint: p.issuer + "/end", IDTokenSigningAlgValuesSupported: []string{"ES256"},
	}
}

func (p *provider) keys() jwks.Source {
	keys, err := jwks.ParseJWKS(p.signer.JWKS())
	if err != nil {
		return nil
	}
	return keys
}

// place returns an address without its query.
func (p *provider) place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return err.Error()
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// signIn signs Alice in, and returns where the provider redirects her.
func (p *provider) signIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return err.Error()
	}
	p.nonce = u.Query().Get("nonce")
	return "/auth/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}}.Encode()
}

// RoundTrip responds as the token endpoint.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	id := p.signer.AccessToken().SetHeader("typ", bearertest.Absent).Set("aud", "shop").Set("sub", "alice").Set("name", "Alice").Set("nonce", p.nonce)
	id.Set("auth_time", time.Now().Unix())
	answer := httptest.NewRecorder()
	_, _ = fmt.Fprintf(answer, `{"access_token":"at-of-alice","token_type":"Bearer","expires_in":300,"id_token":%q}`, id.Sign())
	response := answer.Result()
	response.Request = r
	return response, nil
}

// browser opens pages. It returns where it was redirected, or the text of the page.
type browser struct{ http.Client }

func newBrowser(site http.Handler) *browser {
	jar, _ := cookiejar.New(nil) // it never fails
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{http.Client{Transport: handled{site}, Jar: jar, CheckRedirect: stay}}
}

func (b *browser) open(method, path string) string {
	r := httptest.NewRequestWithContext(context.Background(), method, "https://shop.example.com"+path, http.NoBody)
	r.RequestURI = ""
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "text/html")
	resp, err := b.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "" {
		return to
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Before a payment, an application requires that the same user has signed in within the last minute.
func ExampleApp_Login() {
	provider := newProvider()
	c, err := client.New(client.Config{
		Issuer: provider.issuer, ClientID: "shop", ClientSecret: "of the shop",
		RedirectURI: "https://shop.example.com/auth/callback", Scopes: []string{"openid"},
		Metadata: provider.metadata(), Keys: provider.keys(), HTTPClient: &http.Client{Transport: provider}, Algorithms: []string{"ES256"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: scs.New(),
		OnSignIn: func(_ context.Context, s *weblogin.SignIn) error {
			fmt.Println("signs in:", s.Token.IDClaims.Subject())
			return nil // an error would reject the sign-in and revoke the token
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/pay", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := weblogin.UserFromContext(r.Context())
		if !ok { // only if the handler is not behind RequireLogin
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		app.Login(w, r, client.AuthorizationOptions{MaxAge: time.Minute, Subject: user.Subject(), ReturnTo: "/paid"})
	})))

	browser := newBrowser(mux)
	browser.open("GET", provider.signIn(browser.open("GET", "/auth/login")))
	again := browser.open("GET", "/pay")
	u, err := url.Parse(again)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("max_age:", u.Query().Get("max_age"))
	fmt.Println("the callback:", browser.open("GET", provider.signIn(again)))
	// Output:
	// signs in: alice
	// max_age: 60
	// signs in: alice
	// the callback: /paid
}
