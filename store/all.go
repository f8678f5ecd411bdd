package store

import "context"

// Status is what consumer.TokenStatus is.
type Status interface {
	Active(ctx context.Context, token Token) (bool, error)
}

// All is the status of tokens that are good if each of several says so. It asks them in turn, and the first no is its
// answer. It goes on after an error, since a later no is certain: a token that is known to be revoked is refused for that
// (401) rather than for an outage (503), which would have the client try it again. Without a no the first error counts.
// Without anybody to ask nothing is good.
func All(statuses ...Status) Status { return all(append([]Status(nil), statuses...)) }

type all []Status

// Active implements Status.
func (statuses all) Active(ctx context.Context, token Token) (bool, error) {
	var fault error
	for _, status := range statuses {
		active, err := status.Active(ctx, token)
		switch {
		case err == nil && !active:
			return false, nil
		case err != nil && fault == nil:
			fault = err
		}
	}
	return fault == nil && len(statuses) > 0, fault
}
