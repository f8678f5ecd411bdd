package weblogin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/client"
)

// proxy is an API behind a prefix of the application.
type proxy struct {
	prefix  string
	base    *url.URL
	headers []string
}

// Proxy passes requests below prefix on to an API, with the user's token. prefix and upstream end in a slash: what follows
// the one is put behind the other. upstream is https, or http on a loopback host: a token goes there.
//
// Requests come from scripts of the application's own pages, or are for an image or a download: no answer runs as a script
// or as a page of the application. Only headers that carry content go through, in either direction, and what
// Config.ProxyHeaders adds. Redirects stay below prefix. Protocols are not upgraded.
func (a *App) Proxy(prefix, upstream string) (http.Handler, error) {
	base, err := url.Parse(upstream)
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("weblogin: the upstream is no plain URL")
	case base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())):
		return nil, errors.New("weblogin: the upstream is not https, and no loopback host")
	case !isPrefix(prefix), !isPrefix(base.EscapedPath()):
		return nil, errors.New("weblogin: prefix and upstream have no plain path that ends in a slash")
	}
	p := &proxy{prefix, base, a.cfg.ProxyHeaders}
	reverse := &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      withToken{origin: base.Scheme + "://" + base.Host, base: a.cfg.Transport, timeout: a.cfg.APITimeout},
		ModifyResponse: p.clean,
		ErrorHandler:   a.refuseFor,
		ErrorLog:       slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelWarn),
	}
	pass := a.withUser(func(w http.ResponseWriter, r *http.Request) { reverse.ServeHTTP(finalWriter{w}, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isOrdinary(r):
			refuse(w, http.StatusNotImplemented, "not_supported")
		case !p.isPlain(r.URL):
			refuse(w, http.StatusBadRequest, "bad_path")
		default:
			pass(w, r)
		}
	}), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isOrdinary refuses methods and protocols that are not known here, and answers that a page would run: an API's script with
// the rights of the application, for one.
func isOrdinary(r *http.Request) bool {
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	uses := []string{"", "empty", "document", "image", "audio", "video"}
	return slices.Contains(methods, r.Method) && slices.Contains(uses, r.Header.Get("Sec-Fetch-Dest")) && r.Header.Get("Upgrade") == ""
}

// isPlain refuses a path that another server could take for a place outside of what was shared.
func (p *proxy) isPlain(u *url.URL) bool {
	rest, ok := strings.CutPrefix(u.Path, p.prefix)
	return ok && isPlain(rest) && !strings.Contains(strings.ToLower(u.EscapedPath()), "%2f")
}

// isPlain takes a decoded path that has one reading, also for who decodes it again, or cuts parameters off.
func isPlain(rest string) bool {
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.HasPrefix(rest, "/") && !strings.Contains(rest, "//") && !strings.ContainsAny(rest, "\\%;?#") &&
		utf8.ValidString(rest) && !strings.ContainsFunc(rest, unicode.IsControl)
}

// rewrite sends on nothing that says who the browser is, nor what a server behind may take for somebody's word.
func (p *proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = p.base.Scheme, p.base.Host, ""
	r.Out.URL.Path, r.Out.URL.RawPath = p.base.Path+strings.TrimPrefix(r.In.URL.Path, p.prefix), ""
	p.sift(r.Out.Header, []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Content-Encoding", "Content-Language", "Content-Type", "Idempotency-Key",
		"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-Id", "Prefer", "Range",
		"User-Agent",
	})
}

// sift leaves the headers that are known to be harmless.
func (p *proxy) sift(h http.Header, known []string) {
	for name := range h {
		own := slices.ContainsFunc(p.headers, func(own string) bool { return http.CanonicalHeaderKey(own) == name })
		if !own && !slices.Contains(known, name) {
			delete(h, name)
		}
	}
}

// isDangerous knows headers that nobody should let through by mistake.
func isDangerous(name string) bool {
	name = http.CanonicalHeaderKey(name)
	known := []string{
		"Authorization", "Clear-Site-Data", "Connection", "Content-Security-Policy", "Content-Length", "Cookie", "Dpop", "Forwarded",
		"Host", "Origin", "Refresh", "Service-Worker-Allowed", "Set-Cookie", "Strict-Transport-Security", "Transfer-Encoding",
		"Upgrade", "Www-Authenticate", "X-Content-Type-Options", "X-Http-Method-Override",
	}
	return slices.Contains(known, name) || slices.ContainsFunc([]string{"Access-Control-", "Proxy-", "Sec-", "X-Forwarded-"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// clean keeps an API from setting the application's cookies and rules, and its answer from having the application's rights
// in a browser.
func (p *proxy) clean(resp *http.Response) error {
	h := resp.Header
	p.relocate(resp)
	p.sift(h, []string{
		"Accept-Ranges", "Age", "Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
		"Content-Range", "Content-Type", "Date", "Deprecation", "Etag", "Expires", "Last-Modified", "Location", "Retry-After",
		"Sunset", "Vary",
	})
	resp.Trailer = nil
	if isScript(h.Values("Content-Type")) {
		h.Set("Content-Type", "text/plain")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	return nil
}

// isScript knows what a page runs that embeds it: for a page of its own there is the sandbox.
func isScript(types []string) bool {
	for _, one := range types {
		kind, _, err := mime.ParseMediaType(one)
		if err != nil || len(types) > 1 || strings.HasSuffix(kind, "script") || kind == "text/css" || kind == "application/wasm" {
			return true
		}
	}
	return false
}

// relocate turns an address of the API into one below prefix. Others are for nobody's eyes.
func (p *proxy) relocate(resp *http.Response) {
	to, err := resp.Location()
	if err != nil {
		resp.Header.Del("Location")
		return
	}
	rest, ok := strings.CutPrefix(to.Path, p.base.Path)
	if to.Scheme != p.base.Scheme || to.Host != p.base.Host || !ok || !isPlain(rest) {
		resp.Header.Del("Location")
		return
	}
	resp.Header.Set("Location", (&url.URL{Path: p.prefix + rest, RawQuery: to.RawQuery, Fragment: to.Fragment}).String())
}

// finalWriter lets no answer through that comes before the answer (1xx): its headers were not looked at.
type finalWriter struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w finalWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap is for http.ResponseController.
func (w finalWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// withToken puts the token of the request's user on it.
type withToken struct {
	origin  string
	base    http.RoundTripper
	timeout time.Duration
}

// errSlow says that an API took too long.
var errSlow = errors.New("weblogin: the API does not answer")

// RoundTrip implements http.RoundTripper.
func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	u, ok := UserFromContext(r.Context())
	if !ok {
		return nil, fmt.Errorf("weblogin: %w", client.ErrNoToken)
	}
	r, err := withBody(r)
	if err != nil {
		return nil, err
	}
	with, err := client.NewTransport(client.TransportConfig{
		Source: u.source.TokenSource, Origins: []string{t.origin}, Base: t.base,
	})
	if err != nil {
		return nil, fmt.Errorf("weblogin: %w", err)
	}
	return within(t.timeout, r, with.RoundTrip)
}

const maxReplayed = 64 << 10

// withBody keeps a small body, so that it can be sent again when the API does not take the token any more.
func withBody(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxReplayed {
		return r, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, r.ContentLength))
	if err == nil && int64(len(body)) < r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("weblogin: the body: %w", err)
	}
	r = r.Clone(r.Context())
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	return r, nil
}

// within bounds the time until an answer begins. What follows is bounded by the browser's patience.
func within(timeout time.Duration, r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(timeout, func() { cancel(errSlow) })
	resp, err := send(r.WithContext(ctx))
	timer.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSlow) {
			err = errSlow
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = cancelledBody{resp.Body, func() { cancel(nil) }}
	return resp, nil
}

// cancelledBody frees what its request holds when it is closed.
type cancelledBody struct {
	io.ReadCloser

	free func()
}

// Close implements io.Closer.
func (b cancelledBody) Close() error {
	defer b.free()
	return b.ReadCloser.Close()
}
