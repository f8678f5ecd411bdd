package main

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

const (
	audience     = "https://api.example.com"
	clientID     = "shop"
	clientSecret = "demo-secret"
)

// issuer is an authorization server on loopback with one client, which may use the client credentials grant. If a token request
// has a proof, the token is bound to the key of the proof (RFC 9449 section 5). Do not use it in production: it does not detect
// a proof that is sent twice.
type issuer struct {
	*bearertest.Issuer

	stop func()
}

func startIssuer(ctx context.Context) (*issuer, error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	url := "http://" + listener.Addr().String()
	i := &issuer{Issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: url, Audience: audience, Algorithms: []string{"ES256"},
		Metadata: map[string]any{"token_endpoint": url + "/token"},
	})}
	mux := http.NewServeMux()
	mux.Handle("/", i.Issuer)
	mux.HandleFunc("POST /token", i.giveToken)
	i.stop = demo.Start(ctx, listener, mux)
	return i, nil
}

// bearer returns a token that is not bound to a key.
func (i *issuer) bearer() *bearertest.Token {
	return i.AccessToken().Set("sub", clientID).Set("client_id", clientID)
}

func (i *issuer) giveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if id, secret, ok := r.BasicAuth(); !ok || id != clientID || secret != clientSecret {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	}
	token, kind := i.bearer(), "Bearer"
	if proof := r.Header.Get("DPoP"); proof != "" {
		thumbprint, err := i.thumbprint(proof)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_dpop_proof"}`))
			return
		}
		token, kind = token.Set("cnf", map[string]string{"jkt": thumbprint}), "DPoP"
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token.Sign(), "token_type": kind, "expires_in": 300})
}

// thumbprint verifies a proof for the token endpoint, and returns the thumbprint of its key (RFC 7638).
func (i *issuer) thumbprint(proof string) (string, error) {
	parsed, err := jwt.ParseSigned(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", err
	}
	var claims struct {
		Method string           `json:"htm"`
		URL    string           `json:"htu"`
		Issued *jwt.NumericDate `json:"iat"`
	}
	header := parsed.Headers[0]
	if header.JSONWebKey == nil || header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" {
		return "", errors.New("not a DPoP proof")
	}
	if err := parsed.Claims(header.JSONWebKey, &claims); err != nil {
		return "", err
	}
	if claims.Method != http.MethodPost || claims.URL != i.URL()+"/token" || time.Since(claims.Issued.Time()).Abs() > time.Minute {
		return "", errors.New("a proof for another request")
	}
	sum, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}
