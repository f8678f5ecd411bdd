package seal

import "context"

// Sealer encrypts values. [Keyring] implements it with keys in memory. Implement it yourself to use a key management service
// for each value. Implementations must be safe for concurrent use.
//
// If the service only encrypts keys, implement nothing: let it decrypt the keys when the program starts, and pass them to
// [New].
type Sealer interface {
	// Seal encrypts plaintext and authenticates binding, which is not part of the result. plaintext may be empty. The result
	// must not contain a part of plaintext, and Seal must not keep or change its arguments.
	Seal(ctx context.Context, plaintext, binding []byte) (sealed []byte, err error)

	// Open returns the plaintext of a sealed value. The binding must equal the one that was passed to Seal. If the value was changed or has
	// another binding, the error must match [ErrDamaged]; if it is not a sealed value, [ErrNotSealed]; if its key does not exist
	// any more, [ErrUnknownKey]; if it is too large, [ErrTooLarge]. No other error may match them: callers treat a value with such
	// an error as lost.
	Open(ctx context.Context, sealed, binding []byte) (plaintext []byte, err error)

	// NeedsReseal reports whether Seal would now use another key or another format than the one of the value. It must not
	// wait for anything.
	NeedsReseal(sealed []byte) bool
}

var _ Sealer = (*Keyring)(nil)

// Reseal seals a value again with the first key of s. If the value does not need that, Reseal returns it, and changed is
// false. Write a changed value only if the row still has the old value, in one operation of the database:
//
//	UPDATE notes SET body = $1 WHERE id = $2 AND body = $3
//
// Otherwise, Reseal could undo a concurrent write. A value that is not sealed is an error; see [ErrNotSealed].
func Reseal(ctx context.Context, s Sealer, sealed, binding []byte) (value []byte, changed bool, err error) {
	if !s.NeedsReseal(sealed) {
		return sealed, false, nil
	}
	plaintext, err := s.Open(ctx, sealed, binding)
	if err != nil {
		return nil, false, err
	}
	value, err = s.Seal(ctx, plaintext, binding)
	if err != nil {
		return nil, false, err
	}
	return value, true, nil
}
