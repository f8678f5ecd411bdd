package ssf

import (
	"context"
	"crypto/rand"
	"time"
)

const (
	expectedFor = time.Hour   // how long the state of a requested verification is accepted
	checkEvery  = time.Second // the pause between two look-ups while VerifyStream waits
)

// VerifyStream requests a verification event on a stream, and waits until it has arrived (SSF section 8.1.4). The event may arrive in
// any process with the same Storage. It returns nil if the event has arrived, and otherwise an error of [Transmitter.RequestVerification],
// of Config.Storage, or one that matches ctx.Err(). Pass a ctx with a deadline. [Receiver.Poll] or the handler of
// [Receiver.PushHandler] must be running.
func (r *Receiver) VerifyStream(ctx context.Context, t *Transmitter, streamID string) error {
	state := rand.Text()
	// Save the state first: the event may arrive before the transmitter responds, and in another process.
	if err := r.save(ctx, keyOf(prefixExpected, r.cfg.Issuer, state), expectedFor); err != nil {
		return err
	}
	if err := t.RequestVerification(ctx, streamID, state); err != nil {
		return err
	}
	ticks := time.NewTicker(checkEvery)
	defer ticks.Stop()
	for {
		arrived, err := r.has(ctx, keyOf(prefixVerified, r.cfg.Issuer, state))
		if err != nil || arrived {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return unavailable("the verification event has not arrived", ctx.Err())
		}
	}
}

// checkState checks the state of a verification event. An event without state was sent by the transmitter on its own. Any other
// state must be one that VerifyStream has sent within the last hour.
func (r *Receiver) checkState(ctx context.Context, event Event) error {
	v, there := event.payload.Get("state")
	if event.Type != TypeVerification || !there {
		return nil
	}
	state, _ := v.Text()
	expected, err := r.has(ctx, keyOf(prefixExpected, r.cfg.Issuer, state))
	switch {
	case err != nil:
		return err
	case !expected:
		return reject(errorState, "the state of a verification event is not one of Receiver.VerifyStream", nil)
	}
	return r.save(ctx, keyOf(prefixVerified, r.cfg.Issuer, state), expectedFor)
}
