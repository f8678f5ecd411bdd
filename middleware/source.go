package middleware

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// TokenSource reads a token from one place of an incoming request. [BearerToken], [FormToken] and [QueryToken] are
// TokenSources; [HeaderToken], [CookieToken] and [FirstOf] return one. An application may add its own, for example one
// that reads a session store. It is unrelated to the TokenSource of package client, which obtains tokens for outgoing
// requests.
//
// A TokenSource returns [ErrNoToken], or "" and a nil error, if its place holds no token. Any other error rejects the
// request as [Guard.Deny] describes: with 400 if it matches [ErrInvalidRequest], with 503 if it matches
// [consumer.ErrUnavailable], and with 500 if it matches none of the errors of this kit. A token that is not a token68
// (RFC 9110 section 11.2) is rejected with 400, whatever its source.
//
// If handlers of [Guard.With] are nested, each of them calls the TokenSource, so it must not consume or change the
// request. It must be safe for concurrent use.
type TokenSource func(r *http.Request) (token string, err error)

// These errors are for operators. The client receives only the error code.
var (
	errNoCredential  = &detailed{ErrNoToken, "no token in the places that are read (Config.TokenSources)"}
	errNoHeader      = &detailed{ErrNoToken, "the request has no Authorization header (Config.TokenSources)"}
	errOtherScheme   = &detailed{ErrNoToken, "the scheme of the Authorization header is not Bearer"}
	errDPoPScheme    = &detailed{errOtherScheme, "the scheme of the Authorization header is DPoP, which is accepted only if Config.DPoP is set"}
	errTwoHeaders    = &detailed{ErrInvalidRequest, "the request has several Authorization headers, expected one"}
	errBadCredential = &detailed{ErrInvalidRequest, "the credential is not a token68 (RFC 9110 section 11.2), expected letters, digits, -._~+/ and then only ="}
	errTwoPlaces     = &detailed{ErrInvalidRequest, "the request has tokens in two places, expected one (Config.TokenSources)"}
	errTwoLines      = &detailed{ErrInvalidRequest, "the request has several headers with a token, expected one"}
	errTwoCookies    = &detailed{ErrInvalidRequest, "the request has several cookies with a token, expected one"}
)

// read calls the source and reports an empty token as ErrNoToken.
func (s TokenSource) read(r *http.Request) (string, error) {
	token, err := s(r)
	if err == nil && token == "" {
		return "", ErrNoToken
	}
	return token, err
}

// unusualToken reads an Authorization header that does not begin with "Bearer " and a credential.
func unusualToken(line string) (string, error) {
	switch scheme := schemeOf(line); {
	case strings.EqualFold(scheme, schemeBearer):
		return credentialAfter(scheme, line)
	case strings.EqualFold(scheme, schemeDPoP):
		return "", errDPoPScheme
	}
	return "", errOtherScheme
}

// HeaderToken returns a [TokenSource] that reads the request header called name, for proxies that send the token in a
// header of their own. The whole value is the token, without a scheme. An empty header is treated as absent. A header
// that is sent twice is rejected with 400.
//
// HeaderToken returns nil, which [New] rejects, if name is not a header name (RFC 9110 section 5.1) or is
// "Authorization". For the Authorization header use [BearerToken].
func HeaderToken(name string) TokenSource {
	name = http.CanonicalHeaderKey(name)
	if !isName(name) || name == "Authorization" {
		return nil
	}
	return func(r *http.Request) (string, error) {
		lines := r.Header[name]
		if len(lines) > 1 {
			return "", errTwoLines
		}
		if len(lines) == 0 || lines[0] == "" {
			return "", ErrNoToken
		}
		return lines[0], nil
	}
}

// CookieToken returns a [TokenSource] that reads the cookie called name. An empty cookie is treated as absent. A cookie
// that is sent twice, or whose value is malformed, is rejected with 400. CookieToken returns nil, which [New] rejects, if
// name is not a cookie name (RFC 6265 section 4.1.1).
//
// Use a name that begins with "__Host-". Browsers then accept the cookie only over TLS and from the host itself.
//
// A browser also sends its cookies with requests that other sites initiate. Protect requests that change state against
// cross-site request forgery, for example with [http.CrossOriginProtection] around the Guard.
func CookieToken(name string) TokenSource {
	if !isName(name) {
		return nil
	}
	return func(r *http.Request) (string, error) {
		sent := countCookies(r, name)
		if sent > 1 {
			return "", errTwoCookies
		}
		if sent == 0 {
			return "", ErrNoToken
		}
		cookies := r.CookiesNamed(name)
		if len(cookies) == 0 {
			return "", errBadCredential
		}
		return cookies[0].Value, nil
	}
}

// countCookies returns how often the cookie called name was sent. It also counts cookies that [http.Request.CookiesNamed]
// leaves out because their value is malformed: another reader of the request may use one of those.
func countCookies(r *http.Request, name string) (sent int) {
	for _, line := range r.Header["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if other, _, _ := strings.Cut(cookie, "="); strings.Trim(other, " \t") == name {
				sent++
			}
		}
	}
	return sent
}

// FirstOf returns a [TokenSource] that calls the sources in order and returns the first token. It does not call the
// later sources, so a request with a token in several of them is not rejected. It returns the first error other than
// [ErrNoToken]. If no source finds a token, it returns ErrNoToken.
//
// For example, FirstOf(BearerToken, CookieToken("__Host-session")) prefers the header to the cookie. If the token in
// the header is not valid, the request is rejected, even if the cookie contains a valid one.
//
// FirstOf returns nil, which [New] rejects, if it has no sources or one of them is nil.
func FirstOf(sources ...TokenSource) TokenSource {
	if len(sources) == 0 || hasNil(sources) {
		return nil
	}
	sources = slices.Clone(sources)
	return func(r *http.Request) (string, error) {
		missing := ErrNoToken
		for _, source := range sources {
			token, err := source.read(r)
			if !errors.Is(err, ErrNoToken) {
				return token, err
			}
			if errors.Is(err, errOtherScheme) {
				missing = err
			}
		}
		return "", missing
	}
}

func hasNil(sources []TokenSource) bool {
	return slices.ContainsFunc(sources, func(s TokenSource) bool { return s == nil })
}

// isName reports whether s is a token of RFC 9110 section 5.6.2, the grammar of header names and cookie names.
func isName(s string) bool {
	return s != "" && strings.Trim(s, alphanumeric+"!#$%&'*+-.^_`|~") == ""
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
