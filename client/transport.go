package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Transport puts tokens on the requests of an [http.Client]:
//
//	api := http.Client{Transport: &client.Transport{Source: source, Origins: []string{"https://api.example.com"}}}
//
// A token goes to the listed origins and nowhere else, also when a server redirects: another request is an error, as is
// one that has an Authorization header already. When an API says that the token is not good any more (RFC 6750 §3.1,
// invalid_token), it is refreshed and the request sent once more, if its body can be had again. Tokens that are bound go
// with a proof for each request (RFC 9449). It is safe for concurrent use.
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
	token, err := t.Source.TokenContext(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := t.send(r, r.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !replayable(r) {
		return resp, err
	}
	nonce := resp.Header.Get("DPoP-Nonce")
	again := t.Source.client.keepNonce(r.URL.String(), nonce)
	switch challenged := challengesIn(resp); {
	case challenged[string(ErrUseDPoPNonce)] && again && token.TokenType == "DPoP":
	case challenged[string(ErrInvalidToken)]:
		if token, err = t.Source.after(r.Context(), token); err != nil {
			return resp, nil //nolint:nilerr // the API's answer says all there is to say
		}
	default:
		return resp, nil
	}
	discard(resp)
	return t.replay(r, token)
}

func (t *Transport) check(r *http.Request) error {
	switch {
	case t.Source == nil:
		return errors.New("client: Transport.Source is required")
	case r.Header.Get("Authorization") != "":
		return errors.New("client: Transport: the request has an Authorization header already")
	case !allowed(t.Origins, r.URL):
		return fmt.Errorf("%w: %s", ErrOrigin, originOf(r.URL))
	}
	return nil
}

// allowed reports whether tokens may go to u: it is on the list, and nobody on the way can read them.
func allowed(origins []string, u *url.URL) bool {
	return isSecure(u) && slices.ContainsFunc(origins, func(origin string) bool {
		o, err := url.Parse(origin)
		return err == nil && o.Host != "" && originOf(o) == originOf(u)
	})
}

// send sends a copy: the request itself belongs to the caller.
func (t *Transport) send(r *http.Request, body io.ReadCloser, token *Token) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.Body = body
	sent.Header.Set("Authorization", token.TokenType+" "+token.AccessToken)
	if token.TokenType == "DPoP" {
		proof, err := t.Source.client.proof(r.Method, r.URL.String(), token.AccessToken)
		if err != nil {
			closeBody(sent)
			return nil, err
		}
		sent.Header.Set("DPoP", proof)
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(sent)
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		t.Source.client.keepNonce(r.URL.String(), resp.Header.Get("DPoP-Nonce")) // from good answers, too (RFC 9449 §8.2)
	}
	return resp, err
}

func replayable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

func (t *Transport) replay(r *http.Request, token *Token) (*http.Response, error) {
	body := r.Body
	if r.GetBody != nil {
		var err error
		if body, err = r.GetBody(); err != nil {
			return nil, fmt.Errorf("client: Transport: the body: %w", err)
		}
	}
	return t.send(r, body, token)
}

// challengesIn are the error codes of an answer's challenges. One that cannot be read says nothing.
func challengesIn(resp *http.Response) map[string]bool {
	all, _ := parseChallenges(resp.Header.Values("WWW-Authenticate"))
	codes := make(map[string]bool)
	for _, c := range all {
		if strings.EqualFold(c.scheme, "Bearer") || strings.EqualFold(c.scheme, "DPoP") {
			codes[c.params["error"]] = true
		}
	}
	return codes
}

const maxDiscard = 64 << 10

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
