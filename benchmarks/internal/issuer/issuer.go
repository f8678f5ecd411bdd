// Package issuer is the authorization server whose tokens are verified in the benchmarks and under load: an
// [bearertest.Issuer] that listens on loopback, and the shape of its tokens.
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

// Audience is the API that the tokens are for.
const Audience = "https://api.test"

// lifetime outlasts the longest run.
const lifetime = 24 * time.Hour

// Issuer publishes its metadata and its keys on a port of 127.0.0.1.
type Issuer struct {
	*bearertest.Issuer

	server *httptest.Server
}

// Start makes an issuer with one key for each algorithm, and serves it until Close.
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

// Close stops serving.
func (i *Issuer) Close() { i.server.Close() }

// JWKSURI is where the key set is.
func (i *Issuer) JWKSURI() string { return i.URL() + "/jwks" }

// Token starts the n-th access token of from, a token of RFC 9068 with 14 claims: about 750 bytes with an RSA signature.
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

// Mint makes count tokens on all processors; token makes the n-th of them.
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

// StartMany serves count issuers from one port, each under a path of its own and with an ES256 key of its own.
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
