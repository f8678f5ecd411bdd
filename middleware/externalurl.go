package middleware

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/peer"
)

// externalURL computes the URL that the client used for a request. The `htu` of the proof must name the same URL.
type externalURL struct {
	base    string       // DPoPConfig.URL without a slash at the end; empty: proxies only
	proxies peer.Proxies // whose headers say the base
	headers []string     // that these proxies set, in canonical form
	hosts   knownHosts   // that these proxies may name
}

// errProof is the class of errors about proofs.
var errProof = errors.New("middleware: DPoP proof rejected")

// These errors are for operators. The client receives only the error code.
var (
	errNoTarget    = &detailed{errProof, "the request line has no path (CONNECT and OPTIONS * have none), so no htu can be compared with it"}
	errUnknownHost = &detailed{errProof, "the proxy names a host that is not listed, expected one of Config.DPoP.Hosts, with its port unless that is the default one"}
	errNoBase      = &detailed{errProof, "the URL that the client used is unknown: the connection does not come from a listed proxy (Config.DPoP.Proxies), and Config.DPoP.URL is empty"}
)

// newExternalURL returns the URL that cfg describes. cfg must be valid.
func newExternalURL(cfg *DPoPConfig) externalURL {
	return externalURL{strings.TrimSuffix(cfg.URL, "/"), cfg.Proxies, cfg.ProxyHeaders, newKnownHosts(cfg.Hosts)}
}

// of returns the URL of r as the client sees it, without the query.
func (e externalURL) of(r *http.Request) (string, error) {
	path := targetPath(r)
	if path == "" {
		return "", errNoTarget
	}
	if e.proxies.Contains(r.RemoteAddr) {
		base, err := e.forwardedBase(r.Header)
		return base + path, err
	}
	if e.base == "" {
		return "", noBase(r.RemoteAddr)
	}
	return e.base + path, nil
}

// noBase returns errNoBase, or an error that says why no proxy can ever be recognized.
func noBase(remoteAddr string) error {
	if problem := peer.Problem(remoteAddr); problem != "" {
		return &detailed{errProof, "the URL that the client used is unknown: " + problem + " (Config.DPoP.Proxies)"}
	}
	return errNoBase
}

// targetPath returns the path of the request line with its percent-encoding, or "" if the request line has no path.
//
// It reads RequestURI, which is what the client sent. The path in r.URL may be another one: http.StripPrefix removes its
// beginning, Routes removes the client's percent-encoding, and an application may rewrite it. Only a request that was
// made in this process has no RequestURI.
func targetPath(r *http.Request) string {
	u := r.URL
	if r.RequestURI != "" {
		parsed, err := url.ParseRequestURI(r.RequestURI)
		if err != nil {
			return ""
		}
		u = parsed
	}
	path := u.EscapedPath()
	if path == "" && u.Host != "" { // http://host without a path means the path / (RFC 9110 section 4.2.3)
		path = "/"
	}
	if r.Method == http.MethodConnect || u.Opaque != "" || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// forwardedBase returns the scheme, the host and the prefix of the path that a listed proxy has put into header.
func (e externalURL) forwardedBase(header http.Header) (string, error) {
	// Either Forwarded alone or the X-Forwarded headers: headersFault rejects a mixture.
	if slices.Contains(e.headers, headerForwarded) {
		pairs, ok := lastForwarded(lastLine(header[headerForwarded]))
		if !ok {
			return "", malformedHeader(headerForwarded)
		}
		return e.baseOf(pairs["proto"], pairs["host"], headerForwarded)
	}
	// name is the header that an error about the host names.
	host, name := lastValue(header[headerForwardedHost]), headerForwardedHost
	if slices.Contains(e.headers, headerForwardedPort) {
		host, name = withPort(host, lastValue(header[headerForwardedPort])), headerForwardedPort
	}
	base, err := e.baseOf(lastValue(header[headerForwardedProto]), host, name)
	if err != nil || !slices.Contains(e.headers, headerForwardedPrefix) {
		return base, err
	}
	prefix := strings.TrimSuffix(lastValue(header[headerForwardedPrefix]), "/")
	if prefix != "" && !isPathPrefix(prefix) {
		return "", malformedHeader(headerForwardedPrefix)
	}
	return base + prefix, nil
}

// baseOf returns scheme and host as a URL. header is the one that contains the host.
func (e externalURL) baseOf(scheme, host, header string) (string, error) {
	name, port, ok := splitHost(host)
	if !ok {
		return "", malformedHeader(header)
	}
	switch scheme = httpScheme(scheme); {
	case scheme == "https", scheme == "http" && fetch.IsLoopback(name):
		if !e.hosts.contains(scheme, name, port) {
			return "", errUnknownHost
		}
		return scheme + "://" + host, nil
	case scheme == "http":
		return "", &detailed{errProof, "the proxy says that the client used http, expected https (Config.DPoP.ProxyHeaders)"}
	case header == headerForwarded:
		return "", malformedHeader(headerForwarded)
	}
	return "", malformedHeader(headerForwardedProto)
}

// httpScheme returns the scheme of HTTP for the one that a proxy has sent, in lower case. Traefik sends wss and ws for
// requests that open a WebSocket. These are HTTP requests too (RFC 6455 section 4.1), so their proofs name an https URL.
func httpScheme(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "wss":
		return "https"
	case "ws":
		return "http"
	}
	return scheme
}

// malformedHeader returns the error for a header that is absent or malformed. It does not quote the value, which a client
// may have chosen.
func malformedHeader(name string) error {
	return &detailed{errProof, "the header " + name + " of a listed proxy is absent or malformed (Config.DPoP.ProxyHeaders)"}
}
