package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/signature"
)

// PEMEndpointConfig describes an endpoint that serves each key as a PEM document of its own. Only URL is required.
type PEMEndpointConfig struct {
	// URL is the URL of the endpoint without the key id. The key with the kid k is read from URL + "/" + k. The scheme must
	// be https, or http for a loopback host. For the Application Load Balancer of AWS it is
	// https://public-keys.auth.elb.REGION.amazonaws.com.
	URL string

	// Algorithm is the one algorithm that the keys serve. Empty: all algorithms of the type and curve of each key.
	Algorithm string

	// HTTPClient provides the transport, as in [Config]. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// FreshFor is how long a key is used before it is fetched again. NewPEMEndpoint rejects less than 1 millisecond. Zero:
	// 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age from which a key is no longer used, even if the endpoint cannot be reached. NewPEMEndpoint
	// rejects a positive value of less than 1 millisecond. Zero: 24 hours. Negative: a key is not used once it is no longer
	// fresh.
	StaleFor time.Duration

	// MinRefetch limits the fetches that unknown kids and wrong signatures cause, as in [Config]. Zero: 10 seconds.
	MinRefetch time.Duration

	// Timeout limits each request, from dialing to the last byte of the body. Zero: 3 seconds.
	Timeout time.Duration

	// OnRefresh is called after each fetch, successful or not. It must be safe for concurrent use. Nil: no call.
	OnRefresh func(context.Context, Refresh)

	// InsecureAllowHTTP allows http for any host. An attacker on the network path can then forge tokens. False: https is
	// required.
	InsecureAllowHTTP bool
}

// check returns all faults of cfg.
func (cfg PEMEndpointConfig) check() error {
	var faults []error
	if err := fetch.CheckURL(cfg.URL, cfg.InsecureAllowHTTP); err != nil {
		faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.URL: %w", err))
	}
	if strings.ContainsAny(cfg.URL, "?#") { // the kid is appended to the path
		faults = append(faults, errors.New("jwks: PEMEndpointConfig.URL has a query or a fragment, expected none"))
	}
	if cfg.Algorithm != "" && !slices.Contains(signature.Public(), cfg.Algorithm) {
		faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.Algorithm is %q, expected an algorithm for public keys", cfg.Algorithm))
	}
	for _, duration := range []struct {
		field    string
		value    time.Duration
		ok       bool
		expected string
	}{
		{"FreshFor", cfg.FreshFor, cfg.FreshFor == 0 || cfg.FreshFor >= leastAge, "at least 1ms"},
		{"StaleFor", cfg.StaleFor, cfg.StaleFor <= 0 || cfg.StaleFor >= leastAge, "at least 1ms"},
		{"MinRefetch", cfg.MinRefetch, cfg.MinRefetch >= 0, "0 or more"},
		{"Timeout", cfg.Timeout, cfg.Timeout >= 0, "0 or more"},
	} {
		if !duration.ok {
			faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.%s is %v, expected %s", duration.field, duration.value, duration.expected))
		}
	}
	return errors.Join(faults...)
}
