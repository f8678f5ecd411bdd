package prom

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
)

const (
	fine  = "ok"    // no fault
	other = "other" // not one of the known values
)

const statusCallerGone = 499 // the status that a Guard reports for canceled requests; net/http has no name for it

// statusLabel returns the number of a known status as text. A DenyHandler or a Check may choose any number, so all
// others are "other".
func statusLabel(status int) string {
	if status == statusCallerGone || http.StatusText(status) != "" {
		return strconv.Itoa(status)
	}
	return other
}

// reasonLabel accepts the reasons of the kit only, because a custom Verifier may return any text.
func reasonLabel(reason consumer.Reason) string {
	switch reason {
	case "":
		return fine
	case consumer.ReasonMalformed, consumer.ReasonTooLarge, consumer.ReasonAlgorithm, consumer.ReasonCritical,
		consumer.ReasonType, consumer.ReasonIssuer, consumer.ReasonUnknownKey, consumer.ReasonSignature,
		consumer.ReasonClaims, consumer.ReasonAudience, consumer.ReasonExpired, consumer.ReasonNotYetValid,
		consumer.ReasonIssuedInFuture, consumer.ReasonRevoked, consumer.ReasonInactive, consumer.ReasonBinding,
		consumer.ReasonProof, consumer.ReasonNonce,
		consumer.ReasonKeysUnavailable, consumer.ReasonStatusUnavailable, consumer.ReasonIntrospectionUnavailable,
		consumer.ReasonReplayUnavailable, consumer.ReasonCanceled, consumer.ReasonInternal,
		consumer.ReasonNoToken, consumer.ReasonInvalidRequest, consumer.ReasonScope, consumer.ReasonAuthorizationDetails,
		consumer.ReasonStepUp, consumer.ReasonPolicy:
		return string(reason)
	}
	return other
}

const causeRestored = "restored"

// causeLabel returns the cause of a fetch, if it is one of those of packages jwks and statuslist.
func causeLabel(cause string) string {
	switch cause {
	case "expired", "ahead", "forced", "requested", causeRestored:
		return cause
	}
	return other
}

// resultLabel returns whether a fetch failed, found a new key set, or confirmed the old one.
func resultLabel(r jwks.Refresh) string {
	switch {
	case r.Err != nil:
		return "failed"
	case r.NotModified:
		return "unchanged"
	}
	return fine
}

// checkLabel returns the result of a status check. It distinguishes errors of the store from canceled requests, so that clients cannot
// trigger alerts by canceling requests.
func checkLabel(ctx context.Context, c consumer.StatusCheck) string {
	switch {
	case c.Err != nil && errors.Is(ctx.Err(), context.Canceled):
		return "canceled"
	case c.Err != nil:
		return "unavailable"
	case c.Active:
		return "active"
	}
	return "inactive"
}

// introspectionLabel returns the result of an introspection, with the same values as checkLabel.
func introspectionLabel(reason consumer.Reason) string {
	switch reason {
	case "":
		return "active"
	case consumer.ReasonIntrospectionUnavailable, consumer.ReasonStatusUnavailable, consumer.ReasonKeysUnavailable,
		consumer.ReasonReplayUnavailable, consumer.ReasonInternal:
		return "unavailable"
	case consumer.ReasonCanceled:
		return "canceled"
	default:
		return "inactive"
	}
}

// outcomeLabel returns an outcome of package ssf.
func outcomeLabel(outcome ssf.Outcome) string {
	switch outcome {
	case ssf.OutcomeDenied, ssf.OutcomeNoted, ssf.OutcomeDuplicate, ssf.OutcomeUnknown, ssf.OutcomeUnmapped,
		ssf.OutcomeRejected, ssf.OutcomeFailed:
		return string(outcome)
	}
	return other
}

// eventLabel returns the name of a known event type: the last segment of its URI. The transmitter chooses the type, so all
// others are "other". An event that could not be read has no type.
func eventLabel(typ string) string {
	switch typ {
	case "":
		return "none"
	case ssf.TypeSessionRevoked, ssf.TypeTokenClaimsChange, ssf.TypeCredentialChange, ssf.TypeAssuranceLevelChange,
		ssf.TypeAccountDisabled, ssf.TypeAccountEnabled, ssf.TypeAccountPurged, ssf.TypeIdentifierChanged,
		ssf.TypeSessionsRevoked, ssf.TypeVerification, ssf.TypeStreamUpdated:
		return path.Base(typ)
	}
	return other
}

// faultLabels returns all causes for which a key is unusable.
func faultLabels() []string {
	return []string{
		string(jwks.FaultMalformed), string(jwks.FaultType), string(jwks.FaultUse), string(jwks.FaultAlgorithm),
		string(jwks.FaultWeak), string(jwks.FaultPrivate), string(jwks.FaultSymmetric), string(jwks.FaultDuplicate),
		string(jwks.FaultTooMany), other,
	}
}

// faultLabel returns the cause for which a key is unusable, if it is known.
func faultLabel(fault jwks.Fault) string {
	if slices.Contains(faultLabels(), string(fault)) {
		return string(fault)
	}
	return other
}

// urlLabel removes the user name and the query, which may contain a secret.
func urlLabel(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return other
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
