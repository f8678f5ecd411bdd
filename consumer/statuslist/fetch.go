package statuslist

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/profile"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

const (
	mediaType = "application/statuslist+jwt"

	maxFetches = 8                      // at the same time: each needs several times the memory of its list
	staleWait  = 500 * time.Millisecond // for the next list, while the old one may be used
	keysWait   = 3 * time.Second        // that a Consumer may wait for keys
	leastLife  = time.Second            // a list that expires sooner would be fetched for nearly every request
)

// listProfile is the profile of list tokens (section 5.1 of the draft). The draft does not define `iss`, but earlier versions did.
//
//nolint:gochecknoglobals // a constant of a struct type
var listProfile = consumer.Profile(profile.New(profile.Rules{
	Name: "status-list", Types: []string{"statuslist+jwt"}, RequiredClaims: []string{"sub", "iat", "status_list"},
	OptionalClaims: []string{"iss", "exp", "aud"},
}))

// verifier returns the Consumer that verifies lists.
func (cfg Config) verifier() (*consumer.Consumer, error) {
	audience := cfg.Audience
	if len(audience) == 0 {
		audience = []string{cfg.ListIssuer}
	}
	return consumer.New(consumer.Config{
		Issuer: cfg.ListIssuer, Audience: audience, Profile: listProfile, Keys: cfg.Keys, MetadataURL: cfg.MetadataURL,
		Algorithms: cfg.Algorithms, HTTPClient: cfg.HTTPClient, ClockSkew: cfg.ClockSkew, Logger: cfg.Logger, CacheSize: -1,
		MaxTokenBytes: cfg.maxResponseBytes(), PublicAddressesOnly: cfg.PublicAddressesOnly && cfg.Keys == nil,
		InsecureAllowHTTP: cfg.InsecureAllowHTTP,
		MaxHeaderBytes:    64 << 10, // lists may have a chain of certificates, which is not used
	})
}

// refreshConfig returns the settings of the value that holds the list at uri.
func (l *Lists) refreshConfig(uri string) refresh.Config[*list] {
	return refresh.Config[*list]{
		Fetch:      func(ctx context.Context, held *list) (refresh.Fetched[*list], error) { return l.fetch(ctx, uri, held) },
		Timeout:    l.cfg.Timeout + keysWait + time.Second, // fetch.Get applies cfg.Timeout, and its error names it
		StaleWait:  staleWait,
		RetryAfter: fetch.RetryAfter,
		OnFetch:    func(ctx context.Context, a refresh.Attempt[*list]) { l.report(ctx, uri, a) },
	}
}

// fetch requests the list at uri once, and checks everything in it. held is the list in use, or nil.
func (l *Lists) fetch(ctx context.Context, uri string, held *list) (got refresh.Fetched[*list], err error) {
	select {
	case l.fetches <- struct{}{}:
		defer func() { <-l.fetches }()
	case <-ctx.Done():
		return got, fmt.Errorf("waiting for other fetches: %w", ctx.Err())
	}
	resp, err := fetch.Get(ctx, uri, fetch.Options{
		Client: l.client, Header: http.Header{"Accept": {mediaType}}, MaxBytes: int64(l.cfg.maxResponseBytes()),
		Timeout: l.cfg.Timeout, AllowHTTP: l.cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return got, advised(err)
	}
	if isCWT(resp.Header) {
		return got, errors.New("the response is a list in the CWT format, which is not supported, expected " + mediaType)
	}
	got.Value, err = l.parse(ctx, uri, strings.TrimSpace(string(resp.Body)), held)
	if err != nil {
		return got, err
	}
	return l.lifetime(got.Value, resp.Header)
}

// isCWT reports whether the response is a list in the CWT format. No other Content-Type is rejected, because the list says in its
// signed header what it is.
func isCWT(header http.Header) bool {
	received, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return strings.HasSuffix(received, "+cwt")
}

// parse verifies and reads a list token. The list must not be older than held, which may be nil: otherwise its server
// could undo a revocation (section 8.3 of the draft).
func (l *Lists) parse(ctx context.Context, uri, raw string, held *list) (*list, error) {
	token, err := l.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, ownFields(err)
	}
	if token.Subject() != uri {
		return nil, errors.New("sub is not the URL of the list")
	}
	parsed := &list{issued: token.IssuedAt(), expires: token.Expiry()}
	// A list with the same iat is accepted: an issuer may serve the list that is in use.
	if held != nil && parsed.issued.Before(held.issued) {
		return nil, fmt.Errorf("iat is %s, older than that of the list in use, which is %s",
			parsed.issued.UTC().Format(time.RFC3339), held.issued.UTC().Format(time.RFC3339))
	}
	if err := parsed.parseTTL(token); err != nil {
		return nil, err
	}
	text, _ := token.ClaimJSON("status_list") // the profile requires it
	return parsed, parsed.parseStatuses(text, l.cfg.MaxListBytes)
}

// parseTTL reads the claim ttl, a positive number of seconds (section 5.1 of the draft).
func (l *list) parseTTL(token *consumer.Token) error {
	value, there := token.Claim("ttl")
	if !there {
		return nil
	}
	seconds, ok := value.(float64)
	if !ok || seconds <= 0 {
		return errors.New("ttl is not a positive number")
	}
	l.ttl = max(time.Duration(min(seconds, maxMaxTTL.Seconds())*float64(time.Second)), 1) // not zero, which means absent
	return nil
}

// lifetime adds to a list how long it is fresh, and how long it may be used. Its claims take precedence over the header of the response
// (section 8.2 of the draft). The list is never used after its `exp`, apart from the clock skew.
func (l *Lists) lifetime(parsed *list, header http.Header) (got refresh.Fetched[*list], err error) {
	got.Value = parsed
	life, ok := parsed.ttl, parsed.ttl > 0
	// Without ttl, use the header of the response. Without that, use the setting.
	if !ok {
		life, ok = fetch.Freshness(header, time.Now())
	}
	if !ok {
		life = l.cfg.RefreshInterval
	}
	life = min(max(life, l.cfg.MinTTL), l.cfg.MaxTTL)
	if !parsed.expires.IsZero() {
		life = min(life, parsed.expires.Add(l.skew).Sub(clock.Now().Time()))
	}
	if life < leastLife {
		return got, fmt.Errorf("exp is %s, less than %v from now", parsed.expires.UTC().Format(time.RFC3339), leastLife)
	}
	got.FreshFor, got.StaleFor = min(life, l.cfg.RefreshInterval), life
	return got, nil
}

// advised adds to err which field of Config to change.
func advised(err error) error {
	if _, large := errors.AsType[*fetch.TooLargeError](err); large {
		return fmt.Errorf("%w; if the list is that long, increase Config.MaxListBytes", err)
	}
	if _, slow := errors.AsType[*fetch.TimeoutError](err); slow {
		return fmt.Errorf("%w; if its server is slow, increase Config.Timeout", err)
	}
	if _, redirected := errors.AsType[*fetch.RedirectError](err); redirected {
		return fmt.Errorf("%w; the issuer must put the final URL into its tokens", err)
	}
	return err
}

// ownFields removes from the detail of an error the fields of consumer.Config that this package does not have.
func ownFields(err error) error {
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok {
		return err
	}
	own := *e
	for _, field := range []string{" (Config.Profile ", " (Config.MaxTokenBytes", " (Config.MaxHeaderBytes"} {
		if at := strings.LastIndex(own.Detail, field); at >= 0 {
			own.Detail = own.Detail[:at]
		}
	}
	return &own
}
