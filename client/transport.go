package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// TransportConfig describes a [Transport]. Source and Origins are required.
type TransportConfig struct {
	// Source supplies the tokens. Required.
	Source *TokenSource

	// Origins lists the APIs that may receive tokens, each as scheme, host and optional port:
	// "https://api.example.com:8443". A path or a query is an error. The scheme is https, or http for a loopback host.
	// Required.
	Origins []string

	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper
}

// Transport is an [http.RoundTripper] that adds an access token to each request. Make one with [NewTransport]; the zero
// value returns an error for each request. It is safe for concurrent use.
//
// A token is only ever sent to the origins in TransportConfig.Origins, also when a server redirects. RoundTrip returns an
// error that matches [ErrOrigin] for every other URL. It also returns an error if the request already has an Authorization
// or DPoP header, if its URL contains a user name, or if its Host field names another host than its URL.
//
// If the API responds with 401 and the error code invalid_token (RFC 6750, Section 3.1), the token is refreshed and the
// request is sent once more. That needs Request.GetBody if the request has a body; without it, the caller gets the 401, and
// the next request has a new token. An API that rejects every token causes at most one refresh in 30 seconds.
//
// A token that is bound to a key is sent with a new DPoP proof for each request (RFC 9449). The request is sent once more
// if the API requires a nonce.
type Transport struct {
	source  *TokenSource
	origins []string // as originOf writes them
	base    http.RoundTripper
}

// NewTransport returns a [Transport] for use in an [http.Client]:
//
//	transport, err := client.NewTransport(client.TransportConfig{
//		Source:  source,
//		Origins: []string{"https://api.example.com"},
//	})
//	api := http.Client{Transport: transport}
//
// It reports all faults of cfg together. It does no I/O.
func NewTransport(cfg TransportConfig) (*Transport, error) {
	origins, err := parseOrigins("TransportConfig.Origins", cfg.Origins)
	if cfg.Source == nil {
		err = errors.Join(errors.New("client: TransportConfig.Source is required"), err)
	}
	if err != nil {
		return nil, err
	}
	base := cfg.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return &Transport{source: cfg.Source, origins: origins, base: base}, nil
}

// ErrOrigin says that a request goes where no token may go.
var ErrOrigin = errors.New("client: tokens are not for this origin")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	token, err := t.source.token(r.Context())
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
			if token, err = t.source.after(r.Context(), token); err != nil {
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
	case t.source == nil:
		return errors.New("client: Transport: the zero value cannot be used; call NewTransport")
	case has(r.Header, "Authorization") || has(r.Header, "DPoP"):
		return errors.New("client: Transport: the request has an Authorization or DPoP header already")
	case r.URL == nil || r.URL.Opaque != "" || r.URL.User != nil:
		return errors.New("client: Transport: the URL is none of an API, or has a user in it")
	case !allowed(t.origins, r.URL):
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
	resp, err = t.base.RoundTrip(sent)
	switch {
	case err != nil:
		return nil, false, err
	case resp == nil || resp.Body == nil: // net/http's transport never does this
		return nil, false, errors.New("client: TransportConfig.Base returned no response")
	}
	newNonce = t.source.client.keepNonce(r.URL.String(), token.AccessToken, used, resp.Header) // of good answers, too
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
	proof, nonce, err := t.source.client.proof(method, r.URL.String(), token.AccessToken)
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
	if closer, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
