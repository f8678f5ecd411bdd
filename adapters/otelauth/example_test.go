package otelauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bearerkit/bearerkit/adapters/otelauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// One Telemetry serves all hooks. A program that has set the global providers uses an empty Config.
func ExampleNew() {
	reader := sdkmetric.NewManualReader() // used here instead of an exporter
	telemetry, err := otelauth.New(otelauth.Config{
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
		KeyCache:   jwks.Config{OnRefresh: telemetry.OnRefresh},
		OnVerify:   telemetry.OnVerify,
		OnStatus:   telemetry.OnStatus,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer telemetry.Watch(verifier)()
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: telemetry.OnDecision})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := guard.Handler(http.NotFoundHandler())

	for _, token := range []*bearertest.Token{
		issuer.AccessToken(),
		issuer.AccessToken().Set("aud", "https://other.test"),
	} {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+token.Sign())
		api.ServeHTTP(httptest.NewRecorder(), request)
	}

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "bearerkit.decisions" {
			for _, point := range sum.DataPoints {
				reason, _ := point.Attributes.Value("bearerkit.reason")
				fmt.Printf("%s %s: %d, reason %q\n", m.Name, m.Unit, point.Value, reason.AsString())
			}
		}
		if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "bearerkit.ready" {
			fmt.Println(m.Name, gauge.DataPoints[0].Value)
		}
	}
	// Unordered output:
	// bearerkit.decisions {decision}: 1, reason ""
	// bearerkit.decisions {decision}: 1, reason "audience"
	// bearerkit.ready 1
}
