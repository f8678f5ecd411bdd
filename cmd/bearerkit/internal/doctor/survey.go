package doctor

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// survey is what the locations of the metadata of one issuer returned.
type survey struct {
	cfg    consumer.Config // with the issuer and the settings for the requests
	places []place
	err    error // no location was requested: the issuer or MetadataURL is not a URL that the kit uses
}

// place is one location.
type place struct {
	url      string
	metadata *oidcdiscovery.Metadata // nil if err is not nil
	err      error
}

// discovery returns the client with which package consumer would fetch the metadata for cfg.
func discovery(cfg consumer.Config, client *http.Client) *oidcdiscovery.Client {
	return &oidcdiscovery.Client{
		HTTPClient: client, Timeout: cfg.DiscoveryTimeout, MetadataURL: cfg.MetadataURL, InsecureAllowHTTP: cfg.InsecureAllowHTTP,
		Members: []string{"jwks_uri"},
	}
}

// look requests every location of the metadata of cfg.Issuer.
func (d *doctor) look(ctx context.Context, cfg consumer.Config) survey {
	s := survey{cfg: cfg}
	urls, err := discovery(cfg, d.client).Locations(cfg.Issuer)
	if err != nil {
		s.err = err
		return s
	}
	for _, url := range urls {
		d.progress.Step("requesting " + cli.URL(url))
		one := discovery(cfg, d.client)
		one.MetadataURL = url
		m, err := one.Discover(ctx, cfg.Issuer)
		s.places = append(s.places, place{url, m, err})
	}
	return s
}

// used returns the document that package consumer uses: the first one in the order of the locations. If it has no jwks_uri, that of
// OpenID Connect completes it. nil: no location has a document.
func (s survey) used() *place {
	var first *place
	for i := range s.places {
		p := &s.places[i]
		switch {
		case p.metadata == nil:
		case p.metadata.JWKSURI != "":
			return p
		case first == nil:
			first = p
		}
	}
	return first
}
