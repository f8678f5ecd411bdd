package bearertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
)

// Visit opens an address of the issuer as a browser would, such as the URL of an authorization request, and returns where the
// issuer redirects the browser. The result is not opened. If the issuer shows a page instead, the error quotes it.
//
// A client can use it in place of a browser, as in client.BrowserSignIn(issuer.Visit).
func (i *Issuer) Visit(ctx context.Context, address string) (redirected string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("bearertest: visit: %w", err)
	}
	response, err := i.Client().Transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	location, err := response.Location()
	if err == nil {
		return location.String(), nil
	}
	text := make([]byte, 512)
	n, _ := response.Body.Read(text)
	return "", fmt.Errorf("bearertest: the issuer does not redirect the browser: status %d: %s", response.StatusCode, text[:n])
}

// Browser returns an HTTP client that acts as a browser with two tabs: it reaches the issuer, and the application at origin,
// such as "https://shop.test", whose requests call handler directly. It keeps cookies and follows redirects, so that one
// request for a page of the application includes the whole sign-in:
//
//	browser := issuer.Browser("https://shop.test", handler)
//	page, err := browser.Get("https://shop.test/account")
//
// Requests have the header fields Accept and Sec-Fetch-* of a browser, unless the test sets them: a GET request as if the user
// has typed the address, and any other request as if a page of the application has sent it. Requests to other origins fail. It
// opens no socket, starts no goroutine, and runs no scripts.
func (i *Issuer) Browser(origin string, handler http.Handler) *http.Client {
	jar, _ := cookiejar.New(nil) // without options, it never fails
	return &http.Client{Jar: jar, Transport: tabs{inProcess{i.url, i}, inProcess{origin, handler}}}
}

// tabs is the RoundTripper of Browser.
type tabs struct{ issuer, application inProcess }

// RoundTrip implements [http.RoundTripper].
func (t tabs) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	site := "same-origin"
	if r.Method == http.MethodGet {
		site = "none"
	}
	for name, value := range map[string]string{
		"Accept":         "text/html,application/xhtml+xml,*/*;q=0.8",
		"Sec-Fetch-Site": site,
		"Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Dest": "document",
	} {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, value)
		}
	}
	if t.application.serves(r.URL) {
		return t.application.RoundTrip(r)
	}
	return t.issuer.RoundTrip(r)
}

var errAborted = errors.New("bearertest: the server closed the connection")
