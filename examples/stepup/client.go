package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

// app is a client of the API. A web application does the same for each of its users; package client/weblogin does it for
// you.
type app struct {
	client *client.Client
	api    string
	out    io.Writer
	token  *client.Token
}

func newApp(issuer, api string, out io.Writer) (*app, error) {
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: clientID, RedirectURI: redirectURI, Scopes: []string{"openid", "account"},
	})
	return &app{client: c, api: api, out: out}, err
}

// signIn signs the user in. The provider chooses how.
func (a *app) signIn(ctx context.Context) error {
	return a.signInWith(ctx, client.AuthorizationOptions{})
}

// signInWith signs the user in with the given options, and replaces the token.
func (a *app) signInWith(ctx context.Context, options client.AuthorizationOptions) error {
	pending, err := a.client.AuthorizationURL(ctx, options)
	if err != nil {
		return err
	}
	response, err := browse(ctx, pending.URL)
	if err != nil {
		return err
	}
	// Callback returns an error if the ID token does not confirm the user, the acr or the age in the options.
	a.token, err = a.client.Callback(ctx, pending, response)
	return err
}

// call sends a request to the API. If the API requires another sign-in, call signs the user in and sends the request once
// more. It does not try a third time: the provider may be unable to meet the requirement.
func (a *app) call(ctx context.Context, method, path string) (status int, body string, err error) {
	status, header, body, err := a.send(ctx, method, path)
	if err != nil || status != http.StatusUnauthorized {
		return status, body, err
	}
	// The same user must sign in: the request is about the account of that user.
	options, required := client.AuthorizationOptions{Subject: a.token.IDClaims.Subject()}.StepUp(header)
	if !required {
		return status, body, nil
	}
	_, _ = fmt.Fprintf(a.out, "%s %s: %d %s\n", method, path, status, header.Get("WWW-Authenticate"))
	_, _ = fmt.Fprintf(a.out, "The user signs in again: acr %s, at most %v ago.\n",
		strings.Join(options.ACRValues, " or "), options.MaxAge)
	if err := a.signInWith(ctx, options); err != nil {
		return 0, "", err
	}
	status, _, body, err = a.send(ctx, method, path)
	return status, body, err
}

// send sends one request with the token.
func (a *app) send(ctx context.Context, method, path string) (status int, header http.Header, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, a.api+path, nil)
	if err != nil {
		return 0, nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+a.token.AccessToken)
	response, err := new(http.Client).Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, response.Header, string(text), err
}

// browse plays the browser of the user: it opens address, and returns the parameters with which the provider redirects it to
// the client. The demonstration provider needs no input.
func browse(ctx context.Context, address string) (url.Values, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := stay.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	back, err := response.Location()
	if err != nil {
		return nil, fmt.Errorf("the provider responds with %s instead of a redirect", response.Status)
	}
	return back.Query(), nil
}
