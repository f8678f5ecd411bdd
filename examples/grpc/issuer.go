package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/store"
)

const (
	audience     = "https://api.example.com"
	clientID     = "shop"
	clientSecret = "demo-secret"
	lifetime     = time.Hour // of a token
)

// issuer is an authorization server on loopback. It has one client, which may use the client credentials grant, and can revoke
// the tokens of this client.
type issuer struct {
	*bearertest.Issuer

	denied store.DenyList
	stop   func()
}

func startIssuer(ctx context.Context) (*issuer, error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	url := "http://" + listener.Addr().String()
	i := &issuer{
		denied: store.DenyList{Storage: store.NewMemory(1000)},
		Issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: url, Audience: audience, Algorithms: []string{"ES256"},
			Metadata: map[string]any{"token_endpoint": url + "/token"},
		}),
	}
	mux := http.NewServeMux()
	mux.Handle("/", i.Issuer)
	mux.HandleFunc("POST /token", i.giveToken)
	i.stop = demo.Start(ctx, listener, mux)
	return i, nil
}

// giveToken issues a token with the scopes of the request.
func (i *issuer) giveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if id, secret, ok := r.BasicAuth(); !ok || id != clientID || secret != clientSecret {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	}
	scope := r.PostFormValue("scope")
	token := i.AccessToken().Set("sub", clientID).Set("client_id", clientID).Set("scope", scope).
		Set("exp", time.Now().Add(lifetime).Unix())
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": token.Sign(), "token_type": "Bearer", "expires_in": int(lifetime.Seconds()), "scope": scope,
	})
}

// revoke revokes all tokens that the client has received so far.
func (i *issuer) revoke(ctx context.Context) error {
	return i.denied.DenySubject(ctx, i.URL(), clientID, time.Now(), time.Now().Add(2*lifetime))
}

// newCertificate returns a certificate for loopback, and a pool with it.
func newCertificate() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(lifetime),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	leaf, fault := x509.ParseCertificate(der)
	if err := errors.Join(err, fault); err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots, nil
}
