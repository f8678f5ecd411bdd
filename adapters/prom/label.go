package prom

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

const (
	fine  = "ok"    // nothing was wrong
	other = "other" // none of the known values
)

const statusCallerGone = 499 // what a Guard calls it, for the list of statuses has no name for it

func statusLabel(status int) string {
	if status == statusCallerGone || http.StatusText(status) != "" {
		return strconv.Itoa(status)
	}
	return other
}

// reasonLabel knows the kit's own reasons. One's own Verifier may come up with any text.
func reasonLabel(reason consumer.Reason) string {
	switch reason {
	case "":
		return fine
	case consumer.ReasonMalformed, consumer.ReasonTooLarge, consumer.ReasonAlgorithm, consumer.ReasonCritical,
		consumer.ReasonType, consumer.ReasonIssuer, consumer.ReasonUnknownKey, consumer.ReasonSignature,
		consumer.ReasonClaims, consumer.ReasonAudience, consumer.ReasonExpired, consumer.ReasonNotYetValid,
		consumer.ReasonIssuedInFuture, consumer.ReasonRevoked, consumer.ReasonInactive, consumer.ReasonBinding,
		consumer.ReasonKeysUnavailable, consumer.ReasonStatusUnavailable, consumer.ReasonIntrospectionUnavailable,
		consumer.ReasonCanceled, consumer.ReasonInternal,
		consumer.ReasonNoToken, consumer.ReasonInvalidRequest, consumer.ReasonScope, consumer.ReasonPolicy:
		return string(reason)
	}
	return other
}

const causeRestored = "restored"

func causeLabel(cause string) string {
	switch cause {
	case "expired", "ahead", "forced", "requested", causeRestored:
		return cause
	}
	return other
}

func resultLabel(r jwks.Refresh) string {
	switch {
	case r.Err != nil:
		return "failed"
	case r.NotModified:
		return "unchanged"
	}
	return fine
}

// answerLabel does not hold it against the store if the caller did not wait: anybody could make an alert of that.
func answerLabel(ctx context.Context, c consumer.StatusCheck) string {
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

// faultLabels are what can be wrong with a key.
func faultLabels() []string {
	return []string{
		string(jwks.FaultMalformed), string(jwks.FaultType), string(jwks.FaultUse), string(jwks.FaultAlgorithm),
		string(jwks.FaultWeak), string(jwks.FaultPrivate), string(jwks.FaultSymmetric), string(jwks.FaultDuplicate),
		string(jwks.FaultTooMany), other,
	}
}

func faultLabel(fault jwks.Fault) string {
	if slices.Contains(faultLabels(), string(fault)) {
		return string(fault)
	}
	return other
}

// urlLabel leaves out the user name and the query, which may hold a secret.
func urlLabel(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return other
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
