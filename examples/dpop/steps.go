package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// newSteps returns the requests of the client and of the thief, in their order.
func newSteps(issuer *issuer, origin string) ([]step, error) {
	tap := &wiretap{next: http.DefaultTransport}
	caller, err := newCaller(issuer.URL(), origin, &http.Client{Transport: tap})
	if err != nil {
		return nil, err
	}
	thief := thief{tap: tap, issuer: issuer.URL(), origin: origin}
	orders, payments := origin+"/orders", origin+"/payments"
	return []step{
		{"the client lists its orders", request(caller, http.MethodGet, orders, nil), outcome{status: 200}},
		{"the thief sends the token as a bearer token", request(nil, http.MethodGet, orders, thief.asBearer), rejected("Bearer", "invalid_token")},
		{"the thief sends the token without a proof", request(nil, http.MethodGet, orders, thief.withoutProof), rejected("DPoP", "invalid_dpop_proof")},
		{"the thief sends the token with a proof of another key", thief.withOwnKey(http.MethodGet, orders), rejected("DPoP", "invalid_dpop_proof")},
		{"the thief sends the captured request again", request(nil, http.MethodGet, orders, thief.again), rejected("DPoP", "invalid_dpop_proof")},
		{"the thief pays with the captured token and proof", request(nil, http.MethodPost, payments, thief.again), rejected("DPoP", "invalid_dpop_proof")},
		{"the client lists its orders again", request(caller, http.MethodGet, orders, nil), outcome{status: 200}},
		{"the client pays", request(caller, http.MethodPost, payments, nil), outcome{status: 200}},
		{"another client, with a bearer token, lists the orders", request(nil, http.MethodGet, orders, bearer(issuer)), outcome{status: 200}},
		{"another client, with a bearer token, pays", request(nil, http.MethodPost, payments, bearer(issuer)), rejected("Bearer", "invalid_token")},
	}, nil
}

func rejected(scheme, code string) outcome {
	return outcome{status: http.StatusUnauthorized, challenge: scheme + " " + code}
}

// send sends one request and returns the response. The caller closes its body.
type send func(ctx context.Context) (*http.Response, error)

// request returns a send function. client nil means an HTTP client that adds no token. sign, if not nil, adds the credentials.
func request(client *http.Client, method, url string, sign func(http.Header)) send {
	if client == nil {
		client = http.DefaultClient
	}
	return func(ctx context.Context) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
		if err != nil {
			return nil, err
		}
		if sign != nil {
			sign(req.Header)
		}
		return client.Do(req)
	}
}

// bearer adds a token that is not bound to a key.
func bearer(issuer *issuer) func(http.Header) {
	return func(h http.Header) { h.Set("Authorization", "Bearer "+issuer.bearer().Sign()) }
}

// thief sends what it has captured.
type thief struct {
	tap            *wiretap
	issuer, origin string
}

func (t thief) token() string {
	return strings.TrimPrefix(t.tap.header("Authorization"), "DPoP ")
}

func (t thief) asBearer(h http.Header) { h.Set("Authorization", "Bearer "+t.token()) }

func (t thief) withoutProof(h http.Header) { h.Set("Authorization", "DPoP "+t.token()) }

func (t thief) again(h http.Header) {
	t.withoutProof(h)
	h.Set("DPoP", t.tap.header("DPoP"))
}

// withOwnKey sends the token with a proof of a key of the thief.
func (t thief) withOwnKey(method, url string) send {
	return func(ctx context.Context) (*http.Response, error) {
		own, err := newThief(t.issuer, t.origin, t.token())
		if err != nil {
			return nil, err
		}
		return request(own, method, url, nil)(ctx)
	}
}

// wiretap is a transport that keeps the header of the last request, as malware on the client's machine or a log can.
type wiretap struct {
	next http.RoundTripper

	mu       sync.Mutex // guards captured
	captured http.Header
}

// RoundTrip implements [http.RoundTripper].
func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.captured = r.Header.Clone()
	w.mu.Unlock()
	return w.next.RoundTrip(r)
}

func (w *wiretap) header(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.captured.Get(name)
}
