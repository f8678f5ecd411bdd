package consumer

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

// validate joins all faults that can be found without I/O, except those of keySource.
func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) { // ok says that there is no problem
		if !ok {
			faults = append(faults, fmt.Errorf("consumer: Config.%s %s", field, problem))
		}
	}
	check(cfg.Issuer != "", "Issuer", "is required")
	check(len(cfg.Audience) > 0 || cfg.InsecureNoAudience || cfg.AudienceFunc != nil, "Audience", "is required")
	check(len(cfg.Audience) == 0 || cfg.AudienceFunc == nil, "Audience", "must be empty if AudienceFunc is set")
	check(!cfg.InsecureNoAudience || cfg.AudienceFunc == nil, "InsecureNoAudience", "must not be set with AudienceFunc")
	check(!slices.Contains(cfg.Audience, ""), "Audience", "contains an empty name")
	check(!cfg.InsecureNoAudience || len(cfg.ClientIDs) > 0 || cfg.vouched, "ClientIDs", "is required with InsecureNoAudience")
	check(!slices.Contains(cfg.ClientIDs, ""), "ClientIDs", "contains an empty id")
	check(!slices.Contains(cfg.RequiredClaims, ""), "RequiredClaims", "contains an empty name")
	check(!slices.Contains(cfg.ScopeClaims, ""), "ScopeClaims", "contains an empty name")
	profile := cfg.Profile.rules()
	check(len(cfg.ClientIDs) == 0 || len(profile.ClientClaims) > 0, "ClientIDs", "is set, but no claim names the client (Config.Profile "+profile.Name+")")
	check(!profile.PublicIssuer || len(cfg.ClientIDs) > 0 || cfg.Check != nil, "ClientIDs", "or Check is required by the profile "+profile.Name+": anybody can obtain a token of this issuer (Config.Profile)")
	check(!profile.IDToken || cfg.InsecureAcceptIDToken, "InsecureAcceptIDToken", "is required by the profile "+profile.Name+" (Config.Profile)")
	check(cfg.Keys == nil || !nilcheck.IsNil(cfg.Keys), "Keys", "contains a nil value")
	check(!cfg.InsecureNoIssuer || isStatic(cfg.Keys), "InsecureNoIssuer", "requires Keys to be a jwks.Static or a jwks.FileSource")
	check(cfg.Status == nil || !nilcheck.IsNil(cfg.Status), "Status", "contains a nil value")
	check(!cfg.needsStatus || cfg.Status != nil, "Status", "is required because "+persistAccessToken+" is true: without it, revoked tokens would be accepted")
	check(cfg.ClockSkew <= maxClockSkew, "ClockSkew", fmt.Sprintf("is %v, more than 5 minutes", cfg.ClockSkew))
	check(cfg.StatusTTL >= 0, "StatusTTL", fmt.Sprintf("is negative: %v", cfg.StatusTTL))
	check(cfg.StatusTTL <= maxStatusTime, "StatusTTL", fmt.Sprintf("is %v, more than an hour", cfg.StatusTTL))
	check(cfg.StatusTTL == 0 || cfg.Status != nil, "StatusTTL", "is set, but Status is not")
	check(!cfg.InsecureStatusFailOpen || cfg.Status != nil, "InsecureStatusFailOpen", "is set, but Status is not")
	check(cfg.MaxTokenBytes >= 0, "MaxTokenBytes", fmt.Sprintf("is negative: %d", cfg.MaxTokenBytes))
	check(cfg.MaxHeaderBytes >= 0, "MaxHeaderBytes", fmt.Sprintf("is negative: %d", cfg.MaxHeaderBytes))
	check(cfg.MaxHeaderBytes <= maxHeaderBytes, "MaxHeaderBytes", fmt.Sprintf("is %d, more than 64 KiB", cfg.MaxHeaderBytes))
	check(cfg.Keys == nil || reflect.ValueOf(cfg.KeyCache).IsZero(), "KeyCache", "must be zero if Keys is set")
	check(cfg.Keys == nil || !cfg.PublicAddressesOnly, "PublicAddressesOnly",
		"must be false if Keys is set, because it does not apply to Keys: set PublicAddressesOnly of jwks.Config")
	check(cfg.KeyCache.URL == "" && cfg.KeyCache.HTTPClient == nil && !cfg.KeyCache.PublicAddressesOnly &&
		!cfg.KeyCache.InsecureAllowHTTP, "KeyCache",
		"must not set URL, HTTPClient, PublicAddressesOnly and InsecureAllowHTTP: use the fields of Config")
	return errors.Join(append(faults, cfg.validateAlgorithms(), cfg.validateMetadata(), cfg.validateDiscovery(),
		cfg.validateTrustDomain())...)
}

// isStatic reports whether keys are those that the operator of the API has chosen, and not fetched ones.
func isStatic(keys jwks.Source) bool {
	switch keys.(type) {
	case jwks.Static, *jwks.FileSource:
		return true
	}
	return false
}

// validateAlgorithms checks Algorithms. A list contains both HMAC and public-key algorithms only if jwks.Join has joined
// both kinds of keys. No public key is used as a secret even then, because the type of a key decides which algorithms it
// serves. Otherwise anybody could sign a token by HMAC with the public key as the secret (RFC 8725bis section 2.1).
func (cfg Config) validateAlgorithms() error {
	var faults []error
	secrets, public := kindsOfKeys(cfg.Keys)
	for _, alg := range cfg.Algorithms {
		if err := signature.Check(alg); err != nil {
			faults = append(faults, fmt.Errorf("consumer: Config.Algorithms: %w", err))
			continue
		}
		if signature.IsSymmetric(alg) && !secrets || !signature.IsSymmetric(alg) && !public {
			faults = append(faults, fmt.Errorf("consumer: Config.Algorithms: %q needs %s in Keys", alg, kindOfKey(alg)))
		}
	}
	return errors.Join(faults...)
}

// kindOfKey returns the kind of key that alg needs.
func kindOfKey(alg string) string {
	if signature.IsSymmetric(alg) {
		return "a shared secret"
	}
	return "public keys"
}
