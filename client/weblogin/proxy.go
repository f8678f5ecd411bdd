package weblogin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

// Proxy passes requests below prefix on to an API, with the user's token. prefix and upstream end in a slash: what follows
// the one is put behind the other.
func (a *App) Proxy(prefix, upstream string) (http.Handler, error) {
	base, err := url.Parse(upstream)
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("weblogin: the upstream is no plain URL")
	case !strings.HasSuffix(base.Path, "/"), !strings.HasPrefix(prefix, "/"), !strings.HasSuffix(prefix, "/"):
		return nil, errors.New("weblogin: prefix and upstream end in a slash")
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { rewrite(r, prefix, base) },
		Transport:      withToken{origin: base.Scheme + "://" + base.Host, base: a.cfg.Transport},
		ModifyResponse: clean,
		ErrorHandler:   a.refuseFor,
	}
	next := a.requireLogin(proxy, func(*http.Request) bool { return false })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !a.isOwn(r):
			refuse(w, http.StatusForbidden, "cross_site")
		case r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect || r.Method == http.MethodTrace:
			refuse(w, http.StatusNotImplemented, "not_supported")
		case !isPlain(r.URL, prefix):
			refuse(w, http.StatusBadRequest, "bad_path")
		default:
			next.ServeHTTP(w, r)
		}
	}), nil
}

// isPlain refuses a path that another server could take for a place outside of what was shared.
func isPlain(u *url.URL, prefix string) bool {
	escaped := strings.ToLower(u.EscapedPath())
	rest, ok := strings.CutPrefix(u.Path, prefix)
	if !ok || strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") || strings.Contains(escaped, "%25") {
		return false
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "." || segment == ".." || strings.HasPrefix(segment, "..;") {
			return false
		}
	}
	return !strings.Contains(u.Path, "//") && !strings.ContainsFunc(u.Path, func(r rune) bool {
		return r < ' ' || r == '\\' || r == 0x7f
	})
}

// rewrite sends on nothing that says who the browser is. Hop-by-hop and forwarding headers are gone already.
func rewrite(r *httputil.ProxyRequest, prefix string, base *url.URL) {
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = base.Scheme, base.Host, ""
	r.Out.URL.Path, r.Out.URL.RawPath = base.Path+strings.TrimPrefix(r.In.URL.Path, prefix), ""
	for _, name := range []string{"Cookie", "Authorization", "DPoP", "Origin", "Referer"} {
		r.Out.Header.Del(name)
	}
	for name := range r.Out.Header {
		if strings.HasPrefix(name, "Sec-") || strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "X-Real-") {
			r.Out.Header.Del(name)
		}
	}
}

// clean keeps an API from setting the application's cookies, or its rules.
func clean(resp *http.Response) error {
	for _, name := range []string{
		"Set-Cookie", "WWW-Authenticate", "Clear-Site-Data", "Strict-Transport-Security", "Access-Control-Allow-Origin",
		"Access-Control-Allow-Credentials", "Service-Worker-Allowed",
	} {
		resp.Header.Del(name)
	}
	resp.Header.Set("Cache-Control", "no-store")
	return nil
}

// withToken puts the token of the request's user on it.
type withToken struct {
	origin string
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	u, ok := UserFromContext(r.Context())
	if !ok {
		return nil, fmt.Errorf("weblogin: %w", client.ErrNoToken)
	}
	with := client.Transport{Source: u.source, Origins: []string{t.origin}, Base: t.base}
	return with.RoundTrip(r)
}
