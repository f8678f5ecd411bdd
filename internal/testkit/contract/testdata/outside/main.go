// Program outside uses the public names that the kit guarantees. The test is that it compiles.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/adapters/chiauth"
	"github.com/bearerkit/bearerkit/adapters/httpauth"
	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

type claims struct {
	Roles []string `json:"roles"`
}

func discovery(ctx context.Context) (*oidcdiscovery.Metadata, error) {
	client := &oidcdiscovery.Client{HTTPClient: http.DefaultClient, MaxBytes: 1 << 16, Timeout: time.Second}
	metadata, err := client.Discover(ctx, "https://login.example.com")
	var mismatch *oidcdiscovery.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return nil, fmt.Errorf("%s is not %s", mismatch.Got, mismatch.Want)
	}
	var document map[string]any
	_ = metadata.Claims(&document)
	_ = oidcdiscovery.Default().RequestURIParameterSupported
	_ = []string{metadata.Issuer, metadata.AuthorizationEndpoint, metadata.TokenEndpoint, metadata.JWKSURI}
	return metadata, err
}

func keys(ctx context.Context) (jwks.Source, error) {
	var snapshot jwks.Snapshot
	remote, err := jwks.New(jwks.Config{
		URL: "https://login.example.com/jwks", HTTPClient: http.DefaultClient,
		FreshFor: time.Minute, StaleFor: time.Hour, MinRefetch: time.Second, Timeout: time.Second,
		MaxBytes: 1 << 16, MaxKeys: 10, Snapshot: snapshot,
		OnRefresh: func(context.Context, jwks.Refresh) {},
	})
	if err != nil {
		return nil, err
	}
	if err := remote.Refresh(ctx); errors.Is(err, jwks.ErrUnavailable) || errors.Is(err, jwks.ErrKeyNotFound) {
		return nil, err
	}
	go func() { _ = remote.Run(ctx) }()
	var stats jwks.Stats = remote.Stats()
	_ = stats
	keys, err := remote.Keys(ctx, "kid", "RS256")
	for _, key := range keys {
		_, _, _ = key.ID, key.Algorithm, key.Public
	}

	var static jwks.Static
	static, _ = jwks.ParseJWKS([]byte(`{}`))
	static, _ = jwks.ParsePEM(nil, "RS256")
	static, _ = jwks.Secret([]byte("secret"), "HS256")
	var file *jwks.FileSource
	file, _ = jwks.File("keys.pem", "RS256")
	_, _ = static, file
	var source jwks.Source = jwks.Join(remote, static)
	return source, err
}

func verifier(ctx context.Context, metrics *prom.Metrics) (consumer.Verifier, error) {
	source, err := keys(ctx)
	if err != nil {
		return nil, err
	}
	metadata, err := discovery(ctx)
	if err != nil {
		return nil, err
	}
	var status consumer.TokenStatus
	c, err := consumer.New(consumer.Config{
		Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"},
		Profile: consumer.ProfileRFC9068, Algorithms: []string{"RS256"}, Keys: source, Metadata: metadata,
		HTTPClient: http.DefaultClient, ClockSkew: time.Second, TokenType: "access", RequiredClaims: []string{"sub"},
		Status: status, CacheSize: 10, MaxTokenBytes: 1 << 12,
		OnVerify: func(context.Context, consumer.Verification) {}, Logger: slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	_ = c.Warm(ctx)
	go func() { _ = c.Run(ctx) }()
	var made *consumer.Token
	made, _ = consumer.NewToken("https://login.example.com", json.RawMessage(`{"sub":"alice"}`))
	_, _, _, _ = made, consumer.ProfileDefault, consumer.ProfileCrossauth, metrics

	var group *consumer.Group
	group, err = consumer.NewGroup(consumer.GroupConfig{
		Consumers: []*consumer.Consumer{c}, Opaque: nil, MaxResolved: 5,
		Resolve: func(context.Context, string) (*consumer.Consumer, error) { return nil, consumer.ErrUnavailable },
	})
	return group, err
}

func reason(err error) consumer.Reason {
	var e *consumer.Error
	if !errors.As(err, &e) || errors.Is(err, consumer.ErrInvalidToken) && errors.Is(err, consumer.ErrUnavailable) {
		return ""
	}
	switch e.Reason {
	case consumer.ReasonMalformed, consumer.ReasonTooLarge, consumer.ReasonAlgorithm, consumer.ReasonType,
		consumer.ReasonIssuer, consumer.ReasonAudience, consumer.ReasonExpired, consumer.ReasonNotYetValid,
		consumer.ReasonIssuedInFuture, consumer.ReasonUnknownKey, consumer.ReasonSignature, consumer.ReasonClaims,
		consumer.ReasonCritical, consumer.ReasonRevoked, consumer.ReasonInactive, consumer.ReasonKeysUnavailable,
		consumer.ReasonStatusUnavailable, consumer.ReasonIntrospectionUnavailable:
	}
	return e.Reason
}

func show(token *consumer.Token) (any, error) {
	var texts []string = append(token.Audience(), token.Issuer(), token.Subject(), token.ClientID(), token.ID())
	var times []time.Time = []time.Time{token.Expiry(), token.IssuedAt(), token.NotBefore()}
	var value slog.Value = token.LogValue()
	_, _, _, _ = texts, times, value, append(token.Scopes(), fmt.Sprint(token.HasScope("a")))
	var confirmation consumer.Confirmation
	confirmation, bound := token.Confirmation()
	_, _ = confirmation, bound
	if claim, ok := token.Claim("name"); ok {
		return claim, token.Decode(&claims{})
	}
	return consumer.ClaimsAs[claims](token)
}

func guard(v consumer.Verifier, metrics *prom.Metrics) (http.Handler, error) {
	g, err := middleware.New(middleware.Config{
		Verifier: v, Realm: "api", Resource: "https://api.example.com", Optional: false, AllowPreflight: false,
		DPoP: &middleware.DPoPConfig{URL: "https://api.example.com"}, MTLS: &middleware.MTLSConfig{},
		TokenSources: []middleware.TokenSource{
			middleware.FirstOf(middleware.BearerToken, middleware.CookieToken("__Host-session")),
			middleware.HeaderToken("X-Proxy-Token"), middleware.FormToken, middleware.QueryToken,
		},
		DenyHandler: func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
			w.WriteHeader(refusal.Status)
			_, _ = fmt.Fprintln(w, refusal.Code, refusal.Scopes)
		},
		OnDecision: func(_ context.Context, d middleware.Decision) {
			_, _, _, _ = d.Status, d.Reason, d.Duration, d.Cached
		},
		Logger: slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	rules := []middleware.Rule{
		middleware.Scopes("a", "b"), middleware.AnyScope("a", "b"), middleware.Role("realm_access.roles", "admin"),
		middleware.Claim("tenant", func(value any) bool { return value == "x" }),
		middleware.Check("mine", func(context.Context, *consumer.Token) error { return nil }),
		middleware.Any(middleware.Scopes("a"), middleware.Scopes("b")),
		middleware.StepUp(time.Minute, "gold", "silver"), middleware.AuthorizationDetails("payment", "read", "write"),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		ctx, cancel := middleware.Deadline(middleware.ContextWithToken(r.Context(), token))
		defer cancel()
		_, _ = show(token)
		_, _ = fmt.Fprintln(w, ctx.Err())
	})
	var authenticate func(*http.Request, ...middleware.Rule) (*http.Request, error) = g.Authenticate
	var deny func(http.ResponseWriter, *http.Request, error) = g.Deny
	var bearer func(*http.Request) (string, error) = middleware.BearerToken
	var metadata http.Handler = g.MetadataHandler()
	_, _, _, _, _ = authenticate, deny, bearer, g.MetadataPath(), metadata
	_ = []error{middleware.ErrNoToken, middleware.ErrInvalidRequest, middleware.ErrInsufficientScope}

	mux := http.NewServeMux()
	mux.Handle("GET /orders", g.With(rules...)(handler))
	mux.Handle("GET /all", g.Handler(handler))
	mux.Handle("GET /http", httpauth.Middleware(g, rules...)(handler))
	mux.Handle("GET /chi", chiauth.Middleware(g, rules...)(handler))
	return g.Routes(map[string][]middleware.Rule{"GET /": rules}, mux)
}

func main() {
	metrics, err := prom.New(prometheus.NewRegistry())
	if err != nil {
		panic(err)
	}
	v, err := verifier(context.Background(), metrics)
	if err != nil {
		fmt.Println(reason(err))
		return
	}
	fmt.Println(guard(v, metrics))
}
