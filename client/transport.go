package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Transport puts tokens on the requests of an [http.Client]:
//
//	api := http.Client{Transport: &client.Transport{Source: source, Origins: []string{"https://api.example.com"}}}
//
// A token goes to the listed origins and nowhere else, also when a server redirects: another request is an error, as is one
// that has an Authorization header already, a user in its URL, or the name of another host in its Host field. When an API
// says that the token is not good any more (RFC 6750 §3.1, invalid_token), it is refreshed, and the request sent once more
// if its body can be had again; if not, the caller gets that answer, and has a new token when they try again. An API that
// says so of every token causes one refresh in 30 s, and its answers are returned. Tokens that are bound go with a proof
// for each request (RFC 9449), which is sent once more when the API asks for a nonce. It is safe for concurrent use.
type Transport struct {
	// Source has the tokens. Required.
	Source *TokenSource

	// Origins are the scheme, host and port of the APIs, as in "https://api.example.com:8443". Required. They are https, or
	// http on a loopback host.
	Origins []string

	// Base sends the requests. Nil: http.DefaultTransport.
	Base http.RoundTripper
}

// ErrOrigin says that a request goes where no token may go.
var ErrOrigin = errors.New("client: tokens are not for this origin")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	token, err := t.Source.token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	renewed, proved := false, false
	for body := r.Body; ; {
		resp, nonce, err := t.send(r, body, token)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		switch codes := challengesIn(resp); {
		case !proved && nonce && codes[dpopNonce]:
			proved = true
		case !renewed && (codes[bearerToken] || codes[dpopToken]):
			renewed = true
			if token, err = t.Source.after(r.Context(), token); err != nil {
				return resp, nil //nolint:nilerr // the API's answer says all there is to say
			}
		default:
			return resp, nil
		}
		if body, err = again(r); err != nil {
			return resp, nil //nolint:nilerr // likewise
		}
		discard(resp)
	}
}

func (t *Transport) check(r *http.Request) error {
	switch {
	case t.Source == nil:
		return errors.New("client: Transport.Source is required")
	case has(r.Header, "Authorization") || has(r.Header, "DPoP"):
		return errors.New("client: Transport: the request has an Authorization or DPoP header already")
	case r.URL == nil || r.URL.Opaque != "" || r.URL.User != nil:
		return errors.New("client: Transport: the URL is none of an API, or has a user in it")
	case !allowed(t.Origins, r.URL):
		return fmt.Errorf("%w: %s", ErrOrigin, originOf(r.URL))
	case r.Host != "" && originOf(&url.URL{Scheme: r.URL.Scheme, Host: r.Host}) != originOf(r.URL):
		return fmt.Errorf("%w: Host is another than that of the URL", ErrOrigin) // one address may serve many
	}
	return nil
}

// has finds a header in whatever case it was put into the map.
func has(header http.Header, name string) bool {
	for given, values := range header {
		if strings.EqualFold(given, name) && len(values) > 0 {
			return true
		}
	}
	return false
}

// allowed reports whether tokens may go to u: it is on the list, and nobody on the way can read them.
func allowed(origins []string, u *url.URL) bool {
	return isSecure(u) && slices.ContainsFunc(origins, func(origin string) bool {
		o, err := url.Parse(origin)
		return err == nil && o.Host != "" && originOf(o) == originOf(u)
	})
}

// isSecure reports whether nobody on the way to u can read along.
func isSecure(u *url.URL) bool {
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	return fetch.CheckURL(origin.String(), false) == nil
}

// send sends a copy: the request itself belongs to the caller. newNonce: the answer has another nonce than the proof had.
func (t *Transport) send(r *http.Request, body io.ReadCloser, token *Token) (resp *http.Response, newNonce bool, err error) {
	sent := r.Clone(r.Context())
	sent.Body = body
	if sent.Header == nil {
		sent.Header = make(http.Header)
	}
	used, err := t.sign(sent, token)
	if err != nil {
		closeBody(sent)
		return nil, false, err
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err = base.RoundTrip(sent)
	switch {
	case err != nil:
		return nil, false, err
	case resp == nil || resp.Body == nil: // net/http's transport never does this
		return nil, false, errors.New("client: Transport.Base returned no response")
	}
	newNonce = t.Source.client.keepNonce(r.URL.String(), token.AccessToken, used, resp.Header) // of good answers, too
	return resp, newNonce && sent.Header.Get("DPoP") != "", nil
}

// sign puts the token on a request, and the proof if it is bound.
func (t *Transport) sign(r *http.Request, token *Token) (nonce string, err error) {
	scheme, err := schemeOf(token)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", scheme+" "+token.AccessToken)
	if scheme == "Bearer" {
		return "", nil
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	proof, nonce, err := t.Source.client.proof(method, r.URL.String(), token.AccessToken)
	if err != nil {
		return "", err
	}
	r.Header.Set("DPoP", proof)
	return nonce, nil
}

// schemeOf is how a token is sent (RFC 6750 §2.1, RFC 9449 §7.1). What to do with another is not known (RFC 6749 §7.1).
func schemeOf(t *Token) (string, error) {
	switch strings.ToLower(t.TokenType) {
	case "", "bearer":
		return "Bearer", nil
	case "dpop":
		return "DPoP", nil
	}
	return "", errors.New("client: the token's type is not known")
}

// again is the body of a request, from its beginning.
func again(r *http.Request) (io.ReadCloser, error) {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return r.Body, nil
	case r.GetBody == nil:
		return nil, errors.New("client: Transport: the body was sent, and is gone")
	}
	return r.GetBody()
}

// What a challenge may say, with its scheme.
const (
	bearerToken = "bearer " + string(ErrInvalidToken)
	dpopToken   = "dpop " + string(ErrInvalidToken)
	dpopNonce   = "dpop " + string(ErrUseDPoPNonce)
)

// challengesIn are the error codes of an answer's challenges. One that cannot be read says nothing.
func challengesIn(resp *http.Response) map[string]bool {
	all, _ := parseChallenges(resp.Header.Values("WWW-Authenticate"))
	codes := make(map[string]bool)
	for _, c := range all {
		codes[strings.ToLower(c.scheme)+" "+c.params["error"]] = true
	}
	return codes
}

const maxDiscard = 4 << 10

// discard lets the connection be used again, if that is cheap.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDiscard) // nobody reads it
	_ = resp.Body.Close()
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // RoundTripper's contract
	}
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (t *Transport) CloseIdleConnections() {
	if closer, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
