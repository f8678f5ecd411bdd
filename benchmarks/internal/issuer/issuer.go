// Package issuer provides the authorization server of the benchmarks and the load test, a [bearertest.Issuer] that listens on
// loopback, and its tokens.
package issuer

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// Audience is the audience of the tokens.
const Audience = "https://api.test"

// lifetime is longer than every run.
const lifetime = 24 * time.Hour

// Issuer serves its metadata and its keys on a port of 127.0.0.1.
type Issuer struct {
	*bearertest.Issuer

	server *httptest.Server
}

// Start starts an issuer with one key for each algorithm. It runs until Close.
func Start(algorithms ...string) *Issuer {
	i := &Issuer{server: httptest.NewUnstartedServer(nil)}
	i.Issuer = bearertest.NewIssuer(bearertest.IssuerConfig{
		URL:        "http://" + i.server.Listener.Addr().String(),
		Audience:   Audience,
		Algorithms: algorithms,
	})
	i.server.Config.Handler = i.Issuer
	i.server.Start()
	return i
}

// Close stops the issuer.
func (i *Issuer) Close() { i.server.Close() }

// JWKSURI returns the URL of the key set.
func (i *Issuer) JWKSURI() string { return i.URL() + "/jwks" }

// Token returns the n-th access token of from: a token of RFC 9068 with 14 claims, about 750 bytes with an RSA signature.
func Token(from *bearertest.Issuer, n int) *bearertest.Token {
	now := time.Now().Unix()
	return from.AccessToken(). // aud, client_id, exp, iat, iss, jti, sub
					Set("scope", "orders:read").
					Set("sub", "user-"+strconv.Itoa(n)).
					Set("exp", now+int64(lifetime.Seconds())).
					Set("nbf", now).
					Set("auth_time", now).
					Set("acr", "1").
					Set("sid", strconv.Itoa(1_000_000+n)).
					Set("tenant", "acme").
					Set("roles", []string{"reader"})
}

// Mint signs count tokens on all processors. token returns the n-th of them.
func Mint(count int, token func(n int) string) []string {
	raws := make([]string, count)
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		all.Go(func() {
			for n := worker; n < count; n += workers {
				raws[n] = token(n)
			}
		})
	}
	all.Wait()
	return raws
}

// StartMany starts count issuers on one port. Each has its own path and its own ES256 key.
func StartMany(count int) (issuers []*bearertest.Issuer, stop func()) {
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	issuers = make([]*bearertest.Issuer, count)
	mux := http.NewServeMux()
	for n := range issuers {
		path := "/" + strconv.Itoa(n)
		i := bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: base + path, Audience: Audience, Algorithms: []string{"ES256"},
		})
		issuers[n] = i
		mux.Handle(path+"/", i)
		mux.Handle("/.well-known/oauth-authorization-server"+path, i)
		mux.Handle("/.well-known/openid-configuration"+path, i)
	}
	server.Config.Handler = mux
	server.Start()
	return issuers, server.Close
}
