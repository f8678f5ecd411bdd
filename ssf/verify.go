package ssf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/profile"
)

const (
	maxSETBytes    = 64 << 10
	maxHeaderBytes = 8 << 10 // of a SET; some transmitters add a chain of certificates
	maxEvents      = 8       // of a SET
)

// profileEvent is the profile of SETs (SSF section 4.1, RFC 8417 section 2.2). It is not for an API, so package consumer does not
// offer it. A SET must have the type secevent+jwt, so no other token of the issuer is accepted as a SET. Profiles of access tokens
// do not accept that type, and reject tokens with the claim events.
//
// The profile accepts SETs without exp, because SSF forbids that claim. A SET with exp is rejected afterwards.
var profileEvent = consumer.Profile(profile.New(profile.Rules{ //nolint:gochecknoglobals // a value that is not changed
	Name: "security-event", Types: []string{"secevent+jwt"}, RequiredClaims: []string{"iat", "jti", "events"},
	OptionalClaims: []string{"exp"}, Events: true,
}))

// newVerifier returns the Consumer that verifies SETs. It has no cache, because each SET is used once. A SET may be issued up to
// maxClockSkew in the future: if it were rejected because of its clock, its event would be lost. This also bounds the times of events.
func newVerifier(cfg Config) (*consumer.Consumer, error) {
	metadataURL := cfg.MetadataURL
	if metadataURL == "" && cfg.Keys == nil && cfg.Issuer != "" {
		at, err := wellKnown(cfg.Issuer, cfg.InsecureAllowHTTP)
		if err != nil {
			return nil, fmt.Errorf("ssf: Config.Issuer: %w", err)
		}
		metadataURL = at
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Profile: profileEvent, Algorithms: cfg.Algorithms, Keys: cfg.Keys,
		MetadataURL: metadataURL, HTTPClient: cfg.HTTPClient, ClockSkew: maxClockSkew, CacheSize: -1, MaxTokenBytes: maxSETBytes,
		MaxHeaderBytes: maxHeaderBytes, Logger: cfg.Logger, PublicAddressesOnly: cfg.PublicAddressesOnly,
		InsecureAllowHTTP: cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return nil, fmt.Errorf("ssf: %w", err)
	}
	return verifier, nil
}

// read verifies a SET and returns its events, at least one. The error is a *Error if the SET is not acceptable.
func (r *Receiver) read(ctx context.Context, set string) ([]Event, error) {
	start := time.Now()
	token, err := r.verifier.Verify(ctx, set)
	switch {
	case errors.Is(err, consumer.ErrInvalidToken) && !isEarly(err) && !r.mayHaveNewKey(err, start):
		return nil, rejectedBy(err)
	case err != nil:
		return nil, unavailable("the SET cannot be verified", err)
	}
	return eventsOf(token)
}

// mayHaveNewKey reports whether no key verifies the SET, and the key set was last read before the SET arrived. The limits on requests
// may have prevented a new one, or it has failed. The transmitter may have published a new key in the meantime, so the SET must not be
// rejected for good. It is verified again when it is delivered again.
func (r *Receiver) mayHaveNewKey(err error, arrived time.Time) bool {
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok || e.Reason != consumer.ReasonUnknownKey && e.Reason != consumer.ReasonSignature {
		return false
	}
	read := r.verifier.Health().Keys.LastSuccess // zero for keys that are not fetched
	return !read.IsZero() && read.Before(arrived)
}

// isEarly reports whether the only fault found is that `iat` or `nbf` is in the future. The clock of this machine may be wrong, for
// example after a start, so the SET must not be rejected permanently. Its signature was verified before.
func isEarly(err error) bool {
	e, ok := errors.AsType[*consumer.Error](err)
	return ok && (e.Reason == consumer.ReasonIssuedInFuture || e.Reason == consumer.ReasonNotYetValid)
}

// claims are the claims of a SET that are not in consumer.Token.
type claims struct {
	Events        map[string]json.RawMessage `json:"events"`
	SubjectID     json.RawMessage            `json:"sub_id"`
	Occurred      json.RawMessage            `json:"toe"`
	TransactionID json.RawMessage            `json:"txn"`
}

// eventsOf returns the events of a verified SET, sorted by type.
//
// SSF section 4.2.1 allows several events only if their types are names of the same event, and RFC 8417 section 2.2 only if they
// are about the same occurrence. All of them take effect, because an event that is ignored could be the one that revokes tokens.
func eventsOf(token *consumer.Token) ([]Event, error) {
	if !token.Expiry().IsZero() {
		return nil, reject(errorRequest, "the SET has exp, expected none (SSF section 4.1.7)", nil)
	}
	var c claims
	if err := token.Decode(&c); err != nil {
		return nil, reject(errorRequest, "events is not an object", err)
	}
	if len(c.Events) == 0 || len(c.Events) > maxEvents {
		return nil, reject(errorRequest, fmt.Sprintf("events has %d members, expected 1 to %d", len(c.Events), maxEvents), nil)
	}
	events := make([]Event, 0, len(c.Events))
	for name, payload := range c.Events {
		event, err := c.event(token, name, payload)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Type, b.Type) })
	return events, nil
}
