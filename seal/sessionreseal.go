package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ResealedSessions counts the rows that [Sessions.Reseal] has read.
type ResealedSessions struct {
	Current    int // were sealed with the first key already
	Resealed   int // were sealed again
	Changed    int // were changed or deleted while Reseal ran, so that replace returned false
	Plaintext  int // are not sealed until their sessions are written next (SessionsConfig.InsecureAcceptPlaintext)
	Unreadable int // cannot be opened; SessionsConfig.OnUnreadable was called for them
}

// Reseal seals all rows again that were sealed with an older key, so that you can remove that key. If you do not call Reseal, wait
// until all sessions that were sealed with the key have expired.
//
// replace must write the new value to the row if the row still has the old one, in one operation of the database, and report
// whether it did. Session stores do not have such a method, and a write without the condition could undo a logout or restore an
// old refresh token. For the SQL stores of scs, the operation is
//
//	UPDATE sessions SET data = $1, expiry = expiry WHERE token = $2 AND data = $3
//
// replace must not change when the row expires. Otherwise users are signed out, and records of logouts end too early. The
// assignment expiry = expiry is for some versions of MySQL and MariaDB, which set the first TIMESTAMP column at each UPDATE that
// does not name it.
//
// Reseal reads all rows into memory, as the method All of the store does. It stops at an error of the store, of the Sealer or
// of replace, and when ctx ends. Rows that were sealed again remain so, and Reseal can be called again. Call it again if Changed
// is not zero. Rows that are counted as Unreadable do not exist for the application, whether the old key is removed or not.
func (s *Sessions) Reseal(ctx context.Context, replace func(ctx context.Context, row string, older, newer []byte) (bool, error)) (ResealedSessions, error) {
	var count ResealedSessions
	stored, err := s.readAll(ctx)
	if err != nil {
		return count, err
	}
	for row, older := range stored {
		if err := ctx.Err(); err != nil {
			return count, err
		}
		newer, err := s.reseal(ctx, row, older)
		switch {
		case errors.Is(err, errPlaintext):
			count.Plaintext++
			continue
		case errors.Is(err, errUnreadable):
			count.Unreadable++
			continue
		case err != nil:
			return count, err
		case bytes.Equal(newer, older):
			count.Current++
			continue
		}
		replaced, err := replace(ctx, row, older, newer)
		if err != nil {
			return count, fmt.Errorf("seal: replacing a session: %w", err)
		}
		if replaced {
			count.Resealed++
		} else {
			count.Changed++
		}
	}
	return count, nil
}

// The results of [Sessions.reseal] for rows that remain as they are.
var (
	errPlaintext  = errors.New("seal: the session is not sealed") // and SessionsConfig accepts that
	errUnreadable = errors.New("seal: the session cannot be opened")
)

// reseal returns the value of a row, sealed with the first key. If it was sealed with that key already, reseal returns it as it is,
// and does not verify it.
func (s *Sessions) reseal(ctx context.Context, row string, older []byte) ([]byte, error) {
	if !s.cfg.Sealer.NeedsReseal(older) {
		return older, nil
	}
	found, err := s.open(ctx, row, older)
	switch {
	case err != nil && isLost(err):
		return nil, errUnreadable
	case err != nil:
		return nil, err
	case found.plain:
		return nil, errPlaintext
	}
	newer, err := s.cfg.Sealer.Seal(ctx, found.encode(), sessionBinding(row))
	if err != nil {
		return nil, fmt.Errorf("seal: session: %w", err)
	}
	return newer, nil
}
