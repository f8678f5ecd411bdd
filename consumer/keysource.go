package consumer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// keySource returns the keys that signatures are verified with: Config.Keys, or the key set that the metadata names.
// quirks receives those of the metadata and of the keys.
func (cfg Config) keySource(quirks *quirkLog) (jwks.Source, error) {
	cache, err := cfg.keyCache(quirks)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Keys != nil && nilcheck.IsNil(cfg.Keys), cfg.Keys == nil && !cfg.hasValidMetadata():
		return nil, nil // validate has reported it
	case cfg.Keys != nil:
		return cfg.Keys, validateSource(cfg.Keys)
	}
	if err := cfg.validateIssuer(); err != nil {
		return nil, err
	}
	return cfg.remote(cache, quirks)
}

const (
	neverStale = math.MaxInt64        // for metadata, which can be used at any age: the limit is that of the keys
	noWait     = -1 * time.Nanosecond // requests use stale metadata at once and do not wait for the next fetch
)

// remote returns the issuer's published key set.
func (cfg Config) remote(cache jwks.Config, quirks *quirkLog) (*issuer.Remote, error) {
	remote, err := issuer.New(issuer.Config{
		Issuer:           cfg.Issuer,
		Metadata:         cfg.Metadata,
		MetadataURL:      cfg.MetadataURL,
		DiscoveryTimeout: cfg.DiscoveryTimeout,
		Keys:             cache,
		KeysRequired:     true,
		StaleFor:         neverStale,
		StaleWait:        noWait,
		OnFailure:        cfg.logMetadataFailure,
		OnQuirks:         func(ctx context.Context, found []quirk.Quirk) { quirks.add(ctx, found...) },
	})
	switch {
	case errors.Is(err, issuer.ErrNoKeySet):
		return nil, errors.New("consumer: Config.Metadata has no jwks_uri")
	case err != nil: // everything but KeyCache has been validated
		return nil, fmt.Errorf("consumer: Config.KeyCache: %w", err)
	}
	return remote, nil
}

// validateIssuer checks that discovery can use Issuer. An empty one is reported elsewhere, and so is one that Metadata
// contradicts.
func (cfg Config) validateIssuer() error {
	if cfg.Issuer == "" || cfg.Metadata != nil {
		return nil
	}
	discovery := oidcdiscovery.Client{InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	if err := discovery.Validate(cfg.Issuer, &oidcdiscovery.Metadata{Issuer: cfg.Issuer}); err != nil {
		return fmt.Errorf("consumer: Config.Issuer: %w", err)
	}
	return nil
}

// validateMetadata checks Config.Metadata by the same rules as fetched metadata.
func (cfg Config) validateMetadata() error {
	if cfg.Metadata == nil {
		return nil
	}
	discovery := oidcdiscovery.Client{InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	if err := discovery.Validate(cfg.Issuer, cfg.Metadata); err != nil {
		return fmt.Errorf("consumer: Config.Metadata: %w", err)
	}
	return nil
}

// validateDiscovery checks the settings for the fetches of metadata. The errors say which other setting makes
// them useless.
func (cfg Config) validateDiscovery() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("consumer: Config."+field+" "+format, args...))
	}
	if cfg.MetadataURL != "" {
		if err := fetch.CheckURL(cfg.MetadataURL, cfg.InsecureAllowHTTP); err != nil {
			faults = append(faults, fmt.Errorf("consumer: Config.MetadataURL: %w", err))
		}
		if cfg.Metadata != nil || cfg.Keys != nil {
			fault("MetadataURL", "must be empty if Metadata or Keys is set, because no metadata is fetched then")
		}
	}
	switch {
	case cfg.DiscoveryTimeout < 0 || cfg.DiscoveryTimeout > issuer.MaxDiscoveryTimeout:
		fault("DiscoveryTimeout", "is %v, expected 0 to %v", cfg.DiscoveryTimeout, issuer.MaxDiscoveryTimeout)
	case cfg.DiscoveryTimeout > 0 && cfg.Keys != nil:
		fault("DiscoveryTimeout", "must be zero if Keys is set, because nothing is fetched then")
	}
	return errors.Join(faults...)
}

// hasValidMetadata reports whether Metadata is absent or valid. The fault of invalid metadata is reported by validate.
func (cfg Config) hasValidMetadata() bool { return cfg.validateMetadata() == nil }

// validateSource validates keys that can be validated without I/O.
func validateSource(keys jwks.Source) error {
	source, ok := keys.(interface{ Validate() error })
	if !ok {
		return nil
	}
	if err := source.Validate(); err != nil {
		return fmt.Errorf("consumer: Config.Keys: %w", err)
	}
	return nil
}

// keyCache returns KeyCache with the fields that Config has as well.
func (cfg Config) keyCache(quirks *quirkLog) (jwks.Config, error) {
	cache := cfg.KeyCache
	cache.OnRefresh = cfg.logRefreshes(quirks, cache.OnRefresh)
	// The settings for HTTP exist once, in Config, because they apply to metadata and keys alike.
	cache.HTTPClient = cfg.HTTPClient
	cache.InsecureAllowHTTP = cfg.InsecureAllowHTTP
	if !cfg.PublicAddressesOnly {
		return cache, nil
	}
	client, err := fetch.PublicClient(cfg.HTTPClient)
	if err != nil {
		return jwks.Config{}, fmt.Errorf("consumer: Config.PublicAddressesOnly: %w", err)
	}
	cache.HTTPClient = client
	return cache, nil
}
