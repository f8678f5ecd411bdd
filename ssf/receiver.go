package ssf

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
)

// Receiver receives the SETs of one transmitter. Make one with [New]; the zero Receiver cannot be used. It is safe for concurrent
// use. For several transmitters, make a Receiver for each. They can share a Storage.
type Receiver struct {
	cfg      Config
	verifier *consumer.Consumer
	denier   denier
	flights  flights
	counters counters
}

// New returns a Receiver for cfg. If cfg has faults, the error joins all of them, and each names its field. New fetches nothing
// and starts no goroutine.
func New(cfg Config) (*Receiver, error) {
	fault := cfg.validate()
	cfg = cfg.withDefaults()
	verifier, err := newVerifier(cfg)
	if err := errors.Join(fault, err); err != nil {
		return nil, err
	}
	return &Receiver{
		cfg: cfg, verifier: verifier, flights: flights{busy: make(map[string]chan struct{})},
		denier: denier{
			list: store.DenyList{Storage: cfg.Storage}, lifetime: cfg.TokenLifetime, sessionClaim: cfg.SessionClaim,
		},
	}, nil
}

// Warm fetches the transmitter's keys, unless they are cached. It returns nil if SETs can be verified.
func (r *Receiver) Warm(ctx context.Context) error { return r.verifier.Warm(ctx) }

// Receive verifies a SET and lets its events take effect. [Receiver.PushHandler] and [Receiver.Poll] call it. Call it yourself for
// a SET that arrived in another way.
//
// Receive returns nil if the events have taken effect, now or before. Then the SET can be acknowledged. A *[Error] means that the
// SET is not acceptable, and will not be acceptable later. After any other error, the SET must be delivered again: the keys, the Storage,
// Config.MapSubject or Config.OnEvent have failed, or ctx has ended.
func (r *Receiver) Receive(ctx context.Context, set string) error {
	return r.receive(ctx, set, func(string) bool { return true })
}

// receive is Receive for a SET whose jti must be one that hasID accepts.
func (r *Receiver) receive(ctx context.Context, set string, hasID func(string) bool) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	events, err := r.read(ctx, set)
	if err == nil && !hasID(events[0].ID) {
		err = reject(errorRequest, "the SET is delivered under a name that is not its jti", nil)
	}
	if err != nil {
		r.report(ctx, Reception{Outcome: outcomeOf(err), Err: err, Duration: time.Since(start)})
		return err
	}
	receptions, err := r.once(ctx, events)
	if err != nil {
		receptions = failedReceptions(events, err)
	}
	for _, reception := range receptions {
		reception.Duration = time.Since(start)
		r.report(ctx, reception)
	}
	return err
}

// once applies the events of one SET and records it, unless the SET was received before. The same SET is handled by one call at a time,
// so that no event takes effect twice in this process.
func (r *Receiver) once(ctx context.Context, events []Event) ([]Reception, error) {
	key := recordKey(events[0].Issuer, events[0].ID)
	release, err := r.flights.enter(ctx, key)
	if err != nil {
		return nil, unavailable("another delivery of the SET is being handled", err)
	}
	defer release()
	received, err := r.has(ctx, key)
	if err != nil {
		return nil, err
	}
	// A SET that was received before has the same number of receptions, so that metrics count each of its events as a duplicate.
	receptions := make([]Reception, 0, len(events))
	for _, event := range events {
		reception := Reception{Event: event, Outcome: OutcomeDuplicate}
		if !received {
			if reception, err = r.handle(ctx, event); err != nil {
				return nil, err
			}
		}
		receptions = append(receptions, reception)
	}
	if received {
		return receptions, nil
	}
	return receptions, r.save(ctx, key, r.cfg.RememberFor)
}

// failedReceptions returns a Reception for each event of a SET that was not applied completely. All events of a SET fail together,
// because the transmitter can only deliver the whole SET again.
func failedReceptions(events []Event, err error) []Reception {
	receptions := make([]Reception, len(events))
	for i, event := range events {
		receptions[i] = Reception{Event: event, Outcome: outcomeOf(err), Err: err}
	}
	return receptions
}

// handle applies one event: it saves the entries of the deny list, and calls Config.OnEvent. It does not record the SET.
func (r *Receiver) handle(ctx context.Context, event Event) (Reception, error) {
	if err := r.checkState(ctx, event); err != nil {
		return Reception{}, err
	}
	event.Effect = r.cfg.Effect(event)
	covered, err := r.denyTokens(ctx, &event)
	if err != nil {
		return Reception{}, err
	}
	if r.cfg.OnEvent != nil {
		if err := r.cfg.OnEvent(ctx, event); err != nil {
			return Reception{}, unavailable("Config.OnEvent returned an error", err)
		}
	}
	// An event of an unknown type may deny tokens too, if Config.Effect says so.
	outcome := OutcomeNoted
	switch {
	case event.Effect != EffectNone && covered:
		outcome = OutcomeDenied
	case event.Effect != EffectNone:
		outcome = OutcomeUnmapped
	case !isKnown(event.Type):
		outcome = OutcomeUnknown
	}
	return Reception{Event: event, Outcome: outcome}, nil
}

// flights serializes the calls that handle the same SET.
type flights struct {
	mu   sync.Mutex               // guards busy
	busy map[string]chan struct{} // by key of the record; closed when the call ends
}

// enter waits until no other call handles the SET with that key. The caller must call release.
func (f *flights) enter(ctx context.Context, key string) (release func(), err error) {
	for {
		f.mu.Lock()
		other, busy := f.busy[key]
		if !busy {
			done := make(chan struct{})
			f.busy[key] = done
			f.mu.Unlock()
			return func() { f.leave(key, done) }, nil
		}
		f.mu.Unlock()
		select {
		case <-other: // several calls may have waited, and one of them enters next
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// leave ends the handling of a SET. All calls that wait for it try to enter again.
func (f *flights) leave(key string, done chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, key)
	close(done)
}
