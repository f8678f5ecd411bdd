package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/environment"
	"github.com/bearerkit/bearerkit/jwks"
)

// verifier is a *consumer.Consumer, or a *consumer.Group if there are several.
type verifier interface {
	consumer.Verifier
	Health() consumer.Health
	Warm(ctx context.Context) error
	Run(ctx context.Context) error
}

// hooks are what every Consumer reports to.
type hooks struct {
	metrics *prom.Metrics
	client  *http.Client // nil: the default transport
	logger  *slog.Logger
}

// issuers are the Consumers of a configuration, in its order.
type issuers struct {
	configs   []issuerConfig // those of consumers; empty: the issuer comes from the environment
	consumers []*consumer.Consumer
	fresh     []*consumer.Consumer // the ones that no earlier configuration has
	verifier  verifier
}

// errConflict means that both the file and the environment have settings of issuers. Those of the environment would have no effect,
// even if they contain a restriction.
var errConflict = errors.New("the file has issuers, so the settings of consumer.FromEnv have no effect: remove one of them")

// newIssuers returns the Consumers of c. It keeps those of earlier whose configuration is the same, with their keys.
func newIssuers(c config, earlier *issuers, h hooks, getenv func(string) string) (*issuers, error) {
	if len(c.Issuers) == 0 {
		return newEnvIssuer(earlier, h)
	}
	for _, v := range environment.Variables() {
		if v.Consumer != "" && getenv(v.Name) != "" {
			return nil, fmt.Errorf("%w (issuers, %s)", errConflict, v.Name)
		}
	}
	built := &issuers{configs: c.Issuers}
	var faults []error
	for i, cfg := range c.Issuers {
		if kept := earlier.consumerOf(cfg, built.consumers); kept != nil {
			built.consumers = append(built.consumers, kept)
			continue
		}
		made, err := newConsumer(cfg, h)
		if err != nil {
			faults = append(faults, fmt.Errorf("issuers, number %d: %w", i+1, err))
			continue
		}
		built.consumers, built.fresh = append(built.consumers, made), append(built.fresh, made)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return built, built.combine()
}

// newEnvIssuer returns the Consumer of the environment, which cannot change while the process runs.
func newEnvIssuer(earlier *issuers, h hooks) (*issuers, error) {
	if earlier != nil && len(earlier.configs) == 0 {
		return &issuers{consumers: earlier.consumers, verifier: earlier.verifier}, nil
	}
	cfg, err := consumer.FromEnv()
	if err != nil {
		return nil, fmt.Errorf("the file has no issuers, and the environment does not name one: %w", err)
	}
	made, err := consumer.New(h.apply(cfg))
	if err != nil {
		return nil, err
	}
	only := []*consumer.Consumer{made}
	return &issuers{consumers: only, fresh: only, verifier: made}, nil
}

// consumerOf returns the Consumer with this configuration, unless it is one of used.
func (i *issuers) consumerOf(cfg issuerConfig, used []*consumer.Consumer) *consumer.Consumer {
	if i == nil {
		return nil
	}
next:
	for n, known := range i.configs {
		if !reflect.DeepEqual(known, cfg) {
			continue
		}
		for _, other := range used {
			if other == i.consumers[n] {
				continue next
			}
		}
		return i.consumers[n]
	}
	return nil
}

// combine sets the verifier.
func (i *issuers) combine() error {
	if len(i.consumers) == 1 {
		i.verifier = i.consumers[0]
		return nil
	}
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: i.consumers})
	i.verifier = group
	return err
}

// warm fetches the keys of the Consumers that have none yet.
func (i *issuers) warm(ctx context.Context) error {
	var faults []error
	for _, c := range i.fresh {
		faults = append(faults, c.Warm(ctx))
	}
	return errors.Join(faults...)
}

// newConsumer returns the Consumer of an issuer.
func newConsumer(c issuerConfig, h hooks) (*consumer.Consumer, error) {
	cfg := consumer.Config{
		Issuer: c.Issuer, Audience: c.Audience, MetadataURL: c.MetadataURL,
		Algorithms: c.Algorithms, ScopeClaims: c.ScopeClaims, ClientIDs: c.ClientIDs, RequiredClaims: c.RequiredClaims,
		TokenType: c.TokenType, ClockSkew: time.Duration(c.ClockSkew), DiscoveryTimeout: time.Duration(c.DiscoveryTimeout),
		CacheSize: c.CacheSize, MaxTokenBytes: c.MaxTokenBytes,
		PublicAddressesOnly: c.PublicAddressesOnly, InsecureAllowHTTP: c.InsecureAllowHTTP,
		InsecureNoAudience: c.InsecureNoAudience, InsecureAcceptIDToken: c.InsecureAcceptIDToken,
	}
	if c.Profile != "" {
		p, ok := consumer.ProfileNamed(c.Profile)
		if !ok {
			return nil, fmt.Errorf("profile: %s is not the name of a profile; the names are %s", cli.QuoteWord(c.Profile, cli.ProfileNames()...),
				strings.Join(cli.ProfileNames(), ", "))
		}
		cfg.Profile = p
	}
	if c.KeyFile != "" {
		source, err := jwks.File(c.KeyFile, c.KeyAlgorithm)
		if err != nil {
			return nil, fmt.Errorf("key_file: %w", err)
		}
		cfg.Keys = source
	} else if c.KeyAlgorithm != "" {
		return nil, errors.New("key_algorithm is set, but key_file is not")
	}
	return consumer.New(h.apply(cfg))
}

// apply returns cfg with the hooks.
func (h hooks) apply(cfg consumer.Config) consumer.Config {
	cfg.HTTPClient, cfg.Logger = h.client, h.logger
	if h.metrics != nil {
		cfg.OnVerify = h.metrics.OnVerify
		if cfg.Keys == nil {
			cfg.KeyCache.OnRefresh = h.metrics.OnRefresh
		}
	}
	return cfg
}
