package otelauth

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
)

const other = "other" // not one of the known values

const statusCallerGone = 499 // the status that a Guard reports for canceled requests; net/http has no name for it

// statusLabel returns 0, which is omitted, for an unknown status.
func statusLabel(status int) int {
	if status == statusCallerGone || http.StatusText(status) != "" {
		return status
	}
	return 0
}

// reasonLabel accepts the reasons of the kit only, because a custom Verifier may return any text.
func reasonLabel(reason consumer.Reason) string {
	switch reason {
	case "", consumer.ReasonMalformed, consumer.ReasonTooLarge, consumer.ReasonAlgorithm, consumer.ReasonCritical,
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

// isFault reports whether the token could not be verified, as opposed to being invalid. A canceled request is neither.
func isFault(reason consumer.Reason) bool {
	switch reason {
	case consumer.ReasonKeysUnavailable, consumer.ReasonStatusUnavailable, consumer.ReasonIntrospectionUnavailable,
		consumer.ReasonReplayUnavailable, consumer.ReasonInternal:
		return true
	default:
		return false
	}
}

// errorType returns the value of error.type for a reason. It is _OTHER, as the semantic conventions require, if the
// reason is not one of the kit.
func errorType(reason string) string {
	if reason == "" || reason == other {
		return semconv.ErrorTypeOther.Value.AsString()
	}
	return reason
}

// typeOfError returns the value of error.type for the error of a fetch: one of the most frequent causes, or _OTHER. It uses only the type
// of the error, never its text.
func typeOfError(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "canceled"
	// This case comes before those of the network, because errors of these types can be timeouts too.
	case isTimeout(err):
		return "timeout"
	case is[*net.DNSError](err):
		return "name_resolution"
	case is[*tls.CertificateVerificationError](err):
		return "certificate"
	case is[*net.OpError](err):
		return "connection"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// is reports whether err is or wraps an error of type T.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// isTimeout reports whether err is a timeout of the network or of a context.
func isTimeout(err error) bool {
	slow, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && slow.Timeout()
}

// causeLabel returns the cause of a fetch, if it is one of those of packages jwks and statuslist.
func causeLabel(cause string) string {
	switch cause {
	case "expired", "ahead", "forced", "requested", "restored":
		return cause
	}
	return other
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
		return ""
	case ssf.TypeSessionRevoked, ssf.TypeTokenClaimsChange, ssf.TypeCredentialChange, ssf.TypeAssuranceLevelChange,
		ssf.TypeAccountDisabled, ssf.TypeAccountEnabled, ssf.TypeAccountPurged, ssf.TypeIdentifierChanged,
		ssf.TypeSessionsRevoked, ssf.TypeVerification, ssf.TypeStreamUpdated:
		return path.Base(typ)
	}
	return other
}

// resultLabel returns the outcome of a fetch.
func resultLabel(r jwks.Refresh) string {
	switch {
	case r.Err != nil:
		return "failed"
	case r.NotModified:
		return "unchanged"
	}
	return "ok"
}

// faultLabel returns the cause for which a key is unusable, if it is one of those of package jwks.
func faultLabel(fault jwks.Fault) string {
	switch fault {
	case jwks.FaultMalformed, jwks.FaultType, jwks.FaultUse, jwks.FaultAlgorithm, jwks.FaultWeak, jwks.FaultPrivate,
		jwks.FaultSymmetric, jwks.FaultDuplicate, jwks.FaultTooMany:
		return string(fault)
	}
	return other
}

// server returns host and port of a URL. User name, path and query may contain a secret and are omitted.
func (t *Telemetry) server(text string) (address string, port int) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || t.servers.label(u.Host) == other {
		return other, 0
	}
	if port, err = strconv.Atoi(u.Port()); err == nil { // otherwise the default port of the scheme
		return u.Hostname(), port
	}
	if u.Scheme == "http" {
		return u.Hostname(), 80
	}
	// Every other URL of a key set has the scheme https.
	return u.Hostname(), 443
}

const maxText = 64 // bytes

// cut shortens text to maxText.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	const mark = "…"
	return strings.ToValidUTF8(text[:maxText-len(mark)], "") + mark
}
