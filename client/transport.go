package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
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

	// StepUp signs the user in again when the API requires more than the token has: other scopes (a 403 response with the
	// error code insufficient_scope, RFC 6750, Section 3.1), or a stronger or more recent sign-in (a 401 response with
	// insufficient_user_authentication, RFC 9470). It must return the new token. The Source then uses and stores this token.
	//
	// o describes the authorization request. Its Scopes are those of the token, of earlier sign-ins, and of the challenge.
	// Its ACRValues and MaxAge are those of the challenge. If the scopes contain openid, its Subject is the user of the
	// current token. Pass o to [Client.AuthorizationURL], or o.Scopes to [Client.ClientCredentials]. The API chooses the
	// scopes, so return an error if o has scopes that the program does not accept.
	//
	// Concurrent requests share one call, whose ctx ends after 10 minutes. StepUp must not send requests through this
	// Transport. Nil means that the caller gets the response of the API.
	StepUp func(ctx context.Context, o AuthorizationOptions) (*Token, error)
}

// Transport is an [http.RoundTripper] that adds an access token to each request. Make one with [NewTransport] or
// [Client.HTTPClient]; the zero value returns an error for each request. It is safe for concurrent use.
//
// A token is sent only to the origins in TransportConfig.Origins. For every other URL, RoundTrip returns an error that
// matches [ErrOrigin]. It also returns an error if the request already has an Authorization or DPoP header, if its URL
// contains a user name, or if its Host field names another host than its URL.
//
// If an API redirects to an origin that is not in TransportConfig.Origins, such as a download host, an [http.Client] follows
// the redirect, and the Transport sends that request without the token. The request has no cookies, no Referer, and no header of the caller except those
// that describe the wanted response, such as Accept and Range. If the other server redirects back to the API, that request
// has no token either, because the other server has chosen its URL. RoundTrip returns an error that matches [ErrOrigin] if a
// redirect to such an origin leads from https to http, or if its request still has a body or another method than GET and
// HEAD, as after a 307 for a POST.
//
// If the API responds with 401, the token is renewed and the request is sent once more. That needs Request.GetBody if the
// request has a body; without it, the caller gets the 401, and the next request has a new token. The token is not renewed if
// the challenge says that a new token does not help, as with the error code insufficient_scope. An API that rejects every
// token causes at most one renewal in 30 seconds. If the token cannot be renewed without the user, the caller gets the 401;
// [TokenSource] describes when the next request fails with an error that matches [ErrNoToken].
//
// With TransportConfig.StepUp, the user is signed in again when the API requires other scopes or a stronger sign-in, and the
// request is sent once more. That happens at most 3 times for one request. RoundTrip returns a [*StepUpError] if the sign-in
// fails, if the server does not grant the scopes, or if the API requires the same again. For 30 seconds, further requests with
// this requirement get the same error without a sign-in. If the token already has the required scopes, RoundTrip returns a
// *StepUpError without a sign-in.
//
// A token that is bound to a key is sent with a new DPoP proof for each request (RFC 9449). The request is sent once more
// if the API requires a nonce.
type Transport struct {
	source  *TokenSource
	origins []string // as fetch.Origin writes them
	base    http.RoundTripper
	stepUps *stepUps // nil unless TransportConfig.StepUp is set
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
	t := &Transport{source: cfg.Source, origins: origins, base: base}
	if cfg.StepUp != nil {
		t.stepUps = newStepUps(cfg.Source, cfg.StepUp, defaultSignIn, new(signInBudget))
	}
	return t, nil
}

// ErrOrigin says that no token may be sent with a request: its origin is not in the configured Origins, or its Host field
// names another host.
var ErrOrigin = errors.New("client: no token may be sent to this origin")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.source == nil {
		closeBody(r)
		return nil, errors.New("client: Transport: the zero value cannot be used; call NewTransport")
	}
	if err := t.check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	if t.hasLeft(r) {
		return t.follow(r)
	}
	token, err := t.source.token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	renewed, proved := false, false // each reason to send the request again counts once
	var tried attempts
	for body := r.Body; ; {
		resp, newNonce, err := t.send(r, body, token)
		if err != nil {
			return nil, err
		}
		need, requires := t.requirementIn(resp)
		switch why, needsNonce := rejectionIn(resp); {
		case requires:
			if token, err = t.stepUps.token(r.Context(), token, need, &tried); err != nil {
				discard(resp)
				return nil, err
			}
			renewed, proved = false, false // the token is a new one
		case !proved && newNonce && needsNonce:
			proved = true
		case !renewed && why != notRejected:
			renewed = true
			if token, err = t.source.after(r.Context(), token, why); err != nil {
				return resp, nil //nolint:nilerr // the caller gets the API's response
			}
		default:
			return resp, nil
		}
		if body, err = again(r); err != nil {
			return resp, nil //nolint:nilerr // likewise: the body cannot be sent again
		}
		discard(resp)
	}
}

// requirementIn returns what a response requires, if a sign-in can provide it.
func (t *Transport) requirementIn(resp *http.Response) (need requirement, ok bool) {
	if t.stepUps == nil {
		return requirement{}, false
	}
	return requirementIn(resp)
}

// check returns an error for a request that must not be sent.
func (t *Transport) check(r *http.Request) error {
	switch {
	case r.URL == nil || r.URL.Opaque != "" || r.URL.User != nil: // an http.Client makes an Authorization header from User
		return errors.New("client: Transport: the URL is not the absolute URL of an API, or has user info")
	case has(r.Header, "Authorization") || has(r.Header, "DPoP"):
		return errors.New("client: Transport: the request already has an Authorization or DPoP header")
	case !allowed(t.origins, r.URL) && previous(r) == nil:
		return fmt.Errorf("%w: %s", ErrOrigin, fetch.Origin(r.URL))
	case r.Host != "" && fetch.Origin(&url.URL{Scheme: r.URL.Scheme, Host: r.Host}) != fetch.Origin(r.URL):
		return fmt.Errorf("%w: the Host field names another host than the URL", ErrOrigin) // one server may serve many hosts
	}
	return nil
}

// has reports whether header has name. Code that writes to the map itself may have used another case.
func has(header http.Header, name string) bool {
	for given, values := range header {
		if strings.EqualFold(given, name) && len(values) > 0 {
			return true
		}
	}
	return false
}

// send sends a copy of r with token, because a RoundTripper must not change the request. newNonce reports whether the
// response has another nonce than the proof in the request, so that sending it again makes sense.
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
	if resp, err = t.exchange(r, sent); err != nil {
		return nil, false, err
	}
	newNonce = t.source.client.keepNonce(r.URL.String(), token.AccessToken, used, resp.Header) // also from successful responses
	return resp, newNonce && sent.Header.Get("DPoP") != "", nil
}

// exchange sends a request that was made from r.
func (t *Transport) exchange(r, sent *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(sent)
	switch {
	case err != nil:
		return nil, err
	case resp == nil || resp.Body == nil: // net/http's transport never does this
		return nil, errors.New("client: TransportConfig.Base returned no response")
	}
	resp.Request = r // it has no token, and hasLeft finds the requests before it
	return resp, nil
}

// sign adds the token to r, and a proof if the token is bound to a key. It returns the nonce in the proof.
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

// schemeOf returns the authentication scheme for t (RFC 6750, Section 2.1; RFC 9449, Section 7.1). A client must not use a
// token of an unknown type (RFC 6749, Section 7.1).
func schemeOf(t *Token) (string, error) {
	switch strings.ToLower(t.TokenType) {
	case "", "bearer":
		return "Bearer", nil
	case "dpop":
		return "DPoP", nil
	}
	return "", errors.New("client: the token type is not Bearer or DPoP")
}

// again returns a new copy of the body of r. The first one was sent.
func again(r *http.Request) (io.ReadCloser, error) {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return r.Body, nil
	case r.GetBody == nil:
		return nil, errors.New("client: Transport: the body was sent, and Request.GetBody is nil")
	}
	return r.GetBody()
}

const (
	maxDiscard     = 4 << 10
	maxDiscardTime = time.Second
)

// discard closes the body of a response that is not returned. It first reads a short body to its end, so that the
// connection can be used again, but does not wait long for that.
func discard(resp *http.Response) {
	timer := time.AfterFunc(maxDiscardTime, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, maxDiscard)
	_ = resp.Body.Close()
}

// closeBody closes the body of a request that is not sent.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close it
	}
}

// CloseIdleConnections closes the idle connections of TransportConfig.Base, if it can. [http.Client.CloseIdleConnections]
// calls it.
func (t *Transport) CloseIdleConnections() {
	if closer, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
