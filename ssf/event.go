package ssf

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	maxDepth     = 16   // levels of nested JSON in an event; package consumer has the same limit for a SET
	maxTypeBytes = 1000 // of the name of an event type
	maxIDBytes   = 1000 // of `jti`

	firstTime = 315532800    // the year 1980
	lastTime  = 253402300800 // the first second after the year 9999
)

// Event is one event of a verified SET.
type Event struct {
	// Type is the URI of the event type, such as [TypeSessionRevoked].
	Type string

	// ID is the `jti` of the SET. It is unique among the SETs of the Issuer. If a SET has several events, all have the same ID.
	ID string

	// Issuer is the `iss` of the SET, the transmitter.
	Issuer string

	// TransactionID is `txn`, which is the same in all SETs with the same cause. It may be empty.
	TransactionID string

	// Subject is what the event is about: `sub_id` of the SET (SSF section 3.1), or `subject` of the event, or `sub` of the SET
	// as a Subject of the format iss_sub.
	Subject Subject

	// Time is when the event occurred: `event_timestamp` of the event (CAEP section 2), or `toe` of the SET (RFC 8417 section
	// 2.2), or IssuedAt, or the arrival of the SET if IssuedAt is before 1980. It may be in the future: see Config.ClockSkew.
	Time time.Time

	// IssuedAt is the `iat` of the SET, by the clock of the transmitter. It is at most 5 minutes in the future.
	IssuedAt time.Time

	// Effect is what the event denies. It is EffectNone in the argument of Config.Effect.
	Effect Effect

	// Targets are the names whose tokens were denied. It is empty in the argument of Config.Effect.
	Targets []Target

	payload compact.Object
}

// Decode decodes the event, which is the value of its type in `events`, into v, a pointer as for [encoding/json.Unmarshal]. Use it
// to read members such as reason_admin. Names are compared byte for byte. It returns an error for the zero Event.
func (e Event) Decode(v any) error {
	if err := e.payload.Decode(v); err != nil {
		return fmt.Errorf("ssf: %w", err)
	}
	return nil
}

// Format implements [fmt.Formatter]. For every verb, it omits the subject and the content of the event.
func (e Event) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "ssf.Event{%s %s}", e.Type, e.ID) }

// LogValue implements [slog.LogValuer]. It omits the subject and the content of the event.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(slog.String("type", e.Type), slog.String("jti", e.ID), slog.String("issuer", e.Issuer))
}

// text returns a member of the event that is a string, or "".
func (e Event) text(name string) string {
	v, _ := e.payload.Get(name)
	text, _ := v.Text()
	return text
}

// event returns the event with the given type. token is the SET with these claims.
func (c claims) event(token *consumer.Token, name string, payload json.RawMessage) (Event, error) {
	if len(name) > maxTypeBytes || len(token.ID()) > maxIDBytes {
		return Event{}, reject(errorRequest, fmt.Sprintf("the type of an event or jti has more than %d bytes", maxTypeBytes), nil)
	}
	content, _, err := compact.ParseClaims(string(payload), maxDepth)
	if err != nil {
		return Event{}, reject(errorRequest, "an event is not an object", err)
	}
	event := Event{Type: name, ID: token.ID(), Issuer: token.Issuer(), IssuedAt: token.IssuedAt(), payload: content}
	_ = json.Unmarshal(c.TransactionID, &event.TransactionID) // stays empty if it is not a string
	if event.Subject, err = c.subject(token, content); err != nil {
		return Event{}, err
	}
	event.Time = token.IssuedAt()
	if event.Time.Unix() < firstTime {
		event.Time = time.Now() // with iat, the event would deny no token, although the SET is acknowledged
	}
	stated, _ := content.Get("event_timestamp")
	seconds, ok := stated.Number()
	if !ok {
		ok = json.Unmarshal(c.Occurred, &seconds) == nil
	}
	// A time that is out of range, such as one in milliseconds or in days, is not used: the event must still take effect.
	if ok && seconds >= firstTime && seconds < lastTime {
		whole, fraction := math.Modf(seconds)
		event.Time = time.Unix(int64(whole), int64(fraction*float64(time.Second)))
	}
	return event, nil
}

// subject returns the subject of an event with the given content.
func (c claims) subject(token *consumer.Token, content compact.Object) (Subject, error) {
	inEvent, there := content.Get("subject")
	switch {
	case len(c.SubjectID) > 0 && token.Subject() != "":
		return Subject{}, reject(errorRequest, "the SET has sub and sub_id, expected only sub_id (SSF section 4.1.2)", nil)
	case len(c.SubjectID) > 0:
		return parseSubject(string(c.SubjectID))
	case there:
		return parseSubject(inEvent.Raw())
	case token.Subject() != "":
		return IssuerSubject(token.Issuer(), token.Subject()), nil
	}
	return Subject{}, reject(errorRequest, "the subject is missing, expected it in sub_id", nil)
}
