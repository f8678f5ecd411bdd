package ssf

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Metadata is the configuration metadata of a transmitter (SSF section 7.1). Members that the transmitter does not publish are empty.
// The methods of [Transmitter] return an error if they need an endpoint that is empty.
type Metadata struct {
	Issuer                   string   `json:"issuer"`
	SpecVersion              string   `json:"spec_version"`
	JWKSURI                  string   `json:"jwks_uri"`
	DeliveryMethodsSupported []string `json:"delivery_methods_supported"` // [DeliveryPush], [DeliveryPoll]
	ConfigurationEndpoint    string   `json:"configuration_endpoint"`
	StatusEndpoint           string   `json:"status_endpoint"`
	AddSubjectEndpoint       string   `json:"add_subject_endpoint"`
	RemoveSubjectEndpoint    string   `json:"remove_subject_endpoint"`
	VerificationEndpoint     string   `json:"verification_endpoint"`
	CriticalSubjectMembers   []string `json:"critical_subject_members"`
	DefaultSubjects          string   `json:"default_subjects"` // ALL or NONE
}

// wellKnown returns the location of the metadata of an issuer: /.well-known/ssf-configuration is inserted before its path (SSF
// section 7.2).
func wellKnown(issuer string, allowHTTP bool) (string, error) {
	u, err := fetch.ParseURL(issuer, allowHTTP)
	if err != nil {
		return "", err
	}
	if strings.Contains(issuer, "?") { // this includes an empty query
		return "", errors.New("URL has a query, expected none")
	}
	// As for RFC 8414, one host can have several issuers, each with a path of its own. The escaped path is used, because decoding could
	// name another issuer.
	path := "/.well-known/ssf-configuration" + strings.TrimSuffix(u.EscapedPath(), "/")
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + path, nil
}

// parseMetadata reads the metadata of issuer. Its issuer must be equal, byte for byte: otherwise a host could publish the metadata of
// any transmitter (SSF section 7.2.4).
func parseMetadata(text, issuer string) (*Metadata, error) {
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("ssf: metadata: %w", err)
	}
	var m Metadata
	if err := o.Decode(&m); err != nil {
		return nil, fmt.Errorf("ssf: metadata: %w", err)
	}
	if m.Issuer != issuer {
		return nil, fmt.Errorf("ssf: metadata: issuer is %.200q, expected %q (TransmitterConfig.Issuer)", m.Issuer, issuer)
	}
	return &m, nil
}
