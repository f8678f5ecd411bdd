package ssf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Outcome is the result of receiving an event. The set of outcomes is small and fixed, so an Outcome can be a metric label.
type Outcome string

// The outcomes. After OutcomeRejected, the transmitter does not deliver the SET again. After OutcomeFailed, it does. After all other
// outcomes, the SET is acknowledged.
const (
	OutcomeDenied    Outcome = "denied"    // entries of the deny list were saved
	OutcomeNoted     Outcome = "noted"     // the event denies no tokens, by its type or by Config.Effect
	OutcomeDuplicate Outcome = "duplicate" // the SET was received before
	OutcomeUnknown   Outcome = "unknown"   // this package does not know the type of the event, and it denies no tokens
	OutcomeUnmapped  Outcome = "unmapped"  // the event should deny tokens, but its subject has no name that tokens certainly carry
	OutcomeRejected  Outcome = "rejected"  // the SET is not acceptable
	OutcomeFailed    Outcome = "failed"    // the SET was not verified, or its events have not all taken effect
)

// Reception describes the receipt of one event, for [Config].OnReceived.
type Reception struct {
	// Issuer is Config.Issuer of the Receiver. It can be a metric label, also if the SET could not be read.
	Issuer string

	// Event is the event. It is the zero Event if the SET could not be read.
	Event Event

	// Outcome is the result for the event.
	Outcome Outcome

	// Err is the error of [Receiver.Receive]. It is nil unless the Outcome is OutcomeRejected or OutcomeFailed.
	Err error

	// Duration is the time from the arrival of the SET to the Outcome.
	Duration time.Duration
}

// outcomeOf returns the outcome of an error.
func outcomeOf(err error) Outcome {
	if _, ok := errors.AsType[*Error](err); ok {
		return OutcomeRejected
	}
	return OutcomeFailed
}

// report counts and logs the outcome of an event, and calls Config.OnReceived.
func (r *Receiver) report(ctx context.Context, reception Reception) {
	reception.Issuer = r.cfg.Issuer
	r.counters.of(reception.Outcome).Add(1)
	if reception.Err == nil {
		now := time.Now()
		r.counters.lastAccepted.Store(&now)
	}
	r.log(ctx, reception)
	if r.cfg.OnReceived != nil {
		r.cfg.OnReceived(ctx, reception)
	}
}

// log logs the outcome of an event. It logs no subject.
func (r *Receiver) log(ctx context.Context, reception Reception) {
	event := reception.Event
	level, detail := slog.LevelDebug, ""
	switch {
	case reception.Outcome == OutcomeUnmapped:
		level, detail = slog.LevelWarn, "the event may not deny its tokens, because they may carry no name of its subject (Config.MapSubject, Config.SessionClaim)"
	case reception.Outcome == OutcomeUnknown:
		level, detail = slog.LevelInfo, "the type of the event is not known"
	case reception.Err != nil:
		level, detail = slog.LevelWarn, logText(reception.Err)
	case event.Type == TypeStreamUpdated:
		level, detail = slog.LevelWarn, fmt.Sprintf("the transmitter has changed the status of the stream to %.100q", event.text("status"))
	}
	r.cfg.Logger.LogAttrs(ctx, level, "ssf: a SET was received", slog.String("issuer", r.cfg.Issuer),
		slog.String("outcome", string(reception.Outcome)), slog.String("event", event.Type), slog.String("jti", event.ID),
		slog.String("format", event.Subject.Format), slog.String("detail", detail))
}

// logText returns the text of an error of Receive for the log. The text of a rejected SET has only the parts that package consumer
// allows in logs.
func logText(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		text := e.Code + ": " + e.Detail
		if cause, ok := errors.AsType[*consumer.Error](e.Err); ok {
			text += string(cause.Reason) + ": " + cause.LogDetail()
		}
		return text
	}
	return err.Error()
}
