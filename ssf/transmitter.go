package ssf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

const (
	metadataFor     = time.Hour // how long the metadata of a transmitter is used
	maxManageBytes  = 512 << 10 // of a response
	manageTimeout   = 10 * time.Second
	maxManageLimit  = 5 * time.Minute
	maxRequestBytes = 64 << 10 // of a request
)

// TransmitterConfig describes a transmitter with a stream management API. [NewTransmitter] copies it.
type TransmitterConfig struct {
	// Issuer is the issuer identifier of the transmitter. Required.
	Issuer string

	// MetadataURL is the URL of the transmitter's metadata. Its `issuer` must equal Issuer. Empty: the location
	// /.well-known/ssf-configuration of Issuer (SSF section 7.2).
	MetadataURL string

	// Token returns the access token for the API. It is called before each request, so it should cache the token. The request
	// has the header Authorization with the scheme Bearer. It is not sent with the request for metadata. Nil: no such header;
	// HTTPClient may add one.
	Token func(ctx context.Context) (string, error)

	// HTTPClient provides the transport. Its redirect policy and its cookie jar are not used. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// Timeout limits each request. NewTransmitter rejects more than 5 minutes. Zero: 10 seconds.
	Timeout time.Duration

	// PublicAddressesOnly rejects connections to addresses that are not on the public internet. Set it if somebody else
	// chooses the transmitter. HTTPClient must then be nil or have an *http.Transport. False: all addresses are allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows URLs without TLS on any host. False: only on loopback hosts.
	InsecureAllowHTTP bool
}

// Transmitter is a client for the stream management API of a transmitter (SSF section 8). Make one with [NewTransmitter]; the zero
// Transmitter cannot be used. It is safe for concurrent use.
//
// Its methods fetch the metadata of the transmitter when they need it, and use it for one hour. They return a *[StatusError] if the
// response has an unexpected status. They return another error if there is no complete response, if the response is not acceptable,
// or if the metadata has no URL for the request.
type Transmitter struct {
	cfg      TransmitterConfig
	location string // of the metadata

	mu      sync.Mutex // guards the fields below
	known   *Metadata
	fetched time.Time
}

// StatusError is a response of a transmitter with an unexpected status. Among others, 401 means that the token is not accepted, 404
// that the stream does not exist, 409 that the receiver already has a stream, and 429 that the receiver sends too many requests.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // the pause that the response requests, at most 5 minutes; zero: none

	request string
}

// Error names the request and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("ssf: %s: the transmitter responded with the status %d", e.request, e.Status)
}

// NewTransmitter returns a Transmitter for cfg. If cfg has faults, the error joins all of them, and each names its field. It fetches
// nothing.
func NewTransmitter(cfg TransmitterConfig) (*Transmitter, error) {
	var faults faults
	location, err := wellKnown(cfg.Issuer, cfg.InsecureAllowHTTP)
	if err != nil {
		faults.check(false, "TransmitterConfig.Issuer: %w", err)
	}
	if cfg.MetadataURL != "" {
		location = cfg.MetadataURL
		if err := fetch.CheckURL(location, cfg.InsecureAllowHTTP); err != nil {
			faults.check(false, "TransmitterConfig.MetadataURL: %w", err)
		}
	}
	faults.check(cfg.Timeout >= 0 && cfg.Timeout <= maxManageLimit, "TransmitterConfig.Timeout is %v, expected 0 to %v", cfg.Timeout, maxManageLimit)
	cfg.Timeout = cmp.Or(cfg.Timeout, manageTimeout)
	if cfg.PublicAddressesOnly {
		public, err := fetch.PublicClient(cfg.HTTPClient)
		if err != nil {
			faults.check(false, "TransmitterConfig.HTTPClient: %w", err)
		}
		cfg.HTTPClient = public
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Transmitter{cfg: cfg, location: location}, nil
}

// Metadata returns the metadata of the transmitter. The caller must not change it.
func (t *Transmitter) Metadata(ctx context.Context) (*Metadata, error) {
	t.mu.Lock()
	known, fetched := t.known, t.fetched
	t.mu.Unlock()
	if age := time.Since(fetched); known != nil && age >= 0 && age < metadataFor {
		return known, nil
	}
	response, err := fetch.Get(ctx, t.location, t.options(nil))
	if err != nil {
		return nil, fmt.Errorf("ssf: metadata: %w", err)
	}
	m, err := parseMetadata(string(response.Body), t.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.fetched = m, time.Now()
	return m, nil
}

// options returns the options of a request.
func (t *Transmitter) options(header http.Header) fetch.Options {
	return fetch.Options{
		Client: t.cfg.HTTPClient, Header: header, MaxBytes: maxManageBytes, Timeout: t.cfg.Timeout, AllowHTTP: t.cfg.InsecureAllowHTTP,
	}
}

// send sends a request to a URL of the metadata, and returns the body of a response with one of the accepted statuses.
func (t *Transmitter) send(ctx context.Context, method, name string, endpoint string, body []byte, accepted ...int) (string, error) {
	request := method + " to the " + name
	if endpoint == "" {
		return "", fmt.Errorf("ssf: %s: the metadata of the transmitter has no %s", request, name)
	}
	if len(body) > maxRequestBytes {
		return "", fmt.Errorf("ssf: %s: the request has %d bytes, expected at most %d", request, len(body), maxRequestBytes)
	}
	header := http.Header{"Accept": {"application/json"}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if err := authorize(ctx, header, t.cfg.Token); err != nil {
		return "", fmt.Errorf("ssf: TransmitterConfig.Token: %w", err)
	}
	response, err := fetch.Send(ctx, method, endpoint, body, t.options(header))
	if err != nil {
		return "", fmt.Errorf("ssf: %s: %w", request, err)
	}
	for _, status := range accepted {
		if response.Status == status {
			return string(response.Body), nil
		}
	}
	return "", &StatusError{
		Status: response.Status, RetryAfter: fetch.ParseRetryAfter(response.Header.Get("Retry-After"), time.Now()), request: request,
	}
}
