package weblogin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// proxy is an API below a prefix of the application.
type proxy struct {
	prefix  string
	base    *url.URL
	headers []string // that pass in both directions, beyond the known ones
}

// Proxy returns a handler that forwards requests below prefix to an API and adds the user's access token. prefix and
// upstream end with a slash. The part of the path after prefix is appended to upstream. upstream must be https, or http on
// a loopback host, because a token is sent there.
//
// Requests from other origins are rejected, as [App] describes. If the browser sends Sec-Fetch-Dest, the request must come
// from a script, or load a document, an image, audio or video. No response runs as a script, or as a page with the rights of
// the application. Headers that describe content, and those in Config.ProxyHeaders, pass in both directions. All other
// headers, and all trailers, are removed. The Location of a redirect below upstream is changed to the path below prefix; any
// other Location is removed. Protocol upgrades are rejected.
//
// The Proxy responds itself, with JSON such as {"error":"login_required"}, if there is no response of the API to pass on:
//
//	401 login_required           no user is signed in, the authorization server has rejected the refresh token, or the API has
//	                             rejected an access token that cannot be refreshed
//	400 bad_path                 two servers could read the path differently
//	403 cross_site               the request does not come from the application's own pages
//	501 not_supported            an unknown method, a protocol upgrade, or a request for a script or a style sheet
//	502 bad_gateway              the API cannot be reached, or its response is not valid
//	503 temporarily_unavailable  the session store or the authorization server is not available
//	504 gateway_timeout          the API's response did not begin within Config.APITimeout
//
// If the API requires a stronger or more recent sign-in (RFC 9470), a script receives a 401 with the error
// insufficient_user_authentication. Its member login is the local URL that starts this sign-in. The script must add the
// parameter return_to to the URL, and navigate to it. If the browser has opened a page, Config.ErrorHandler is called with a
// [StepUpError].
func (a *App) Proxy(prefix, upstream string) (http.Handler, error) {
	base, err := url.Parse(upstream)
	switch {
	case err != nil || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || base.ForceQuery || strings.Contains(upstream, "#"):
		return nil, errors.New("weblogin: Proxy: upstream is not an absolute URL of scheme, host and path")
	case base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())):
		return nil, fmt.Errorf("weblogin: Proxy: upstream has the scheme %q, expected https, or http on a loopback host (127.0.0.0/8, ::1, localhost)", base.Scheme)
	case !isPrefix(prefix):
		return nil, fmt.Errorf("weblogin: Proxy: prefix is %q, expected a plain path that begins and ends with a slash", prefix)
	case !isPrefix(base.EscapedPath()):
		return nil, fmt.Errorf("weblogin: Proxy: upstream has the path %q, expected a plain path that ends with a slash", base.EscapedPath())
	}
	p := &proxy{prefix, base, a.cfg.ProxyHeaders}
	reverse := &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      withToken{origin: base.Scheme + "://" + base.Host, base: a.cfg.Transport},
		ModifyResponse: p.clean,
		ErrorHandler:   a.rejectFor,
		ErrorLog:       slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelWarn),
	}
	// withUser checks the origin of the request and the login before anything is forwarded.
	forward := a.withUser(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), receivedKey{}, r))
		reverse.ServeHTTP(&finalWriter{ResponseWriter: w, before: w.Header().Clone()}, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isOrdinary(r):
			reject(w, http.StatusNotImplemented, "not_supported")
		case !p.isPlain(r.URL):
			reject(w, http.StatusBadRequest, "bad_path")
		default:
			withTimeout(a.cfg.APITimeout, forward)(w, r)
		}
	}), nil
}

// receivedKey is the context key of the request as the browser has sent it. ReverseProxy passes its own copy to its hooks.
type receivedKey struct{}

// isLoopback reports whether host is localhost or a loopback address. It does not resolve other names, because their
// addresses may change.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isOrdinary reports whether the Proxy forwards requests like r. It rejects unknown methods, protocol upgrades, and
// requests whose response the page would run or apply, such as scripts and style sheets: these would have the rights of
// the application.
func isOrdinary(r *http.Request) bool {
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	uses := []string{"", "empty", "document", "image", "audio", "video"}
	return slices.Contains(methods, r.Method) && slices.Contains(uses, r.Header.Get("Sec-Fetch-Dest")) && r.Header.Get("Upgrade") == ""
}

// isPlain reports whether u is below the prefix for every server that reads it. It rejects a path that another server
// could resolve to a place outside the prefix.
func (p *proxy) isPlain(u *url.URL) bool {
	rest, ok := strings.CutPrefix(u.Path, p.prefix)
	return ok && isPlain(rest) && !strings.Contains(strings.ToLower(u.EscapedPath()), "%2f")
}

// isPlain reports whether every server reads a decoded path in the same way, including servers that decode it again or
// remove parameters after a semicolon.
func isPlain(rest string) bool {
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.HasPrefix(rest, "/") && !strings.Contains(rest, "//") && !strings.ContainsAny(rest, "\\%;?#") &&
		utf8.ValidString(rest) && !strings.ContainsFunc(rest, unicode.IsControl)
}

// rewrite directs the request to the API. It removes everything that identifies the browser, such as cookies, and everything
// that the API could take for information from the application, such as forwarding headers. It also removes trailers.
func (p *proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = p.base.Scheme, p.base.Host, ""
	r.Out.URL.Path, r.Out.URL.RawPath = p.base.Path+strings.TrimPrefix(r.In.URL.Path, p.prefix), ""
	r.Out.Trailer = nil
	p.sift(r.Out.Header, []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Content-Encoding", "Content-Language", "Content-Type", "Idempotency-Key",
		"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-Id", "Prefer", "Range",
		"User-Agent",
	})
}

// sift removes all headers except those in known and those in Config.ProxyHeaders.
func (p *proxy) sift(h http.Header, known []string) {
	for name := range h {
		own := slices.ContainsFunc(p.headers, func(own string) bool { return http.CanonicalHeaderKey(own) == name })
		if !own && !slices.Contains(known, name) {
			delete(h, name)
		}
	}
}

// isDangerous reports whether a header must not pass through a Proxy, even if Config.ProxyHeaders lists it.
func isDangerous(name string) bool {
	name = http.CanonicalHeaderKey(name)
	known := []string{
		"Authorization", "Clear-Site-Data", "Connection", "Content-Security-Policy", "Content-Length", "Cookie", "Dpop", "Forwarded",
		"Host", "Origin", "Refresh", "Service-Worker-Allowed", "Set-Cookie", "Strict-Transport-Security", "Trailer", "Transfer-Encoding",
		"Upgrade", "Www-Authenticate", "X-Content-Type-Options", "X-Http-Method-Override",
	}
	return slices.Contains(known, name) || slices.ContainsFunc([]string{"Access-Control-", "Proxy-", "Sec-", "X-Forwarded-"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
