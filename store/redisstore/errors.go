package redisstore

import (
	"context"
	"errors"
	"fmt"
)

// ErrClock means that the clocks of Redis and of this process differ by more than Config.ClockSkew. [Store.Mark] and
// [Store.Save] return it.
var ErrClock = errors.New("redisstore: the clocks of Redis and of this process differ by more than Config.ClockSkew")

// forgotten is the error for a proof that may have been used before Redis lost its marks.
type forgotten struct{}

func (forgotten) Error() string {
	return "redisstore: Redis has restarted, was emptied, or another server has taken over, so an earlier use of the proof may be forgotten"
}

// Forgotten distinguishes this error from all others.
func (forgotten) Forgotten() bool { return true }

// failed returns err with the operation. A deadline that s has set is not an error of the caller's context.
func failed(ctx context.Context, operation string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("redisstore: %s: no response within Config.Timeout: %w", operation, err)
	}
	return fmt.Errorf("redisstore: %s: %w", operation, err)
}
