package signin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

var (
	formAction  = regexp.MustCompile(`action="([^"]+)"[^>]*>`)
	formInput   = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	allowButton = regexp.MustCompile(`href='([^']+action=allowed)'`)
)

// Browser returns an HTTP client with cookies, which tests use in place of a browser.
func Browser() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	return &http.Client{Jar: jar}, err
}

// Visit opens address. It submits each visible form with the name and password of the user, and follows each link that
// grants a permission. It returns the first page with neither.
func Visit(ctx context.Context, c *http.Client, address string) (page string, err error) {
	next, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for range 10 {
		if err != nil || next == nil {
			return page, err
		}
		page, next, err = open(c, next)
	}
	return "", fmt.Errorf("%s shows more than 10 forms", address)
}

func open(c *http.Client, r *http.Request) (page string, next *http.Request, err error) {
	resp, err := c.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return string(text), nil, err
	}
	next, err = step(r.Context(), resp.Request.URL, text)
	return string(text), next, err
}

// step returns the request that a user makes on a page, or nil if there is nothing to do.
func step(ctx context.Context, at *url.URL, page []byte) (*http.Request, error) {
	if button := allowButton.FindSubmatch(page); button != nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, resolve(at, button[1]), nil)
	}
	action := formAction.FindSubmatch(page)
	if action == nil || bytes.Contains(action[0], []byte(" hidden")) {
		return nil, nil //nolint:nilnil // nothing to do is not an error
	}
	form := url.Values{"username": {User}, "password": {Password}}
	for _, input := range formInput.FindAllSubmatch(page, -1) {
		form.Set(string(input[1]), string(input[2]))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, resolve(at, action[1]), strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// resolve returns the absolute URL of a link.
func resolve(at *url.URL, link []byte) string {
	target, err := at.Parse(string(link))
	if err != nil {
		return at.String()
	}
	return target.String()
}
