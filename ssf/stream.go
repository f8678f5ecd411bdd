package ssf

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// The delivery methods (SSF section 6.1).
const (
	DeliveryPush = "urn:ietf:rfc:8935" // the transmitter sends SETs to [Receiver.PushHandler]
	DeliveryPoll = "urn:ietf:rfc:8936" // [Receiver.Poll] fetches them
)

// Delivery says how a transmitter delivers SETs (SSF section 6.1).
type Delivery struct {
	// Method is [DeliveryPush] or [DeliveryPoll].
	Method string `json:"method"`

	// EndpointURL is the URL of the handler of [Receiver.PushHandler]. For DeliveryPoll, the transmitter chooses it: use it as
	// [PollConfig].Endpoint.
	EndpointURL string `json:"endpoint_url,omitempty"`

	// AuthorizationHeader is the value of the Authorization header that the transmitter sends with each SET: see
	// [PushConfig].Authorization. Only for DeliveryPush.
	AuthorizationHeader string `json:"authorization_header,omitempty"`
}

// Format implements [fmt.Formatter]. For every verb, it omits AuthorizationHeader.
func (d Delivery) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ssf.Delivery{%s %s}", d.Method, d.EndpointURL)
}

// LogValue implements [slog.LogValuer]. It omits AuthorizationHeader.
func (d Delivery) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// StreamSettings are the properties of a stream that the receiver chooses (SSF section 8.1.1).
type StreamSettings struct {
	// EventsRequested lists the types of events that the receiver can handle. The transmitter sends no others, apart from
	// events about the stream. Empty: the property is not sent.
	EventsRequested []string `json:"events_requested,omitempty"`

	// Delivery says how the SETs are delivered. Nil: the property is not sent, and a new stream has poll delivery.
	Delivery *Delivery `json:"delivery,omitempty"`

	// Description is a text for administrators. Empty: the property is not sent.
	Description string `json:"description,omitempty"`
}

// LogValue implements [slog.LogValuer]. It omits the AuthorizationHeader of Delivery.
func (s StreamSettings) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("events_requested", s.EventsRequested), slog.String("description", s.Description))
}

// Stream is the configuration of a stream (SSF section 8.1.1).
type Stream struct {
	StreamSettings

	// ID identifies the stream at the transmitter.
	ID string

	// Issuer is the `iss` of the SETs. It equals [TransmitterConfig].Issuer.
	Issuer string

	// Audience is the `aud` of the SETs. [Config].Audience must contain one of them.
	Audience []string

	// EventsSupported lists the types of events that the transmitter has, and EventsDelivered those that it sends on this
	// stream.
	EventsSupported, EventsDelivered []string

	// MinVerificationInterval is the shortest time between two calls of [Transmitter.RequestVerification]. Zero: unknown.
	MinVerificationInterval time.Duration

	// InactivityTimeout is the time without a request of the receiver after which the transmitter may stop the stream. Polls
	// count as requests, and so do those of all methods of [Transmitter] with the stream's ID. Zero: unknown.
	InactivityTimeout time.Duration
}

// LogValue implements [slog.LogValuer]. It omits the AuthorizationHeader of Delivery.
func (s Stream) LogValue() slog.Value {
	return slog.GroupValue(slog.String("stream_id", s.ID), slog.String("issuer", s.Issuer), slog.Any("audience", s.Audience),
		slog.Any("events_delivered", s.EventsDelivered))
}

// StreamStatus is the status of a stream (SSF section 8.1.2).
type StreamStatus struct {
	StreamID string `json:"stream_id"`

	// Status is [StatusEnabled], [StatusPaused] or [StatusDisabled].
	Status string `json:"status"`

	// Reason is a text for administrators. It may be empty.
	Reason string `json:"reason,omitempty"`
}

// The values of [StreamStatus].Status.
const (
	StatusEnabled  = "enabled"
	StatusPaused   = "paused"   // the transmitter keeps events for later, if it can
	StatusDisabled = "disabled" // events are lost
)

// parseStream reads the configuration of a stream. Its iss must be that of the transmitter (SSF section 8.1.1.1).
func (t *Transmitter) parseStream(o compact.Object) (*Stream, error) {
	var s Stream
	var verification, inactivity float64 // in seconds
	err := errors.Join(
		o.Decode(&s.StreamSettings), o.DecodeMember("stream_id", &s.ID), o.DecodeMember("iss", &s.Issuer),
		decodeAudience(o, &s.Audience), o.DecodeMember("events_supported", &s.EventsSupported),
		o.DecodeMember("events_delivered", &s.EventsDelivered), o.DecodeMember("min_verification_interval", &verification),
		o.DecodeMember("inactivity_timeout", &inactivity),
	)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ssf: stream: %w", err)
	case s.ID == "":
		return nil, errors.New("ssf: stream: stream_id is missing")
	case s.Issuer != t.cfg.Issuer:
		return nil, fmt.Errorf("ssf: stream: iss is %.200q, expected %q (TransmitterConfig.Issuer)", s.Issuer, t.cfg.Issuer)
	}
	s.MinVerificationInterval, s.InactivityTimeout = seconds(verification), seconds(inactivity)
	return &s, nil
}

// seconds returns a number of seconds as a Duration, at most longestTime. It returns zero for a negative number.
func seconds(n float64) time.Duration {
	return time.Duration(min(max(n, 0), longestTime.Seconds()) * float64(time.Second))
}

// decodeAudience reads aud, a string or a list of strings.
func decodeAudience(o compact.Object, to *[]string) error {
	v, _ := o.Get("aud")
	if text, ok := v.Text(); ok {
		*to = []string{text}
		return nil
	}
	return o.DecodeMember("aud", to)
}

// withID returns the JSON text of settings with the ID of a stream.
func (s StreamSettings) withID(id string) ([]byte, error) {
	return json.Marshal(struct {
		ID string `json:"stream_id"`
		StreamSettings
	}{id, s})
}
